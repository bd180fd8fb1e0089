// SPDX-License-Identifier: MIT
/// \file
/// The order in which foil::falsify() turns to cases, clauses and parts of a cube.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace foil::detail {

/// The `count` of 0, 1, ..., all - 1 with the smallest value(i), all of them if there are no more, in that
/// order; of equal ones the first.
template <class Value>
std::vector<std::size_t> smallest(std::size_t count, std::size_t all, Value value) {
  std::vector<std::size_t> order(all);
  for (std::size_t i = 0; i < all; ++i) order[i] = i;
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min(count, all));
  std::partial_sort(order.begin(), end, order.end(), [&](std::size_t a, std::size_t b) {
    const auto of_a = value(a), of_b = value(b);
    return of_a != of_b ? of_a < of_b : a < b;
  });
  order.erase(end, order.end());
  return order;
}

}  // namespace foil::detail
