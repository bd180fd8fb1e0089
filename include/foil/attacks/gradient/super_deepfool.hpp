// SPDX-License-Identifier: MIT
/// \file
/// SuperDeepFool: DeepFool to a boundary, then along it to where it is closest to the input.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "foil/attacks/parts/class_order.hpp"
#include "foil/attacks/parts/crossing.hpp"
#include "foil/attacks/parts/linear_boundary.hpp"
#include "foil/attacks/parts/towards_class.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::SuperDeepFoolAttack.
struct SuperDeepFoolOptions {
  int steps = 100;
  int candidates = 9;
  int nearest = 6;
  int trial = 5;
  double overshoot = 0.05;

  void list(OptionList& option) {
    option("steps", steps, "linearised steps, shared by the ways to the classes", at_least(1));
    option("candidates", candidates, "classes looked at first, those of largest logit at the input",
           at_least(1));
    option("nearest", nearest, "of these so many are gone to, those with the nearest boundary", at_least(1));
    option("trial", trial, "steps after which a way ends that is 15 % behind another", at_least(1));
    option("overshoot", overshoot, "share of a step across the boundary that is added to it", above(0, 1e6));
  }
};

/// SuperDeepFool for L2 and Linf. Abdollahpourrostam, Abroshan, Moosavi-Dezfooli 2023, arXiv:2303.12481:
/// DeepFool until the first adversarial, then to the point closest to the input on the boundary as linear
/// there, DeepFool again from that point, and so on. Where no single class is to be left (targets, the
/// k best, probabilities, combinations, a user's own), there is one boundary, that of the criterion's margin.
///
/// Differs from the paper: one way to each of the nearest classes, of one gradient a step, instead of one to
/// whichever is nearest at each point, of the gradients of all. Ways share the steps; one that is far behind,
/// or has nothing more to gain by the linear model, leaves its share to the others. All steps are exact
/// within the box. An adversarial at the end of a projection does not end the attack, but is where the next
/// one is made. Where neither projection nor crossing lead closer, the way goes half as far from its
/// closest adversarial. The authors' implementation runs up to 10,000 steps of DeepFool where gradients are
/// zero; this one ends.
///
/// Cost: 1 forward pass for the candidates, 1 forward and `candidates` + 1 backward passes at the input, at
/// most `steps` times 1 + 1. Without a choice of classes, `steps` times 1 + 1 alone.
template <Norm N>
class SuperDeepFoolAttack : public MinimalAttack<SuperDeepFoolAttack<N>> {
 public:
  using Options = SuperDeepFoolOptions;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::gradients;
  static std::string name() { return text(N::name, "-super-deepfool"); }

  explicit SuperDeepFoolAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    std::vector<Way> ways(1);
    Eigen::VectorXd x = oracle.original();
    ways.front().crossing.x = x;
    if (const Index leave = oracle.goal().leave; leave >= 0) {
      const auto& clean = co_await oracle.score(x, Loss::margin);
      auto classes = class_order(clean.logits, leave, options_.candidates);
      classes.push_back(leave);
      const auto& at = co_await oracle.class_gradients(x, classes);
      ways = nearest(oracle, x, at, classes);
    }
    int left = options_.steps;
    std::size_t winner = 0;
    for (std::size_t k = 0; k < ways.size(); ++k) {
      co_await go(oracle, ways[k], left / static_cast<int>(ways.size() - k));
      left -= ways[k].steps;
      if (ways[k].crossing.distance < ways[winner].crossing.distance) winner = k;
    }
    if (!ways.empty()) co_await go(oracle, ways[winner], ways[winner].steps + left);
  }

 private:
  /// The way to one class, or across the margin's boundary.
  struct Way {
    Crossing crossing{};
    Index reach = -1;
    double predicted = 0;  ///< distance of the class by the gradients at the input
    int steps = 0;
    bool ended = false;
  };

  /// The ways to the nearest classes, their first steps taken, by what an answer says of all of them.
  std::vector<Way> nearest(const Oracle& oracle, const Eigen::VectorXd& x, const Answer& at,
                           const std::vector<Index>& classes) const {
    std::vector<Way> ways;
    std::size_t next = 0;
    for_each_boundary(oracle, at, classes, [&](double lead, const Eigen::VectorXd& gradient) {
      auto& step = step_beyond<N>(oracle, x, x, at, lead, gradient, 1 + options_.overshoot);
      const Index reach = classes[next++];
      if (step.point.size() == 0) return;
      Way way;
      way.reach = reach;
      way.predicted = step.reached ? N::size(step.point - x) : std::numeric_limits<double>::max();
      way.crossing.x = std::move(step.point);
      ways.push_back(std::move(way));
    });
    std::sort(ways.begin(), ways.end(), [](const Way& a, const Way& b) {
      return a.predicted < b.predicted || (a.predicted == b.predicted && a.reach < b.reach);
    });
    ways.resize(std::min(ways.size(), static_cast<std::size_t>(options_.nearest)));
    return ways;
  }

  /// Continues a way until it has taken so many steps in all, or ends.
  Task<> go(Oracle& oracle, Way& way, int steps) const {
    constexpr double behind = 1.15;
    const TowardsClass towards{Loss::margin, oracle.goal().leave, way.reach, oracle.goal().lead};
    const Objective objective = way.reach >= 0 ? Objective(towards) : Objective(Loss::margin);
    while (way.steps < steps && !way.ended) {
      const Answer& at = co_await oracle.gradient(way.crossing.x, objective);
      ++way.steps;
      const double limit = behind * oracle.best_distance();
      way.ended = !crossing_step<N>(oracle, way.crossing, at, {}, options_.overshoot) ||
                  (way.steps == options_.trial && oracle.found() && !(way.crossing.distance <= limit));
    }
  }

  Options options_;
};

using L2SuperDeepFoolAttack = SuperDeepFoolAttack<L2>;
using LinfSuperDeepFoolAttack = SuperDeepFoolAttack<Linf>;

/// Its entries in the catalogue.
struct SuperDeepFoolFamily {
  static void list(auto& catalogue) {
    catalogue.family("SuperDeepFool", "Abdollahpourrostam, Abroshan, Moosavi-Dezfooli 2023, arXiv:2303.12481",
                     "1 forward, 1 forward + `candidates` + 1 backward, at most `steps` times 1 forward + 1 "
                     "backward");
    catalogue.add(L2SuperDeepFoolAttack(), {"super-deepfool", "sdf"});
    catalogue.add(LinfSuperDeepFoolAttack());
  }
};

}  // namespace foil
