// SPDX-License-Identifier: MIT
/// \file
/// Small questions about numbers that are asked everywhere.
#pragma once

#include <cmath>

#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// The nearest number in [low, high]; NaN stays NaN. Compiles to instructions without a branch.
constexpr double clip(double value, double low, double high) {
  const double raised = value < low ? low : value;
  return raised > high ? high : raised;
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

}  // namespace foil
