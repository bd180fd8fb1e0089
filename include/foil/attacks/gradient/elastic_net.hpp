// SPDX-License-Identifier: MIT
/// \file
/// EAD: the attack of Carlini & Wagner with an elastic net for the distance.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "foil/attacks/parts/approach.hpp"
#include "foil/attacks/parts/expectation.hpp"
#include "foil/core/numbers.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::ElasticNetAttack.
template <Norm N>
struct ElasticNetOptions {
  int rounds = 9;
  int steps = 100;
  double beta = N::p == 1 ? 10 : 1;
  double learning_rate = 0.3;
  double constant = 50;
  int bisections = 10;

  void list(OptionList& option) {
    option("rounds", rounds, "of the search for the weight of the misclassification", at_least(1));
    option("steps", steps, "gradients of a round", at_least(1));
    option("beta", beta, "weight of L1 beside that of the squared L2, both as shares of what is expected",
           between(0, 1e6));
    option("learning_rate", learning_rate,
           "first step of the feature of largest gradient as a share of the change expected of it",
           above(0, 1e6));
    option("constant", constant, "first weight of what the margin lacks", above(0, 1e9));
    option("bisections", bisections, "in the end, between the input and the closest adversarial",
           at_least(0));
  }
};

/// EAD, for every criterion with a margin: Chen, Sharma, Zhang, Yi, Hsieh 2018, arXiv:1709.04114. In rounds,
/// accelerated proximal gradient steps (FISTA) descend on the squared L2 distance plus beta times that in L1
/// plus a constant times what the margin lacks. A round that succeeds lowers the constant, another raises
/// it. The norm says which adversarial is the closest: the paper's decision rule L1, or L2 with a smaller
/// beta. Its rule EN would keep by the sum a point that is in neither norm the closest; it is not offered.
///
/// Differs from the paper: distances, margins and steps are measured by what the first gradient expects, so
/// that neither the input's units nor the scale of the logits matters; a step shrinks by beta times its
/// length, as the method wants it (usual implementations shrink by beta, whatever the length); what is asked
/// about is the point that the gradient is taken at, clipped to the box, so that a step needs one forward
/// pass, not two; rounds go on from the closest adversarial. On a lattice, steps add up unrounded.
/// Cost: at most `rounds` x `steps` x (1 forward + 1 backward) + `bisections` forward.
template <Norm N>
class ElasticNetAttack : public MinimalAttack<ElasticNetAttack<N>> {
 public:
  using Options = ElasticNetOptions<N>;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::gradients;
  static std::string name() { return text(N::name, "-ead"); }

  explicit ElasticNetAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    const Eigen::VectorXd& original = oracle.original();
    Eigen::VectorXd x = original, y = original, rounded;
    Units units;
    double constant = options_.constant, failed = 0, succeeded = std::numeric_limits<double>::infinity();
    for (int round = 0; round < options_.rounds; ++round) {
      bool hit = false;
      for (int k = 0; k < options_.steps; ++k) {
        const auto& at = co_await oracle.gradient(oracle.to_ask(y, rounded), Loss::margin);
        const bool lost = at.vanished || at.label < 0;
        if (units.margin == 0) {
          if (lost) co_return;
          units = measure(oracle, y, at);
        }
        if (lost) {
          x = original;
          units.step /= 8;
          break;
        }
        hit = hit || (at.adversarial && 2 * k >= options_.steps);
        descend(oracle, units, at, constant, k, x, y);
      }
      (hit ? succeeded : failed) = constant;
      constant = failed == 0                ? constant / 2
                 : std::isfinite(succeeded) ? std::sqrt(failed * succeeded)
                                            : std::min(10 * constant, 1e100);
      if (oracle.found()) x = oracle.best();
      y = x;
    }
    if (options_.bisections > 0 && oracle.found()) {
      Eigen::VectorXd closest = oracle.best();
      co_await approach<N>(oracle, closest, options_.bisections);
    }
  }

 private:
  /// What the first gradient expects: what the input lacks, its distances, and the length of a step.
  struct Units {
    double margin = 0, l1 = 0, l2 = 0, step = 0;
  };

  Units measure(const Oracle& oracle, const Eigen::VectorXd& x, const Answer& at) const {
    Units units;
    const Expectation expected = expectation<N>(oracle, x, at);
    units.margin = expected.margin;
    units.l1 = expected.template size<L1>();
    units.l2 = expected.template size<L2>();
    units.step = options_.learning_rate * Linf::size(expected.change) * units.margin /
                 (options_.constant * Linf::size(at.gradient));
    return units;
  }

  /// A proximal gradient step from y to the next x, and the next y beyond it.
  void descend(const Oracle& oracle, const Units& units, const Answer& at, double constant, int k,
               Eigen::VectorXd& x, Eigen::VectorXd& y) const {
    const Eigen::VectorXd &original = oracle.original(), &lower = oracle.lower(), &upper = oracle.upper();
    const double step = units.step * std::sqrt(1 - static_cast<double>(k) / options_.steps);
    const double pull = at.loss < 0 ? step * constant / units.margin : 0;
    const double shrink = step * options_.beta / units.l1;
    const double spring = std::min(2 * step / (units.l2 * units.l2), 1.0);
    const double momentum = k / (k + 3.0);
    for (Index i = 0; i < x.size(); ++i) {
      const double w = (1 - spring) * (y[i] - original[i]) + pull * at.gradient[i];
      const double shrunk = std::copysign(std::max(std::abs(w) - shrink, 0.0), w);
      const double next = clip(original[i] + shrunk, lower[i], upper[i]);
      y[i] = clip(next + momentum * (next - x[i]), lower[i], upper[i]);
      x[i] = next;
    }
  }

  Options options_;
};

using L1ElasticNetAttack = ElasticNetAttack<L1>;
using L2ElasticNetAttack = ElasticNetAttack<L2>;
using EADAttack = L1ElasticNetAttack;

/// Its entries in the catalogue.
struct ElasticNetFamily {
  static void list(auto& catalogue) {
    catalogue.family("EAD", "Chen, Sharma, Zhang, Yi, Hsieh 2018, arXiv:1709.04114",
                     "at most `rounds` x `steps` x (1 forward + 1 backward) + `bisections` forward");
    catalogue.add(L1ElasticNetAttack(), {"ead", "elastic-net"});
    catalogue.add(L2ElasticNetAttack());
  }
};

}  // namespace foil
