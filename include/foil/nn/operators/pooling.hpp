// SPDX-License-Identifier: MIT
/// \file
/// Pooling over windows of channels-last samples.
#pragma once

#include <algorithm>
#include <limits>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/convolution.hpp"

namespace foil::nn {

using namespace simd;

/// Geometry that both poolings share, and the walk over their windows.
template <class T>
class Pooling : public Operator<T> {
 public:
  Pooling(Window rows, Window columns, Index channels)
      : rows_(rows), columns_(columns), channels_(channels) {}

 protected:
  Index input_size() const { return rows_.input * columns_.input * channels_; }
  Index output_size() const { return rows_.output * columns_.output * channels_; }

  /// work(row, column, offset) for each output pixel of each sample, with its offset in the output and that
  /// of its sample in the input.
  template <class F>
  void for_each_pixel(Index batch, F&& work) const {
    Index out = 0;
    for (Index n = 0; n < batch; ++n)
      for (Index y = 0; y < rows_.output; ++y)
        for (Index x = 0; x < columns_.output; ++x, out += channels_) work(y, x, out, n * input_size());
  }

  /// visit(offset) for each input pixel under the window of output pixel (y, x), rows first.
  template <class F>
  void for_each_tap(Index y, Index x, F&& visit) const {
    const Index first = columns_.first_tap(x), end = columns_.end_tap(x);
    for (Index ky = rows_.first_tap(y); ky < rows_.end_tap(y); ++ky)
      for (Index kx = first; kx < end; ++kx)
        visit((rows_.at(y, ky) * columns_.input + columns_.at(x, kx)) * channels_);
  }

  Window rows_, columns_;
  Index channels_;
};

/// The largest element of each window; padding does not count, and a window of nothing but padding yields the
/// lowest finite number, as in ONNX Runtime. On a tie the first one receives the gradient.
template <class T, class = Isa>
class MaxPooling : public Pooling<T> {
 public:
  using Pooling<T>::Pooling;

  bool needs_inputs() const override { return true; }
  bool needs_output() const override { return true; }

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    this->for_each_pixel(batch, [&](Index y, Index x, Index out, Index in) {
      std::fill_n(output + out, this->channels_, std::numeric_limits<T>::lowest());
      this->for_each_tap(y, x, [&](Index tap) {
        map<T>(
            this->channels_, output + out,
            [](Pack<T> best, Pack<T> v) { return ((v > best) | (v != v)) ? v : best; }, output + out,
            inputs[0] + in + tap);
      });
    });
  }

  void backward(Index batch, const T* const* inputs, const T* output, const T* cotangent, T* const* gradients,
                T* scratch) const override {
    const Index channels = this->channels_;
    T* const rest = scratch;  // what has not found its element yet
    std::fill_n(gradients[0], batch * this->input_size(), T(0));
    this->for_each_pixel(batch, [&](Index y, Index x, Index out, Index in) {
      std::copy_n(cotangent + out, channels, rest);
      this->for_each_tap(y, x, [&](Index tap) {
        const T* const v = inputs[0] + in + tap;
        T* const gradient = gradients[0] + in + tap;
        const Pack<T> zero{};
        map<T>(
            channels, gradient,
            [zero](Pack<T> sum, Pack<T> g, Pack<T> a, Pack<T> best) { return sum + (a == best ? g : zero); },
            gradient, rest, v, output + out);
        map<T>(
            channels, rest, [zero](Pack<T> g, Pack<T> a, Pack<T> best) { return a == best ? zero : g; }, rest,
            v, output + out);
      });
    });
  }

  Index scratch() const override { return this->channels_; }
};

/// The mean of each window, over the pixels inside the input or, if `count_padding`, also over the padding.
template <class T, class = Isa>
class AveragePooling : public Pooling<T> {
 public:
  AveragePooling(Window rows, Window columns, Index channels, bool count_padding)
      : Pooling<T>(rows, columns, channels), count_padding_(count_padding) {}

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    this->for_each_pixel(batch, [&](Index y, Index x, Index out, Index in) {
      std::fill_n(output + out, this->channels_, T(0));
      this->for_each_tap(
          y, x, [&](Index tap) { accumulate<T>(this->channels_, inputs[0] + in + tap, output + out); });
      const T count = static_cast<T>(size(y, x));
      map<T>(this->channels_, output + out, [count](Pack<T> sum) { return sum / count; }, output + out);
    });
  }

  void backward(Index batch, const T* const*, const T*, const T* cotangent, T* const* gradients,
                T* scratch) const override {
    std::fill_n(gradients[0], batch * this->input_size(), T(0));
    this->for_each_pixel(batch, [&](Index y, Index x, Index out, Index in) {
      const T count = static_cast<T>(size(y, x));
      map<T>(this->channels_, scratch, [count](Pack<T> g) { return g / count; }, cotangent + out);
      this->for_each_tap(
          y, x, [&](Index tap) { accumulate<T>(this->channels_, scratch, gradients[0] + in + tap); });
    });
  }

  Index scratch() const override { return this->channels_; }

 private:
  /// Number of pixels that the mean at (y, x) is taken over.
  Index size(Index y, Index x) const { return counted(this->rows_, y) * counted(this->columns_, x); }
  Index counted(const Window& w, Index out) const {
    return count_padding_ ? w.taps_before(out, w.input + w.pad_end)
                          : std::max<Index>(0, w.end_tap(out) - w.first_tap(out));
  }

  bool count_padding_;
};

}  // namespace foil::nn
