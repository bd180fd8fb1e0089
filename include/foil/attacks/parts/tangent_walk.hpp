// SPDX-License-Identifier: MIT
/// \file
/// A walk along the decision boundary: steps to the closest point that a linear model of it allows.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "foil/core/norms.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/half_space/step.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// How a walk moves.
struct WalkPace {
  double momentum = 0.5;   ///< weight of the past gradients
  double overshoot = 1.1;  ///< how far to go beyond the boundary from outside, as a multiple
  double shrink = 0.5;     ///< factor on the radius after `patience` steps without progress
  int patience = 3;
  double tolerance = 1e-3;  ///< relative decrease of the distance that is progress
  int period = 0;           ///< if positive, halve the radius after so many steps, each time, and never else
  /// First radius of a walk that begins without one, as a multiple of how far its first adversarial is in L2.
  double reach = 2;
  int aims = 0;  ///< steps of such a walk to the point closest to the input, before it only wants to cross
  double smallest_radius = 1e-4;  ///< share of that radius below which such a walk has converged
  geometry::Contact contact = geometry::Contact::reach;  ///< with the half-space of predicted adversarials

  /// The same, so many times as slowly.
  WalkPace slower(int times) const {
    WalkPace pace = *this;
    pace.shrink = std::pow(shrink, 1.0 / times);
    pace.patience = patience * times;
    return pace;
  }
};

/// A walk from one start, adversarial or not. It can be interrupted and continued.
struct TangentWalk {
  enum class End { none, converged, lost };
  static constexpr double infinity = std::numeric_limits<double>::infinity();
  Eigen::VectorXd x;            ///< where the next gradient is taken
  Eigen::VectorXd best = x;     ///< its closest adversarial, or its start
  Eigen::VectorXd gradient{};   ///< average of the margin's gradients so far
  double distance = infinity;   ///< of the closest
  double predicted = infinity;  ///< of x, if the boundary is as the last gradient says
  double reference = infinity;  ///< distance at the last progress
  double radius = infinity, smallest_radius = 0;
  int steps = 0, stalled = 0;
  End end = End::none;

  /// What it can be expected to find.
  double estimate() const { return std::min(distance, predicted); }

  void shrink(double factor) {
    stalled = 0;
    if (radius <= smallest_radius) end = End::converged;
    radius = std::max(factor * radius, smallest_radius);
  }

  void adapt(const WalkPace& pace) {
    if (pace.period > 0) {
      if (steps % pace.period == 0) radius /= 2;
    } else if (distance < (1 - pace.tolerance) * reference) {
      reference = distance;
      stalled = 0;
    } else if (++stalled == pace.patience) {
      shrink(pace.shrink);
    }
  }
};

/// Takes a walk on until it has taken so many steps in all, has converged, or is lost: where no gradient has
/// been seen, or the model keeps answering with NaN. The objective is positive where it is adversarial. A
/// step is to the point closest to the input, within the radius, that lies beyond the boundary by a linear
/// model: the objective's value at x, and the average of the gradients so far. On a lattice, the walk goes on
/// unrounded, and what is asked about is the rounded point. 1 forward and 1 backward pass per step.
template <Norm N>
Task<> walk_on(Oracle& oracle, TangentWalk& walk, const WalkPace& pace, const Objective& objective,
               int steps) {
  const Eigen::VectorXd& original = oracle.original();
  Eigen::VectorXd rounded;
  while (walk.steps < steps && walk.end == TangentWalk::End::none) {
    Eigen::VectorXd& asked = oracle.to_ask(walk.x, rounded);
    const auto& at = co_await oracle.gradient(asked, objective);
    const double margin = -at.loss;
    ++walk.steps;
    if (!std::isfinite(margin)) {  // back to where the model still answered, and more carefully
      walk.shrink(pace.shrink);
      if (walk.end != TangentWalk::End::none || walk.x == walk.best) {
        walk.end = TangentWalk::End::lost;
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
      walk.gradient = pace.momentum * walk.gradient - (1 - pace.momentum) * at.gradient;
    if (std::isinf(walk.radius) && std::isfinite(walk.distance)) {
      walk.radius = pace.reach * norm2(walk.best - original);
      walk.smallest_radius = pace.smallest_radius * walk.radius;
      walk.stalled = 0;
    }
    walk.adapt(pace);
    if (walk.end != TangentWalk::End::none) co_return;
    const double length = norm2(walk.gradient);
    if (!(length > 0) || !std::isfinite(length)) {
      walk.end = TangentWalk::End::lost;
      co_return;
    }
    const double c = (margin > 0 ? -pace.overshoot : -(2 - pace.overshoot)) * margin;
    // Until it has crossed the boundary, a walk without radius goes to the point closest to where it is.
    const bool crossing = std::isinf(walk.radius) && walk.steps > pace.aims;
    const Eigen::VectorXd& from = crossing ? std::as_const(walk.x) : original;
    const geometry::HalfSpaceProblem problem{from, walk.x,      oracle.box(), walk.gradient,
                                             c,    walk.radius, pace.contact};
    auto& step = geometry::half_space_step<N>(problem, oracle.step_memory());
    walk.x.swap(step.point);
    walk.predicted = step.reached ? oracle.distance(walk.x) : TangentWalk::infinity;
  }
}

}  // namespace foil
