// SPDX-License-Identifier: MIT
/// \file
/// Gradient ascent within a ball that shrinks where a point is adversarial and grows where it is not: what
/// DDN and FMN have in common.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "foil/attacks/parts/feature_units.hpp"
#include "foil/attacks/parts/linear_boundary.hpp"
#include "foil/attacks/parts/radius.hpp"
#include "foil/attacks/parts/schedule.hpp"
#include "foil/attacks/parts/soft_margin.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/sum.hpp"
#include "foil/geometry/half_space/step.hpp"
#include "foil/geometry/project.hpp"
#include "foil/geometry/rescale.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// How descend_norm() goes about it.
struct NormDescent {
  int steps = 100;
  double step = 1, final_step = 0.01;    ///< in radii; for L0 in the range of the features
  double gamma = 0.05, final_gamma = 0;  ///< by what share the radius changes
  double momentum = 0;                   ///< weight of the past gradients, each of length 1
  double radius = 0;                     ///< first; 0: what the linear model at the input says
  bool sphere = false;                   ///< L2: every point is as far away as the radius
  SoftMarginOptions margin{};
};

namespace detail {

/// The next radius, before limits. `missing`: how far by the linear model the boundary is. Until something
/// is found, at least as far as that leads; else the given share less or more, and no more than what
/// an adversarial point needs by the linear model, at most half of it.
inline double next_radius(const Oracle& oracle, const Answer& at, double radius, double distance,
                          double missing, double gamma) {
  if (!at.adversarial) return std::max((1 + gamma) * radius, oracle.found() ? 0.0 : distance + missing);
  const double best = oracle.best_distance();
  return std::min({(1 - gamma) * radius, best, std::max(best / 2, distance - missing)});
}

/// The same for numbers of entries.
inline double next_count(const Oracle& oracle, const Answer& at, double count, double gamma) {
  const double best = oracle.best_distance();
  const double next = at.adversarial ? std::min(std::min(count, best) - 1, std::floor((1 - gamma) * count))
                                     : std::min(std::max(count + 1, std::floor((1 + gamma) * count)), best);
  return std::max(next, 1.0);
}

/// How many entries have to be changed by the linear model at an answer about the original.
inline double first_count(const Oracle& oracle, const Answer& at, double margin) {
  const Eigen::VectorXd& original = oracle.original();
  const auto n = static_cast<double>(oracle.features());
  if (!(norm2(at.gradient) > 0 && std::isfinite(norm2(at.gradient) * margin))) return std::sqrt(n);
  const auto& step = geometry::half_space_step<L0>({original, original, oracle.box(), -at.gradient, margin},
                                                   oracle.step_memory());
  return step.reached ? std::max(1.0, L0::size(step.point - original)) : std::sqrt(n);
}

/// Makes a step of a direction: in Linf one of signs, else along it. In L0 that is the length of its largest
/// entry.
template <Norm N>
void stretch(Eigen::VectorXd& direction, double length) {
  if (std::is_same_v<N, Linf>) {
    for (Index i = 0; i < direction.size(); ++i)
      direction[i] = direction[i] > 0 ? length : direction[i] < 0 ? -length : 0.0;
  } else {
    direction *= length / (std::is_same_v<N, L0> ? Linf::size(direction) : norm2(direction));
  }
}

}  // namespace detail

/// Ascends the softened margin from the original, step by step, each time back into a ball, which shrinks by
/// a share where the point was adversarial and grows by it where not; until the first adversarial the ball
/// reaches as far as the linear model says is needed; after a quarter of the steps, as far as that is within
/// the box, to the nearest point beyond the boundary, since features of small range may have been in the way.
/// Every length is relative to the radius (L0: to the features' ranges), so that neither the size of the
/// input nor its units matter. Without a gradient, the direction is random; where the model does not answer
/// with numbers, it is half the way back. On a lattice, steps add up unrounded. Cost: how.steps x (1 forward
/// + 1 backward) + 1 forward.
template <Norm N>
Task<> descend_norm(Oracle& oracle, NormDescent how) {
  const Eigen::VectorXd& original = oracle.original();
  const double most = largest_radius(oracle);
  SoftMargin margin(oracle, how.margin);
  Eigen::VectorXd x = original, rounded, direction, average;
  double radius = how.radius, unit = 0;  // of steps in L0
  for (int step = 0; step < how.steps; ++step) {
    const double share = static_cast<double>(step) / how.steps;
    Eigen::VectorXd& asked = oracle.to_ask(x, rounded);
    const Objective objective = margin.at(share);
    const Answer& at = co_await oracle.gradient(asked, objective);
    if (most == 0) co_return;
    if (N::p == 0 && oracle.best_distance() <= 1) co_return oracle.finish(Status::converged);
    const double distance = oracle.distance(asked);
    if (at.label < 0) {  // back to where the model still answered
      if (distance == 0) co_return;
      radius = N::p == 0 ? std::max(1.0, std::floor(distance / 2)) : distance / 2;
      x = original + (x - original) / 2;
      geometry::project(x, oracle.region<N>(radius));
      continue;
    }
    const double gamma = cosine_decay(how.gamma, how.final_gamma, share), lead = margin.margin(at);
    Eigen::VectorXd around;  // where features at their bounds are in the way
    if constexpr (std::is_same_v<N, L0>) {
      if (step == 0) unit = Linf::size(feature_units(oracle, at.loss, at.gradient));
      radius =
          step == 0 ? detail::first_count(oracle, at, lead) : detail::next_count(oracle, at, radius, gamma);
    } else {
      const double beyond_rounding = 16 * oracle.precision() * Linf::size(at.logits);
      const double missing = linear_distance(oracle, at, -std::abs(lead) - beyond_rounding);
      radius = detail::next_radius(oracle, at, radius, distance, std::isfinite(missing) ? missing : 0, gamma);
      if (!(radius > 0)) radius = guessed_radius(oracle);
      if (!oracle.found() && 4 * step >= how.steps) {
        auto beyond = step_beyond<N>(oracle, original, asked, at, lead, at.gradient, 1);
        const double needed = beyond.point.size() > 0 ? N::size(beyond.point - original) : 0;
        if (needed > (1 + 1e-9) * radius) {
          radius = needed;
          around = std::move(beyond.point);
        }
      }
    }
    radius = std::min(radius, most);
    if (around.size() > 0) {
      x = std::move(around);
      continue;
    }
    direction = at.gradient;
    if (norm2(direction) == 0) {
      oracle.random(Purpose::direction, static_cast<std::uint32_t>(step)).fill_normal(direction);
      oracle.box().hold_frozen(direction);
    }
    if (how.momentum > 0) {
      direction /= Linf::size(direction);
      if (step == 0) average.setZero(x.size());
      average = how.momentum * average + (1 - how.momentum) / norm2(direction) * direction;
      if (norm2(average) > 0) direction = average;
    }
    const double length = cosine_decay(how.step, how.final_step * how.step, share);
    detail::stretch<N>(direction, length * (std::is_same_v<N, L0> ? unit : radius));
    x += direction;
    if (how.sphere) {
      direction = x - original;
      const double eta = geometry::rescale(original, direction, oracle.box(), radius, L2{}).eta;
      x = original + eta * direction;
      oracle.box().clip(x);
    } else {
      geometry::project(x, oracle.region<N>(radius));
    }
  }
  co_await oracle.query(x);
}

}  // namespace foil
