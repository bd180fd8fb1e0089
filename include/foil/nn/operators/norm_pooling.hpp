// SPDX-License-Identifier: MIT
/// \file
/// The p-norm of each window of channels-last samples.
#pragma once

#include <algorithm>
#include <cmath>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/convolution.hpp"
#include "foil/nn/operators/elementwise.hpp"

namespace foil::nn {

using namespace simd;

/// (sum |x|^p)^(1/p) over each window, p a whole number from 1 on. The derivative is 0 where the norm is.
template <class T, class = Isa>
class NormPooling : public Operator<T> {
 public:
  NormPooling(Window rows, Window columns, Index channels, int p)
      : rows_(rows), columns_(columns), channels_(channels), p_(p) {}

  bool needs_inputs() const override { return true; }
  bool needs_output() const override { return true; }
  Index scratch() const override { return channels_; }

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    for_each_pixel(batch, [&](Index y, Index x, Index out, Index in) {
      T* const sum = output + out;
      std::fill_n(sum, channels_, T(0));
      for_each_tap(y, x, [&](Index tap) {
        map<T>(
            channels_, sum, [this](Pack<T> total, Pack<T> v) { return total + power(size(v), p_); }, sum,
            inputs[0] + in + tap);
      });
      map<T>(channels_, sum, [this](Pack<T> total) { return root(total); }, sum);
    });
  }

  void backward(Index batch, const T* const* inputs, const T* output, const T* cotangent, T* const* gradients,
                T* scratch) const override {
    std::fill_n(gradients[0], batch * rows_.input * columns_.input * channels_, T(0));
    for_each_pixel(batch, [&](Index y, Index x, Index out, Index in) {
      map<T>(
          channels_, scratch,
          [this](Pack<T> g, Pack<T> norm) { return norm > T(0) ? g / power(norm, p_ - 1) : Pack<T>{}; },
          cotangent + out, output + out);
      for_each_tap(y, x, [&](Index tap) {
        T* const to = gradients[0] + in + tap;
        map<T>(
            channels_, to,
            [this](Pack<T> sum, Pack<T> g, Pack<T> v) {
              const Pack<T> slope = power(size(v), p_ - 1) * g;
              return sum + (v > T(0) ? slope : v < T(0) ? -slope : Pack<T>{});
            },
            to, scratch, inputs[0] + in + tap);
      });
    });
  }

 private:
  static Pack<T> size(Pack<T> v) { return v < T(0) ? -v : v; }
  static Pack<T> power(Pack<T> v, int exponent) {
    Pack<T> product = Pack<T>{} + T(1);
    for (; exponent > 0; exponent /= 2, v *= v)
      if (exponent % 2 == 1) product *= v;
    return product;
  }
  Pack<T> root(Pack<T> sum) const {
    if (p_ == 1) return sum;
    return by_lane<T>(
        sum, [this](T v) { return p_ == 2 ? std::sqrt(v) : std::pow(v, T(1) / static_cast<T>(p_)); });
  }

  /// work(row, column, offset in the output, offset of the sample in the input) for each pixel of the output.
  template <class F>
  void for_each_pixel(Index batch, F&& work) const {
    Index out = 0;
    for (Index n = 0; n < batch; ++n)
      for (Index y = 0; y < rows_.output; ++y)
        for (Index x = 0; x < columns_.output; ++x, out += channels_)
          work(y, x, out, n * rows_.input * columns_.input * channels_);
  }
  /// visit(offset) for each pixel of the input under a window.
  template <class F>
  void for_each_tap(Index y, Index x, F&& visit) const {
    for (Index ky = rows_.first_tap(y); ky < rows_.end_tap(y); ++ky)
      for (Index kx = columns_.first_tap(x); kx < columns_.end_tap(x); ++kx)
        visit((rows_.at(y, ky) * columns_.input + columns_.at(x, kx)) * channels_);
  }

  Window rows_, columns_;
  Index channels_;
  int p_;
};

}  // namespace foil::nn
