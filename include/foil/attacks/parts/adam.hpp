// SPDX-License-Identifier: MIT
/// \file
/// Adam on one sample.
#pragma once

#include <cmath>

#include "foil/core/tensor.hpp"

namespace foil {

/// Adam's running moments (Kingma & Ba 2015, arXiv:1412.6980) on one sample.
class Adam {
 public:
  explicit Adam(Index n) : mean_(Eigen::VectorXd::Zero(n)), square_(Eigen::VectorXd::Zero(n)) {}

  /// Replaces a direction of ascent by Adam's.
  void refine(Eigen::VectorXd& direction) {
    constexpr double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
    decay1_ *= beta1;
    decay2_ *= beta2;
    for (Index i = 0; i < direction.size(); ++i) {
      mean_[i] = beta1 * mean_[i] + (1 - beta1) * direction[i];
      square_[i] = beta2 * square_[i] + (1 - beta2) * direction[i] * direction[i];
      direction[i] = mean_[i] / (1 - decay1_) / (std::sqrt(square_[i] / (1 - decay2_)) + epsilon);
    }
  }

 private:
  Eigen::VectorXd mean_, square_;
  double decay1_ = 1, decay2_ = 1;
};

}  // namespace foil
