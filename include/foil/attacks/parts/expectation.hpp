// SPDX-License-Identifier: MIT
/// \file
/// What a first gradient expects: the units of attacks that weigh a distance against a margin.
#pragma once

#include <algorithm>

#include "foil/attacks/parts/linear_boundary.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// What is lacking at a point, and the change that makes good by the linear model there. Measured by these,
/// neither the input's units nor the scale of the logits matters.
struct Expectation {
  double margin;           ///< what the criterion's margin lacks; > 0
  Eigen::VectorXd change;  ///< to the nearest point beyond the boundary, within the box
  double least;            ///< the shortest length that rounding leaves; > 0

  /// The change's size, and no less than what counts.
  template <Norm N>
  double size() const {
    return std::max(N::size(change), N::p == 0 ? 1.0 : least);
  }
};

/// The same of an answer about x with Loss::margin, for the norm that is to be small.
template <Norm N>
Expectation expectation(const Oracle& oracle, const Eigen::VectorXd& x, const Answer& at) {
  const double rounding = oracle.precision() * Linf::size(at.logits);
  return {std::max({-at.loss, rounding, 1e-100}), nearest_beyond<N>(oracle, x, x, at, {}, 1) - x,
          std::max(oracle.precision() * Linf::size(x), 1e-100)};
}

}  // namespace foil
