// SPDX-License-Identifier: MIT
/// \file
/// Quantisation by the range of each sample, to whole numbers from 0 to 255.
#pragma once

#include <algorithm>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/math.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/steps.hpp"

namespace foil::nn {

using namespace simd;

/// What a number of a DynamicRange is: the distance of two neighbours, or the whole number that stands for 0.
enum class RangePart { scale, zero };

/// One of the numbers that put a sample of `size` numbers, and 0, into 256 steps. Its derivative counts as
/// zero.
template <class T, class = Isa>
class DynamicRange : public Operator<T> {
 public:
  DynamicRange(Index size, RangePart part) : size_(size), part_(part) {}

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    for (Index i = 0; i < batch; ++i) {
      const T* const x = inputs[0] + i * size_;
      T low = 0, high = 0;
      for (Index k = 0; k < size_; ++k) {
        low = std::min(low, x[k]);
        high = std::max(high, x[k]);
      }
      const T scale = low == high ? T(1) : (high - low) / T(255);
      const Pack<T> zero = Round<T>{}.value(broadcast<T>(std::clamp(-low / scale, T(0), T(255))));
      output[i] = part_ == RangePart::scale ? scale : zero[0];
    }
  }

  void backward(Index batch, const T* const*, const T*, const T*, T* const* gradients, T*) const override {
    std::fill_n(gradients[0], batch * size_, T(0));
  }

 private:
  Index size_;
  RangePart part_;
};

/// The whole numbers from 0 to 255 that samples of `size` numbers become, by the scale and the zero of each,
/// which are inputs 1 and 2. What is pulled back is the cotangent of x / scale; to the others, zero.
template <class T, class = Isa>
class DynamicQuantize : public Operator<T> {
 public:
  explicit DynamicQuantize(Index size) : size_(size) {}

  bool needs_inputs() const override { return true; }

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    for (Index i = 0; i < batch; ++i) {
      const Pack<T> scale = broadcast<T>(inputs[1][i]), zero = broadcast<T>(inputs[2][i]), low{},
                    high = broadcast<T>(T(255));
      const auto step = [&](Pack<T> x) {
        const Pack<T> k = Round<T>{}.value(x / scale) + zero;
        return k > high ? high : k < low ? low : k;
      };
      map<T>(size_, output + i * size_, step, inputs[0] + i * size_);
    }
  }

  void backward(Index batch, const T* const* inputs, const T*, const T* cotangent, T* const* gradients,
                T*) const override {
    for (Index i = 0; i < batch; ++i) {
      const Pack<T> scale = broadcast<T>(inputs[1][i]);
      map<T>(size_, gradients[0] + i * size_, [&](Pack<T> g) { return g / scale; }, cotangent + i * size_);
      gradients[1][i] = gradients[2][i] = T(0);
    }
  }

 private:
  Index size_;
};

}  // namespace foil::nn
