// SPDX-License-Identifier: MIT
/// \file
/// How often a model is right.
#pragma once

#include <algorithm>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/given.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// The model's decisions on a batch of any size, asked for at most `batch_size` samples at a time; negative
/// where it has no finite answer.
template <class M, class X>
  requires DecisionModel<M>
Labels predict_in_batches(M& model, const X& given, Index batch_size = 128) {
  require(batch_size >= 1, "predict: expected a batch size >= 1, got ", batch_size);
  const input_t<M>& inputs = as_batch<input_t<M>>(given);
  Labels labels(samples(inputs));
  Index classes = 0;
  for (Index first = 0; first < labels.size(); first += batch_size) {
    std::vector<Index> rows;
    for (Index row = first; row < std::min(first + batch_size, labels.size()); ++row) rows.push_back(row);
    const auto batch = gather(inputs, rows);
    labels.segment(first, samples(batch)) = predict(model, batch, classes);
  }
  return labels;
}

/// Share of inputs whose predicted class is the given one; an answer of NaN is wrong. Throws for an empty
/// batch or another number of labels.
template <class M, class X>
  requires DecisionModel<M>
double accuracy(M& model, const X& given, const GivenLabels& labels, Index batch_size = 128) {
  const input_t<M>& inputs = as_batch<input_t<M>>(given);
  require(samples(inputs) > 0, "accuracy: expected at least one sample");
  require(labels.size() == samples(inputs), "accuracy: expected one label for each of the ", samples(inputs),
          " samples, got ", labels.size());
  return (predict_in_batches(model, inputs, batch_size).array() == labels.array())
      .template cast<double>()
      .mean();
}

}  // namespace foil
