// SPDX-License-Identifier: MIT
/// \file
/// Small questions about numbers that are asked everywhere.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// The nearest number in [low, high]; NaN stays NaN. Compiles to instructions without a branch.
constexpr double clip(double value, double low, double high) {
  const double raised = value < low ? low : value;
  return raised > high ? high : raised;
}

/// The score of the first of two classes, raised by the least that counts if it equals the second's: to the
/// next number, or from 0 to the smallest normal one. A tie is the first class's; so it has the larger score
/// as well, and an attack that turns the second class into a tie has turned it into the first.
template <class T>
T won_tie(T first, T second) {
  if (first != second) return first;
  return std::max(std::nextafter(first, std::numeric_limits<T>::infinity()), std::numeric_limits<T>::min());
}

/// Whether term(0) to term(count - 1) hold neither NaN nor infinity. Much faster than asking one by one.
template <class Term>
bool all_finite(Index count, Term term) {
  return sum(count, [&](Index i) { return 0 * static_cast<double>(term(i)); }) == 0;
}

/// Whether no entry is NaN or infinity.
template <class Vector>
bool all_finite(const Vector& values) {
  return all_finite(values.size(), [&](Index i) { return values[i]; });
}

/// Whether a row of a model's answers looks like probabilities: all entries lie in [0, 1], not all of them
/// equal, and they either add up to 1 to a thousandth (a softmax) or some have come to 0 or 1 as closely as
/// single precision tells (sigmoids that saturate; of two entries to 1, since a single logit z is the row
/// (0, z)). A row of logits may do so by chance; all rows about a sample practically never do.
template <class Row>
bool looks_like_probabilities(const Row& row) {
  constexpr double rounding = 0x1p-23;
  double total = 0;
  bool differ = false, saturated = false;
  for (Index k = 0; k < row.size(); ++k) {
    const double entry = static_cast<double>(row[k]);
    if (!(entry >= 0 && entry <= 1)) return false;
    total += entry;
    differ = differ || row[k] != row[0];
    saturated = saturated || (entry <= rounding && row.size() > 2) || entry >= 1 - rounding;
  }
  return differ && (saturated || (total >= 0.999 && total <= 1.001));
}

}  // namespace foil
