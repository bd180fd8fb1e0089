// SPDX-License-Identifier: MIT
/// \file
/// Confidence that is not sure of inputs unlike any class.
#pragma once

#include <algorithm>
#include <cmath>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// The softmax of `scale` times the logits, with `floor` added to each term above and below the line: where
/// all of these are small, each class has the same confidence, however far one is ahead of the others. Each
/// row adds up to 1. Schott, Rauber, Bethge, Brendel 2019, arXiv:1805.09190: of their models scale 440 and
/// floor 3.9e-5 (analysis by synthesis), 1 and 1,439,000 (convolutional network).
/// \param scale  finite and > 0
/// \param floor  finite and >= 0
template <class Scalar>
Logits<double> calibrated_softmax(const Logits<Scalar>& logits, double scale, double floor) {
  require(scale > 0 && std::isfinite(scale), "calibrated softmax: expected a finite scale > 0, got ", scale);
  require(floor >= 0 && std::isfinite(floor), "calibrated softmax: expected a finite floor >= 0, got ",
          floor);
  Logits<double> out(logits.rows(), logits.cols());
  for (Index i = 0; i < logits.rows(); ++i) {
    double largest = std::log(floor);  // minus infinity without a floor
    for (Index k = 0; k < logits.cols(); ++k)
      largest = std::max(largest, scale * static_cast<double>(logits(i, k)));
    double sum = 0;
    for (Index k = 0; k < logits.cols(); ++k) {
      out(i, k) = std::exp(scale * static_cast<double>(logits(i, k)) - largest) +
                  (floor > 0 ? std::exp(std::log(floor) - largest) : 0);
      sum += out(i, k);
    }
    for (Index k = 0; k < logits.cols(); ++k) out(i, k) /= sum;
  }
  return out;
}

}  // namespace foil
