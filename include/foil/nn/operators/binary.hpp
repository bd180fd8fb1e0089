// SPDX-License-Identifier: MIT
/// \file
/// Arithmetic of two operands, element by element: two activations of the same size, or one and a constant.
#pragma once

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/lines.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/elementwise.hpp"
#include "foil/nn/table.hpp"

namespace foil::nn {

using namespace simd;

// Each function offers value(a, b), and its pullbacks pull_a(g, a, b) and pull_b(g, a, b); uses_a says
// whether pull_a looks at a itself, uses_b whether pull_b looks at b, and uses_other whether they look at the
// other one.

template <class T, class = Isa>
struct Plus {
  static constexpr bool uses_a = false, uses_b = false, uses_other = false;
  Pack<T> value(Pack<T> a, Pack<T> b) const { return a + b; }
  Pack<T> pull_a(Pack<T> g, Pack<T>, Pack<T>) const { return g; }
  Pack<T> pull_b(Pack<T> g, Pack<T>, Pack<T>) const { return g; }
};

template <class T, class = Isa>
struct Minus {
  static constexpr bool uses_a = false, uses_b = false, uses_other = false;
  Pack<T> value(Pack<T> a, Pack<T> b) const { return a - b; }
  Pack<T> pull_a(Pack<T> g, Pack<T>, Pack<T>) const { return g; }
  Pack<T> pull_b(Pack<T> g, Pack<T>, Pack<T>) const { return -g; }
};

template <class T, class = Isa>
struct Times {
  static constexpr bool uses_a = false, uses_b = false, uses_other = true;
  Pack<T> value(Pack<T> a, Pack<T> b) const { return a * b; }
  Pack<T> pull_a(Pack<T> g, Pack<T>, Pack<T> b) const { return g * b; }
  Pack<T> pull_b(Pack<T> g, Pack<T> a, Pack<T>) const { return g * a; }
};

template <class T, class = Isa>
struct Over {
  static constexpr bool uses_a = false, uses_b = true, uses_other = true;
  Pack<T> value(Pack<T> a, Pack<T> b) const { return a / b; }
  Pack<T> pull_a(Pack<T> g, Pack<T>, Pack<T> b) const { return g / b; }
  Pack<T> pull_b(Pack<T> g, Pack<T> a, Pack<T> b) const { return -(g * a) / (b * b); }
};

template <class T, class = Isa>
struct RaisedTo {
  static constexpr bool uses_a = true, uses_b = true, uses_other = true;
  Pack<T> value(Pack<T> a, Pack<T> b) const {
    return by_lane<T>(a, b, [](T x, T y) { return std::pow(x, y); });
  }
  Pack<T> pull_a(Pack<T> g, Pack<T> a, Pack<T> b) const {
    return g * by_lane<T>(a, b, [](T x, T y) { return y == T(0) ? T(0) : y * std::pow(x, y - T(1)); });
  }
  Pack<T> pull_b(Pack<T> g, Pack<T> a, Pack<T> b) const {
    return g * by_lane<T>(a, b, [](T x, T y) { return x == T(0) ? T(0) : std::log(x) * std::pow(x, y); });
  }
};

/// F of two activations.
template <class T, class F, class = Isa>
class Binary : public Divisible<T> {
 public:
  explicit Binary(Index size) : size_(size) {}

  bool needs_inputs() const override { return F::uses_a || F::uses_b || F::uses_other; }
  bool in_place() const override { return true; }

  void forward_share(Share share, Index batch, const T* const* inputs, T* output, std::byte*,
                     T*) const override {
    const auto [begin, end] = share.of(batch * size_, share_unit);
    map<T>(
        end - begin, output + begin, [](Pack<T> a, Pack<T> b) { return F{}.value(a, b); }, inputs[0] + begin,
        inputs[1] + begin);
  }

  void backward_share(Share share, Index batch, const T* const* inputs, const T*, const std::byte*,
                      const T* cotangent, T* const* gradients, T*) const override {
    const auto [begin, end] = share.of(batch * size_, share_unit);
    const T* const a = (needs_inputs() ? inputs[0] : cotangent) + begin;
    const T* const b = (needs_inputs() ? inputs[1] : cotangent) + begin;
    for_vectors<T>(end - begin, [&, first = begin](Index i, auto count) {
      const Pack<T> g = read<T>(cotangent + first + i, count);  // before a gradient overwrites it
      const Pack<T> x = read<T>(a + i, count), y = read<T>(b + i, count);
      write<T>(gradients[0] + first + i, F{}.pull_a(g, x, y), count);
      write<T>(gradients[1] + first + i, F{}.pull_b(g, x, y), count);
    });
  }

 private:
  Index size_;
};

/// F of an activation and a constant, one number for each position along an axis of the sample or for each of
/// its elements; the constant is the first operand if `constant_first`.
template <class T, class F, bool constant_first, class = Isa>
class WithConstant : public Divisible<T> {
 public:
  /// A number for each element of a sample.
  explicit WithConstant(const std::vector<T>& constant) : constant_(constant) {}

  /// A number for each position along the lines of a sample.
  WithConstant(Lines lines, std::vector<T> constant) : constant_(lines, std::move(constant)) {}

  bool needs_inputs() const override { return constant_first ? F::uses_b : F::uses_a; }
  bool in_place() const override { return true; }
  Index weights() const override { return constant_.size(); }

  void forward_share(Share share, Index batch, const T* const* inputs, T* output, std::byte*,
                     T*) const override {
    map_with<T>(
        share, batch, {&constant_}, output,
        [](Pack<T> x, Pack<T> c) { return constant_first ? F{}.value(c, x) : F{}.value(x, c); }, inputs[0]);
  }

  void backward_share(Share share, Index batch, const T* const* inputs, const T*, const std::byte*,
                      const T* cotangent, T* const* gradients, T*) const override {
    const T* const values = needs_inputs() ? inputs[0] : cotangent;
    map_with<T>(
        share, batch, {&constant_}, gradients[0],
        [](Pack<T> g, Pack<T> x, Pack<T> c) {
          return constant_first ? F{}.pull_b(g, c, x) : F{}.pull_a(g, x, c);
        },
        cotangent, values);
  }

 private:
  Table<T> constant_;
};

/// y = scale x + shift, with a scale and a shift for each position along the lines of a sample.
template <class T, class = Isa>
class ScaleAndShift : public Divisible<T> {
 public:
  ScaleAndShift(Lines lines, std::vector<T> scale, std::vector<T> shift)
      : scale_(lines, std::move(scale)), shift_(lines, std::move(shift)) {}

  bool in_place() const override { return true; }
  Index weights() const override { return 2 * scale_.size(); }

  void forward_share(Share share, Index batch, const T* const* inputs, T* output, std::byte*,
                     T*) const override {
    map_with<T>(
        share, batch, {&scale_, &shift_}, output,
        [](Pack<T> x, Pack<T> a, Pack<T> b) { return multiply_add<T>(x, a, b); }, inputs[0]);
  }

  void backward_share(Share share, Index batch, const T* const*, const T*, const std::byte*,
                      const T* cotangent, T* const* gradients, T*) const override {
    map_with<T>(share, batch, {&scale_}, gradients[0], [](Pack<T> g, Pack<T> a) { return g * a; }, cotangent);
  }

 private:
  Table<T> scale_, shift_;
};

}  // namespace foil::nn
