// SPDX-License-Identifier: MIT
/// \file
/// Gaussian blur of images as flat vectors.
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/image.hpp"

namespace foil::geometry {

/// What each of `length` pixels in a line gets of each other one when a Gaussian of standard deviation
/// `sigma` >= 0, in pixels, runs over them: symmetric, rows of sum 1. Beyond its ends the line goes on
/// mirrored, the last pixel twice, as often as it takes. The Gaussian is sampled at whole pixels and ends at
/// floor(4 sigma + 0.5). O(length^2 + sigma).
inline Eigen::MatrixXd blur_weights(Index length, double sigma) {
  require(length >= 1 && sigma >= 0 && sigma < 1e9, "blur: expected a line and sigma in [0, 1e9), got ",
          length, " and ", sigma);
  const Index period = 2 * length;
  std::vector<double> folded(static_cast<std::size_t>(period), 0.0);  // by offset, modulo the period
  const auto at = [&](Index offset) -> double& {
    return folded[static_cast<std::size_t>((offset % period + period) % period)];
  };
  double sum = 1;
  at(0) = 1;
  for (auto k = static_cast<Index>(std::floor(4 * sigma + 0.5)); k >= 1; --k) {
    const double share = static_cast<double>(k) / sigma, tap = std::exp(-share * share / 2);
    at(k) += tap;
    at(-k) += tap;
    sum += 2 * tap;
  }
  Eigen::MatrixXd weights(length, length);
  for (Index j = 0; j < length; ++j)
    for (Index i = 0; i < length; ++i) weights(i, j) = (at(j - i) + at(-1 - j - i)) / sum;
  return weights;
}

/// Blurs every channel of an image along rows and columns, in place, see blur_weights(). O(pixels x what a
/// line gets of others).
inline void gaussian_blur(const ImageLayout& layout, double sigma, Eigen::VectorXd& image) {
  using Plane = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::MatrixXd down = blur_weights(layout.height, sigma), across = blur_weights(layout.width, sigma);
  Plane plane(layout.height, layout.width);
  Eigen::RowVectorXd line(layout.width);
  for (Index c = 0; c < layout.channels; ++c) {
    for (Index i = 0; i < layout.height; ++i) {
      line.setZero();
      for (Index j = 0; j < layout.width; ++j) line += image[layout.at(c, i, j)] * across.col(j).transpose();
      plane.row(i) = line;
    }
    for (Index i = 0; i < layout.height; ++i) {
      line.setZero();
      for (Index k = 0; k < layout.height; ++k)
        if (down(k, i) != 0) line += down(k, i) * plane.row(k);
      for (Index j = 0; j < layout.width; ++j) image[layout.at(c, i, j)] = line[j];
    }
  }
}

}  // namespace foil::geometry
