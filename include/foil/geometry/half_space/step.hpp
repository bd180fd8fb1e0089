// SPDX-License-Identifier: MIT
/// \file
/// The point closest to the original in L0, L1, L2 or Linf that lies in a half-space (which a linear model of
/// the decision boundary calls adversarial), the box and a trust region. Solved exactly, per sample.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/simd.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/half_space/memory.hpp"
#include "foil/geometry/half_space/path.hpp"
#include "foil/geometry/half_space/problem.hpp"
#include "foil/geometry/half_space/step_l0.hpp"
#include "foil/geometry/largest.hpp"
#include "foil/geometry/saturated_sum.hpp"

namespace foil::geometry {

namespace detail {

inline bool solve_step(StepProblem& p, L2, Array& delta) {
  write_path<PathL2>(p, 1, path_multiplier<PathL2>(p, 1, 0), delta);
  const double length = foil::norm2(delta);
  if (is_within_radius(p, length)) return true;
  const double share = p.radius / length, nu = shortest_step(p);
  write_path<PathL2>(p, 0, nu, delta);
  if (!within_radius(p, delta)) return false;
  follow_path<PathL2>(p, 0, 1, share, nu, delta);
  return true;
}

/// The closest in L1, without the radius: the entries of largest |b| move, as few of them as possible.
inline void return_l1(const StepProblem& p, Array& delta) {
  delta = p.clean;
  const double missing = missing_after_return(p);
  if (missing == 0) return;
  Array rooms = p.memory.array(5, p.features);
  for (Index i = 0; i < p.features; ++i) rooms[i] = room_to_undo(p, i, missing);
  std::vector<KeyedWeight>& entries = p.memory.entries;
  entries.clear();
  for_each_that(  // which have room move, as their b is not 0
      p.features, [&](Index i) { return rooms[i] > 0; },
      [&](Index i) {
        const double speed = std::abs(p.b[i]);
        entries.push_back({speed, speed * rooms[i], i});
      });
  const std::size_t count = take_largest(entries, std::abs(missing));
  double left = std::abs(missing);
  for (std::size_t k = 0; k < count; ++k) {
    const Index i = entries[k].index;
    const bool up = (missing > 0) == (p.b[i] > 0);
    if (entries[k].weight <= left || (k + 1 < count)) {
      delta[i] = up ? p.high[i] : p.low[i];
      left -= entries[k].weight;
    } else {
      const double change = std::max(left, 0.0) / entries[k].key;
      delta[i] = std::min(std::max(p.clean[i] + (up ? change : -change), p.low[i]), p.high[i]);
    }
  }
}

inline bool solve_step(StepProblem& p, L1, Array& delta) {
  return_l1(p, delta);
  if (within_radius(p, delta)) return true;
  const double nu = shortest_step(p);
  write_path<PathL2>(p, 0, nu, delta);
  if (!within_radius(p, delta)) return false;
  follow_path<PathL1>(p, 0, std::numeric_limits<double>::infinity(),
                      p.radius / std::sqrt(static_cast<double>(p.features)), nu, delta);
  return true;
}

/// The closest in Linf, without the radius; its distance.
inline double return_linf(const StepProblem& p, Array& delta) {
  const double missing = missing_after_return(p);
  double t = 0;
  if (missing != 0) {
    Array speeds = p.memory.array(5, p.features), reach = p.memory.array(6, p.features);
    for (Index i = 0; i < p.features; ++i) {
      speeds[i] = std::abs(p.b[i]);
      const double room = room_to_undo(p, i, missing);
      reach[i] = room > 0 ? speeds[i] * room : 0.0;
    }
    t = saturated_sum(speeds, reach, std::abs(missing)).argument;
  }
  delta.tail(p.padded() - p.features).setZero();
  const double sign = missing > 0 ? 1.0 : missing < 0 ? -1.0 : 0.0;
  for (Index i = 0; i < p.features; ++i) {  // all is computed and then chosen from
    const double direction = sign * p.b[i], low = p.low[i], high = p.high[i];
    const double reached = p.clean[i] - t, beyond = p.clean[i] + t;
    const double bottom = low < reached ? reached : low, top = beyond < high ? beyond : high;
    const double raised = 0.0 < bottom ? bottom : 0.0, still = top < raised ? top : raised;
    const double below = direction < 0 ? bottom : still;
    delta[i] = direction > 0 ? top : below;
  }
  return t;
}

inline bool solve_step(StepProblem& p, Linf, Array& delta) {
  const double least = return_linf(p, delta);
  if (within_radius(p, delta)) return true;
  const double nu = shortest_step(p);
  write_path<PathL2>(p, 0, nu, delta);
  if (!within_radius(p, delta)) return false;
  const double most = foil::maximum(p.features, [&](Index i) { return std::abs(delta[i] - p.clean[i]); });
  if (most > least) follow_path<PathLinf>(p, least, most, least + (most - least) / 2, nu, delta);
  return true;
}

}  // namespace detail

/// Minimises || point - original ||_p, p = 0, 1, 2 or infinity, over the points of the box with
/// normal . (point - x) <= offset (Contact::meet: = offset) and || point - x ||_2 <= radius. Where that
/// cannot be met, the step goes towards the half-space as far as radius and box allow, and `reached` is
/// false.
///
/// L1, L2 and Linf are solved to about 1e-8; for L0, one entry more than the fewest possible is the
/// exception. Throws foil::Error for a normal of length zero or not finite, an offset that is not finite, a
/// negative radius, and vectors of different sizes.
///
/// L1, L2, Linf: the step without the radius has a closed form (L2: a continuous quadratic knapsack). Where
/// it is too long, the solution lies on a path of steps of decreasing length, piecewise linear, so that it is
/// found exactly once the right piece is. O(n) per pass, about 10 passes over the entries.
///
/// Works in memory that is kept, and so is the step, until the next one in the same memory.
template <Norm N, class = simd::Isa>
HalfSpaceStep& half_space_step(const HalfSpaceProblem& problem, HalfSpaceMemory& memory) {
  const auto& [original, x, box, normal, offset, radius, contact] = problem;
  const Eigen::VectorXd &lower = box.lower, &upper = box.upper;
  const Index n = x.size();
  foil::require(original.size() == n && lower.size() == n && upper.size() == n && normal.size() == n,
                "half-space step: expected five vectors of one size, got ", original.size(), ", ", n, ", ",
                lower.size(), ", ", upper.size(), " and ", normal.size());
  const double size = foil::norm2(normal);
  foil::require(size > 0 && std::isfinite(size),
                "half-space step: expected a finite normal other than zero, got one of length ", size);
  foil::require(std::isfinite(offset) && radius >= 0,
                "half-space step: expected a finite offset and a radius >= 0, got ", offset, " and ", radius);
  memory.reserve(n);
  detail::StepProblem p(memory, 0, n);
  for (Index i = 0; i < n; ++i) {
    p.clean[i] = original[i] - x[i];
    p.b[i] = normal[i] / size;
    p.low[i] = lower[i] - x[i];
    p.high[i] = upper[i] - x[i];
  }
  p.c = offset / size;
  p.radius = radius;
  p.equality = contact == Contact::meet;

  HalfSpaceStep& out = memory.step;
  detail::Array delta = memory.array(4, p.padded());
  out.reached = !(radius < std::abs(p.c) && (p.equality || p.c < 0)) && !detail::out_of_reach(p) &&
                detail::solve_step(p, N{}, delta);
  if (!out.reached) detail::step_towards(p, delta);

  out.point.resize(n);
  out.delta = delta.head(n);
  const double *const home = original.data(), *const from = x.data(), *const step = delta.data(),
                      *const low = lower.data(), *const high = upper.data();
  double* const point = out.point.data();
  for (Index i = 0; i < n; ++i) {  // all is computed and then chosen from
    const double to = from[i] + step[i], raised = to < low[i] ? low[i] : to;
    const double inside = high[i] < raised ? high[i] : raised;
    const double not_high = step[i] == high[i] - from[i] ? high[i] : inside;
    const double not_low = step[i] == low[i] - from[i] ? low[i] : not_high;
    point[i] = step[i] == home[i] - from[i] ? home[i] : not_low;
  }
  out.passes = p.passes;
  return out;
}

/// The same in memory of its own.
template <Norm N, class = simd::Isa>
HalfSpaceStep half_space_step(const HalfSpaceProblem& problem) {
  HalfSpaceMemory memory;
  return std::move(half_space_step<N>(problem, memory));
}

}  // namespace foil::geometry
