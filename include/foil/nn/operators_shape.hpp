// SPDX-License-Identifier: MIT
/// \file
/// Operators that only move elements.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

/// A permutation of the elements of each sample: output element i is input element source[i].
template <class T>
class Permute : public Operator<T> {
 public:
  explicit Permute(std::vector<std::int32_t> source) : source_(std::move(source)) {}

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    const std::size_t size = source_.size();
    for (std::size_t n = 0; n < static_cast<std::size_t>(batch); ++n)
      for (std::size_t i = 0; i < size; ++i)
        output[n * size + i] = inputs[0][n * size + static_cast<std::size_t>(source_[i])];
  }

  void backward(Index batch, const T* const*, const T*, const T* cotangent, T* const* gradients,
                T*) const override {
    const std::size_t size = source_.size();
    for (std::size_t n = 0; n < static_cast<std::size_t>(batch); ++n)
      for (std::size_t i = 0; i < size; ++i)
        gradients[0][n * size + static_cast<std::size_t>(source_[i])] = cotangent[n * size + i];
  }

 private:
  std::vector<std::int32_t> source_;
};

/// Concatenation: each sample is cut into `blocks` blocks, and block b of the output is block b of the first
/// input, then block b of the second, and so on. `widths` are the lengths of the inputs' blocks.
template <class T>
class Concatenate : public Operator<T> {
 public:
  Concatenate(Index blocks, std::vector<Index> widths) : blocks_(blocks), widths_(std::move(widths)) {
    for (const Index width : widths_) total_ += width;
  }

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    Index begin = 0;
    for (std::size_t i = 0; i < widths_.size(); begin += widths_[i++])
      for (Index b = 0; b < batch * blocks_; ++b)
        std::copy_n(inputs[i] + b * widths_[i], widths_[i], output + b * total_ + begin);
  }

  void backward(Index batch, const T* const*, const T*, const T* cotangent, T* const* gradients,
                T*) const override {
    Index begin = 0;
    for (std::size_t i = 0; i < widths_.size(); begin += widths_[i++])
      for (Index b = 0; b < batch * blocks_; ++b)
        std::copy_n(cotangent + b * total_ + begin, widths_[i], gradients[i] + b * widths_[i]);
  }

 private:
  Index blocks_, total_ = 0;
  std::vector<Index> widths_;
};

}  // namespace foil::nn
