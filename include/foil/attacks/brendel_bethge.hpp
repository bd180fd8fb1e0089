// SPDX-License-Identifier: MIT
/// \file
/// The Brendel & Bethge attacks: walks along the decision boundary of a differentiable model, each step to
/// the closest point that a linear model of the boundary allows.
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/attacks/attack.hpp"
#include "foil/attacks/boundary_start.hpp"
#include "foil/attacks/start.hpp"
#include "foil/geometry/boundary_step.hpp"

namespace foil {

/// How far the steps of the Brendel & Bethge attacks may lead.
enum class BrendelBethgeMode {
  adaptive,  ///< a radius per start that shrinks when a walk makes no progress, until it has converged
  paper      ///< the published schedule: a radius that is halved at fixed times
};

/// The texts that stand for the values of an option.
constexpr auto option_names(BrendelBethgeMode) {
  return std::array{std::pair{std::string_view("adaptive"), BrendelBethgeMode::adaptive},
                    std::pair{std::string_view("paper"), BrendelBethgeMode::paper}};
}

/// Options of foil::BrendelBethgeAttack.
struct BrendelBethgeOptions {
  BrendelBethgeMode mode = BrendelBethgeMode::adaptive;
  int steps = 1000;         ///< gradients in all, shared by the walks, >= 0
  int starts = 4;           ///< walks from different starts, >= 1
  double momentum = 0.5;    ///< weight of the past gradients, in [0, 1)
  double overshoot = 1.1;   ///< how far to go beyond the boundary from outside, as a multiple, in [1, 2]
  double shrink = 0.7;      ///< adaptive: factor on the radius, in (0, 1)
  int patience = 5;         ///< adaptive: steps without progress before the radius shrinks, >= 1
  double tolerance = 1e-3;  ///< adaptive: relative decrease of the distance that is progress, in [0, 1)
  double smallest_radius = 1e-4;  ///< adaptive: as a share of the first; below, a walk has converged, > 0
  double learning_rate = 1e-3;    ///< paper: first radius as a share of features times range, > 0
  int halvings = 20;              ///< paper: how often the radius is halved, >= 0
  int last_bisections = 0;        ///< between the input and the closest adversarial, in the end, >= 0
  StartOptions start{};           ///< how starts are found, and bisected

  void validate() const {
    using detail::require;
    start.validate();
    require(steps >= 0, "Brendel & Bethge: expected steps >= 0, got ", steps);
    require(starts >= 1, "Brendel & Bethge: expected starts >= 1, got ", starts);
    require(momentum >= 0 && momentum < 1, "Brendel & Bethge: expected a momentum in [0, 1), got ", momentum);
    require(overshoot >= 1 && overshoot <= 2, "Brendel & Bethge: expected an overshoot in [1, 2], got ",
            overshoot);
    require(shrink > 0 && shrink < 1, "Brendel & Bethge: expected shrink in (0, 1), got ", shrink);
    require(patience >= 1, "Brendel & Bethge: expected a patience >= 1, got ", patience);
    require(tolerance >= 0 && tolerance < 1, "Brendel & Bethge: expected a tolerance in [0, 1), got ",
            tolerance);
    require(smallest_radius > 0 && smallest_radius < 1,
            "Brendel & Bethge: expected smallest_radius in (0, 1), got ", smallest_radius);
    require(learning_rate > 0, "Brendel & Bethge: expected a learning_rate > 0, got ", learning_rate);
    require(halvings >= 0, "Brendel & Bethge: expected halvings >= 0, got ", halvings);
    require(last_bisections >= 0, "Brendel & Bethge: expected last_bisections >= 0, got ", last_bisections);
  }
  template <class Visit>
  static void describe(Visit visit) {
    using O = BrendelBethgeOptions;
    const auto nested = [](auto member) {
      return [member](auto& options) -> auto& {
        return options.start.*member;
      };
    };
    visit("mode", &O::mode, "adaptive: until converged; paper: as published");
    visit("steps", &O::steps, "gradients in all");
    visit("starts", &O::starts, "walks from different starts");
    visit("momentum", &O::momentum, "weight of the past gradients");
    visit("overshoot", &O::overshoot, "how far to go beyond the boundary");
    visit("shrink", &O::shrink, "adaptive: factor on the radius without progress");
    visit("patience", &O::patience, "adaptive: steps without progress before the radius shrinks");
    visit("tolerance", &O::tolerance, "adaptive: relative decrease that is progress");
    visit("smallest_radius", &O::smallest_radius, "adaptive: share of the first at which a walk ends");
    visit("learning_rate", &O::learning_rate, "paper: first radius, share of features times range");
    visit("halvings", &O::halvings, "paper: how often the radius is halved");
    visit("last_bisections", &O::last_bisections, "between the input and the closest adversarial");
    visit("start_fallback", nested(&StartOptions::fallback),
          "search on if the given start is not adversarial");
    visit("start_noise_draws", nested(&StartOptions::noise_draws), "points of noise tried as a start");
    visit("start_bisections", nested(&StartOptions::bisections), "between the input and a start");
  }
};

template <Norm N>
class BrendelBethgeAttack : public MinimalAttack<BrendelBethgeAttack<N>> {
  static constexpr std::string_view suffix = "-brendel-bethge", infinity_name = "linfinity-brendel-bethge";

 public:
  using Options = BrendelBethgeOptions;
  using norm = N;
  static constexpr std::string_view name =
      std::is_same_v<N, Linf> ? infinity_name : detail::joined<N::name, suffix>;
  static constexpr Knowledge knowledge = Knowledge::gradients;

  explicit BrendelBethgeAttack(Options options = {}) : options_(std::move(options)) { options_.validate(); }
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    std::vector<Eigen::VectorXd> starts;
    co_await find_starts(oracle, starts);
    if (starts.empty()) co_return;
    int left = options_.steps;
    bool converged = true;
    for (std::size_t k = 0; k < starts.size(); ++k) {
      co_await detail::approach<N>(oracle, starts[k], options_.start.bisections);
      const int share = left / static_cast<int>(starts.size() - k);
      Walk walk{std::move(starts[k])};
      co_await go(oracle, walk, share);
      left -= walk.steps;
      converged = converged && walk.converged;
    }
    if (options_.last_bisections > 0 && oracle.found()) {
      Eigen::VectorXd x = oracle.best();
      co_await detail::approach<N>(oracle, x, options_.last_bisections);
    }
    if (converged) oracle.finish(Status::converged);
  }

 private:
  /// A walk from one start.
  struct Walk {
    Eigen::VectorXd x;                                           ///< where the next gradient is taken
    Eigen::VectorXd best{};                                      ///< its closest adversarial
    Eigen::VectorXd gradient{};                                  ///< average of the margin's gradients so far
    double distance = std::numeric_limits<double>::infinity();   ///< of the closest
    double reference = std::numeric_limits<double>::infinity();  ///< distance at the last progress
    double radius = 0, first_radius = 0;
    int steps = 0;
    int stalled = 0;
    bool converged = false;
  };

  /// The user's start, then rows of the pool of distinct classes, then noise.
  Task<> find_starts(Oracle& oracle, std::vector<Eigen::VectorXd>& starts) const {
    const auto count = static_cast<std::size_t>(options_.starts);
    StartOptions plain = options_.start;
    plain.bisections = 0;
    StartState state;
    if (!co_await find_start(oracle, plain, state)) co_return;
    starts.push_back(std::move(state.bisection.inside));
    const bool from_pool = state.candidate == 2;
    const int label = oracle.label();
    if (count == 1) co_return;
    for (auto& row : oracle.nearest_by_class_in_pool(count + 1)) {
      if (starts.size() == count) break;
      if (from_pool ? row.x == starts.front() : row.label == label) continue;
      starts.push_back(std::move(row.x));
    }
  }

  Task<> go(Oracle& oracle, Walk& walk, int steps) const {
    const Eigen::VectorXd& original = oracle.original();
    walk.first_radius = walk.radius = first_radius(oracle, walk.x);
    for (int k = 0; k < steps && !walk.converged; ++k) {
      ++walk.steps;
      const auto at = co_await oracle.gradient(walk.x, Loss::margin);
      const double margin = -at.loss;
      if (at.adversarial) {
        const double length = N::size(walk.x - original);
        if (length < walk.distance) {
          walk.distance = length;
          walk.best = walk.x;
        }
      }
      if (walk.gradient.size() == 0)
        walk.gradient = -at.gradient;
      else
        walk.gradient = options_.momentum * walk.gradient - (1 - options_.momentum) * at.gradient;
      adapt(walk, k, steps);
      const double length = detail::norm2(walk.gradient);
      if (!(length > 0) || !std::isfinite(length) || !std::isfinite(margin)) {
        walk.converged = true;
        co_return;
      }
      const double c = (margin > 0 ? -options_.overshoot : -(2 - options_.overshoot)) * margin;
      const auto step = geometry::boundary_step<N>(
          original, walk.x, oracle.lower(), oracle.upper(), walk.gradient, c, walk.radius,
          options_.mode == BrendelBethgeMode::paper ? geometry::Boundary::meet : geometry::Boundary::reach);
      walk.x = step.point;
    }
    if (!walk.converged) co_await oracle.query(walk.x);
  }

  double first_radius(const Oracle& oracle, const Eigen::VectorXd& x) const {
    if (options_.mode == BrendelBethgeMode::adaptive) return 2 * detail::norm2(x - oracle.original());
    const double range = oracle.upper().maxCoeff() - oracle.lower().minCoeff();
    return options_.learning_rate * static_cast<double>(x.size()) * (std::isfinite(range) ? range : 1.0);
  }

  void adapt(Walk& walk, int step, int steps) const {
    if (options_.mode == BrendelBethgeMode::paper) {
      const int period = options_.halvings > 0 ? std::max(1, steps / options_.halvings) : steps + 1;
      if (step > 0 && step % period == 0) walk.radius /= 2;
      return;
    }
    if (walk.distance < (1 - options_.tolerance) * walk.reference) {
      walk.reference = walk.distance;
      walk.stalled = 0;
      return;
    }
    if (++walk.stalled < options_.patience) return;
    walk.stalled = 0;
    const double least = options_.smallest_radius * walk.first_radius;
    walk.converged = walk.radius <= least;
    walk.radius = std::max(options_.shrink * walk.radius, least);
  }

  Options options_;
};

using L0BrendelBethgeAttack = BrendelBethgeAttack<L0>;
using L1BrendelBethgeAttack = BrendelBethgeAttack<L1>;
using L2BrendelBethgeAttack = BrendelBethgeAttack<L2>;
using LinfinityBrendelBethgeAttack = BrendelBethgeAttack<Linf>;

}  // namespace foil
