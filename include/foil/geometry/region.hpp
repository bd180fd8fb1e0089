// SPDX-License-Identifier: MIT
/// \file
/// Where an attack within a fixed budget may look: a ball in a box.
#pragma once

#include <Eigen/Core>

#include "foil/core/norms.hpp"
#include "foil/geometry/box.hpp"

namespace foil::geometry {

/// The ball of a norm around a point of a box, as far as it lies in the box. Refers to both.
template <Norm N>
struct Region {
  const Eigen::VectorXd& centre;
  const Box& box;
  double radius;  ///< >= 0
};

}  // namespace foil::geometry
