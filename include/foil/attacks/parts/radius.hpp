// SPDX-License-Identifier: MIT
/// \file
/// Radii to begin and to end with, for attacks that look for the smallest.
#pragma once

#include <algorithm>
#include <cmath>

#include "foil/core/norms.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// The largest distance in the box, or where that has no end, what squares and floats can still hold.
inline double largest_radius(const Oracle& oracle) {
  Eigen::VectorXd farthest(oracle.features());
  for (Index i = 0; i < farthest.size(); ++i)
    farthest[i] =
        std::max(oracle.upper()[i] - oracle.original()[i], oracle.original()[i] - oracle.lower()[i]);
  return std::min(oracle.norm().size(farthest), oracle.sample().single_precision ? 1e30 : 1e150);
}

/// How far a margin (positive where adversarial) is from its boundary by the linear model of the answer's
/// gradient; for L0, how far the steepest feature would have to go. Zero or not finite if it does not say.
inline double linear_distance(const Oracle& oracle, const Answer& at, double margin) {
  const double p = oracle.norm().p;
  const Eigen::VectorXd& gradient = at.gradient;
  const double largest = Linf::size(gradient);
  if (p <= 1 || largest == 0) return -margin / largest;
  return -margin / (std::isinf(p) ? L1::size(gradient) : Lp(p / (p - 1)).size(gradient));
}

/// A first radius where no gradient suggests one: a hundredth of the largest distance in the box or a 25th of
/// the input's own size, whichever is less.
inline double guessed_radius(const Oracle& oracle) {
  const double size = oracle.norm().size(oracle.original());
  return std::min(size > 0 ? 4 * size : 100, largest_radius(oracle)) / 100;
}

}  // namespace foil
