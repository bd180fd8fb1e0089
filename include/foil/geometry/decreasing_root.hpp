// SPDX-License-Identifier: MIT
/// \file
/// Where a decreasing, piecewise linear function meets a target: the search for the multiplier of a
/// half-space.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

namespace foil::geometry::detail {

/// A decreasing function of a multiplier at one point: its value, minus its slope there, and the sum of the
/// absolute values of its terms.
struct Balance {
  double value = 0;
  double slope = 0;
  double size = 0;
};

/// Where a continuous, piecewise linear, decreasing function meets its target. `start` is a guess. If
/// `nonnegative`, 0 where the function is below the target from there on.
///
/// Newton's method within a bracket; where that leads out of it, the secant or the middle. Ends after 200
/// evaluations: then, and where the numbers leave nothing inside the bracket, with its upper end.
template <class Evaluate>
double decreasing_root(Evaluate evaluate, double target, double start, bool nonnegative) {
  constexpr double tolerance = 1e-13, infinity = std::numeric_limits<double>::infinity();
  double low = -infinity, high = infinity, above = 0, below = 0, stride = 0;
  double u = nonnegative ? std::max(start, 0.0) : start;
  bool halve = false;
  for (int pass = 0; pass < 200; ++pass) {
    const Balance at = evaluate(u);
    const double gap = at.value - target;
    if (std::abs(gap) <= tolerance * (std::abs(target) + at.size)) return u;
    if (gap > 0) {
      low = u;
      above = gap;
    } else {
      if (nonnegative && u == 0) return 0;
      high = u;
      below = gap;
    }
    const auto inside = [&](double v) { return v > low && v < high; };
    double next = at.slope > 0 ? u + gap / at.slope : infinity;
    if (nonnegative) next = std::max(next, 0.0);
    if (!inside(next) || !std::isfinite(next)) {
      if (std::isfinite(low) && std::isfinite(high)) {
        next = low + (high - low) * (above / (above - below));
        if (halve || !inside(next)) next = low + (high - low) / 2;
        halve = !halve;
        if (!inside(next)) return high;
      } else {
        stride = 2 * std::max({stride, std::abs(u), std::abs(gap)});
        next = gap > 0 ? u + stride : u - stride;
        if (nonnegative) next = std::max(next, 0.0);
        if (!std::isfinite(next)) return u;
      }
    }
    u = next;
  }
  return std::isfinite(high) ? high : u;
}

}  // namespace foil::geometry::detail
