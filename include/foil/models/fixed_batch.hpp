// SPDX-License-Identifier: MIT
/// \file
/// Gives a model only batches of one size, so that a sample's bits cannot depend on how many others are asked
/// about at the same time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "foil/core/answers.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/wrapper.hpp"

namespace foil {

/// Splits and pads every call to batches of exactly `size` samples (padding repeats the first sample). For
/// foreign models whose batched products round differently for different batch sizes; foil's own engine needs
/// no such care. A model whose rows also depend on their position in the batch needs size 1. Refers to the
/// model; can be shared by threads if the model can.
template <ScoreModel M>
class FixedBatch : public Wrapper<FixedBatch<M>, M, knowledge_of<M>> {
 public:
  using Input = input_t<M>;
  using Scalar = scalar_t<M>;

  /// `size` from 1 to 2^20; an Error otherwise.
  FixedBatch(M& model, Index size) : Wrapper<FixedBatch, M, knowledge_of<M>>(model), size_(size) {
    require(size >= 1 && size <= Index{1} << 20, "fixed batch: expected a size from 1 to 2^20, got ", size);
  }

  Logits<Scalar> answer_logits(const Input& x) const {
    Logits<Scalar> all;
    Index classes = 0;
    for (Index first = 0; first < samples(x); first += size_)
      place(all, first, samples(x), Logits<Scalar>(this->model().logits(part(x, first))), classes);
    return all;
  }

  auto answer_vjp(const Input& x) const
    requires DifferentiableModel<M>
  {
    using Part = decltype(this->model().vjp(x));
    std::vector<Part> parts;
    Logits<Scalar> all;
    Index classes = 0;
    for (Index first = 0; first < samples(x); first += size_) {
      parts.push_back(this->model().vjp(part(x, first)));
      place(all, first, samples(x), parts.back().logits, classes);
    }
    return Vjp{std::move(all), [parts = Changeable{std::move(parts)}, shape = x.dimensions(),
                                size = size_](const Logits<Scalar>& cotangent) {
                 Input gradient(shape);
                 for (Index first = 0; first < cotangent.rows(); first += size) {
                   const Index count = std::min(size, cotangent.rows() - first);
                   Logits<Scalar> padded = Logits<Scalar>::Zero(size, cotangent.cols());
                   padded.topRows(count) = cotangent.middleRows(first, count);
                   const Input pulled = parts.value[static_cast<std::size_t>(first / size)].pullback(padded);
                   check_gradient(pulled, resized(gradient, size));
                   as_matrix(gradient).middleRows(first, count) = as_matrix(pulled).topRows(count);
                 }
                 return gradient;
               }};
  }

 private:
  Input part(const Input& x, Index first) const {
    std::vector<Index> rows(static_cast<std::size_t>(size_));
    for (Index i = 0; i < size_; ++i)
      rows[static_cast<std::size_t>(i)] = first + i < samples(x) ? first + i : 0;
    return gather(x, rows);
  }
  void place(Logits<Scalar>& all, Index first, Index count, const Logits<Scalar>& part,
             Index& classes) const {
    if (check_answer(size_, part.rows(), part.cols(), classes)) all.resize(count, classes);
    const Index rows = std::min(size_, count - first);
    all.middleRows(first, rows) = part.topRows(rows);
  }

  Index size_;
};

}  // namespace foil
