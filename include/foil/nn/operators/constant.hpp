// SPDX-License-Identifier: MIT
/// \file
/// A constant where operators expect an activation.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

/// The same elements for every sample. Has no inputs.
template <class T>
class Constant : public Operator<T> {
 public:
  explicit Constant(std::vector<T> elements) : elements_(std::move(elements)) {}

  const std::vector<T>& elements() const { return elements_; }

  void forward(Index batch, const T* const*, T* output, T*) const override {
    for (Index n = 0; n < batch; ++n) output = std::copy(elements_.begin(), elements_.end(), output);
  }

  void backward(Index, const T* const*, const T*, const T*, T* const*, T*) const override {}

 private:
  std::vector<T> elements_;
};

}  // namespace foil::nn
