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

/// Offsets Σ index[a] * strides[a] of all indices below `dims`, the last axis fastest.
inline std::vector<std::int32_t> index_map(const std::vector<Index>& dims,
                                           const std::vector<Index>& strides) {
  std::vector<std::int32_t> offsets{0};
  for (std::size_t axis = dims.size(); axis-- > 0;) {
    const std::size_t inner = offsets.size();
    offsets.reserve(inner * static_cast<std::size_t>(dims[axis]));
    for (Index i = 1; i < dims[axis]; ++i)
      for (std::size_t k = 0; k < inner; ++k)
        offsets.push_back(offsets[k] + static_cast<std::int32_t>(i * strides[axis]));
  }
  return offsets;
}

/// Permutes and repeats the elements of each sample: the output has these dimensions, and its neighbours
/// along each axis lie in the input at these strides. The table of all offsets is made in prepare(), so that
/// a graph that is never finished needs no memory for it.
template <class T>
class Rearrange : public Operator<T> {
 public:
  Rearrange(Index input_size, std::vector<Index> dims, std::vector<Index> strides)
      : input_size_(input_size), dims_(std::move(dims)), strides_(std::move(strides)) {}

  void prepare() override { source_ = index_map(dims_, strides_); }

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    for (Index n = 0; n < batch; ++n) {
      const T* const x = inputs[0] + n * input_size_;
      for (const std::int32_t s : source_) *output++ = x[s];
    }
  }

  void backward(Index batch, const T* const*, const T*, const T* cotangent, T* const* gradients,
                T*) const override {
    std::fill_n(gradients[0], batch * input_size_, T(0));
    for (Index n = 0; n < batch; ++n) {
      T* const dx = gradients[0] + n * input_size_;
      for (const std::int32_t s : source_) dx[s] += *cotangent++;
    }
  }

 private:
  Index input_size_;
  std::vector<Index> dims_, strides_;
  std::vector<std::int32_t> source_{};
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
