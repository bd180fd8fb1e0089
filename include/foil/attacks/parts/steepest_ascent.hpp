// SPDX-License-Identifier: MIT
/// \file
/// The direction in which a loss grows fastest for a step of given length in a norm.
#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "foil/core/norms.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/box.hpp"
#include "foil/geometry/maximise.hpp"

namespace foil {

/// Writes the step of a given length that ascends most in the dual of the norm: signs for Linf, the
/// normalised gradient for L2. For L1 the features of largest gradient move (Tramèr & Boneh 2019,
/// arXiv:1904.13000), strongest first, each by an equal share of the length (1 - quantile of the features
/// would use it up) and no farther than its bound, until the length is spent.
template <Norm N>
void steepest_ascent(const geometry::Box& box, const Eigen::VectorXd& x, const Eigen::VectorXd& gradient,
                     double length, double quantile, Eigen::VectorXd& step) {
  const Index n = x.size();
  if constexpr (std::is_same_v<N, Linf>) {
    for (Index i = 0; i < n; ++i) step[i] = gradient[i] > 0 ? length : gradient[i] < 0 ? -length : 0.0;
  } else if constexpr (std::is_same_v<N, L2>) {
    const double largest = Linf::size(gradient);
    step.setZero();
    if (largest == 0) return;
    for (Index i = 0; i < n; ++i) step[i] = gradient[i] / largest;
    step *= length / norm2(step);
  } else {
    const auto movable = static_cast<double>(box.free_features());
    const double share = length / std::max(1.0, std::round((1 - quantile) * movable));
    step = geometry::sparse_ascent(gradient, x, box, length, share);
  }
}

}  // namespace foil
