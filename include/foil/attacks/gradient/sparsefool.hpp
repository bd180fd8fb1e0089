// SPDX-License-Identifier: MIT
/// \file
/// SparseFool: sparse steps to the linear boundary that DeepFool finds.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "foil/attacks/parts/class_order.hpp"
#include "foil/attacks/parts/crossing.hpp"
#include "foil/attacks/parts/linear_boundary.hpp"
#include "foil/geometry/box.hpp"
#include "foil/geometry/half_space/step.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::SparseFoolAttack.
struct SparseFoolOptions {
  int steps = 50;
  int reductions = 50;
  int candidates = 4;
  double reach = 1;
  double overshoot = 0.02;

  void list(OptionList& option) {
    option("steps", steps, "gradients until the first sparse adversarial", at_least(1));
    option("reductions", reductions, "gradients from there on, to undo changes; 0: SparseFool as published",
           at_least(0));
    option("candidates", candidates, "classes that may be stepped to, those of largest logit at the input",
           at_least(1));
    option("reach", reach, "how far a sparse step goes beyond the point, as a multiple of DeepFool's step",
           between(1, 1e3));
    option("overshoot", overshoot, "share of a step of DeepFool that is added to it", above(0, 1e6));
  }
};

/// SparseFool. Modas, Moosavi-Dezfooli, Frossard 2019, arXiv:1811.02248: DeepFool (L2) to the boundary, where
/// it is linearised; from the point before, the shortest step in L1 to that boundary within the box, which
/// moves few features; and again, until a sparse point is adversarial. Distances are in L0, the number of
/// changed features, which the L1 steps stand for in the paper. Where no single class is to be left, the
/// boundary is that of the criterion's margin.
///
/// Differs from the paper: the steps are exact, in boxes with an end for each feature; `reach` is its lambda;
/// and from the first sparse adversarial on, as many changes are undone as its margin can spare by the linear
/// model, the others moving to make up for that, until that fails.
///
/// Cost: 1 forward pass for the candidates, then 1 forward and `candidates` + 1 backward passes for each of
/// at most `steps` points (without a single class to leave 1 + 1), then 1 + 1 for at most `reductions`.
class SparseFoolAttack : public MinimalAttack<SparseFoolAttack> {
 public:
  using Options = SparseFoolOptions;
  using norm = L0;
  static constexpr Knowledge knowledge = Knowledge::gradients;
  static std::string name() { return "sparsefool"; }

  explicit SparseFoolAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    Eigen::VectorXd x = oracle.original(), asked = x;
    std::vector<Index> classes;  // the candidates and then the class to leave; empty if there is none
    if (const Index leave = oracle.goal().leave; leave >= 0) {
      const auto& clean = co_await oracle.score(x, Loss::margin);
      classes = class_order(clean.logits, leave, options_.candidates);
      classes.push_back(leave);
    }
    double reach = options_.reach, overshoot = options_.overshoot;
    bool sparse = true;  // asked is x; else DeepFool's point
    for (int step = 0; step < options_.steps; ++step) {
      const Answer& at = classes.empty() ? co_await oracle.gradient(asked, Loss::margin)
                                         : co_await oracle.class_gradients(asked, classes);
      if (at.label < 0) co_return;
      if (!at.adversarial) {
        sparse = false;
        if (!oracle.on_lattice()) overshoot = options_.overshoot;
        if (!cross_boundary<L2>(oracle, asked, at, classes, overshoot)) break;
        continue;
      }
      if (sparse) break;
      overshoot = options_.overshoot;
      const Eigen::VectorXd before = x;
      for (; x == before && reach < 1e4; reach *= 1.5) {
        x = sparse_step(oracle, before, asked, at, classes, reach);
        oracle.settle(x);
      }
      if (x == before) break;
      asked = x;
      sparse = true;
    }
    if (oracle.found()) co_await reduce(oracle);
  }

 private:
  /// The point nearest to x in L1 beyond the boundary as linear at `at_point`; `reach` times as far beyond x.
  static Eigen::VectorXd sparse_step(const Oracle& oracle, const Eigen::VectorXd& x,
                                     const Eigen::VectorXd& at_point, const Answer& at,
                                     const std::vector<Index>& classes, double reach) {
    Eigen::VectorXd best = x;
    double shortest = std::numeric_limits<double>::infinity();
    for_each_boundary(oracle, at, classes, [&](double lead, const Eigen::VectorXd& gradient) {
      const double farther = (reach - 1) * std::max(0.0, dot(gradient, at_point - x));
      auto& step = step_beyond<L1>(oracle, x, at_point, at, lead - farther, gradient, 1);
      if (step.point.size() == 0) return;
      const double distance = step.reached ? L1::size(step.point - x) : std::numeric_limits<double>::max();
      if (distance < shortest) best.swap(step.point);
      shortest = std::min(shortest, distance);
    });
    return best;
  }

  /// Undoes changes of the best, as long as that succeeds.
  Task<> reduce(Oracle& oracle) const {
    constexpr int tries = 3;
    Eigen::VectorXd x = oracle.best();
    geometry::Box box = oracle.box();  // only what x has changed may move
    int failures = 0;
    for (int step = 0; step < options_.reductions; ++step) {
      const auto& at = co_await oracle.gradient(x, Loss::margin);
      if (at.label < 0 || !(norm2(at.gradient) > 0)) co_return;
      if (at.adversarial) failures = 0;
      if (!at.adversarial && ++failures > tries) co_return;
      for (Index i = 0; i < x.size(); ++i)
        if (x[i] == oracle.original()[i]) box.lower[i] = box.upper[i] = oracle.original()[i];
      if (at.adversarial) {
        x = undone(oracle, box, x, at);
      } else {
        if (!has_slope(box, at.gradient)) co_return;
        const double lacking = (1 + options_.overshoot) * at.loss;
        x = geometry::half_space_step<L2>({x, x, box, -at.gradient, lacking}, oracle.step_memory()).point;
      }
      oracle.settle(x);
      if (!(oracle.distance(x) < oracle.best_distance())) co_return;
    }
  }

  static bool has_slope(const geometry::Box& box, const Eigen::VectorXd& gradient) {
    for (Index i = 0; i < gradient.size(); ++i)
      if (gradient[i] != 0 && box.lower[i] < box.upper[i]) return true;
    return false;
  }

  /// The point of fewest changes within the box that is still adversarial by the linear model at x; at least
  /// one change less than x has, that which counts least.
  static Eigen::VectorXd undone(const Oracle& oracle, const geometry::Box& box, const Eigen::VectorXd& x,
                                const Answer& at) {
    const Eigen::VectorXd& original = oracle.original();
    const auto& step =
        geometry::half_space_step<L0>({original, x, box, -at.gradient, at.loss}, oracle.step_memory());
    if (step.reached && oracle.distance(step.point) < oracle.distance(x)) return step.point;
    Index least = -1;
    double loss = std::numeric_limits<double>::infinity();
    for (Index i = 0; i < x.size(); ++i) {
      const double lost = at.gradient[i] * (x[i] - original[i]);
      if (x[i] != original[i] && lost < loss) {
        loss = lost;
        least = i;
      }
    }
    Eigen::VectorXd less = x;
    if (least >= 0) less[least] = original[least];
    return less;
  }

  Options options_;
};

/// Its entry in the catalogue.
struct SparseFoolFamily {
  static void list(auto& catalogue) {
    catalogue.family("SparseFool", "Modas, Moosavi-Dezfooli, Frossard 2019, arXiv:1811.02248",
                     "1 forward, at most `steps` times 1 forward + `candidates` + 1 backward, then at most "
                     "`reductions` times 1 forward + 1 backward");
    catalogue.add(SparseFoolAttack(), {"sparse-fool", "l0-sparsefool"});
  }
};

}  // namespace foil
