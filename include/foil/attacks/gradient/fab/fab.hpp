// SPDX-License-Identifier: MIT
/// \file
/// FAB: walks along linearised decision boundaries, drawn to the input.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "foil/attacks/gradient/fab/options.hpp"
#include "foil/attacks/gradient/fab/walk.hpp"
#include "foil/attacks/parts/class_order.hpp"
#include "foil/attacks/parts/secant.hpp"
#include "foil/attacks/parts/start.hpp"
#include "foil/attacks/parts/towards_class.hpp"
#include "foil/geometry/sampling.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// FAB for L1, L2 and Linf. Croce & Hein 2020, arXiv:1907.02044: both the walk's point and the input are
/// projected on the nearest linearised boundary, within the box, and the walk goes on at a mean of the two,
/// a little beyond; from an adversarial point, a tenth back towards the input first.
///
/// Targeted (FAB-T, as in AutoAttack, Croce & Hein 2020, arXiv:2003.01690), which is the default: a walk
/// towards each of the `nearest` classes, of one gradient a step. Walks share the steps: one that is far
/// behind or comes no closer leaves its share to the others, and what is left goes to that which came
/// closest. What counts as adversarial is still what the criterion says. Untargeted: one walk, which looks at
/// the gradients of the `nearest` classes at each step. Where no single class is to be left (targets,
/// the k best, probabilities, combinations, a user's own), one walk to the boundary of the criterion's
/// margin.
///
/// Differs from the paper and its implementations: the boundary is linearised at the adversarial point
/// itself, not where the contraction leads to, which saves half of the forward passes and fits the boundary
/// better; the distance of a boundary is that from the input within the box, exactly; classes are followed by
/// it, or by the latest gradients seen, instead of all of them all the time; walks end when they come no
/// closer. The final search is the paper's. Restarts begin within half the closest distance from the input,
/// or at noise in the box where nothing was found. On a lattice, a step that does not cross is followed by
/// longer ones.
///
/// Cost, targeted: 1 forward pass for the candidates, 1 forward and `candidates` + 1 backward passes at each
/// start, 1 + 1 for each of at most `steps` steps, 1 forward at the end of each round and `last_steps`
/// forward. Untargeted 1 forward and `nearest` + 1 backward passes a step (the first one `candidates` + 1),
/// and without choice of classes 1 + 1.
template <Norm N>
class FabAttack : public MinimalAttack<FabAttack<N>> {
 public:
  using Options = FabOptions;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::gradients;
  static std::string name() { return text(N::name, "-fab"); }

  explicit FabAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    Eigen::VectorXd x = oracle.original();
    Margins margins;
    std::vector<Index> classes;  // the candidates and then the class to leave; empty if there is none
    if (const Index leave = oracle.goal().leave; leave >= 0) {
      const auto& clean = co_await oracle.score(x, Loss::margin);
      margins.clean = clean.loss;
      classes = class_order(clean.logits, leave, options_.candidates);
      classes.push_back(leave);
    }
    for (int round = 0; round <= options_.restarts; ++round) {
      if (round > 0) x = random_start(oracle, round);
      std::vector<FabWalk> walks;
      if (options_.targeted && classes.size() > 2) {
        const auto& at = co_await oracle.class_gradients(x, classes);
        walks = fab_walks<N>(oracle, x, at, classes, options_.nearest);
      } else {
        walks.resize(1);
        walks.front().x = x;
        walks.front().classes = walks.front().asked = classes;
      }
      int left = options_.steps;
      std::size_t winner = 0;
      for (std::size_t k = 0; k < walks.size(); ++k) {
        co_await go(oracle, walks[k], left / static_cast<int>(walks.size() - k), margins);
        left -= walks[k].steps;
        if (walks[k].closest < walks[winner].closest) winner = k;
      }
      if (walks.empty() || walks[winner].ended) continue;
      FabWalk& last = walks[winner];
      co_await go(oracle, last, last.steps + left, margins);
      if (last.ended || !fab_advance<N>(oracle, options_, last)) continue;
      const auto& end = co_await oracle.score(last.x, Loss::margin);
      if (end.adversarial && oracle.distance(last.x) <= oracle.best_distance()) margins.best = end.loss;
    }
    if (oracle.found()) co_await secant(oracle, margins.clean, margins.best, options_.last_steps);
  }

 private:
  /// Of the input and of the closest adversarial.
  struct Margins {
    double clean = std::numeric_limits<double>::quiet_NaN();
    double best = 0;
  };

  /// Continues a walk until it has made so many steps in all, or ends.
  Task<> go(Oracle& oracle, FabWalk& walk, int steps, Margins& margins) const {
    const bool one = walk.classes.size() == 2;
    const TowardsClass towards{Loss::margin, oracle.goal().leave, one ? walk.classes.front() : -1,
                               oracle.goal().lead};
    const Objective objective = one ? Objective(towards) : Objective(Loss::margin);
    Eigen::VectorXd asked;
    for (; walk.steps < steps && !walk.ended; ++walk.steps) {
      if (walk.boundary.normal.size() > 0 && !fab_advance<N>(oracle, options_, walk)) walk.ended = true;
      if (walk.ended) co_return;
      asked = walk.x;
      const Answer& at = walk.classes.size() > 2 ? co_await oracle.class_gradients(asked, walk.asked)
                                                 : co_await oracle.gradient(asked, objective);
      if (std::isnan(margins.clean)) margins.clean = at.loss;
      walk.adversarial = at.adversarial;
      if (at.adversarial) {
        const double distance = oracle.distance(asked);
        walk.closest = std::min(walk.closest, distance);
        if (distance <= oracle.best_distance()) margins.best = margin(oracle, at);
      }
      walk.ended = at.label < 0 || !fab_choose<N>(oracle, options_, walk, asked, at) || no_more(oracle, walk);
    }
  }

  /// Whether a walk comes no closer, or too little to be the one that does.
  bool no_more(const Oracle& oracle, FabWalk& walk) const {
    constexpr double progress = 1e-4, behind = 1.15;
    ++walk.stalled;
    if (walk.closest < (1 - progress) * walk.reference) {
      walk.reference = walk.closest;
      walk.stalled = 0;
    }
    if (walk.reference < std::numeric_limits<double>::infinity() && walk.stalled >= options_.patience)
      return true;
    return options_.targeted && walk.classes.size() == 2 && walk.steps + 1 == options_.trial &&
           oracle.found() && !(walk.closest <= behind * oracle.best_distance());
  }

  /// By how much an answer meets the criterion.
  static double margin(const Oracle& oracle, const Answer& at) {
    const Index leave = oracle.goal().leave;
    if (leave < 0) return at.loss;
    double most = -std::numeric_limits<double>::infinity();
    for (Index k = 0; k < at.logits.size(); ++k)
      if (k != leave) most = std::max(most, at.logits[k]);
    return most - at.logits[leave] - oracle.goal().lead;
  }

  static Eigen::VectorXd random_start(const Oracle& oracle, int round) {
    const auto draw = static_cast<std::uint32_t>(round);
    if (!oracle.found()) return noise_in_box(oracle, draw);
    const auto random = oracle.random(Purpose::start, draw);
    Eigen::VectorXd x = oracle.original();
    x += oracle.best_distance() / 2 * geometry::uniform_in_ball<N>(oracle.box(), random);
    oracle.box().clip(x);
    return x;
  }

  Options options_;
};

using L1FabAttack = FabAttack<L1>;
using L2FabAttack = FabAttack<L2>;
using LinfFabAttack = FabAttack<Linf>;

/// Its entries in the catalogue.
struct FabFamily {
  static void list(auto& catalogue) {
    catalogue.family("FAB", "Croce & Hein 2020, arXiv:1907.02044",
                     "1 forward, 1 forward + `candidates` + 1 backward, at most `steps` times 1 forward + 1 "
                     "backward (untargeted: `nearest` + 1 backward), 1 + `last_steps` forward");
    catalogue.add(L2FabAttack(), {"fab"});
    catalogue.add(LinfFabAttack());
    catalogue.add(L1FabAttack());
  }
};

}  // namespace foil
