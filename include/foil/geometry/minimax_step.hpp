// SPDX-License-Identifier: MIT
/// \file
/// The step in a box that several linear functions together allow.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "foil/core/tensor.hpp"

namespace foil::geometry {

/// The step within [lower, upper] that makes the largest of values + slopes * step as small as it can be, or
/// nearly: a penalty on its length, of about a hundredth of what it gains, chooses among steps that are as
/// good. No step where all slopes are 0.
///
/// By its dual, which has a weight for each function: weight goes from the smallest function that has some to
/// the largest, until they are level, 100 times at most. O(functions * features) each.
/// \param values, slopes  at least one function, a row of slopes for each; finite
/// \param lower, upper    finite, lower <= 0 <= upper
inline Eigen::VectorXd minimax_step(const Eigen::VectorXd& values, const Eigen::MatrixXd& slopes,
                                    const Eigen::VectorXd& lower, const Eigen::VectorXd& upper) {
  constexpr int exchanges = 100, halvings = 30;
  constexpr double firmness = 100;  // how far steps would go without the box, as a multiple of its size
  const Index functions = values.size();
  const double size = (upper - lower).maxCoeff(), steepest = slopes.cwiseAbs().maxCoeff();
  const double penalty = steepest / (firmness * size);
  const auto step_along = [&](const Eigen::VectorXd& slope) -> Eigen::VectorXd {
    return (slope / -penalty).cwiseMax(lower).cwiseMin(upper);
  };
  if (!(penalty > 0)) return Eigen::VectorXd::Zero(lower.size());

  Index largest = 0, smallest = 0;
  values.maxCoeff(&largest);
  Eigen::VectorXd weights = Eigen::VectorXd::Unit(functions, largest);
  Eigen::VectorXd slope = slopes.row(largest).transpose(), step = step_along(slope);
  for (int i = 0; i < exchanges && functions > 1; ++i) {
    const Eigen::VectorXd reached = values + slopes * step;
    const double top = reached.maxCoeff(&largest);
    double bottom = top;
    smallest = largest;
    for (Index k = 0; k < functions; ++k)
      if (weights[k] > 0 && reached[k] < bottom) bottom = reached[smallest = k];
    if (!(top - bottom > 1e-6 * (values.maxCoeff() - top))) break;
    // Weight goes from the one to the other for as long as it is the larger one.
    const Eigen::VectorXd turn = (slopes.row(largest) - slopes.row(smallest)).transpose();
    const double apart = values[largest] - values[smallest];
    double least = 0, most = weights[smallest];
    const auto larger = [&](double moved) { return apart + turn.dot(step_along(slope + moved * turn)) > 0; };
    if (larger(most))
      least = most;
    else
      for (int k = 0; k < halvings; ++k) {
        const double middle = (least + most) / 2;
        (larger(middle) ? least : most) = middle;
      }
    if (!(least > 0)) break;
    weights[largest] += least;
    weights[smallest] = least == weights[smallest] ? 0 : weights[smallest] - least;
    slope += least * turn;
    step = step_along(slope);
  }
  return step;
}

}  // namespace foil::geometry
