// SPDX-License-Identifier: MIT
/// \file
/// Gives a model only batches of one size, so that a sample's bits cannot depend on how many others are asked
/// about at the same time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// Splits and pads every call to batches of exactly `size` samples (padding repeats the first sample). For
/// foreign models whose batched products round differently for different batch sizes; foil's own engine needs
/// no such care. A model whose rows also depend on their position in the batch needs size 1. Refers to the
/// model; can be shared by threads if the model can.
template <ScoreModel M>
class FixedBatch {
 public:
  using Input = input_t<M>;
  using Scalar = scalar_t<M>;

  FixedBatch(M& model, Index size) : model_(&model), size_(size) {
    require(size >= 1, "fixed batch: expected a size >= 1, got ", size);
  }

  Bounds<Scalar> bounds() const
    requires shareable<M>
  {
    return model_->bounds();
  }
  Bounds<Scalar> bounds()
    requires(!shareable<M>)
  {
    return model_->bounds();
  }
  Logits<Scalar> logits(const Input& x) const
    requires shareable<M>
  {
    return logits_in_parts(x);
  }
  Logits<Scalar> logits(const Input& x)
    requires(!shareable<M>)
  {
    return logits_in_parts(x);
  }
  auto vjp(const Input& x) const
    requires(shareable<M> && DifferentiableModel<M>)
  {
    return vjp_in_parts(x);
  }
  auto vjp(const Input& x)
    requires(!shareable<M> && DifferentiableModel<M>)
  {
    return vjp_in_parts(x);
  }

 private:
  Logits<Scalar> logits_in_parts(const Input& x) const {
    Logits<Scalar> all;
    for (Index first = 0; first < samples(x); first += size_)
      place(all, first, samples(x), Logits<Scalar>(model_->logits(part(x, first))));
    return all;
  }

  auto vjp_in_parts(const Input& x) const {
    using Part = decltype(model_->vjp(x));
    std::vector<Part> parts;
    Logits<Scalar> all;
    for (Index first = 0; first < samples(x); first += size_) {
      parts.push_back(model_->vjp(part(x, first)));
      place(all, first, samples(x), parts.back().logits);
    }
    return Vjp{std::move(all), [parts = std::move(parts), shape = x.dimensions(),
                                size = size_](const Logits<Scalar>& cotangent) {
                 Input gradient(shape);
                 for (Index first = 0; first < cotangent.rows(); first += size) {
                   const Index count = std::min(size, cotangent.rows() - first);
                   Logits<Scalar> padded = Logits<Scalar>::Zero(size, cotangent.cols());
                   padded.topRows(count) = cotangent.middleRows(first, count);
                   const Input pulled = parts[static_cast<std::size_t>(first / size)].pullback(padded);
                   as_matrix(gradient).middleRows(first, count) = as_matrix(pulled).topRows(count);
                 }
                 return gradient;
               }};
  }

  Input part(const Input& x, Index first) const {
    std::vector<Index> rows(static_cast<std::size_t>(size_));
    for (Index i = 0; i < size_; ++i)
      rows[static_cast<std::size_t>(i)] = first + i < samples(x) ? first + i : 0;
    return gather(x, rows);
  }
  void place(Logits<Scalar>& all, Index first, Index count, const Logits<Scalar>& part) const {
    if (all.size() == 0) all.resize(count, part.cols());
    const Index rows = std::min(size_, count - first);
    all.middleRows(first, rows) = part.topRows(rows);
  }

  shared_if_possible<M>* model_;
  Index size_;
};

}  // namespace foil
