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

/// What is done to each line by itself and differentiated from its result.
template <class T>
class AlongLines : public Operator<T> {
 public:
  explicit AlongLines(Lines lines) : lines_(lines) {}

  bool needs_output() const override { return true; }
  bool in_place() const override { return true; }

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    lines_.for_each(batch, [&](Index begin) {
      const T* const x = inputs[0] + begin;
      T largest = x[0];
      for (Index i = 1; i < lines_.length; ++i) largest = std::max(largest, x[i * lines_.inner]);
      evaluate(x, largest, output + begin);
    });
  }

  void backward(Index batch, const T* const*, const T* output, const T* cotangent, T* const* gradients,
                T*) const override {
    lines_.for_each(batch,
                    [&](Index begin) { pull_back(output + begin, cotangent + begin, gradients[0] + begin); });
  }

 protected:
  /// One line, given its largest element, and its derivative, given the result.
  virtual void evaluate(const T* x, T largest, T* y) const = 0;
  virtual void pull_back(const T* y, const T* g, T* dx) const = 0;

  Lines lines_;
};

/// Softmax over lines.
template <class T>
class Softmax : public AlongLines<T> {
 public:
  using AlongLines<T>::AlongLines;

 private:
  void evaluate(const T* x, T largest, T* y) const override {
    const Index length = this->lines_.length, inner = this->lines_.inner;
    T sum = 0;
    for (Index i = 0; i < length; ++i) sum += y[i * inner] = std::exp(x[i * inner] - largest);
    for (Index i = 0; i < length; ++i) y[i * inner] /= sum;
  }
  void pull_back(const T* y, const T* g, T* dx) const override {
    const Index length = this->lines_.length, inner = this->lines_.inner;
    T mean = 0;
    for (Index i = 0; i < length; ++i) mean = std::fma(y[i * inner], g[i * inner], mean);
    for (Index i = 0; i < length; ++i) dx[i * inner] = y[i * inner] * (g[i * inner] - mean);
  }
};

/// The logarithm of the softmax over lines.
template <class T>
class LogSoftmax : public AlongLines<T> {
 public:
  using AlongLines<T>::AlongLines;

 private:
  void evaluate(const T* x, T largest, T* y) const override {
    const Index length = this->lines_.length, inner = this->lines_.inner;
    T sum = 0;
    for (Index i = 0; i < length; ++i) sum += std::exp(x[i * inner] - largest);
    const T size = std::log(sum);
    for (Index i = 0; i < length; ++i) y[i * inner] = x[i * inner] - largest - size;
  }
  void pull_back(const T* y, const T* g, T* dx) const override {
    const Index length = this->lines_.length, inner = this->lines_.inner;
    T sum = 0;
    for (Index i = 0; i < length; ++i) sum += g[i * inner];
    for (Index i = 0; i < length; ++i) dx[i * inner] = g[i * inner] - std::exp(y[i * inner]) * sum;
  }
};

}  // namespace foil::nn
