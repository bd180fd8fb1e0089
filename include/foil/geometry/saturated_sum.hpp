// SPDX-License-Identifier: MIT
/// \file
/// Where a sum of terms that grow linearly and then saturate reaches a target: the one-dimensional equation
/// behind clipping-aware rescaling and behind the nearest points of half-spaces in a box.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"

namespace foil::geometry {

/// The smallest argument at which a saturated sum reaches its target, or, where it never does, the smallest
/// one at which it is largest.
struct Saturation {
  double argument = 0;
  bool reached = false;
};

namespace detail {

/// The sum of min(u w_i, z_i), split into the terms that are saturated at u and the slope of the others.
struct SaturatedParts {
  double saturated = 0;
  double slope = 0;
};

template <class W, class Z>
using SumScalar = std::common_type_t<std::decay_t<decltype(std::declval<const W&>()[0])>,
                                     std::decay_t<decltype(std::declval<const Z&>()[0])>>;

// The terms are read in rows of this many; one lane of accumulators per column. With a stride, only every
// stride-th row is read.
inline constexpr Index sum_lanes = 64;
// So many rows are added up in the terms' own precision before they are moved to double.
inline constexpr Index sum_rows = 16;

template <class W, class Z>
SaturatedParts saturated_parts(const W& w, const Z& z, double argument, Index stride = 1) {
  using Scalar = SumScalar<W, Z>;
  const auto u = static_cast<Scalar>(argument);
  const Index count = w.size();
  std::array<double, sum_lanes> saturated{}, slope{};
  Scalar partial_saturated[sum_lanes], partial_slope[sum_lanes];
  const Index rows = count / sum_lanes;
  for (Index first = 0; first < rows; first += sum_rows * stride) {
    const Index last = std::min(rows, first + sum_rows * stride);
    for (Index lane = 0; lane < sum_lanes; ++lane) partial_saturated[lane] = partial_slope[lane] = 0;
    for (Index row = first; row < last; row += stride)
      for (Index lane = 0; lane < sum_lanes; ++lane) {
        const Scalar weight = w[row * sum_lanes + lane], level = z[row * sum_lanes + lane];
        const bool full = u * weight >= level;
        partial_saturated[lane] += full ? level : Scalar(0);
        partial_slope[lane] += full ? Scalar(0) : weight;
      }
    for (std::size_t lane = 0; lane < sum_lanes; ++lane) {
      saturated[lane] += static_cast<double>(partial_saturated[lane]);
      slope[lane] += static_cast<double>(partial_slope[lane]);
    }
  }
  if (stride == 1)
    for (Index i = rows * sum_lanes; i < count; ++i) {
      const auto lane = static_cast<std::size_t>(i % sum_lanes);
      const Scalar weight = w[i], level = z[i];
      const bool full = u * weight >= level;
      saturated[lane] += static_cast<double>(full ? level : Scalar(0));
      slope[lane] += static_cast<double>(full ? Scalar(0) : weight);
    }
  return {foil::detail::sum(sum_lanes, [&](Index i) { return saturated[static_cast<std::size_t>(i)]; }),
          foil::detail::sum(sum_lanes, [&](Index i) { return slope[static_cast<std::size_t>(i)]; })};
}

/// The smallest argument at which every term that can grow is saturated.
template <class W, class Z>
double saturating_argument(const W& w, const Z& z) {
  return foil::detail::maximum(w.size(), [&](Index i) {
    const auto weight = static_cast<double>(w[i]), level = static_cast<double>(z[i]);
    return weight > 0 && level > 0 ? level / weight : 0.0;
  });
}

/// Newton's method from `start`. The sum is concave: wherever an iterate lies, the next one is at or below
/// the root, and from then on they increase. Nothing if that takes too many passes or the sums are not
/// finite.
template <class W, class Z>
std::optional<Saturation> newton_saturation(const W& w, const Z& z, double target, double start,
                                            Index stride = 1) {
  constexpr int most_passes = 12;
  constexpr double tolerance = std::is_same_v<SumScalar<W, Z>, float> ? 1e-7 : 1e-13;
  double u = start, low = 0;
  for (int pass = 0; pass < most_passes; ++pass) {
    const auto [saturated, slope] = saturated_parts(w, z, u, stride);
    const double missing = target - (saturated + u * slope);
    if (!std::isfinite(missing)) return {};
    const double next = slope > 0 ? (target - saturated) / slope : u;
    if (std::abs(missing) <= tolerance * target) {
      if (slope > 0) return Saturation{next, true};
      return Saturation{saturating_argument(w, z), true};
    }
    if (missing > 0) {
      if (!(slope > 0)) return Saturation{saturating_argument(w, z), false};
      if (!(next > u)) return {};
      low = u;
    }
    u = slope > 0 ? std::max(next, low) : low;
  }
  return {};
}

/// Expected O(n) however the break points z / w lie: the median of those in doubt halves them in every round.
template <class W, class Z>
Saturation select_saturation(const W& w, const Z& z, double target) {
  struct Term {
    double argument, weight, level;
  };
  std::vector<Term> terms;
  terms.reserve(static_cast<std::size_t>(w.size()));
  double total = 0;
  for (Index i = 0; i < w.size(); ++i) {
    const auto weight = static_cast<double>(w[i]), level = static_cast<double>(z[i]);
    foil::detail::require(weight >= 0 && level >= 0 && std::isfinite(weight),
                          "saturated sum: expected finite ", "weights and levels >= 0, got w = ", weight,
                          " and z = ", level, " at index ", i);
    if (weight == 0 || level == 0) continue;
    terms.push_back({level / weight, weight, level});
    total += level;
  }
  if (total < target) return {saturating_argument(w, z), false};
  const auto by_argument = [](const Term& a, const Term& b) { return a.argument < b.argument; };
  auto first = terms.begin(), last = terms.end();
  double saturated = 0, slope = 0;
  while (first != last) {
    const auto middle = first + (last - first) / 2;
    std::nth_element(first, middle, last, by_argument);
    const double u = middle->argument;
    const auto above = std::partition(middle, last, [u](const Term& term) { return term.argument <= u; });
    double below_level = 0, above_weight = 0;
    for (auto term = first; term != above; ++term) below_level += term->level;
    for (auto term = above; term != last; ++term) above_weight += term->weight;
    if (above_weight + slope > 0 ? saturated + below_level + u * (above_weight + slope) >= target
                                 : saturated + below_level >= target) {
      const auto below = std::partition(first, middle, [u](const Term& term) { return term.argument < u; });
      slope += above_weight;
      for (auto term = below; term != above; ++term) slope += term->weight;
      last = below;
    } else {
      saturated += below_level;
      first = above;
    }
  }
  if (!(slope > 0)) return {saturating_argument(w, z), true};
  return {(target - saturated) / slope, true};
}

}  // namespace detail

/// The smallest u >= 0 with sum_i min(u w_i, z_i) = target, for weights and levels w_i, z_i >= 0 of one size;
/// the levels may be infinite. Entries with w_i = 0 or z_i = 0 never count. Where the target exceeds the sum
/// of the levels, the smallest u at which all are saturated, and `reached` is false.
///
/// O(n) without sorting: Newton's method on a concave, piecewise linear function (about five passes over w
/// and z, no memory), and selection by medians for the rare inputs on which that takes longer. Anything with
/// operator[] and size() serves. Sums are accumulated in an order that depends on n only; if both arrays hold
/// floats, u is exact to about 1e-7, else to about 1e-13.
template <class W, class Z>
Saturation saturated_sum(const W& w, const Z& z, double target) {
  foil::detail::require(w.size() == z.size(), "saturated sum: expected as many weights as levels, got ",
                        w.size(), " and ", z.size());
  foil::detail::require(!std::isnan(target), "saturated sum: expected a number as the target, got NaN");
  if (target <= 0) return {0, true};
  constexpr Index sampled_rows = 64;
  double start = 0;
  if (const Index rows = w.size() / detail::sum_lanes; rows >= 4 * sampled_rows) {
    const Index stride = (rows / sampled_rows) | 1;
    const double share =
        static_cast<double>((rows + stride - 1) / stride * detail::sum_lanes) / static_cast<double>(w.size());
    const auto guess = detail::newton_saturation(w, z, target * share, 0, stride);
    if (guess && guess->reached) start = guess->argument;
  }
  const auto found = detail::newton_saturation(w, z, target, start);
  return found ? *found : detail::select_saturation(w, z, target);
}

}  // namespace foil::geometry
