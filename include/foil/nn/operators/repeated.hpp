// SPDX-License-Identifier: MIT
/// \file
/// An operator that works on several rows of every sample alike.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

/// Calls another operator, of one input, for `rows` rows per sample, which lie one after the other.
template <class T>
class Repeated : public Operator<T> {
 public:
  Repeated(std::unique_ptr<Operator<T>> op, Index rows) : op_(std::move(op)), rows_(rows) {}

  void forward(Index batch, const T* const* inputs, T* output, T* scratch) const override {
    op_->forward(batch * rows_, inputs, output, scratch);
  }
  void backward(Index batch, const T* const* inputs, const T* output, const T* cotangent, T* const* gradients,
                T* scratch) const override {
    op_->backward(batch * rows_, inputs, output, cotangent, gradients, scratch);
  }
  Index kept_bytes() const override { return rows_ * op_->kept_bytes(); }
  void forward_keeping(Index batch, const T* const* inputs, T* output, std::byte* kept,
                       T* scratch) const override {
    op_->forward_keeping(batch * rows_, inputs, output, kept, scratch);
  }
  void backward_from(Index batch, const std::byte* kept, const T* cotangent, T* const* gradients,
                     T* scratch) const override {
    op_->backward_from(batch * rows_, kept, cotangent, gradients, scratch);
  }
  bool needs_inputs() const override { return op_->needs_inputs(); }
  bool needs_output() const override { return op_->needs_output(); }
  bool in_place() const override { return op_->in_place(); }
  Index scratch() const override { return op_->scratch(); }
  bool absorb(const T* scale, const T* shift, Index channels) override {
    return op_->absorb(scale, shift, channels);
  }
  Index weights() const override { return op_->weights(); }
  Index multiply_adds() const override { return rows_ * op_->multiply_adds(); }
  void prepare() override { op_->prepare(); }

 private:
  std::unique_ptr<Operator<T>> op_;
  Index rows_;
};

}  // namespace foil::nn
