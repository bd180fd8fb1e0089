// SPDX-License-Identifier: MIT
/// \file
/// The smallest model that gives gradients, so that what is measured is the library.
#pragma once

#include <foil/foil.hpp>

struct Linear {
  using Input = foil::Tensor<float, 2>;
  Eigen::MatrixXf weights;  // features x classes

  foil::Bounds<float> bounds() const { return {0.f, 1.f}; }
  foil::Logits<float> logits(const Input& x) const { return foil::as_matrix(x) * weights; }
  auto vjp(const Input& x) const {
    return foil::Vjp{logits(x), [this, shape = x.dimensions()](const foil::Logits<float>& cotangent) {
                       Input gradient(shape);
                       foil::as_matrix(gradient) = cotangent * weights.transpose();
                       return gradient;
                     }};
  }
};
