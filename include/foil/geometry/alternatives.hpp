// SPDX-License-Identifier: MIT
/// \file
/// Other values for entries of a point, of which as few are taken as bring it near enough.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"

namespace foil::geometry {

/// An entry that has been rounded away from the original, and what it may be instead.
struct Alternative {
  Index index;
  double value;
  double order;  ///< ascending: those to be taken first
};

/// Takes the first of the alternatives, as few as end that x is too far away, all if they are not enough.
/// O(their number), and `too_far()`, which looks at x, about log of it times.
template <class TooFar>
void take_fewest(std::vector<Alternative>& alternatives, Eigen::VectorXd& x, const TooFar& too_far) {
  if (!too_far()) return;
  const auto at = [&](std::size_t position) {
    return alternatives.begin() + static_cast<std::vector<Alternative>::difference_type>(position);
  };
  const auto exchange = [&](std::size_t first, std::size_t last) {
    for (; first < last; ++first) std::swap(x[alternatives[first].index], alternatives[first].value);
  };
  std::size_t too_few = 0, enough = alternatives.size();
  exchange(0, enough);
  if (too_far()) return;
  bool taken = true;  // those in between; all before them are, none behind
  while (enough - too_few > 1) {
    const std::size_t middle = too_few + (enough - too_few) / 2;
    std::nth_element(at(too_few), at(middle), at(enough), [](const Alternative& a, const Alternative& b) {
      return a.order != b.order ? a.order < b.order : a.index < b.index;
    });
    taken ? exchange(middle, enough) : exchange(too_few, middle);
    taken = !too_far();
    (taken ? enough : too_few) = middle;
  }
  if (!taken) exchange(too_few, enough);
}

}  // namespace foil::geometry
