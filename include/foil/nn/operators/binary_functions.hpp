// SPDX-License-Identifier: MIT
/// \file
/// Functions of two operands besides the arithmetic of binary.hpp, for the same operators.
#pragma once

#include <cmath>

#include "foil/core/simd.hpp"
#include "foil/nn/operators/elementwise.hpp"

namespace foil::nn {

using namespace simd;

/// The larger operand, NaN if one is; equal ones share the cotangent.
template <class T, class = Isa>
struct Larger {
  static constexpr bool uses_a = true, uses_b = true, uses_other = true;
  Pack<T> value(Pack<T> a, Pack<T> b) const { return ((b > a) | (b != b)) ? b : a; }
  Pack<T> pull_a(Pack<T> g, Pack<T> a, Pack<T> b) const { return share(g, a, b); }
  Pack<T> pull_b(Pack<T> g, Pack<T> a, Pack<T> b) const { return share(g, b, a); }

 private:
  static Pack<T> share(Pack<T> g, Pack<T> own, Pack<T> other) {
    return own > other ? g : own == other ? g * T(0.5) : Pack<T>{};
  }
};

/// The smaller operand, likewise.
template <class T, class = Isa>
struct Smaller {
  static constexpr bool uses_a = true, uses_b = true, uses_other = true;
  Pack<T> value(Pack<T> a, Pack<T> b) const { return -Larger<T>{}.value(-a, -b); }
  Pack<T> pull_a(Pack<T> g, Pack<T> a, Pack<T> b) const { return Larger<T>{}.pull_a(g, -a, -b); }
  Pack<T> pull_b(Pack<T> g, Pack<T> a, Pack<T> b) const { return Larger<T>{}.pull_b(g, -a, -b); }
};

/// What is left of a when b is taken off as often as it fits, with the sign of a.
template <class T, class = Isa>
struct Remainder {
  static constexpr bool uses_a = false, uses_b = true, uses_other = true;
  Pack<T> value(Pack<T> a, Pack<T> b) const {
    return by_lane<T>(a, b, [](T x, T y) { return std::fmod(x, y); });
  }
  Pack<T> pull_a(Pack<T> g, Pack<T>, Pack<T>) const { return g; }
  Pack<T> pull_b(Pack<T> g, Pack<T> a, Pack<T> b) const {
    return -g * by_lane<T>(a, b, [](T x, T y) { return std::trunc(x / y); });
  }
};

/// a + b - 2ab: whether exactly one of two truths holds.
template <class T, class = Isa>
struct EitherAlone {
  static constexpr bool uses_a = false, uses_b = false, uses_other = true;
  Pack<T> value(Pack<T> a, Pack<T> b) const { return a + b - T(2) * a * b; }
  Pack<T> pull_a(Pack<T> g, Pack<T>, Pack<T> b) const { return g * (T(1) - T(2) * b); }
  Pack<T> pull_b(Pack<T> g, Pack<T> a, Pack<T>) const { return g * (T(1) - T(2) * a); }
};

/// a, times b where a < 0: a rectifier whose slope is the second operand, of any sign.
template <class T, class = Isa>
struct RectifiedBy {
  static constexpr bool uses_a = true, uses_b = false, uses_other = true;
  Pack<T> value(Pack<T> a, Pack<T> b) const { return a < T(0) ? a * b : a; }
  Pack<T> pull_a(Pack<T> g, Pack<T> a, Pack<T> b) const { return a > T(0) ? g : g * b; }
  Pack<T> pull_b(Pack<T> g, Pack<T> a, Pack<T>) const { return a > T(0) ? Pack<T>{} : g * a; }
};

}  // namespace foil::nn
