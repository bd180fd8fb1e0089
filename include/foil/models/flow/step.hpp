// SPDX-License-Identifier: MIT
/// \file
/// A step of an invertible network, and the rows that it changes.
#pragma once

#include <Eigen/Core>
#include <array>
#include <string>

#include "foil/core/shape.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// The part of each row that a step of a flow changes: its first channels * height * width numbers, channels
/// first. What lies behind has been split off and stays as it is.
struct FlowShape {
  Index channels = 1, height = 1, width = 1;

  Index positions() const { return height * width; }
  Index size() const { return channels * positions(); }
  std::string text() const { return extents_text(std::array{channels, height, width}); }
  friend bool operator==(const FlowShape&, const FlowShape&) = default;
};

/// A bijection of rows, in place. A row's result depends on no other row. Steps are immutable.
template <class Scalar>
class FlowStep {
 public:
  using Rows = Logits<Scalar>;

  virtual ~FlowStep() = default;
  /// Adds the logarithm of |det| of its Jacobian at each row to `log_determinants`, one number for each row.
  virtual void forward(Rows& rows, Eigen::VectorXd& log_determinants) const = 0;
  virtual void inverse(Rows& rows) const = 0;
  /// Takes rows from behind the step to before it, and cotangents with them.
  virtual void pull_back(Rows& rows, Rows& cotangents) const = 0;
};

}  // namespace foil
