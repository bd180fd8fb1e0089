// SPDX-License-Identifier: MIT
/// \file
/// The normal of a decision boundary, from yes and no around a point of it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// What answers around a point say of the boundary's normal there.
struct NormalEstimate {
  Eigen::VectorXd all{}, signed_sum{};  ///< of the directions asked in; with minus where not adversarial
  double mean = 0;                      ///< of the answers: 1 if all are adversarial, -1 if none is

  /// Towards the adversarials, of any length; 0 if it is not known. Less what the directions have in common,
  /// unless all answers are the same.
  Eigen::VectorXd direction() const {
    return std::abs(mean) < 1 ? Eigen::VectorXd(signed_sum - mean * all) : signed_sum;
  }
};

/// Writes another direction.
using DrawDirection = std::function<void(Eigen::VectorXd& direction)>;

/// Lengths in inputs of any unit: the longest side of the box, or where that has no end, `otherwise`.
inline double longest_side(const Oracle& oracle, double otherwise) {
  const double side =
      maximum(oracle.features(), [&](Index i) { return oracle.upper()[i] - oracle.lower()[i]; });
  return std::isfinite(side) ? side : otherwise;
}

/// Asks about `points` >= 1 points x + spread * direction, clipped to the box and rounded to what the model
/// can be given; what counts as a direction is what is left of it. Where the model's numbers or a lattice
/// hold x itself for the first point, the spread is doubled until they do not, at most 60 times. For `points`
/// forward passes; keeps 64 points. `draw` must outlive the task.
inline Task<> estimate_normal(Oracle& oracle, const Eigen::VectorXd& x, double spread, int points,
                              const DrawDirection& draw, NormalEstimate& estimate) {
  constexpr int most_doublings = 60, at_once = 64;
  const auto around = [&](const Eigen::VectorXd& direction) {
    Eigen::VectorXd z = x + spread * direction;
    oracle.box().clip(z);
    oracle.settle(z);
    return z;
  };
  Eigen::VectorXd u;
  estimate.all = estimate.signed_sum = Eigen::VectorXd::Zero(x.size());
  double balance = 0;
  bool resolved = false;
  std::vector<Eigen::VectorXd> asked;
  for (int done = 0; done < points; done += static_cast<int>(asked.size())) {
    asked.clear();
    while (static_cast<int>(asked.size()) < std::min(at_once, points - done)) {
      draw(u);
      Eigen::VectorXd z = around(u);
      for (int doublings = 0; !resolved && z == x && doublings < most_doublings; ++doublings) {
        spread *= 2;
        z = around(u);
      }
      resolved = true;
      asked.push_back(std::move(z));
    }
    const std::span<const Answer> at = co_await oracle.query_all(asked);
    for (std::size_t k = 0; k < asked.size(); ++k) {
      const double sign = at[k].adversarial ? 1 : -1;
      u = (asked[k] - x) / spread;
      estimate.all += u;
      estimate.signed_sum += sign * u;
      balance += sign;
    }
  }
  estimate.mean = balance / points;
}

}  // namespace foil
