// SPDX-License-Identifier: MIT
/// \file
/// Softmax along one axis of a sample.
#pragma once

#include <algorithm>
#include <cmath>

#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

/// Softmax over the middle axis of samples of shape (outer, length, inner).
template <class T>
class Softmax : public Operator<T> {
 public:
  Softmax(Index outer, Index length, Index inner) : outer_(outer), length_(length), inner_(inner) {}

  bool needs_output() const override { return true; }
  bool in_place() const override { return true; }

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    for_each_line(batch, [&](Index begin) {
      const T* const x = inputs[0] + begin;
      T* const y = output + begin;
      T largest = x[0], sum = 0;
      for (Index i = 1; i < length_; ++i) largest = std::max(largest, x[i * inner_]);
      for (Index i = 0; i < length_; ++i) sum += y[i * inner_] = std::exp(x[i * inner_] - largest);
      for (Index i = 0; i < length_; ++i) y[i * inner_] /= sum;
    });
  }

  void backward(Index batch, const T* const*, const T* output, const T* cotangent, T* const* gradients,
                T*) const override {
    for_each_line(batch, [&](Index begin) {
      const T *const y = output + begin, *const g = cotangent + begin;
      T* const dx = gradients[0] + begin;
      T mean = 0;
      for (Index i = 0; i < length_; ++i) mean = std::fma(y[i * inner_], g[i * inner_], mean);
      for (Index i = 0; i < length_; ++i) dx[i * inner_] = y[i * inner_] * (g[i * inner_] - mean);
    });
  }

 private:
  template <class F>
  void for_each_line(Index batch, F&& work) const {
    for (Index o = 0; o < batch * outer_; ++o)
      for (Index i = 0; i < inner_; ++i) work(o * length_ * inner_ + i);
  }

  Index outer_, length_, inner_;
};

}  // namespace foil::nn
