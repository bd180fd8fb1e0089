// SPDX-License-Identifier: MIT
/// \file
/// How long a long step of a single feature is.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "foil/core/norms.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// For each feature the length of the interval in which it may lie, 0 where it is fixed. A feature without
/// finite bounds, or with bounds so far apart that a float cannot say how far, has none: it gets twice the
/// way that the steepest feature has to go alone to make good a loss of `lack` by the loss's gradient, or
/// where that does not say, its own size or 1, whichever is more.
inline Eigen::VectorXd feature_units(const Oracle& oracle, double lack, const Eigen::VectorXd& gradient) {
  Eigen::VectorXd units = oracle.upper() - oracle.lower();
  constexpr double most = std::numeric_limits<float>::max();
  const double way = 2 * std::abs(lack) / Linf::size(gradient);
  for (Index i = 0; i < units.size(); ++i)
    if (!(units[i] <= most))
      units[i] = way > 0 && std::isfinite(way) ? way : std::max(1.0, std::abs(oracle.original()[i]));
  return units;
}

/// The most that an answer may lack for another class where its loss does not say: LSEM is zero where the
/// class is as likely as all others together.
inline double largest_lack(const Answer& at) {
  return std::max(std::abs(at.loss), at.logits.maxCoeff() - at.logits.minCoeff());
}

}  // namespace foil
