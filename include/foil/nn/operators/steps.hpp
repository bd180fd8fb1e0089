// SPDX-License-Identifier: MIT
/// \file
/// Functions that are constant but for jumps, whose derivative is zero, and what chooses by their answers.
/// Truth is 1, anything else 0.
#pragma once

#include <limits>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/elementwise.hpp"

namespace foil::nn {

using namespace simd;

/// The base of elementwise functions whose derivative is zero.
template <class T, class = Isa>
struct Step {
  static constexpr From from = From::nothing;
  Pack<T> pull(Pack<T>, Pack<T>) const { return Pack<T>{}; }
};

/// F with the derivative of the identity.
template <class T, class F, class = Isa>
struct StraightThrough : F {
  Pack<T> pull(Pack<T> g, Pack<T>) const { return g; }
};

template <class T, class = Isa>
struct Sign : Step<T> {
  Pack<T> value(Pack<T> x) const {
    const Pack<T> zero{}, one = zero + T(1);
    return x > zero ? one : x < zero ? -one : x;
  }
};

/// To the nearest whole number; of two that are as near, to the even one.
template <class T, class = Isa>
struct Round : Step<T> {
  Pack<T> value(Pack<T> x) const {
    const Pack<T> half = broadcast<T>(T(0.5) / std::numeric_limits<T>::epsilon()), zero{};
    const Pack<T> shift = half + half;  // numbers of this size have no fraction: adding it rounds
    const Pack<T> size = x < zero ? -x : x, whole = (size + shift) - shift;
    return size < shift ? (x < zero ? -whole : whole) : x;
  }
};

template <class T, class = Isa>
struct Floor : Step<T> {
  Pack<T> value(Pack<T> x) const {
    const Pack<T> whole = Round<T>{}.value(x);
    return whole > x ? whole - T(1) : whole;
  }
};

template <class T, class = Isa>
struct Ceil : Step<T> {
  Pack<T> value(Pack<T> x) const { return -Floor<T>{}.value(-x); }
};

/// Whether x is no number.
template <class T, class = Isa>
struct IsNan : Step<T> {
  Pack<T> value(Pack<T> x) const {
    const Pack<T> zero{}, one = zero + T(1);
    return x != x ? one : zero;
  }
};

/// Whether x is infinite, of the signs that count.
template <class T, class = Isa>
struct IsInfinite : Step<T> {
  bool negative = true, positive = true;
  Pack<T> value(Pack<T> x) const {
    constexpr T infinity = std::numeric_limits<T>::infinity();
    const Pack<T> zero{}, above = zero + (positive ? T(1) : T(0)), below = zero + (negative ? T(1) : T(0));
    return x == infinity ? above : x == -infinity ? below : zero;
  }
};

/// Whether x is not zero.
template <class T, class = Isa>
struct NotZero : Step<T> {
  Pack<T> value(Pack<T> x) const {
    const Pack<T> zero{}, one = zero + T(1);
    return x == zero ? zero : one;
  }
};

/// 1 - x: the negation of a truth.
template <class T, class = Isa>
struct Complement {
  static constexpr From from = From::nothing;
  Pack<T> value(Pack<T> x) const { return T(1) - x; }
  Pack<T> pull(Pack<T> g, Pack<T>) const { return -g; }
};

// Functions of two operands, as foil/nn/operators/binary.hpp uses them.

/// The base of comparisons: pulls back `slope` times the cotangent to a, and minus that to b. The derivative
/// is a slope of 0; 1 or -1 are that of the difference, or of its negative.
template <class T, int slope, class = Isa>
struct Comparison {
  static constexpr bool uses_a = false, uses_b = false, uses_other = false;
  Pack<T> pull_a(Pack<T> g, Pack<T>, Pack<T>) const { return scaled(g, slope); }
  Pack<T> pull_b(Pack<T> g, Pack<T>, Pack<T>) const { return scaled(g, -slope); }

 private:
  static Pack<T> scaled(Pack<T> g, int by) { return by == 0 ? Pack<T>{} : by > 0 ? g : -g; }
};

template <class T, int slope = 0, class = Isa>
struct Greater : Comparison<T, slope> {
  Pack<T> value(Pack<T> a, Pack<T> b) const {
    const Pack<T> zero{}, one = zero + T(1);
    return a > b ? one : zero;
  }
};

template <class T, int slope = 0, class = Isa>
struct GreaterOrEqual : Comparison<T, slope> {
  Pack<T> value(Pack<T> a, Pack<T> b) const {
    const Pack<T> zero{}, one = zero + T(1);
    return a >= b ? one : zero;
  }
};

template <class T, int slope = 0, class = Isa>
struct Less : Comparison<T, -slope> {
  Pack<T> value(Pack<T> a, Pack<T> b) const { return Greater<T>{}.value(b, a); }
};

template <class T, int slope = 0, class = Isa>
struct LessOrEqual : Comparison<T, -slope> {
  Pack<T> value(Pack<T> a, Pack<T> b) const { return GreaterOrEqual<T>{}.value(b, a); }
};

/// Has no slope, whatever is asked for: equality grows in neither direction.
template <class T, int = 0, class = Isa>
struct Equal : Comparison<T, 0> {
  Pack<T> value(Pack<T> a, Pack<T> b) const {
    const Pack<T> zero{}, one = zero + T(1);
    return a == b ? one : zero;
  }
};

/// a + b - ab: whether one of two truths holds.
template <class T, class = Isa>
struct Either {
  static constexpr bool uses_a = false, uses_b = false, uses_other = true;
  Pack<T> value(Pack<T> a, Pack<T> b) const { return a + b - a * b; }
  Pack<T> pull_a(Pack<T> g, Pack<T>, Pack<T> b) const { return g * (T(1) - b); }
  Pack<T> pull_b(Pack<T> g, Pack<T> a, Pack<T>) const { return g * (T(1) - a); }
};

/// The second operand, whatever the first: makes an activation of a constant.
template <class T, class = Isa>
struct Second {
  static constexpr bool uses_a = false, uses_b = false, uses_other = false;
  Pack<T> value(Pack<T>, Pack<T> b) const { return b; }
  Pack<T> pull_a(Pack<T>, Pack<T>, Pack<T>) const { return Pack<T>{}; }
  Pack<T> pull_b(Pack<T> g, Pack<T>, Pack<T>) const { return g; }
};

/// The second input where the first, the condition, is not zero, else the third. The condition is pulled back
/// to as that of c a + (1 - c) b, which matters only where the condition has a derivative itself.
template <class T, class = Isa>
class Select : public Operator<T> {
 public:
  explicit Select(Index size) : size_(size) {}

  bool needs_inputs() const override { return true; }

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    for (Index i = 0; i < batch * size_; ++i) output[i] = inputs[0][i] != T(0) ? inputs[1][i] : inputs[2][i];
  }

  void backward(Index batch, const T* const* inputs, const T*, const T* g, T* const* gradients,
                T*) const override {
    for (Index i = 0; i < batch * size_; ++i) {
      const bool first = inputs[0][i] != T(0);
      gradients[0][i] = g[i] * (inputs[1][i] - inputs[2][i]);
      gradients[1][i] = first ? g[i] : T(0);
      gradients[2][i] = first ? T(0) : g[i];
    }
  }

 private:
  Index size_;
};

}  // namespace foil::nn
