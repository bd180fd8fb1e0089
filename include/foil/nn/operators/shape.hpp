// SPDX-License-Identifier: MIT
/// \file
/// Operators that only move elements.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/transpose.hpp"

namespace foil::nn {

using namespace simd;

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

/// Copies n elements, of which there may be few.
template <class T>
inline void copy_run(Index n, const T* from, T* to) {
  map<T>(n, to, [](Pack<T> v) { return v; }, from);
}

/// Permutes and repeats the elements of each sample: the output has these dimensions, and its neighbours
/// along each axis lie in the input at these strides, the first one at `begin`. Needs no tables: moves runs
/// of elements where the last axis has neighbours for neighbours, and else transposes by tiles where another
/// axis does.
template <class T, class = Isa>
class Rearrange : public Operator<T> {
 public:
  Rearrange(Index input_size, const std::vector<Index>& dims, const std::vector<Index>& strides,
            Index begin = 0)
      : input_size_(input_size), begin_(begin) {
    for (std::size_t a = 0; a < dims.size(); ++a) {
      output_size_ *= dims[a];
      if (dims[a] == 1) continue;
      if (!axes_.empty() && axes_.back().stride == strides[a] * dims[a])
        axes_.back() = {axes_.back().length * dims[a], strides[a], 1};  // goes on where the last one ends
      else
        axes_.push_back({dims[a], strides[a], 1});
    }
    if (axes_.empty()) axes_.push_back({1, 1, 1});
    for (std::size_t a = axes_.size() - 1; a > 0; --a) axes_[a - 1].step = axes_[a].step * axes_[a].length;
    last_ = axes_.back();
    axes_.pop_back();
    permutes_ = is_permutation();
    const auto contiguous =
        std::find_if(axes_.begin(), axes_.end(), [](const Axis& axis) { return axis.stride == 1; });
    if (last_.stride <= 1 || contiguous == axes_.end()) return;
    turned_ = *contiguous;
    axes_.erase(contiguous);
  }

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    for (Index n = 0; n < batch; ++n)
      walk(inputs[0] + n * input_size_ + begin_, output + n * output_size_, [&](const T* from, T* to) {
        if (turned_.length > 0)
          transpose<T>(last_.length, turned_.length, from, last_.stride, to, turned_.step);
        else if (last_.stride == 1)
          copy_run<T>(last_.length, from, to);
        else if (last_.stride == 0)
          std::fill_n(to, last_.length, *from);
        else
          for (Index i = 0; i < last_.length; ++i) to[i] = from[i * last_.stride];
      });
  }

  void backward(Index batch, const T* const*, const T*, const T* cotangent, T* const* gradients,
                T*) const override {
    if (!permutes_) std::fill_n(gradients[0], batch * input_size_, T(0));
    for (Index n = 0; n < batch; ++n)
      walk(gradients[0] + n * input_size_ + begin_, cotangent + n * output_size_, [&](T* to, const T* from) {
        if (permutes_ && turned_.length > 0)
          transpose<T>(turned_.length, last_.length, from, turned_.step, to, last_.stride);
        else if (permutes_ && last_.stride == 1)
          copy_run<T>(last_.length, from, to);
        else
          for (Index t = 0; t < std::max<Index>(turned_.length, 1); ++t) add(from + t * turned_.step, to + t);
      });
  }

 private:
  struct Axis {
    Index length = 0, stride = 0;  ///< distance of neighbours in the input
    Index step = 0;                ///< and in the output
  };

  /// work(input, output) for all indices along the outer axes.
  template <class In, class Out, class F>
  void walk(In* input, Out* output, F&& work, std::size_t axis = 0) const {
    if (axis == axes_.size()) {
      work(input, output);
      return;
    }
    const Axis& a = axes_[axis];
    for (Index i = 0; i < a.length; ++i) walk(input + i * a.stride, output + i * a.step, work, axis + 1);
  }

  /// Adds a line of the output's gradient to the input's.
  void add(const T* from, T* to) const {
    if (last_.stride == 1)
      accumulate<T>(last_.length, from, to);
    else
      for (Index i = 0; i < last_.length; ++i) to[i * last_.stride] += from[i];
  }

  /// Whether each element of the input occurs exactly once.
  bool is_permutation() const {
    std::vector<Axis> sorted = axes_;
    sorted.push_back(last_);
    std::sort(sorted.begin(), sorted.end(), [](const Axis& a, const Axis& b) { return a.stride < b.stride; });
    Index next = 1;
    for (const Axis& axis : sorted) {
      if (axis.stride != next) return false;
      next *= axis.length;
    }
    return next == input_size_;
  }

  Index input_size_, begin_, output_size_ = 1;
  std::vector<Axis> axes_;  ///< the outer ones
  Axis last_, turned_;      ///< the last one, and the one that is contiguous in the input instead
  bool permutes_ = false;
};

/// Concatenation: each sample is cut into `blocks` blocks, and block b of the output is block b of the first
/// input, then block b of the second, and so on. `widths` are the lengths of the inputs' blocks.
template <class T, class = Isa>
class Concatenate : public Operator<T> {
 public:
  Concatenate(Index blocks, std::vector<Index> widths) : blocks_(blocks), widths_(std::move(widths)) {}

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    for (Index b = 0; b < batch * blocks_; ++b)
      for (std::size_t i = 0; i < widths_.size(); output += widths_[i++])
        copy_run<T>(widths_[i], inputs[i] + b * widths_[i], output);
  }

  void backward(Index batch, const T* const*, const T*, const T* cotangent, T* const* gradients,
                T*) const override {
    for (Index b = 0; b < batch * blocks_; ++b)
      for (std::size_t i = 0; i < widths_.size(); cotangent += widths_[i++])
        copy_run<T>(widths_[i], cotangent, gradients[i] + b * widths_[i]);
  }

 private:
  Index blocks_;
  std::vector<Index> widths_;
};

}  // namespace foil::nn
