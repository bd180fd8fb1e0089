// SPDX-License-Identifier: MIT
/// \file
/// Rays that questions are asked on.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>

#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/rescale.hpp"
#include "foil/run/oracle.hpp"

namespace foil::query {

/// The signs of slopes, +1 for none.
inline Eigen::VectorXd signs_of(const Eigen::VectorXd& slopes) {
  return slopes.unaryExpr([](double slope) { return slope < 0 ? -1.0 : 1.0; });
}

/// The signs of the way from the input to a point; where it did not move, to the nearer bound.
inline Eigen::VectorXd signs_towards(const Oracle& oracle, const Eigen::VectorXd& x) {
  Eigen::VectorXd way = x - oracle.original();
  for (Index i = 0; i < way.size(); ++i)
    if (way[i] == 0)
      way[i] = (oracle.original()[i] - oracle.lower()[i]) - (oracle.upper()[i] - oracle.original()[i]) <= 0
                   ? -1
                   : 1;
  return signs_of(way);
}

/// The ray from the input, clipped to the box, that crosses a plane of these slopes first in the norm of the
/// run: L2 along them, Linf along their signs.
class Ray {
 public:
  Ray(const Oracle& oracle, Eigen::VectorXd slopes)
      : oracle_(oracle),
        corners_(std::isinf(oracle.norm().p)),
        direction_(corners_ ? signs_of(slopes) : std::move(slopes)) {}

  /// In Linf not farther than that after rounding.
  Eigen::VectorXd at(double stretch) const {
    Eigen::VectorXd x = oracle_.original() + stretch * direction_;
    oracle_.box().clip(x);
    if (corners_) oracle_.settle(x, stretch);
    return x;
  }
  /// How far to stretch it for a distance; as far as it goes if it does not reach that.
  double stretch(double distance) const {
    if (corners_) return distance;
    return geometry::rescale(oracle_.original(), direction_, oracle_.box(), distance, oracle_.norm()).eta;
  }
  /// The stretch at which these slopes have risen to 1, to 12 bits; at most `most`.
  double crossing(const Eigen::VectorXd& slopes, double most) const {
    const Eigen::VectorXd& o = oracle_.original();
    const auto crossed = [&](double stretch) {
      const double risen = sum(o.size(), [&](Index i) {
        const double to = o[i] + stretch * direction_[i];
        return slopes[i] * (std::clamp(to, oracle_.lower()[i], oracle_.upper()[i]) - o[i]);
      });
      return risen >= 1;
    };
    if (!crossed(most)) return most;
    double low = 0, high = most;
    for (int halving = 0; halving < 12; ++halving) {
      const double middle = low + (high - low) / 2;
      (crossed(middle) ? high : low) = middle;
    }
    return high;
  }

 private:
  const Oracle& oracle_;
  bool corners_;
  Eigen::VectorXd direction_;
};

}  // namespace foil::query
