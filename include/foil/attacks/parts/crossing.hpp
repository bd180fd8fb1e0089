// SPDX-License-Identifier: MIT
/// \file
/// DeepFool's way to a decision boundary, and SuperDeepFool's along it.
#pragma once

#include <limits>
#include <span>

#include "foil/attacks/parts/linear_boundary.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// A way across the linearised boundary, and from the first adversarial on to ever closer ones.
struct Crossing {
  Eigen::VectorXd x{};        ///< to be asked about next
  Eigen::VectorXd best{};     ///< the closest adversarial of this walk
  Eigen::VectorXd tangent{};  ///< the point closest to the input on the boundary as linear there
  double distance = std::numeric_limits<double>::infinity();  ///< of the best
  double share = 1;                                           ///< of the way from the best to the tangent
  double overshoot = 0;                                       ///< of the last step across

  bool found() const { return best.size() > 0; }
};

/// Moves x beyond the nearest of the boundaries `among` (see for_each_boundary()), by the share `overshoot`
/// of the step, and farther where rounding undoes that. False if it cannot.
template <Norm N>
bool cross_boundary(const Oracle& oracle, Eigen::VectorXd& x, const Answer& at, std::span<const Index> among,
                    double& overshoot) {
  const Eigen::VectorXd from = x;
  for (; x == from && overshoot < 1e4; overshoot *= 2) {
    x = nearest_beyond<N>(oracle, from, from, at, among, 1 + overshoot);
    oracle.settle(x);
  }
  return x != from;
}

/// Takes the answer about a walk's x, and moves x on: from outside across the nearest boundary; from an
/// adversarial point that is closer than before to the point of the boundary, as linear there, that is
/// closest to the input. Where neither leads closer, half as far from the best. On a lattice, where most of a
/// step may be undone, the next one overshoots more. False where there is nothing left to gain by the linear
/// model.
template <Norm N>
bool crossing_step(const Oracle& oracle, Crossing& walk, const Answer& at, std::span<const Index> among,
                   double overshoot) {
  constexpr double least_gain = 1e-4;
  if (at.adversarial || !oracle.on_lattice() || walk.overshoot == 0) walk.overshoot = overshoot;
  const double distance = oracle.distance(walk.x);
  if (at.adversarial && distance <= walk.distance) {
    walk.tangent = nearest_beyond<N>(oracle, oracle.original(), walk.x, at, among, 1);
    if (distance < walk.distance) walk.best = walk.x;
    walk.distance = distance;
  } else {
    const bool moved = !at.adversarial && cross_boundary<N>(oracle, walk.x, at, among, walk.overshoot);
    if (moved && oracle.distance(walk.x) < walk.distance) return true;
    if (!walk.found()) return false;
    walk.share /= 2;
  }
  if (!(walk.share * (1 - oracle.distance(walk.tangent) / walk.distance) > least_gain)) return false;
  walk.x = walk.best + walk.share * (walk.tangent - walk.best);
  return true;
}

}  // namespace foil
