// SPDX-License-Identifier: MIT
/// \file
/// Adjoints as numbers times powers of two, so that a product of small slopes does not become zero.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"

namespace foil::nn {

/// The exponent of a row's largest entry; `none` if all are zero, or one is not finite: such a row has no
/// scale.
struct RowExponent {
  static constexpr Index none = std::numeric_limits<Index>::min() / 4;

  template <class T>
  static Index of(const T* row, Index count) {
    T most = 0;
    for (Index i = 0; i < count; ++i) {
      const T size = std::abs(row[i]);
      if (!(size <= std::numeric_limits<T>::max())) return none;
      most = std::max(most, size);
    }
    return most == T(0) ? none : Index{std::ilogb(most)};
  }

  /// Multiplies a row by 2^shift: exactly, but for what becomes too large, or too small beside other entries.
  template <class T>
  static void shift(T* row, Index count, Index shift) {
    constexpr Index most = std::numeric_limits<T>::max_exponent - 2;
    // Beyond this nothing but zeros or infinities is left.
    shift = std::clamp(shift, -5 * most, 5 * most);
    while (shift != 0) {
      const Index by = std::clamp(shift, -most, most);
      const T factor = std::ldexp(T(1), static_cast<int>(by));
      for (Index i = 0; i < count; ++i) row[i] *= factor;
      shift -= by;
    }
  }
};

/// Of `batch` samples, the powers of two that belong to the adjoints of each slot: an adjoint is what its
/// array holds, times 2^exponent. Samples do not influence each other.
class Exponents {
 public:
  Exponents(std::size_t slots, Index batch)
      : batch_(batch), exponents_(slots * static_cast<std::size_t>(batch), Index(0)) {}

  Index& at(std::size_t slot, Index sample) {
    return exponents_[slot * static_cast<std::size_t>(batch_) + static_cast<std::size_t>(sample)];
  }
  Index* of(std::size_t slot, Index first) { return &at(slot, first); }

  /// Brings the largest entry of each sample's adjoint into [1, 2).
  template <class T>
  void normalise(std::size_t slot, Index first, Index samples, T* adjoint, Index size) {
    for (Index i = 0; i < samples; ++i) {
      const Index exponent = RowExponent::of(adjoint + i * size, size);
      if (exponent == RowExponent::none || exponent == 0) continue;
      RowExponent::shift(adjoint + i * size, size, -exponent);
      at(slot, first + i) += exponent;
    }
  }

  /// Brings what is to be added to a slot's adjoint to the same powers of two: those of the larger one. What
  /// is added has the exponents `added`.
  template <class T>
  void align(std::size_t slot, Index first, Index samples, T* adjoint, T* addend, Index size,
             const Index* added) {
    for (Index i = 0; i < samples; ++i) {
      Index& own = at(slot, first + i);
      const Index here = RowExponent::of(adjoint + i * size, size),
                  there = RowExponent::of(addend + i * size, size);
      const Index common = std::max(here == RowExponent::none ? here : here + own,
                                    there == RowExponent::none ? there : there + added[i]);
      if (common == RowExponent::none) continue;  // zeros, or no numbers: whatever the power
      if (here != RowExponent::none) RowExponent::shift(adjoint + i * size, size, own - common);
      if (there != RowExponent::none) RowExponent::shift(addend + i * size, size, added[i] - common);
      own = common;
    }
  }

 private:
  Index batch_;
  std::vector<Index> exponents_;
};

}  // namespace foil::nn
