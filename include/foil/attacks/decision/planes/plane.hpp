// SPDX-License-Identifier: MIT
/// \file
/// Planes through the input.
#pragma once

#include <cmath>

#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/oracle.hpp"

namespace foil::planes {

/// The plane through the input o, a point x at a distance r from it, and a direction; its points by their
/// angle at o, from x towards the direction, in radians. All are clipped to the box, which brings them
/// closer, and rounded to what the model can be given.
class Plane {
 public:
  /// The direction may have any length.
  Plane(const Oracle& oracle, const Eigen::VectorXd& x, const Eigen::VectorXd& direction)
      : oracle_(oracle), along_(x - oracle.original()), radius_(norm2(along_)) {
    if (!(radius_ > 0)) return;
    along_ /= radius_;
    const double length = norm2(direction);
    if (!(length > 0)) return;
    across_ = direction / length;
    const double cosine = dot(across_, along_);
    across_ -= cosine * along_;
    across_ -= dot(across_, along_) * along_;  // again: the first time rounds where the two are close
    const double sine = norm2(across_);
    spans_ = sine > 1e-10;
    if (!spans_) return;
    across_ /= sine;
    tilt_ = std::atan2(sine, cosine);
  }

  /// False where there is no direction, or none but that of x.
  bool spans() const { return spans_; }
  /// Distance of x.
  double radius() const { return radius_; }
  /// Angle of the direction.
  double tilt() const { return tilt_; }

  /// On the circle whose diameter leads from o to x: where the distance is least that a boundary through x,
  /// flat and at a right angle to that way, leaves.
  Eigen::VectorXd on_circle(double angle) const { return at(angle, radius_ * std::cos(angle)); }
  /// On the circle around o.
  Eigen::VectorXd on_sphere(double angle) const { return at(angle, radius_); }

 private:
  Eigen::VectorXd at(double angle, double distance) const {
    Eigen::VectorXd z =
        oracle_.original() + distance * std::cos(angle) * along_ + distance * std::sin(angle) * across_;
    oracle_.box().clip(z);
    oracle_.settle(z);
    return z;
  }

  const Oracle& oracle_;
  Eigen::VectorXd along_, across_{};
  double radius_ = 0, tilt_ = 0;
  bool spans_ = false;
};

}  // namespace foil::planes
