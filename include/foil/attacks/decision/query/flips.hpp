// SPDX-License-Identifier: MIT
/// \file
/// Flips at the end of the query attack in Linf.
#pragma once

#include "foil/attacks/decision/sign_rays/ray.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/oracle.hpp"

namespace foil::query {

/// Flips the next block, and where the new ray comes closer by the tolerance follows it inwards, by steps
/// that double.
inline Task<> flip(Oracle& oracle, sign_rays::Ray& best, sign_rays::Blocks& blocks, double tolerance) {
  sign_rays::Ray ray = best.flipped(blocks.next());
  double shrunk = best.found ? tolerance : 0;
  while (shrunk < 1) {
    const double radius = best.radius * (1 - shrunk);
    Eigen::VectorXd x = sign_rays::point_at(oracle, ray.signs, radius);
    const bool adversarial = co_await oracle.query(x);
    if (!adversarial) {
      if (ray.found) ray.outside = radius;
      break;
    }
    ray.found = true;
    ray.radius = radius;
    shrunk = shrunk > 0 ? 2 * shrunk : tolerance;
  }
  if (!ray.found) co_return;
  best = ray;
  blocks.kept();
}

}  // namespace foil::query
