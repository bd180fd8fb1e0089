// SPDX-License-Identifier: MIT
/// \file
/// How many of the largest entries are needed for their weights to add up to a target.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "foil/core/tensor.hpp"

namespace foil::geometry::detail {

struct KeyedWeight {
  double key = 0;
  double weight = 0;
  Index index = 0;
};

/// Moves the entries of largest key to the front, as few of them as have weights that add up to the target,
/// the last of these at the end, and returns how many (all if they are not enough). Ties: the lower index
/// first. O(n) expected.
inline std::size_t take_largest(std::span<KeyedWeight> entries, double target) {
  const auto order = [](const KeyedWeight& a, const KeyedWeight& b) {
    return a.key != b.key ? a.key > b.key : a.index < b.index;
  };
  using Offset = std::span<KeyedWeight>::difference_type;
  std::size_t first = 0, last = entries.size();
  const auto at = [&](std::size_t position) { return entries.begin() + static_cast<Offset>(position); };
  double taken = 0;
  // Mostly few are needed: those far below the largest are set aside unread.
  double largest = 0;
  for (const KeyedWeight& entry : entries) largest = std::max(largest, entry.key);
  for (const double share : {1.0 / 4, 1.0 / 16, 1.0 / 64}) {
    const auto end = std::partition(at(first), at(last),
                                    [&](const KeyedWeight& entry) { return entry.key >= share * largest; });
    double sum = 0;
    for (auto entry = at(first); entry != end; ++entry) sum += entry->weight;
    const auto count = static_cast<std::size_t>(end - entries.begin());
    if (taken + sum >= target) {
      last = count;
      break;
    }
    taken += sum;
    first = count;
  }
  while (first < last) {
    const std::size_t middle = first + (last - first) / 2;
    std::nth_element(at(first), at(middle), at(last), order);
    double sum = 0;
    for (std::size_t i = first; i <= middle; ++i) sum += entries[i].weight;
    if (taken + sum >= target) {
      last = middle;
    } else {
      taken += sum;
      first = middle + 1;
    }
  }
  return std::min(first + 1, entries.size());
}

}  // namespace foil::geometry::detail
