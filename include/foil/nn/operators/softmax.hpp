// SPDX-License-Identifier: MIT
/// \file
/// Softmax along one axis of a sample, and its logarithm.
#pragma once

#include <algorithm>
#include <cmath>

#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

/// The middle axis of samples of shape (outer, length, inner): element i of a line begins at i * inner.
struct Lines {
  Index outer, length, inner;

  /// Calls work(begin) for each line of `batch` samples.
  template <class F>
  void for_each(Index batch, F&& work) const {
    for (Index o = 0; o < batch * outer; ++o)
      for (Index i = 0; i < inner; ++i) work(o * length * inner + i);
  }
};

/// Softmax over lines.
template <class T>
class Softmax : public Operator<T> {
 public:
  explicit Softmax(Lines lines) : lines_(lines) {}

  bool needs_output() const override { return true; }
  bool in_place() const override { return true; }

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    lines_.for_each(batch, [&](Index begin) {
      const T* const x = inputs[0] + begin;
      T* const y = output + begin;
      const Index length = lines_.length, inner = lines_.inner;
      T largest = x[0], sum = 0;
      for (Index i = 1; i < length; ++i) largest = std::max(largest, x[i * inner]);
      for (Index i = 0; i < length; ++i) sum += y[i * inner] = std::exp(x[i * inner] - largest);
      for (Index i = 0; i < length; ++i) y[i * inner] /= sum;
    });
  }

  void backward(Index batch, const T* const*, const T* output, const T* cotangent, T* const* gradients,
                T*) const override {
    lines_.for_each(batch, [&](Index begin) {
      const T *const y = output + begin, *const g = cotangent + begin;
      T* const dx = gradients[0] + begin;
      const Index length = lines_.length, inner = lines_.inner;
      T mean = 0;
      for (Index i = 0; i < length; ++i) mean = std::fma(y[i * inner], g[i * inner], mean);
      for (Index i = 0; i < length; ++i) dx[i * inner] = y[i * inner] * (g[i * inner] - mean);
    });
  }

 private:
  Lines lines_;
};

/// The logarithm of the softmax over lines.
template <class T>
class LogSoftmax : public Operator<T> {
 public:
  explicit LogSoftmax(Lines lines) : lines_(lines) {}

  bool needs_output() const override { return true; }
  bool in_place() const override { return true; }

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    lines_.for_each(batch, [&](Index begin) {
      const T* const x = inputs[0] + begin;
      T* const y = output + begin;
      const Index length = lines_.length, inner = lines_.inner;
      T largest = x[0], sum = 0;
      for (Index i = 1; i < length; ++i) largest = std::max(largest, x[i * inner]);
      for (Index i = 0; i < length; ++i) sum += std::exp(x[i * inner] - largest);
      const T size = std::log(sum);
      for (Index i = 0; i < length; ++i) y[i * inner] = x[i * inner] - largest - size;
    });
  }

  void backward(Index batch, const T* const*, const T* output, const T* cotangent, T* const* gradients,
                T*) const override {
    lines_.for_each(batch, [&](Index begin) {
      const T *const y = output + begin, *const g = cotangent + begin;
      T* const dx = gradients[0] + begin;
      const Index length = lines_.length, inner = lines_.inner;
      T sum = 0;
      for (Index i = 0; i < length; ++i) sum += g[i * inner];
      for (Index i = 0; i < length; ++i) dx[i * inner] = g[i * inner] - std::exp(y[i * inner]) * sum;
    });
  }

 private:
  Lines lines_;
};

}  // namespace foil::nn
