// SPDX-License-Identifier: MIT
/// \file
/// The classes that an attack may lead to, by how close they look.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include "foil/core/tensor.hpp"

namespace foil {

/// At most so many classes other than `leave`, those of largest logit first; on a tie the lower one.
inline std::vector<Index> class_order(const Eigen::VectorXd& logits, Index leave, int most) {
  std::vector<Index> order(static_cast<std::size_t>(logits.size()));
  std::iota(order.begin(), order.end(), Index{0});
  std::erase(order, leave);
  std::sort(order.begin(), order.end(),
            [&z = logits](Index a, Index b) { return z[a] > z[b] || (z[a] == z[b] && a < b); });
  order.resize(std::min(order.size(), static_cast<std::size_t>(std::max(most, 0))));
  return order;
}

}  // namespace foil
