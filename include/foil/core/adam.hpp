// SPDX-License-Identifier: MIT
/// \file
/// Adam on one sample.
#pragma once

#include <cmath>

#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// Adam's running moments (Kingma & Ba 2015, arXiv:1412.6980) on one sample.
class Adam {
 public:
  /// What a step is divided by: a size for each entry, as published, which makes of any step nearly one of
  /// signs; or one for all entries, which keeps its direction.
  enum class Sizes { each, one };

  /// `memory`: weight of the past steps in the mean, 0.9 in the paper.
  Adam(Index n, double memory, Sizes sizes)
      : memory_(memory),
        one_(sizes == Sizes::one),
        mean_(Eigen::VectorXd::Zero(n)),
        square_(Eigen::VectorXd::Zero(one_ ? 1 : n)) {}

  /// Replaces a direction of ascent by Adam's.
  void refine(Eigen::VectorXd& direction) {
    constexpr double beta2 = 0.999, epsilon = 1e-8;
    decay1_ *= memory_;
    decay2_ *= beta2;
    const double size = one_ ? norm2(direction) : 0;
    if (one_) square_[0] = beta2 * square_[0] + (1 - beta2) * size * size;
    for (Index i = 0; i < direction.size(); ++i) {
      mean_[i] = memory_ * mean_[i] + (1 - memory_) * direction[i];
      if (!one_) square_[i] = beta2 * square_[i] + (1 - beta2) * direction[i] * direction[i];
      direction[i] = mean_[i] / (1 - decay1_) / (std::sqrt(square_[one_ ? 0 : i] / (1 - decay2_)) + epsilon);
    }
  }

 private:
  double memory_;
  bool one_;
  Eigen::VectorXd mean_, square_;
  double decay1_ = 1, decay2_ = 1;
};

}  // namespace foil
