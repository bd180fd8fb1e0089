// SPDX-License-Identifier: MIT
/// \file
/// Rays from the input that suit a norm, and where the decision boundary lies on them.
#pragma once

#include "foil/core/norms.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/maximise.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// The point within a radius that lies farthest in a direction, as the model can be given it: L2 the
/// direction itself, stretched so that the box takes nothing off the radius; Linf its signs; L1 its largest
/// entries, each to its bound. Where the boundary is a plane with that normal, the first adversarial point of
/// this ray is the closest one in the box.
template <Norm N>
Eigen::VectorXd point_on_ray(const Oracle& oracle, const Eigen::VectorXd& direction, double radius) {
  Eigen::VectorXd x = oracle.original() + geometry::maximise<N>(direction, oracle.region<N>(radius));
  oracle.settle(x, radius);
  return x;
}

/// The part of a ray that the boundary lies in.
struct RaySegment {
  double outside = 0;   ///< a radius at which it is known not to be adversarial
  double radius = 0;    ///< how far `x` is
  Eigen::VectorXd x{};  ///< adversarial
};

/// Halves the segment until its ends are no farther from each other than a length, in L2, or the model's
/// numbers leave nothing in between. One forward pass each.
template <Norm N>
Task<> tighten(Oracle& oracle, const Eigen::VectorXd& direction, RaySegment& segment, double length) {
  Eigen::VectorXd near = point_on_ray<N>(oracle, direction, segment.outside);
  while (norm2(segment.x - near) > length) {
    const double middle = segment.outside + (segment.radius - segment.outside) / 2;
    if (!(middle > segment.outside && middle < segment.radius)) co_return;
    Eigen::VectorXd x = point_on_ray<N>(oracle, direction, middle);
    bool adversarial = x == segment.x;  // on a lattice
    if (!adversarial && x != near) adversarial = co_await oracle.query(x);
    (adversarial ? segment.radius : segment.outside) = middle;
    (adversarial ? segment.x : near).swap(x);
  }
}

}  // namespace foil
