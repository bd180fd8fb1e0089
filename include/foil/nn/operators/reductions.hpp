// SPDX-License-Identifier: MIT
/// \file
/// Reductions along one axis of a sample.
#pragma once

#include <cstddef>
#include <limits>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/lines.hpp"
#include "foil/nn/logarithm.hpp"
#include "foil/nn/math.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/operators/reductions.inc"

/// The product of each line. Each element's derivative is the product of the others, also where some are
/// zero.
template <class T>
class ProductAlong : public Operator<T> {
 public:
  explicit ProductAlong(Lines lines) : lines_(lines) {}

  bool needs_inputs() const override { return true; }

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    Index line = 0;
    lines_.for_each(batch, [&](Index begin) {
      double product = 1;
      for (Index i = 0; i < lines_.length; ++i)
        product *= static_cast<double>(inputs[0][begin + i * lines_.inner]);
      output[line++] = static_cast<T>(product);
    });
  }

  void backward(Index batch, const T* const* inputs, const T*, const T* cotangent, T* const* gradients,
                T*) const override {
    Index line = 0;
    lines_.for_each(batch, [&](Index begin) {
      const T* const x = inputs[0] + begin;
      T* const dx = gradients[0] + begin;
      double before = static_cast<double>(cotangent[line++]), behind = 1;
      for (Index i = 0; i < lines_.length; before *= static_cast<double>(x[i++ * lines_.inner]))
        dx[i * lines_.inner] = static_cast<T>(before);
      for (Index i = lines_.length; i-- > 0; behind *= static_cast<double>(x[i * lines_.inner]))
        dx[i * lines_.inner] = static_cast<T>(static_cast<double>(dx[i * lines_.inner]) * behind);
    });
  }

 private:
  Lines lines_;
};

/// The sum of each element and all before it, the element itself left out if `exclusive`; of all behind it
/// instead if `reverse`.
template <class T>
class CumulativeSum : public Operator<T> {
 public:
  CumulativeSum(Lines lines, bool exclusive, bool reverse)
      : lines_(lines), exclusive_(exclusive), reverse_(reverse) {}

  bool in_place() const override { return true; }

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    sum(batch, inputs[0], output, reverse_);
  }
  void backward(Index batch, const T* const*, const T*, const T* cotangent, T* const* gradients,
                T*) const override {
    sum(batch, cotangent, gradients[0], !reverse_);
  }

 private:
  void sum(Index batch, const T* from, T* to, bool reverse) const {
    lines_.for_each(batch, [&](Index begin) {
      double sum = 0;
      for (Index i = 0; i < lines_.length; ++i) {
        const Index at = begin + (reverse ? lines_.length - 1 - i : i) * lines_.inner;
        const double before = sum;
        sum += static_cast<double>(from[at]);
        to[at] = static_cast<T>(exclusive_ ? before : sum);
      }
    });
  }

  Lines lines_;
  bool exclusive_, reverse_;
};

}  // namespace foil::nn
