// SPDX-License-Identifier: MIT
/// \file
/// Rays of signs and a plane.
#pragma once

#include <algorithm>

#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/oracle.hpp"

namespace foil::query {

/// The signs of the ray that crosses a plane of these slopes first.
inline Eigen::VectorXd signs_of(const Eigen::VectorXd& slopes) {
  return slopes.unaryExpr([](double slope) { return slope < 0 ? -1.0 : 1.0; });
}

/// The radius at which a ray from the input crosses the plane where these slopes have risen to 1, within the
/// box, to 12 bits; at most `most`.
inline double crossing(const Oracle& oracle, const Eigen::VectorXd& slopes, const Eigen::VectorXd& signs,
                       double most) {
  const Eigen::VectorXd& o = oracle.original();
  Eigen::VectorXd room(o.size());
  for (Index i = 0; i < o.size(); ++i) room[i] = oracle.box().room(o, i, signs[i]);
  const auto crossed = [&](double radius) {
    return sum(o.size(), [&](Index i) { return slopes[i] * signs[i] * std::min(radius, room[i]); }) >= 1;
  };
  if (!crossed(most)) return most;
  double low = 0, high = most;
  for (int halving = 0; halving < 12; ++halving) {
    const double middle = low + (high - low) / 2;
    (crossed(middle) ? high : low) = middle;
  }
  return high;
}

}  // namespace foil::query
