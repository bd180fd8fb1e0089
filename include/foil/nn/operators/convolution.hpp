// SPDX-License-Identifier: MIT
/// \file
/// Two-dimensional convolution on channels-last samples. Either direction is computed in the way that suits
/// its geometry: with vectors over channels, by minimal filtering, or as products of patches.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/convolution_pass.hpp"
#include "foil/nn/operators/lane_pass.hpp"
#include "foil/nn/operators/patch_pass.hpp"
#include "foil/nn/operators/scatter_pass.hpp"
#include "foil/nn/operators/window.hpp"
#include "foil/nn/operators/winograd_pass.hpp"
#include "foil/nn/weights.hpp"

namespace foil::nn {

using namespace simd;

/// The way to compute one direction of a convolution; its weights are yet to be packed.
template <class T, class = Isa>
std::unique_ptr<ConvolutionPass<T>> convolution_pass(const ConvolutionView<T>& view) {
  if (LanePass<T>::suits(view)) return std::make_unique<LanePass<T>>(view);
  if (WinogradPass<T, 2>::suits(view)) return std::make_unique<WinogradPass<T, 2>>(view);
  if (WinogradPass<T, 4>::suits(view)) return std::make_unique<WinogradPass<T, 4>>(view);
  if (ScatterPass<T>::suits(view)) return std::make_unique<ScatterPass<T>>(view);
  return std::make_unique<PatchPass<T>>(view);
}

/// Convolution with constant weights, given as (outputs, inputs / groups, rows, columns), and biases. The
/// weights of the backward direction are packed when they are first needed.
template <class T, class = Isa>
class Convolution : public Operator<T> {
 public:
  Convolution(ConvolutionShape shape, Weights<T> weights, std::vector<T> biases)
      : shape_(shape), source_(std::move(weights)), biases_(std::move(biases)) {}

  bool absorb(const T* scale, const T* shift, Index channels) override {
    if (channels != shape_.outputs) return false;
    source_.scale(scale, channels);
    for (Index c = 0; c < channels; ++c) {
      T& bias = biases_[static_cast<std::size_t>(c)];
      bias = bias * scale[c] + shift[c];
    }
    return true;
  }

  void prepare() override {
    weights_ = source_.take();
    forward_ = convolution_pass<T>(view(Direction::forward));
    backward_ = convolution_pass<T>(view(Direction::backward));
    forward_->pack(view(Direction::forward), biases_);
    biases_ = {};
  }

  Index multiply_adds() const override {
    return shape_.rows.output * shape_.columns.output * shape_.outputs * shape_.rows.kernel *
           shape_.columns.kernel * (shape_.inputs / shape_.groups);
  }

  Index weights() const override {
    return shape_.outputs * shape_.rows.kernel * shape_.columns.kernel * (shape_.inputs / shape_.groups);
  }

  Index scratch() const override { return std::max(forward_->scratch(), backward_->scratch()); }

  void forward(Index batch, const T* const* inputs, T* output, T* scratch) const override {
    forward_->run(batch, inputs[0], output, scratch);
  }

  void backward(Index batch, const T* const*, const T*, const T* cotangent, T* const* gradients,
                T* scratch) const override {
    std::call_once(backward_packed_, [&] {
      backward_->pack(view(Direction::backward), {});
      weights_ = {};
    });
    backward_->run(batch, cotangent, gradients[0], scratch);
  }

 private:
  ConvolutionView<T> view(Direction direction) const { return {shape_, direction, weights_}; }

  ConvolutionShape shape_;
  Weights<T> source_;
  mutable std::vector<T> weights_{};  // until the backward direction has packed them
  std::vector<T> biases_;
  std::unique_ptr<ConvolutionPass<T>> forward_{}, backward_{};
  mutable std::once_flag backward_packed_{};
};

}  // namespace foil::nn
