// SPDX-License-Identifier: MIT
/// \file
/// Exact Euclidean projections onto ball ∩ box.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/core/norms.hpp"
#include "foil/core/simd.hpp"
#include "foil/core/sum.hpp"
#include "foil/geometry/decreasing_root.hpp"
#include "foil/geometry/largest.hpp"
#include "foil/geometry/region.hpp"
#include "foil/geometry/rescale.hpp"

namespace foil::geometry {

/// The threshold th >= 0 for which sum_i min(max(magnitude(i) - th, 0), room(i)) = epsilon over n entries; 0
/// if that sum is at most epsilon already. Newton's method on a piecewise linear function: a few passes over
/// the entries.
template <class Magnitude, class Room>
double soft_threshold(Index n, Magnitude magnitude, Room room, double epsilon) {
  const auto shrunk = [&](double threshold) {
    const auto [value, slope] = foil::two_sums(n, [&](Index i) {
      const double rest = magnitude(i) - threshold, positive = rest > 0 ? rest : 0.0, most = room(i);
      const double moves = rest < most ? 1.0 : 0.0;
      return std::pair(positive < most ? positive : most, rest > 0 ? moves : 0.0);
    });
    detail::Balance at;
    at.value = value;
    at.slope = slope;
    at.size = at.value;
    return at;
  };
  const double threshold = detail::decreasing_root(shrunk, epsilon, 0, true);
  if (threshold == 0) return 0;
  const detail::Balance at = shrunk(threshold);  // close to the root: the last step on its piece
  return at.slope > 0 ? std::max(0.0, threshold + (at.value - epsilon) / at.slope) : threshold;
}

/// Moves x to the point of the region nearest to it (in Euclidean distance), in place. A point of the region
/// keeps its bits; what is moved is within the box to the bit and within the ball to rounding. In L0, where
/// the ball is that of at most so many changed entries, those stay whose return would move x farthest (on a
/// tie the lower ones), and the others return to the centre. O(n), expected for L0 and L1.
template <Norm N, class = simd::Isa>
void project(Eigen::VectorXd& x, const Region<N>& region) {
  const Eigen::VectorXd &centre = region.centre, &lower = region.box.lower, &upper = region.box.upper;
  const double epsilon = region.radius;
  const Index n = x.size();
  const auto clip = [&](Index i, double value) { return std::min(std::max(value, lower[i]), upper[i]); };
  if constexpr (std::is_same_v<N, Linf>) {
    for (Index i = 0; i < n; ++i)
      x[i] = std::min(std::max(x[i], std::max(lower[i], centre[i] - epsilon)),
                      std::min(upper[i], centre[i] + epsilon));
  } else if constexpr (std::is_same_v<N, L2>) {
    const double clipped = std::sqrt(foil::sum(n, [&](Index i) {
      const double w = clip(i, x[i]) - centre[i];
      return w * w;
    }));
    if (clipped <= epsilon) {
      for (Index i = 0; i < n; ++i) x[i] = clip(i, x[i]);
      return;
    }
    x -= centre;
    const double scale = std::min(1.0, rescale(centre, x, lower, upper, epsilon, L2{}).eta);
    for (Index i = 0; i < n; ++i) x[i] = clip(i, centre[i] + scale * x[i]);
  } else if constexpr (std::is_same_v<N, L0>) {
    std::vector<detail::KeyedWeight> changed;
    detail::for_each_that(
        n, [&](Index i) { return clip(i, x[i]) != centre[i]; },
        [&](Index i) {
          const double w = x[i] - centre[i], moved = clip(i, x[i]) - centre[i];
          changed.push_back({moved * (2 * w - moved), 1, i});
        });
    for (Index i = 0; i < n; ++i) x[i] = clip(i, x[i]);
    const double most = std::floor(epsilon);
    if (static_cast<double>(changed.size()) <= most) return;
    for (std::size_t k = most < 1 ? 0 : detail::take_largest(changed, most); k < changed.size(); ++k)
      x[changed[k].index] = centre[changed[k].index];
  } else {
    static_assert(std::is_same_v<N, L1>, "foil: no projection for this norm");
    const double *const at = x.data(), *const middle = centre.data(), *const low = lower.data(),
                        *const high = upper.data();
    const auto magnitude = [=](Index i) { return std::abs(at[i] - middle[i]); };
    const auto room = [=](Index i) {
      const double up = high[i] - middle[i], down = middle[i] - low[i];
      return at[i] - middle[i] > 0 ? up : down;
    };
    const double threshold = soft_threshold(n, magnitude, room, epsilon);
    for (Index i = 0; i < n; ++i) {
      const double rest = magnitude(i) - threshold, shrunk = rest > 0 ? rest : 0.0;
      const double to = threshold == 0 ? x[i] : centre[i] + std::copysign(shrunk, x[i] - centre[i]);
      const double raised = to < lower[i] ? lower[i] : to;
      x[i] = raised > upper[i] ? upper[i] : raised;
    }
  }
}

}  // namespace foil::geometry
