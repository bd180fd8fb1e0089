// SPDX-License-Identifier: MIT
/// \file
/// The Brendel & Bethge attacks: walks along the decision boundary of a differentiable model, each step to
/// the closest point that a linear model of the boundary allows.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/attacks/gradient/brendel_bethge/options.hpp"
#include "foil/attacks/parts/approach.hpp"
#include "foil/attacks/parts/climb.hpp"
#include "foil/attacks/parts/tangent_walk.hpp"
#include "foil/geometry/half_space/step.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Minimal L0, L1, L2 and Linf perturbations by walking along the decision boundary, Brendel, Rauber,
/// Kuemmerer, Ustyuzhaninov, Bethge 2019, arXiv:1907.01003. For every criterion with a margin: labels,
/// targets, top-k, confidence, your own, and combinations. Each step is exact: geometry::half_space_step().
///
/// A walk begins at an adversarial point: RunOptions::starting_points, then the nearest rows of the run's
/// pool, of distinct classes first (RunOptions::pool; recommended: which class a walk ends in decides more
/// than anything else), then noise, and where all fail gradient ascent. It is bisected towards the input
/// along a way that suits the norm. Walks share the steps; one that has converged leaves its share to those
/// after it, and in the end to slower walks from the closest adversarial, as long as they come closer. A
/// sample without a start is start_failed.
///
/// Differs from the paper: several walks; the half-space of predicted adversarials has to be reached, not its
/// boundary; the gradients are averaged with weight 0.5; the radius is a multiple of the distance and
/// shrinks when a walk makes no progress, until it has converged. BrendelBethgeMode::paper keeps the equation
/// and the schedule of the authors' implementation (for a single sample). A walk ends without further ado
/// where no gradient has been seen, or where the model keeps answering with NaN. On a lattice, walks go on
/// unrounded, and what is asked about is the rounded point.
///
/// Cost: the start (next_start(), climb_to_start(); 1 forward pass for a user's, none for the pool's); per
/// walk 10 forward passes for the bisection and 1 for its end; 1 forward and 1 backward per step.
template <Norm N>
class BrendelBethgeAttack : public MinimalAttack<BrendelBethgeAttack<N>> {
 public:
  using Options = BrendelBethgeOptions;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::gradients;
  static std::string name() { return text(N::name, "-brendel-bethge"); }
  /// What random numbers belong to: the name that the attack in Linf first had.
  static std::string stream() { return std::is_same_v<N, Linf> ? "linfinity-brendel-bethge" : name(); }

  explicit BrendelBethgeAttack(Options options = {}) : options_(checked(name(), std::move(options))) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    std::vector<Eigen::VectorXd> starts;
    StartState search;
    Eigen::VectorXd start;
    while (starts.size() < static_cast<std::size_t>(options_.starts)) {
      bool found = co_await next_start(oracle, options_.start, search, start);
      if (!found && starts.empty()) found = co_await climb_to_start(oracle, search, start);
      if (!found) break;
      starts.push_back(std::move(start));
    }
    const WalkPace slow = pace(options_.steps).slower(2);
    int left = options_.steps;
    bool converged = !starts.empty();
    for (std::size_t k = 0; k < starts.size() && left > 0; ++k) {
      TangentWalk walk{std::move(starts[k])};
      co_await approach<N>(oracle, walk.x, options_.start.bisections);
      const int share = left / static_cast<int>(starts.size() - k);
      co_await go(oracle, walk, pace(share), share);
      left -= walk.steps;
      converged = converged && walk.end == TangentWalk::End::converged;
    }
    // What is left goes to walks from the closest adversarial, as long as they come closer.
    for (double before = TangentWalk::infinity; converged && left > 0 && oracle.best_distance() < before;) {
      before = (1 - options_.tolerance) * oracle.best_distance();
      TangentWalk walk{oracle.best()};
      co_await go(oracle, walk, slow, left);
      left -= walk.steps;
      converged = walk.end == TangentWalk::End::converged;
    }
    if (options_.last_bisections > 0 && oracle.found()) {
      Eigen::VectorXd x = oracle.best();
      co_await approach<N>(oracle, x, options_.last_bisections);
    }
    if (converged) oracle.finish(Status::converged);
  }

 private:
  /// How a walk of so many steps moves.
  WalkPace pace(int steps) const {
    const bool paper = options_.mode == BrendelBethgeMode::paper;
    WalkPace out{options_.momentum, options_.overshoot, options_.shrink, options_.patience,
                 options_.tolerance};
    if (paper) out.period = options_.halvings > 0 ? std::max(1, steps / options_.halvings) : steps + 1;
    if (paper) out.contact = geometry::Contact::meet;
    return out;
  }

  Task<> go(Oracle& oracle, TangentWalk& walk, const WalkPace& pace, int steps) const {
    walk.best = walk.x;
    walk.radius = first_radius(oracle, walk.x);
    walk.smallest_radius = options_.smallest_radius * walk.radius;
    const Objective margin = Loss::margin;
    co_await walk_on<N>(oracle, walk, pace, margin, steps);
    if (steps > 0 && walk.end == TangentWalk::End::none) co_await oracle.query(walk.x);
  }

  double first_radius(const Oracle& oracle, const Eigen::VectorXd& x) const {
    if (options_.mode == BrendelBethgeMode::adaptive) return 2 * norm2(x - oracle.original());
    const double range = oracle.upper().maxCoeff() - oracle.lower().minCoeff();
    return options_.learning_rate * static_cast<double>(x.size()) * (std::isfinite(range) ? range : 1.0);
  }

  Options options_;
};

using L0BrendelBethgeAttack = BrendelBethgeAttack<L0>;
using L1BrendelBethgeAttack = BrendelBethgeAttack<L1>;
using L2BrendelBethgeAttack = BrendelBethgeAttack<L2>;
using LinfBrendelBethgeAttack = BrendelBethgeAttack<Linf>;

/// Its entries in the catalogue.
struct BrendelBethgeFamily {
  static void list(auto& catalogue) {
    catalogue.family("Brendel & Bethge",
                     "Brendel, Rauber, Kuemmerer, Ustyuzhaninov, Bethge 2019, arXiv:1907.01003",
                     "1 forward and 1 backward per step; per walk about 11 forward; the starts");
    catalogue.add(L0BrendelBethgeAttack());
    catalogue.add(L1BrendelBethgeAttack());
    catalogue.add(L2BrendelBethgeAttack(), {"brendel-bethge"});
    catalogue.add(LinfBrendelBethgeAttack(), {"linfinity-brendel-bethge"});
  }
};

}  // namespace foil
