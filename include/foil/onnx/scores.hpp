// SPDX-License-Identifier: MIT
/// \file
/// A network without gradients.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/network.hpp"

namespace foil::onnx {

/// The scores of a model read from a file, for attacks that need no gradients. Satisfies foil::ScoreModel.
/// Everything but gradients is as foil::nn::Network has it.
template <class Scalar_ = float, int Rank = 2>
class Scores {
 public:
  using Scalar = Scalar_;
  using Network = nn::Network<Scalar, Rank>;
  using Input = typename Network::Input;
  using Shape = typename Network::Shape;

  explicit Scores(Network network) : network_(std::move(network)) {}

  const Bounds<Scalar>& bounds() const { return network_.bounds(); }
  const Shape& input_shape() const { return network_.input_shape(); }
  Index classes() const { return network_.classes(); }
  const std::vector<std::string>& notes() const { return network_.notes(); }

  /// The operators and how many samples they evaluate together, for measurements.
  const auto& engine() const { return network_.engine(); }

  /// One row of scores per sample of x (N x ...), a column for each class.
  Logits<Scalar> logits(const Input& x) const { return network_.logits(x); }

 private:
  Network network_;
};

}  // namespace foil::onnx
