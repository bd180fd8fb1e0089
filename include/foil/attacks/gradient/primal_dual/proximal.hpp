// SPDX-License-Identifier: MIT
/// \file
/// Proximal operators of the norms in a diagonal metric, each exactly.
#pragma once

#include <algorithm>
#include <cmath>

#include "foil/core/norms.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// argmin_z (z - w)^2 / 2 + weight |z|^(2/3): zero, or the larger root of a quartic in the cube root of |z|
/// where that has the lower value.
inline double two_thirds_shrunk(double w, double weight) {
  const double size = std::abs(w), square = size * size, third = 2 * weight / 3;
  const double inner = square * square / 256 - third * third * third / 27;
  if (!(inner >= 0)) return 0;
  const double root = std::sqrt(inner);
  const double resolvent = std::cbrt(square / 16 + root) + std::cbrt(square / 16 - root);
  const double half = std::sqrt(2 * resolvent), rest = 2 * size / half - 2 * resolvent;
  if (!(rest >= 0)) return 0;
  const double cube_root = (half + std::sqrt(rest)) / 2, z = cube_root * cube_root * cube_root;
  const bool lower = (z - size) * (z - size) / 2 + weight * cube_root * cube_root < square / 2;
  return lower ? std::copysign(z, w) : 0;
}

/// Replaces w by argmin_z sum_i metric_i (z_i - w_i)^2 / 2 + weight D(z), where D is the norm, or for L0 the
/// sum of |z_i|^(2/3), with which entries return to zero, too. metric > 0, weight >= 0. L2 and Linf are one
/// equation in one unknown, convex and decreasing, so that Newton's method from zero ends at its root: O(n)
/// per pass, a few passes.
template <Norm N>
void apply_proximal(Eigen::VectorXd& w, const Eigen::VectorXd& metric, double weight) {
  constexpr int most_passes = 50;
  const Index n = w.size();
  if (!(weight > 0)) return;
  if constexpr (N::p == 0) {
    for (Index i = 0; i < n; ++i) w[i] = two_thirds_shrunk(w[i], weight / metric[i]);
  } else if constexpr (N::p == 1) {
    for (Index i = 0; i < n; ++i)
      w[i] = std::copysign(std::max(std::abs(w[i]) - weight / metric[i], 0.0), w[i]);
  } else if constexpr (N::p == 2) {
    double length = 0;  // of the result
    for (int pass = 0; pass < most_passes; ++pass) {
      double excess = -1, slope = 0;
      for (Index i = 0; i < n; ++i) {
        const double denominator = metric[i] * length + weight, share = metric[i] * w[i] / denominator;
        excess += share * share;
        slope += 2 * share * share * metric[i] / denominator;
      }
      if (!(excess > 1e-12)) break;
      length += excess / slope;
    }
    for (Index i = 0; i < n; ++i) w[i] *= length > 0 ? metric[i] * length / (metric[i] * length + weight) : 0;
  } else {
    double level = 0;  // where the entries are cut off
    for (int pass = 0; pass < most_passes; ++pass) {
      double excess = -weight, slope = 0;
      for (Index i = 0; i < n; ++i) {
        const double above = std::abs(w[i]) - level;
        excess += above > 0 ? metric[i] * above : 0;
        slope += above > 0 ? metric[i] : 0;
      }
      if (!(excess > 1e-12 * weight)) break;
      level += excess / slope;
    }
    for (Index i = 0; i < n; ++i) w[i] = std::min(std::max(w[i], -level), level);
  }
}

}  // namespace foil
