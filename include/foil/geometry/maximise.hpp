// SPDX-License-Identifier: MIT
/// \file
/// The offset in ball ∩ box that increases a linear function most: the exact step of the fast gradient
/// method.
#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "foil/core/norms.hpp"
#include "foil/geometry/rescale.hpp"

namespace foil::geometry {

/// How far coordinate i of x can move in the direction of v.
inline double room(const Eigen::VectorXd& x, const Eigen::VectorXd& lower, const Eigen::VectorXd& upper,
                   Index i, double v) {
  return v > 0 ? upper[i] - x[i] : v < 0 ? x[i] - lower[i] : 0.0;
}

/// argmax of g.w over ||w|| <= epsilon, lower <= x + w <= upper. Coordinates without gradient do not move.
/// Several maximisers: the one that changes the fewest coordinates by lowest index (L1) or spends no radius
/// in vain. O(n), for L1 O(n + k log n) where k coordinates change.
template <Norm N>
Eigen::VectorXd maximise_linear(const Eigen::VectorXd& gradient, const Eigen::VectorXd& x,
                                const Eigen::VectorXd& lower, const Eigen::VectorXd& upper, double epsilon) {
  const Index n = gradient.size();
  Eigen::VectorXd w = Eigen::VectorXd::Zero(n);
  if constexpr (std::is_same_v<N, Linf>) {
    for (Index i = 0; i < n; ++i)
      w[i] = std::copysign(std::min(epsilon, room(x, lower, upper, i, gradient[i])), gradient[i]);
  } else if constexpr (std::is_same_v<N, L2>) {
    const double largest = Linf::size(gradient);
    if (largest == 0) return w;
    const Eigen::VectorXd direction = gradient / largest;  // tiny gradients would need an infinite eta
    const double eta = rescale(x, direction, lower, upper, epsilon, L2{}).eta;
    for (Index i = 0; i < n; ++i)
      w[i] = std::copysign(std::min(eta * std::abs(direction[i]), room(x, lower, upper, i, direction[i])),
                           direction[i]);
  } else {
    static_assert(std::is_same_v<N, L1>, "foil: no linear maximiser for this norm");
    std::vector<Index> order;
    for (Index i = 0; i < n; ++i)
      if (room(x, lower, upper, i, gradient[i]) > 0) order.push_back(i);
    const auto weaker = [&](Index a, Index b) {
      const double ga = std::abs(gradient[a]), gb = std::abs(gradient[b]);
      return ga != gb ? ga < gb : a > b;
    };
    std::make_heap(order.begin(), order.end(), weaker);
    for (double budget = epsilon; budget > 0 && !order.empty(); order.pop_back()) {
      std::pop_heap(order.begin(), order.end(), weaker);
      const Index i = order.back();
      const double step = std::min(budget, room(x, lower, upper, i, gradient[i]));
      w[i] = std::copysign(step, gradient[i]);
      budget -= step;
    }
  }
  return w;
}

}  // namespace foil::geometry
