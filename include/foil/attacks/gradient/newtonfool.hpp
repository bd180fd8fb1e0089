// SPDX-License-Identifier: MIT
/// \file
/// NewtonFool: Newton's steps that lower the probability of the class.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "foil/attacks/parts/approach.hpp"
#include "foil/attacks/parts/radius.hpp"
#include "foil/core/losses.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/sum.hpp"
#include "foil/geometry/maximise.hpp"
#include "foil/geometry/region.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::NewtonFoolAttack.
struct NewtonFoolOptions {
  int steps = 100;
  double stepsize = 0;
  int last_bisections = 10;

  void list(OptionList& option) {
    option("steps", steps, "gradient steps", at_least(1));
    option(
        "stepsize", stepsize,
        "longest step, as a share of the input's Euclidean length; 0: 1 / steps, 0.01 as published, and at "
        "least 2 / steps of the way to the boundary by the first linear model",
        between(0, 1e6));
    option("last_bisections", last_bisections, "in the end, between the input and the closest adversarial",
           at_least(0));
  }
};

/// NewtonFool for L2. Jang, Wu, Jha 2017, "Objective metrics and gradient descent algorithms for adversarial
/// examples in machine learning": Newton's steps for the probability p of the class to become that of a
/// guess, 1 / classes, but no longer than a share of the input's length, until the class is left.
///
/// Differs from the usual implementations: lengths are norms, not their squares (of which steps become so
/// long, and divisors so small, that Foolbox's finds twenty times the distance, or NaN). The gradient of p is
/// -p (1 - p) times that of LSEM, and only the latter is taken, so that a p that has come to 1 still gives a
/// step. A step leads 2 % beyond the guess, as at best it would end on the boundary, and goes as far as it
/// may within the box, exactly; an input of zeros has the length of the box, and steps from one of almost
/// zeros are long enough to get away. Where a class is to be reached, p is the probability of the others, and
/// for criteria without a class the logistic function of their margin; it is to become a half. In the end the
/// way from the input is bisected. On a lattice, steps add up unrounded.
///
/// Cost: at most `steps` + 1 times 1 forward + 1 backward, then at most `last_bisections` forward.
class NewtonFoolAttack : public MinimalAttack<NewtonFoolAttack> {
 public:
  using Options = NewtonFoolOptions;
  using norm = L2;
  static constexpr Knowledge knowledge = Knowledge::gradients;
  static std::string name() { return "newtonfool"; }

  explicit NewtonFoolAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    const double share = options_.stepsize > 0 ? options_.stepsize : 1.0 / options_.steps;
    double longest = share * size_of(oracle);
    Eigen::VectorXd x = oracle.original(), asked;
    for (int step = 0; step <= options_.steps && !oracle.found(); ++step) {
      asked = x;
      const Answer& at = co_await oracle.gradient(asked);
      if (at.adversarial) break;
      if (at.label < 0 || at.vanished) co_return;
      if (const double way = linear_distance(oracle, at, at.loss);
          step == 0 && options_.stepsize == 0 && std::isfinite(way))
        longest = std::max(longest, 2 * share * way);
      const double length = std::min(newton_step(oracle, at), longest);
      x += geometry::maximise<L2>(at.gradient, geometry::Region<L2>{x, oracle.box(), length});
    }
    if (!oracle.found()) co_return;
    x = oracle.best();
    co_await approach<L2>(oracle, x, options_.last_bisections);
  }

 private:
  static double size_of(const Oracle& oracle) {
    const double size = norm2(oracle.original());
    if (size > 0) return size;
    Eigen::VectorXd range = oracle.upper() - oracle.lower();
    for (Index i = 0; i < range.size(); ++i)
      if (!std::isfinite(range[i])) range[i] = 1;
    return norm2(range);
  }

  /// How far the probability's linear model has to go, and a little beyond; as far as may be if that is not
  /// positive.
  static double newton_step(const Oracle& oracle, const Answer& at) {
    const double p = losses::sigmoid(-at.loss);
    const double guess = oracle.goal().leave >= 0 ? 1 / static_cast<double>(at.logits.size()) : 0.5;
    const double length = 1.02 * (p - guess) / (p * losses::sigmoid(at.loss) * norm2(at.gradient));
    return length > 0 ? length : std::numeric_limits<double>::infinity();
  }

  Options options_;
};

/// Its entry in the catalogue.
struct NewtonFoolFamily {
  static void list(auto& catalogue) {
    catalogue.family(
        "NewtonFool", "Jang, Wu, Jha 2017",
        "at most `steps` + 1 times 1 forward + 1 backward, then at most `last_bisections` forward");
    catalogue.add(NewtonFoolAttack(), {"newton-fool", "l2-newtonfool"});
  }
};

}  // namespace foil
