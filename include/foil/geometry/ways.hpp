// SPDX-License-Identifier: MIT
/// \file
/// Ways from one point to another that suit a norm: points on the way are close to its beginning in that
/// norm.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "foil/core/norms.hpp"
#include "foil/core/tensor.hpp"

namespace foil::geometry {

/// The point at share e of the way: `from` at 0 and `to` at 1, exactly. L2: the straight line. Linf: the
/// point of the ball of radius e m closest to `to`, m the distance. L1: the largest differences first, each
/// down to (1 - e) m. L0: the largest differences first, the share e of them.
template <Norm N>
Eigen::VectorXd on_the_way(const Eigen::VectorXd& from, const Eigen::VectorXd& to, double e) {
  if (e >= 1) return to;
  if (e <= 0) return from;
  Eigen::VectorXd x = from;
  const Index n = x.size();
  if constexpr (N::p == 0) {
    std::vector<Index> order;
    for (Index i = 0; i < n; ++i)
      if (from[i] != to[i]) order.push_back(i);
    const auto count = static_cast<std::size_t>(std::ceil(e * static_cast<double>(order.size())));
    if (count < order.size())
      std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                       [&](Index a, Index b) {
                         const double da = std::abs(to[a] - from[a]), db = std::abs(to[b] - from[b]);
                         return da != db ? da > db : a < b;
                       });
    for (std::size_t k = 0; k < std::min(count, order.size()); ++k) x[order[k]] = to[order[k]];
  } else {
    const double longest = Linf::size(to - from);
    for (Index i = 0; i < n; ++i) {
      const double d = to[i] - from[i];
      if constexpr (N::p == 1)
        x[i] += std::copysign(std::max(std::abs(d) - (1 - e) * longest, 0.0), d);
      else if constexpr (N::p == 2)
        x[i] += e * d;
      else
        x[i] += std::min(std::max(d, -e * longest), e * longest);
    }
  }
  return x;
}

}  // namespace foil::geometry
