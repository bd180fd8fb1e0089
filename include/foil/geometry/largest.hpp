// SPDX-License-Identifier: MIT
/// \file
/// How many of the largest entries are needed for their weights to add up to a target.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

#include "foil/core/tensor.hpp"

namespace foil::geometry::detail {

struct KeyedWeight {
  double key = 0;
  double weight = 0;
  Index index = 0;
};

/// Calls use(i) for every i from 0 to n - 1 that has(i), in order. By blocks: first which, without a branch
/// that would depend on the data, then what.
template <class Has, class Use>
void for_each_that(Index n, Has has, Use use) {
  constexpr Index block = 512;
  for (Index first = 0; first < n; first += block) {
    Index found[block];
    std::size_t count = 0;
    for (Index i = first; i < std::min(first + block, n); ++i) {
      found[count] = i;
      count += has(i) ? 1 : 0;
    }
    for (const Index i : std::span(found, count)) use(i);
  }
}

/// std::partition, its order included, without a branch that would depend on the data: by blocks from both
/// ends, first which have to change sides, then the exchanges.
template <class Entry, class Belongs>
std::size_t partition(std::span<Entry> entries, Belongs belongs) {
  constexpr std::size_t block = 128;
  std::size_t low = 0, high = entries.size(), lows[block], highs[block], low_count = 0, high_count = 0,
              low_done = 0, high_done = 0;
  while (high - low >= 2 * block) {
    if (low_count == 0)
      for (std::size_t k = low_done = 0; k < block; ++k) {
        lows[low_count] = low + k;
        low_count += belongs(entries[low + k]) ? 0 : 1;
      }
    if (high_count == 0)
      for (std::size_t k = high_done = 0; k < block; ++k) {
        highs[high_count] = high - 1 - k;
        high_count += belongs(entries[high - 1 - k]) ? 1 : 0;
      }
    const std::size_t both = std::min(low_count, high_count);
    for (std::size_t k = 0; k < both; ++k)
      std::swap(entries[lows[low_done + k]], entries[highs[high_done + k]]);
    low_done += both;
    high_done += both;
    low_count -= both;
    high_count -= both;
    if (low_count == 0) low += block;
    if (high_count == 0) high -= block;
  }
  const auto rest = entries.subspan(low, high - low);
  return low + static_cast<std::size_t>(std::partition(rest.begin(), rest.end(), belongs) - rest.begin());
}

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
    const double least = share * largest;
    const std::size_t count = first + partition(entries.subspan(first, last - first),
                                                [=](const KeyedWeight& entry) { return entry.key >= least; });
    double sum = 0;
    for (std::size_t i = first; i < count; ++i) sum += entries[i].weight;
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
