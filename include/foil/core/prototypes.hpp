// SPDX-License-Identifier: MIT
/// \file
/// Models that show what they take their inputs for, and models that say how far they can be trusted.
#pragma once

#include <Eigen/Core>
#include <concepts>
#include <cstddef>
#include <vector>

#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// What a model makes of a batch, class by class.
template <class Scalar>
struct Prototypes {
  Logits<Scalar> logits;               ///< N x K, those of the model
  std::vector<Logits<Scalar>> images;  ///< for each class N x n: each input as the class would have it
};

/// A ScoreModel with `reconstructions(x)` -> foil::Prototypes.
template <class M>
concept PrototypeModel = ScoreModel<M> && requires(M& model, const input_t<M>& x) {
  { model.reconstructions(x) } -> std::convertible_to<Prototypes<scalar_t<M>>>;
};

/// A model with `lower_bound_l2(x, labels)` -> one number for each row: its label does not change within that
/// Euclidean distance, or so the model says.
template <class M>
concept LowerBoundModel = DecisionModel<M> && requires(M& model, const input_t<M>& x, const Labels& labels) {
  { model.lower_bound_l2(x, labels) } -> std::convertible_to<Eigen::VectorXd>;
};

/// Throws foil::Error unless the prototypes are those of `count` inputs of so many features.
template <class Scalar>
void check_prototypes(const Prototypes<Scalar>& prototypes, Index count, Index features) {
  const Logits<Scalar>& logits = prototypes.logits;
  check_answer(count, logits.rows());
  require(static_cast<Index>(prototypes.images.size()) == logits.cols(),
          "model: expected one reconstruction for each of the ", logits.cols(), " classes, got ",
          prototypes.images.size());
  for (const Logits<Scalar>& images : prototypes.images)
    require(images.rows() == count && images.cols() == features, "model: expected reconstructions of shape ",
            count, " x ", features, ", got ", images.rows(), " x ", images.cols());
}

}  // namespace foil
