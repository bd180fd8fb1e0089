// SPDX-License-Identifier: MIT
/// \file
/// Rays from the input that suit the norm, and where the decision boundary lies on them.
#pragma once

#include <cmath>
#include <limits>

#include "foil/core/norms.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/maximise.hpp"
#include "foil/run/oracle.hpp"
#include "foil/run/task.hpp"

namespace foil {

/// The point within a radius that lies farthest in a direction, as the model can be given it. In L2 that is
/// the direction itself, stretched so that the box takes nothing off the radius; in Linf its signs; in L1 its
/// largest entries, each to its bound. Where the boundary is a plane with that normal, the first adversarial
/// point of this ray is the closest one in the box. In L0 the ray and its radius are those of L1.
inline Eigen::VectorXd point_on_ray(const Oracle& oracle, const Eigen::VectorXd& direction, double radius) {
  const double p = oracle.norm().p;
  Eigen::VectorXd x = oracle.original();
  if (p <= 1)
    x += geometry::maximise<L1>(direction, oracle.region<L1>(radius));
  else if (std::isinf(p))
    x += geometry::maximise<Linf>(direction, oracle.region<Linf>(radius));
  else
    x += geometry::maximise<L2>(direction, oracle.region<L2>(radius));
  oracle.settle(x, p < 1 ? std::numeric_limits<double>::infinity() : radius);
  return x;
}

/// How far x is as the radius of a ray.
inline double ray_radius(const Oracle& oracle, const Eigen::VectorXd& x) {
  const Eigen::VectorXd away = x - oracle.original();
  const double p = oracle.norm().p;
  return p <= 1 ? L1::size(away) : std::isinf(p) ? Linf::size(away) : L2::size(away);
}

/// The part of a ray that the boundary lies in.
struct RaySegment {
  double outside = 0;   ///< a radius at which it is known not to be adversarial
  double radius = 0;    ///< how far `x` is
  Eigen::VectorXd x{};  ///< adversarial
};

/// Halves the segment until its ends are no farther from each other than a length, in L2, or the model's
/// numbers leave nothing in between. One forward pass each. Can be continued from where it was left.
inline Task<> narrow(Oracle& oracle, const Eigen::VectorXd& direction, RaySegment& segment, double length) {
  Eigen::VectorXd near = point_on_ray(oracle, direction, segment.outside);
  while (norm2(segment.x - near) > length) {
    const double middle = segment.outside + (segment.radius - segment.outside) / 2;
    if (!(middle > segment.outside && middle < segment.radius)) co_return;
    Eigen::VectorXd x = point_on_ray(oracle, direction, middle);
    bool adversarial = x == segment.x;  // on a lattice
    if (!adversarial && x != near) adversarial = co_await oracle.query(x);
    (adversarial ? segment.radius : segment.outside) = middle;
    (adversarial ? segment.x : near).swap(x);
  }
}

}  // namespace foil
