// SPDX-License-Identifier: MIT
/// \file
/// Exact Euclidean projections onto ball ∩ box.
#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "foil/core/norms.hpp"
#include "foil/geometry/maximise.hpp"
#include "foil/geometry/rescale.hpp"

namespace foil::geometry {

/// The threshold th >= 0 for which sum_i min(max(magnitude_i - th, 0), room_i) = epsilon; 0 if that sum is at
/// most epsilon already. The sum is piecewise linear and decreasing in th with two breakpoints per entry; the
/// piece that holds the solution is found by repeated median selection. Expected O(n).
inline double soft_threshold(const Eigen::VectorXd& magnitude, const Eigen::VectorXd& room, double epsilon) {
  struct Entry {
    double full, zero, room;  // at its room for th <= full, at zero for th >= zero, in between zero - th
  };
  std::vector<Entry> open;
  double total = 0;
  for (Index i = 0; i < magnitude.size(); ++i) {
    const double most = std::min(magnitude[i], room[i]);
    if (!(most > 0)) continue;
    total += most;
    open.push_back({magnitude[i] - most, magnitude[i], most});
  }
  if (total <= epsilon) return 0;
  double low = 0, high = std::numeric_limits<double>::infinity();  // the solution is in [low, high)
  double constant = 0, sloped = 0, slopes = 0;  // of the entries that are settled on the bracket
  std::vector<double> breaks;
  while (!open.empty()) {
    breaks.clear();
    for (const Entry& e : open) {
      if (e.full > low && e.full < high) breaks.push_back(e.full);
      if (e.zero > low && e.zero < high) breaks.push_back(e.zero);
    }
    if (!breaks.empty()) {
      const auto middle = breaks.begin() + static_cast<std::ptrdiff_t>(breaks.size() / 2);
      std::nth_element(breaks.begin(), middle, breaks.end());
      const double at = *middle;
      double value = constant + sloped - slopes * at;
      for (const Entry& e : open) value += std::min(std::max(e.zero - at, 0.0), e.room);
      (value >= epsilon ? low : high) = at;
    }
    std::erase_if(open, [&](const Entry& e) {
      if (e.full >= high) {
        constant += e.room;
      } else if (e.full <= low && e.zero >= high) {
        sloped += e.zero;
        slopes += 1;
      } else if (e.zero > low) {
        return false;
      }
      return true;
    });
  }
  return slopes > 0 ? std::max(low, (constant + sloped - epsilon) / slopes) : low;
}

/// Moves x to the point nearest to it (in Euclidean distance) within ||x - centre|| <= epsilon and the box.
/// In place. The centre must be in the box. A point of ball and box keeps its bits; what is moved is within
/// the box to the bit and within the ball to rounding. O(n), expected for L1.
template <Norm N>
void project(Eigen::VectorXd& x, const Eigen::VectorXd& centre, const Eigen::VectorXd& lower,
             const Eigen::VectorXd& upper, double epsilon) {
  const Index n = x.size();
  const auto clip = [&](Index i, double value) { return std::min(std::max(value, lower[i]), upper[i]); };
  if constexpr (std::is_same_v<N, Linf>) {
    for (Index i = 0; i < n; ++i)
      x[i] = std::min(std::max(x[i], std::max(lower[i], centre[i] - epsilon)),
                      std::min(upper[i], centre[i] + epsilon));
  } else if constexpr (std::is_same_v<N, L2>) {
    const double clipped = std::sqrt(foil::detail::sum(n, [&](Index i) {
      const double w = clip(i, x[i]) - centre[i];
      return w * w;
    }));
    if (clipped <= epsilon) {
      for (Index i = 0; i < n; ++i) x[i] = clip(i, x[i]);
      return;
    }
    const Eigen::VectorXd direction = x - centre;
    const double scale = std::min(1.0, rescale(centre, direction, lower, upper, epsilon, L2{}).eta);
    for (Index i = 0; i < n; ++i) x[i] = clip(i, centre[i] + scale * direction[i]);
  } else {
    static_assert(std::is_same_v<N, L1>, "foil: no projection for this norm");
    Eigen::VectorXd magnitude(n), rooms(n);
    for (Index i = 0; i < n; ++i) {
      magnitude[i] = std::abs(x[i] - centre[i]);
      rooms[i] = room(centre, lower, upper, i, x[i] - centre[i]);
    }
    const double threshold = soft_threshold(magnitude, rooms, epsilon);
    for (Index i = 0; i < n; ++i) {
      const double shrunk = std::max(magnitude[i] - threshold, 0.0);
      x[i] = clip(i, threshold == 0 ? x[i] : centre[i] + std::copysign(shrunk, x[i] - centre[i]));
    }
  }
}

}  // namespace foil::geometry
