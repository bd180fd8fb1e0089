// SPDX-License-Identifier: MIT
/// \file
/// Two classes made of a single answer.
#pragma once

#include "foil/core/numbers.hpp"
#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

/// What the single answer is: z of the logits (0, z), or p of the probabilities (1 - p, p).
enum class SingleAnswer { logit, probability };

/// The scores of two classes, of which the first one has more where they would tie: class 1 is the answer
/// where z > 0 or p > 1/2, and nowhere else.
template <class T, class = simd::Isa>
class TwoClasses : public Operator<T> {
 public:
  explicit TwoClasses(SingleAnswer answer) : probability_(answer == SingleAnswer::probability) {}

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    for (Index i = 0; i < batch; ++i) {
      const T x = inputs[0][i];
      output[2 * i] = won_tie(probability_ ? T(1) - x : T(0), x);
      output[2 * i + 1] = x;
    }
  }

  void backward(Index batch, const T* const*, const T*, const T* cotangent, T* const* gradients,
                T*) const override {
    for (Index i = 0; i < batch; ++i)
      gradients[0][i] = cotangent[2 * i + 1] - (probability_ ? cotangent[2 * i] : T(0));
  }

 private:
  bool probability_;
};

}  // namespace foil::nn
