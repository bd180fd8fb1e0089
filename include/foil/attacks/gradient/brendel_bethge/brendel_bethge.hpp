// SPDX-License-Identifier: MIT
/// \file
/// The Brendel & Bethge attacks: walks along the decision boundary of a differentiable model, each step to
/// the closest point that a linear model of the boundary allows.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/attacks/gradient/brendel_bethge/options.hpp"
#include "foil/attacks/parts/approach.hpp"
#include "foil/attacks/parts/climb.hpp"
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
  static constexpr double infinity = std::numeric_limits<double>::infinity();

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
    int left = options_.steps;
    bool converged = !starts.empty();
    for (std::size_t k = 0; k < starts.size() && left > 0; ++k) {
      Walk walk{std::move(starts[k])};
      co_await approach<N>(oracle, walk.x, options_.start.bisections);
      co_await go(oracle, walk, left / static_cast<int>(starts.size() - k));
      left -= walk.steps;
      converged = converged && walk.end == Walk::End::converged;
    }
    // What is left goes to walks from the closest adversarial, as long as they come closer.
    for (double before = infinity; converged && left > 0 && oracle.best_distance() < before;) {
      before = (1 - options_.tolerance) * oracle.best_distance();
      Walk walk{oracle.best()};
      walk.patience = 2;
      co_await go(oracle, walk, left);
      left -= walk.steps;
      converged = walk.end == Walk::End::converged;
    }
    if (options_.last_bisections > 0 && oracle.found()) {
      Eigen::VectorXd x = oracle.best();
      co_await approach<N>(oracle, x, options_.last_bisections);
    }
    if (converged) oracle.finish(Status::converged);
  }

 private:
  /// A walk from one start.
  struct Walk {
    enum class End { none, converged, lost };
    Eigen::VectorXd x;            ///< where the next gradient is taken
    Eigen::VectorXd best = x;     ///< its closest adversarial
    Eigen::VectorXd gradient{};   ///< average of the margin's gradients so far
    double distance = infinity;   ///< of the closest
    double reference = infinity;  ///< distance at the last progress
    double radius = 0, smallest_radius = 0;
    int steps = 0, stalled = 0;
    int patience = 1;  ///< how much more slowly than usual the radius shrinks
    End end = End::none;

    void shrink(double factor) {
      stalled = 0;
      if (radius <= smallest_radius) end = End::converged;
      radius = std::max(std::pow(factor, 1.0 / patience) * radius, smallest_radius);
    }
  };

  Task<> go(Oracle& oracle, Walk& walk, int steps) const {
    using geometry::Contact;
    const Eigen::VectorXd& original = oracle.original();
    const auto contact = options_.mode == BrendelBethgeMode::paper ? Contact::meet : Contact::reach;
    walk.best = walk.x;
    walk.radius = first_radius(oracle, walk.x);
    walk.smallest_radius = options_.smallest_radius * walk.radius;
    Eigen::VectorXd rounded;
    while (walk.steps < steps) {
      // On a lattice a walk goes on with what rounding left undone: small steps add up until they count.
      if (oracle.on_lattice()) rounded = walk.x;
      Eigen::VectorXd& asked = oracle.on_lattice() ? rounded : walk.x;
      const auto& at = co_await oracle.gradient(asked, Loss::margin);
      const double margin = -at.loss;
      ++walk.steps;
      if (!std::isfinite(margin)) {  // back to where the model still answered, and more carefully
        walk.shrink(options_.shrink);
        if (walk.end != Walk::End::none || walk.x == walk.best) {
          walk.end = Walk::End::lost;
          co_return;
        }
        walk.x = walk.best;
        continue;
      }
      if (at.adversarial && oracle.distance(asked) < walk.distance) {
        walk.distance = oracle.distance(asked);
        walk.best = walk.x;
      }
      if (walk.gradient.size() == 0)
        walk.gradient = -at.gradient;
      else
        walk.gradient = options_.momentum * walk.gradient - (1 - options_.momentum) * at.gradient;
      adapt(walk, steps);
      if (walk.end != Walk::End::none) co_return;
      const double length = norm2(walk.gradient);
      if (!(length > 0) || !std::isfinite(length)) {
        walk.end = Walk::End::lost;
        co_return;
      }
      const double c = (margin > 0 ? -options_.overshoot : -(2 - options_.overshoot)) * margin;
      const geometry::HalfSpaceProblem problem{original, walk.x,      oracle.box(), walk.gradient,
                                               c,        walk.radius, contact};
      walk.x = geometry::half_space_step<N>(problem).point;
    }
    if (steps > 0) co_await oracle.query(walk.x);
  }

  double first_radius(const Oracle& oracle, const Eigen::VectorXd& x) const {
    if (options_.mode == BrendelBethgeMode::adaptive) return 2 * norm2(x - oracle.original());
    const double range = oracle.upper().maxCoeff() - oracle.lower().minCoeff();
    return options_.learning_rate * static_cast<double>(x.size()) * (std::isfinite(range) ? range : 1.0);
  }

  void adapt(Walk& walk, int steps) const {
    if (options_.mode == BrendelBethgeMode::paper) {
      const int period = options_.halvings > 0 ? std::max(1, steps / options_.halvings) : steps + 1;
      if (walk.steps % period == 0) walk.radius /= 2;
    } else if (walk.distance < (1 - options_.tolerance) * walk.reference) {
      walk.reference = walk.distance;
      walk.stalled = 0;
    } else if (++walk.stalled == options_.patience * walk.patience) {
      walk.shrink(options_.shrink);
    }
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
