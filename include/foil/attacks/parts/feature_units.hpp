// SPDX-License-Identifier: MIT
/// \file
/// How long a long step of a single feature is.
#pragma once

#include <algorithm>
#include <cmath>

#include "foil/core/norms.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// For each feature the length of the interval in which it may lie, 0 where it is fixed. A feature without
/// finite bounds has none: it gets twice the way that the steepest feature has to go alone to make good a
/// loss of `lack` by the loss's gradient, or where that does not say, its own size or 1, whichever is more.
inline Eigen::VectorXd feature_units(const Oracle& oracle, double lack, const Eigen::VectorXd& gradient) {
  Eigen::VectorXd units = oracle.upper() - oracle.lower();
  const double way = 2 * std::abs(lack) / Linf::size(gradient);
  for (Index i = 0; i < units.size(); ++i)
    if (!std::isfinite(units[i]))
      units[i] = way > 0 && std::isfinite(way) ? way : std::max(1.0, std::abs(oracle.original()[i]));
  return units;
}

}  // namespace foil
