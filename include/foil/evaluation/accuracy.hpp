// SPDX-License-Identifier: MIT
/// \file
/// How often a model is right.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// The class of each row of logits, as argmax() but for rows that hold NaN or infinity: -1, no class at all.
template <class Scalar>
Labels decide(const Logits<Scalar>& logits) {
  Labels labels = argmax<Scalar>(logits);
  for (Index i = 0; i < labels.size(); ++i)
    for (Index k = 0; k < logits.cols(); ++k)
      if (!std::isfinite(logits(i, k))) labels[i] = -1;
  return labels;
}

/// The model's decisions on a batch of any size, asked for at most `batch_size` samples at a time; -1 where
/// it answers with NaN or infinity.
template <class M>
  requires DecisionModel<M>
Labels predict_in_batches(M& model, const input_t<M>& inputs, Index batch_size = 128) {
  require(batch_size >= 1, "predict: expected a batch size >= 1, got ", batch_size);
  Labels labels(samples(inputs));
  for (Index first = 0; first < labels.size(); first += batch_size) {
    std::vector<Index> rows;
    for (Index row = first; row < std::min(first + batch_size, labels.size()); ++row) rows.push_back(row);
    const auto batch = gather(inputs, rows);
    Labels answers;
    if constexpr (detail::HasPredict<M>)
      answers = model.predict(batch);
    else
      answers = decide<scalar_t<M>>(model.logits(batch));
    require(answers.size() == static_cast<Index>(rows.size()), "model: expected one answer for each of ",
            rows.size(), " samples, got ", answers.size());
    labels.segment(first, answers.size()) = answers;
  }
  return labels;
}

/// Share of inputs whose predicted class is the given one; an answer of NaN is wrong. Throws for an empty
/// batch or another number of labels.
template <class M>
  requires DecisionModel<M>
double accuracy(M& model, const input_t<M>& inputs, const Labels& labels, Index batch_size = 128) {
  require(samples(inputs) > 0, "accuracy: expected at least one sample");
  require(labels.size() == samples(inputs), "accuracy: expected one label for each of the ", samples(inputs),
          " samples, got ", labels.size());
  return (predict_in_batches(model, inputs, batch_size).array() == labels.array())
      .template cast<double>()
      .mean();
}

}  // namespace foil
