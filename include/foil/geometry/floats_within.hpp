// SPDX-License-Identifier: MIT
/// \file
/// The floats within a distance of others.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "foil/core/tensor.hpp"

namespace foil::geometry {

/// The float next to a finite one: above it, or below.
inline float next_float(float x, bool above) {
  const auto bits = std::bit_cast<std::int32_t>(x + 0.0f);  // without the sign of zero
  const std::int32_t across_zero = std::numeric_limits<std::int32_t>::min() + 1;
  if (above) return std::bit_cast<float>(bits + (bits >= 0 ? 1 : -1));
  return std::bit_cast<float>(bits == 0 ? across_zero : bits + (bits > 0 ? -1 : 1));
}

/// The interval of the floats that are no farther than epsilon from each entry of `centre`, as the difference
/// is computed in double precision, and from `from` to `to`. The entries of the centre are floats from `from`
/// to `to`; `low` and `high` are as large as it. O(n), by vectors but for the few entries of which the float
/// next to the rounded end is still too far.
inline void floats_within(const Eigen::VectorXd& centre, const Eigen::VectorXd& from,
                          const Eigen::VectorXd& to, double epsilon, Eigen::VectorXd& low,
                          Eigen::VectorXd& high) {
  constexpr Index block = 256;  // which stays in the nearest cache from one loop to the next
  const auto at = [](Index i) { return static_cast<std::size_t>(i); };
  for (Index first = 0; first < centre.size(); first += block) {
    const Index count = std::min(block, static_cast<Index>(centre.size()) - first);
    const double *const x = centre.data() + first, *const least = from.data() + first,
                        *const most = to.data() + first;
    double *const a = low.data() + first, *const b = high.data() + first;
    std::array<float, block> below, above, higher, lower;
    for (Index i = 0; i < count; ++i) {
      below[at(i)] = static_cast<float>(std::max(x[i] - epsilon, least[i]));
      above[at(i)] = static_cast<float>(std::min(x[i] + epsilon, most[i]));
    }
    for (Index i = 0; i < count; ++i) {
      higher[at(i)] = next_float(below[at(i)], true);
      lower[at(i)] = next_float(above[at(i)], false);
    }
    std::int64_t outside = 0;
    for (Index i = 0; i < count; ++i) {
      const double low_end = below[at(i)], high_end = above[at(i)];
      const double low_inside = higher[at(i)], high_inside = lower[at(i)];
      a[i] = x[i] - low_end > epsilon ? low_inside : low_end;
      b[i] = high_end - x[i] > epsilon ? high_inside : high_end;
    }
    for (Index i = 0; i < count; ++i) outside += (x[i] - a[i] > epsilon) | (b[i] - x[i] > epsilon);
    const auto inwards = [&](double end, Index i) {
      return static_cast<double>(std::nextafterf(static_cast<float>(end), static_cast<float>(x[i])));
    };
    for (Index i = 0; i < count && outside > 0; ++i) {
      while (x[i] - a[i] > epsilon) a[i] = inwards(a[i], i);
      while (b[i] - x[i] > epsilon) b[i] = inwards(b[i], i);
    }
  }
}

}  // namespace foil::geometry
