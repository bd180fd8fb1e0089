// SPDX-License-Identifier: MIT
/// \file
/// Fewer changed features: which of them an adversarial can do without.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// Tries to put changed features of x, an adversarial, back to the original's values, one by one, those first
/// whose change gains least by the gradient of the criterion's margin, taken at x or near it. Meanwhile the
/// others go as far as their bounds let them, where that gains. For L0. At most `most` forward passes, and
/// one for each changed feature.
inline Task<> put_back(Oracle& oracle, Eigen::VectorXd x, Eigen::VectorXd gradient, int most) {
  const Eigen::VectorXd& original = oracle.original();
  std::vector<std::pair<double, Index>> changed;  // by what is lost without them
  for (Index i = 0; i < x.size(); ++i) {
    if (x[i] == original[i]) continue;
    const double end = gradient[i] > 0 ? oracle.upper()[i] : gradient[i] < 0 ? oracle.lower()[i] : x[i];
    if (std::isfinite(end)) x[i] = end;
    if (x[i] != original[i]) changed.emplace_back(gradient[i] * (x[i] - original[i]), i);
  }
  std::sort(changed.begin(), changed.end());
  Eigen::VectorXd fewer;
  for (const auto& [loss, i] : changed) {
    if (most-- == 0 || oracle.best_distance() <= 1) co_return;
    fewer = x;
    fewer[i] = original[i];
    oracle.settle(fewer);
    if (!(oracle.distance(fewer) < oracle.best_distance())) continue;
    const bool adversarial = co_await oracle.query(fewer);
    if (adversarial) x.swap(fewer);
  }
}

}  // namespace foil
