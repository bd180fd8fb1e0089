// SPDX-License-Identifier: MIT
/// \file
/// Convolutions the other way round, and convolutions of volumes by those of their slices.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/convolution.hpp"

namespace foil::nn {

using namespace simd;

/// The transpose of a linear operator, with a bias for each of the fastest axis's elements added.
template <class T, class = Isa>
class Transposed : public Operator<T> {
 public:
  /// `op` maps this one's outputs, `output` elements per sample, to its inputs; it has no bias itself.
  Transposed(std::unique_ptr<Operator<T>> op, Index output, std::vector<T> biases)
      : op_(std::move(op)), output_(output), biases_(std::move(biases)) {}

  void prepare() override { op_->prepare(); }
  Index scratch() const override { return op_->scratch(); }
  Index multiply_adds() const override { return op_->multiply_adds(); }
  Index weights() const override { return op_->weights(); }

  void forward(Index batch, const T* const* inputs, T* output, T* scratch) const override {
    op_->backward(batch, nullptr, nullptr, inputs[0], &output, scratch);
    const Index channels = static_cast<Index>(biases_.size());
    for (Index i = 0; i < batch * output_; i += channels) accumulate<T>(channels, biases_.data(), output + i);
  }

  void backward(Index batch, const T* const*, const T*, const T* cotangent, T* const* gradients,
                T* scratch) const override {
    op_->forward(batch, &cotangent, gradients[0], scratch);
  }

 private:
  std::unique_ptr<Operator<T>> op_;
  Index output_;
  std::vector<T> biases_;
};

/// A sum over taps along the slowest axis of volumes (depth, ...), each a linear operator on slices, and
/// biases for the fastest axis.
template <class T, class = Isa>
class SlicedConvolution : public Operator<T> {
 public:
  /// One operator for each tap of `depth`, without biases; slices have so many elements.
  SlicedConvolution(Window depth, std::vector<std::unique_ptr<Operator<T>>> taps, Index input_slice,
                    Index output_slice, std::vector<T> biases)
      : depth_(depth),
        taps_(std::move(taps)),
        input_(input_slice),
        output_(output_slice),
        biases_(std::move(biases)) {}

  void prepare() override {
    for (const auto& tap : taps_) tap->prepare();
  }
  Index scratch() const override { return inner_scratch() + std::max(input_, output_); }
  Index multiply_adds() const override {
    Index total = 0;
    for (const auto& tap : taps_) total += depth_.output * tap->multiply_adds();
    return total;
  }

  Index weights() const override {
    Index total = 0;
    for (const auto& tap : taps_) total += tap->weights();
    return total;
  }

  void forward(Index batch, const T* const* inputs, T* output, T* scratch) const override {
    T* const part = scratch + inner_scratch();
    const Index channels = static_cast<Index>(biases_.size()), all = batch * depth_.output * output_;
    for (Index i = 0; i < all; i += channels) std::copy_n(biases_.data(), channels, output + i);
    for_each_slice(batch, [&](Index in, Index out, const Operator<T>& tap) {
      const T* const from = inputs[0] + in * input_;
      tap.forward(1, &from, part, scratch);
      accumulate<T>(output_, part, output + out * output_);
    });
  }

  void backward(Index batch, const T* const*, const T*, const T* cotangent, T* const* gradients,
                T* scratch) const override {
    T* const part = scratch + inner_scratch();
    std::fill_n(gradients[0], batch * depth_.input * input_, T(0));
    for_each_slice(batch, [&](Index in, Index out, const Operator<T>& tap) {
      tap.backward(1, nullptr, nullptr, cotangent + out * output_, &part, scratch);
      accumulate<T>(input_, part, gradients[0] + in * input_);
    });
  }

 private:
  Index inner_scratch() const {
    Index most = 0;
    for (const auto& tap : taps_) most = std::max(most, round_up<T>(tap->scratch()));
    return most;
  }

  /// work(input slice, output slice, tap), taps that see nothing but padding left out.
  template <class F>
  void for_each_slice(Index batch, F&& work) const {
    for (Index n = 0; n < batch; ++n)
      for (Index d = 0; d < depth_.output; ++d)
        for (Index k = depth_.first_tap(d); k < depth_.end_tap(d); ++k)
          work(n * depth_.input + depth_.at(d, k), n * depth_.output + d,
               *taps_[static_cast<std::size_t>(k)]);
  }

  Window depth_;
  std::vector<std::unique_ptr<Operator<T>>> taps_;
  Index input_, output_;
  std::vector<T> biases_;
};

}  // namespace foil::nn
