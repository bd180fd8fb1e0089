// SPDX-License-Identifier: MIT
/// \file
/// The continuous quadratic knapsack: the point of a box closest to a given one in a half-space or on a
/// hyperplane, and the search for its multiplier.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "foil/core/error.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"

namespace foil::geometry {

namespace detail {

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

}  // namespace detail

/// A point and its multiplier.
struct Knapsack {
  Eigen::VectorXd point{};
  double multiplier = 0;
};

/// Minimises |x - a|^2 subject to b . x <= c (with `equality`, = c) and low <= x <= high:
/// x = clip(a - multiplier b, low, high). Bounds may be infinite; b must be finite. If c cannot be reached, a
/// corner that comes as close to it as possible, but for entries of infinite room. O(n) per pass, mostly
/// three to six passes.
inline Knapsack quadratic_knapsack(const Eigen::VectorXd& a, const Eigen::VectorXd& b,
                                   const Eigen::VectorXd& low, const Eigen::VectorXd& high, double c,
                                   bool equality = false) {
  const Index n = a.size();
  foil::detail::require(b.size() == n && low.size() == n && high.size() == n,
                        "quadratic knapsack: expected four vectors of one size, got ", n, ", ", b.size(),
                        ", ", low.size(), " and ", high.size());
  const double length = foil::detail::norm2(b);
  foil::detail::require(std::isfinite(length) && std::isfinite(c),
                        "quadratic knapsack: expected finite b and c, got a b of length ", length,
                        " and c = ", c);
  const double scale = length > 0 ? length : 1;
  const auto entry = [&](Index i, double multiplier) {
    const double slope = b[i] / scale;
    return std::min(std::max(slope == 0 ? a[i] : a[i] - multiplier * slope, low[i]), high[i]);
  };
  const auto balance = [&](double multiplier) {
    detail::Balance out;
    for (Index i = 0; i < n; ++i) {
      const double slope = b[i] / scale;
      if (slope == 0) continue;
      const double x = entry(i, multiplier), term = slope * x;
      out.value += term;
      out.size += std::abs(term);
      if (x > low[i] && x < high[i]) out.slope += slope * slope;
    }
    return out;
  };
  const double multiplier = detail::decreasing_root(balance, c / scale, 0, !equality);
  Knapsack out{Eigen::VectorXd(n), multiplier / scale};
  for (Index i = 0; i < n; ++i) out.point[i] = entry(i, multiplier);
  return out;
}

}  // namespace foil::geometry
