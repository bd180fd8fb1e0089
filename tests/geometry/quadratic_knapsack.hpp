// SPDX-License-Identifier: MIT
/// \file
/// The continuous quadratic knapsack, entry by entry: the reference for the steps along a boundary, and what
/// the search for a multiplier is tested on.
#pragma once

#include <algorithm>
#include <cmath>

#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/decreasing_root.hpp"

namespace foil::test {

/// A point and its multiplier.
struct Knapsack {
  Eigen::VectorXd point{};
  double multiplier = 0;
};

/// Minimises |x - a|^2 subject to b . x <= c (with `equality`, = c) and low <= x <= high:
/// x = clip(a - multiplier b, low, high). Bounds may be infinite; b must be finite, the sizes equal. If c
/// cannot be reached, a corner that comes as close to it as possible, but for entries of infinite room. O(n)
/// per pass, mostly three to six passes.
inline Knapsack quadratic_knapsack(const Eigen::VectorXd& a, const Eigen::VectorXd& b,
                                   const Eigen::VectorXd& low, const Eigen::VectorXd& high, double c,
                                   bool equality = false) {
  const Index n = a.size();
  const double length = norm2(b);
  const double scale = length > 0 ? length : 1;
  const auto entry = [&](Index i, double multiplier) {
    const double slope = b[i] / scale;
    return std::min(std::max(slope == 0 ? a[i] : a[i] - multiplier * slope, low[i]), high[i]);
  };
  const auto balance = [&](double multiplier) {
    geometry::detail::Balance out;
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
  const double multiplier = geometry::detail::decreasing_root(balance, c / scale, 0, !equality);
  Knapsack out{Eigen::VectorXd(n), multiplier / scale};
  for (Index i = 0; i < n; ++i) out.point[i] = entry(i, multiplier);
  return out;
}

}  // namespace foil::test
