// SPDX-License-Identifier: MIT
/// \file
/// The step to a half-space for L1, L2 and Linf where the radius binds: a path of steps that ends where its
/// length is the radius.
#pragma once

#include <cmath>

#include "foil/core/simd.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/decreasing_root.hpp"
#include "foil/geometry/half_space/problem.hpp"

namespace foil::geometry::detail {

/// One machine vector of steps: delta as a function of the path's parameter t and of the multiplier nu. (Its
/// negative is written 0 - nu, which is +0 for nu = 0: no step is -0.)
template <class = simd::Isa>
struct PathEntries {
  Wide delta;
  Wide by_t;   ///< derivative with respect to t
  Wide moves;  ///< 1 where delta changes with nu, by -b, else 0
};

template <class = simd::Isa>
Wide smaller(Wide a, Wide b) {
  return a < b ? a : b;
}
template <class = simd::Isa>
Wide larger(Wide a, Wide b) {
  return a > b ? a : b;
}
template <class = simd::Isa>
Wide clip_entries(Wide value, Wide low, Wide high) {
  return smaller(larger(value, low), high);
}

/// L2: the projection of t (original - x). Longer with t in [0, 1]; the shortest step at t = 0.
struct PathL2 {
  static constexpr bool increasing = true;
  template <class = simd::Isa>
  static PathEntries<> at(Wide t, Wide push, Wide clean, Wide low, Wide high) {
    const Wide zero{}, one = simd::broadcast(1.0), free = t * clean + push;
    const auto inside = (free > low) & (free < high);
    return {clip_entries(free, low, high), inside ? clean : zero, inside ? one : zero};
  }
};

/// L1: as the shortest step, but pulled by up to t towards the original. Longer with t >= 0.
struct PathL1 {
  static constexpr bool increasing = true;
  template <class = simd::Isa>
  static PathEntries<> at(Wide t, Wide push, Wide clean, Wide low, Wide high) {
    const Wide zero{}, one = simd::broadcast(1.0);
    const Wide free = clip_entries(clean, push - t, push + t);
    const auto inside = (free > low) & (free < high) & (free != clean);
    const Wide by_t = push > clean ? -one : one;
    return {clip_entries(free, low, high), inside ? by_t : zero, inside ? one : zero};
  }
};

/// Linf: the shortest step to within t of the original. Shorter with t.
struct PathLinf {
  static constexpr bool increasing = false;
  template <class = simd::Isa>
  static PathEntries<> at(Wide t, Wide push, Wide clean, Wide low, Wide high) {
    const Wide zero{}, one = simd::broadcast(1.0);
    const Wide bottom = larger(low, clean - t), top = smaller(high, clean + t);
    const auto down = (push <= bottom) & (bottom > low), up = (push >= top) & (top < high);
    const auto inside = (push > bottom) & (push < top);
    return {clip_entries(push, bottom, top), down ? -one : up ? one : zero, inside ? one : zero};
  }
};

/// A point of a path, its length, and how it continues as long as no entry meets a bound or leaves one.
struct PathPoint {
  double length_squared = 0;
  double nu_by_t = 0;
  double linear = 0, quadratic = 0;  ///< of length_squared in t
};

template <class Path>
Balance path_balance(StepProblem& p, double t, double nu) {
  ++p.passes;
  const Wide at = simd::broadcast(t), minus_nu = simd::broadcast(0 - nu), zero{};
  const auto sums = simd::sums<3>(p.padded(), [&](Index first, Wide(&out)[3]) {
    const Wide b = load(p.b, first);
    const auto entry =
        Path::at(at, minus_nu * b, load(p.clean, first), load(p.low, first), load(p.high, first));
    const Wide term = b * entry.delta;
    out[0] += term;
    out[1] += entry.moves * (b * b);
    out[2] += term < zero ? -term : term;
  });
  return {sums[0], sums[1], sums[2]};
}

template <class Path>
PathPoint path_point(StepProblem& p, double t, double nu) {
  ++p.passes;
  const Wide at = simd::broadcast(t), minus_nu = simd::broadcast(0 - nu);
  const auto [square, slope, b_q, free_b_q, q_q, delta_q, free_b_delta] =
      simd::sums<7>(p.padded(), [&](Index first, Wide(&out)[7]) {
        const Wide b = load(p.b, first);
        const auto entry =
            Path::at(at, minus_nu * b, load(p.clean, first), load(p.low, first), load(p.high, first));
        const Wide free_b = entry.moves * b;
        out[0] += entry.delta * entry.delta;
        out[1] += free_b * free_b;
        out[2] += b * entry.by_t;
        out[3] += free_b * entry.by_t;
        out[4] += entry.by_t * entry.by_t;
        out[5] += entry.delta * entry.by_t;
        out[6] += entry.delta * free_b;
      });
  PathPoint out;
  out.length_squared = square;
  if ((nu != 0 || p.equality) && slope > 0) out.nu_by_t = b_q / slope;
  out.quadratic = q_q - 2 * out.nu_by_t * free_b_q + out.nu_by_t * out.nu_by_t * slope;
  out.linear = 2 * (delta_q - out.nu_by_t * free_b_delta);
  return out;
}

template <class Path>
double path_multiplier(StepProblem& p, double t, double guess) {
  return decreasing_root([&](double nu) { return path_balance<Path>(p, t, nu); }, p.c, guess, !p.equality);
}

template <class Path>
void write_path(const StepProblem& p, double t, double nu, Array& delta) {
  const Wide at = simd::broadcast(t), minus_nu = simd::broadcast(0 - nu);
  for (Index first = 0; first < p.padded(); first += simd::lanes<double>) {
    const auto entry = Path::at(at, minus_nu * load(p.b, first), load(p.clean, first), load(p.low, first),
                                load(p.high, first));
    simd::store(delta.data() + first, entry.delta);
  }
}

/// The shortest step that reaches the half-space; its multiplier.
inline double shortest_step(StepProblem& p) {
  return !p.equality && p.c >= 0 ? 0.0 : path_multiplier<PathL2>(p, 0, -p.c);
}

/// Follows the path between the parameters low and high (the lengths there are on both sides of the radius)
/// to where the length is the radius. On every piece the squared length is a parabola, whose root is exact
/// once the piece is the right one.
template <class Path>
void follow_path(StepProblem& p, double low, double high, double start, double nu, Array& delta) {
  constexpr double tolerance = 1e-8;
  double t = start;
  for (int round = 0; round < 200; ++round) {
    nu = path_multiplier<Path>(p, t, nu);
    const PathPoint at = path_point<Path>(p, t, nu);
    const double length = std::sqrt(at.length_squared);
    if (std::abs(length - p.radius) <= tolerance * p.radius) break;
    ((length > p.radius) == Path::increasing ? high : low) = t;
    const double excess = at.length_squared - p.radius * p.radius;
    const double root = std::sqrt(at.linear * at.linear - 4 * at.quadratic * excess);
    const double change = -2 * excess / (Path::increasing ? at.linear + root : at.linear - root);
    double next = t + change;
    const bool predicted = next > low && next < high && std::isfinite(next);
    if (!predicted && std::isinf(high)) {
      if (t > 1e5 * start) break;  // the path has an end, within the radius
      next = 8 * t;
    } else if (!predicted) {
      next = low + (high - low) / 2;
    }
    if (!(next > low && next < high)) {  // nothing is left between them: the side within the radius
      t = Path::increasing ? low : high;
      nu = path_multiplier<Path>(p, t, nu);
      break;
    }
    if (predicted) nu += at.nu_by_t * change;
    t = next;
  }
  write_path<Path>(p, t, nu, delta);
}

/// Whether a step, or one of that length, is within the radius, to rounding.
inline bool is_within_radius(const StepProblem& p, double length) {
  return length <= p.radius * (1 + 1e-12);
}
inline bool within_radius(const StepProblem& p, const Array& delta) {
  return is_within_radius(p, foil::norm2(delta));
}

}  // namespace foil::geometry::detail
