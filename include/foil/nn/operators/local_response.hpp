// SPDX-License-Identifier: MIT
/// \file
/// Local response normalisation.
#pragma once

#include <algorithm>
#include <cstddef>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/lines.hpp"
#include "foil/nn/logarithm.hpp"
#include "foil/nn/math.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

using namespace simd;

/// y = x d^-beta, where d = bias + rate times the sum of the squares of the elements that are from `before`
/// before to `behind` behind on the same line.
struct ResponseWindow {
  Index before, behind;
  double rate, beta, bias;
};

/// Local response normalisation along lines. Cost per element: that of the window.
template <class T, class = Isa>
class LocalResponse : public Operator<T> {
 public:
  LocalResponse(Lines lines, ResponseWindow window) : lines_(lines), window_(window) {
    window_.before = std::min(window_.before, lines.length - 1);
    window_.behind = std::min(window_.behind, lines.length - 1);
  }

  bool needs_inputs() const override { return true; }
  Index scratch() const override { return 3 * rows() * width() + 2 * lanes<T>; }

  void forward(Index batch, const T* const* inputs, T* output, T* scratch) const override {
    const T beta = static_cast<T>(window_.beta);
    for_blocks(batch, [&](Index begin, Index columns) {
      T* const divisors = squares(inputs[0] + begin, columns, scratch);
      each_row(begin, columns, [&](Index at, Index i, auto n) {
        const Pack<T> d = read<T>(divisors + i, n);
        write<T>(output + at, read<T>(inputs[0] + at, n) * power(d, -beta), n);
      });
    });
  }

  /// dx = g d^-beta - 2 rate beta x Σ g x d^(-beta-1), the sum over the windows that x is in.
  void backward(Index batch, const T* const* inputs, const T*, const T* cotangent, T* const* gradients,
                T* scratch) const override {
    const T beta = static_cast<T>(window_.beta), twice = static_cast<T>(2 * window_.rate * window_.beta);
    for_blocks(batch, [&](Index begin, Index columns) {
      T* const divisors = squares(inputs[0] + begin, columns, scratch);
      T* const terms = scratch;  // where the squares were
      std::fill_n(terms, rows() * columns, T(0));
      each_row(begin, columns, [&](Index at, Index i, auto n) {
        const Pack<T> d = read<T>(divisors + i, n), g = read<T>(cotangent + at, n);
        write<T>(terms + margin() * columns + i, g * read<T>(inputs[0] + at, n) * power(d, -beta) / d, n);
      });
      T* const sums = scratch + 2 * rows() * width();
      window_sums(terms, window_.behind, window_.before, columns, sums);
      each_row(begin, columns, [&](Index at, Index i, auto n) {
        const Pack<T> own = read<T>(cotangent + at, n) * power(read<T>(divisors + i, n), -beta);
        write<T>(gradients[0] + at, own - twice * read<T>(inputs[0] + at, n) * read<T>(sums + i, n), n);
      });
    });
  }

 private:
  /// Lines that are looked at together, and the elements of one with a margin at either end.
  Index width() const { return std::min(lines_.inner, 4 * lanes<T>); }
  Index margin() const { return std::max(window_.before, window_.behind); }
  Index rows() const { return lines_.length + 2 * margin(); }

  template <class F>
  void for_blocks(Index batch, F&& work) const {
    for (Index o = 0; o < batch * lines_.outer; ++o)
      for (Index i = 0; i < lines_.inner; i += width())
        work(o * lines_.length * lines_.inner + i, std::min(width(), lines_.inner - i));
  }

  /// f(offset, offset in the block, count): the elements of a block of so many columns.
  template <class F>
  void each_row(Index begin, Index columns, F&& f) const {
    if (lines_.inner == 1) {
      for_vectors<T>(lines_.length, [&](Index i, auto n) { f(begin + i, i, n); });
      return;
    }
    for (Index l = 0; l < lines_.length; ++l)
      for_vectors<T>(columns, [&](Index i, auto n) { f(begin + l * lines_.inner + i, l * columns + i, n); });
  }

  static Pack<T> power(Pack<T> d, T exponent) { return exp<T>(log<T>(d) * exponent); }

  /// sums[i] = Σ from[i + k], k rows from `before` before to `behind` behind, where `from` has margins.
  void window_sums(const T* from, Index before, Index behind, Index columns, T* sums) const {
    const T* const first = from + (margin() - before) * columns;
    for_vectors<T>(lines_.length * columns, [&](Index i, auto n) {
      Pack<T> sum{};
      for (Index k = 0; k <= before + behind; ++k) sum += read<T>(first + k * columns + i, n);
      write<T>(sums + i, sum, n);
    });
  }

  /// The divisors d of a block, behind its squares.
  T* squares(const T* x, Index columns, T* scratch) const {
    std::fill_n(scratch, rows() * columns, T(0));
    each_row(0, columns, [&](Index at, Index i, auto n) {
      const Pack<T> v = read<T>(x + at, n);
      write<T>(scratch + margin() * columns + i, v * v, n);
    });
    T* const divisors = scratch + rows() * width();
    window_sums(scratch, window_.before, window_.behind, columns, divisors);
    const Pack<T> rate = broadcast<T>(static_cast<T>(window_.rate));
    const Pack<T> bias = broadcast<T>(static_cast<T>(window_.bias));
    map<T>(
        lines_.length * columns, divisors, [=](Pack<T> s) { return multiply_add<T>(s, rate, bias); },
        divisors);
    return divisors;
  }

  Lines lines_;
  ResponseWindow window_;
};

}  // namespace foil::nn
