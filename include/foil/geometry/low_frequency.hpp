// SPDX-License-Identifier: MIT
/// \file
/// Images made of low frequencies only.
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <numbers>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"

namespace foil::geometry {

/// The inverse discrete cosine transform (orthonormal DCT-II) from the lowest frequencies of each channel: a
/// linear isometry, so that normal coefficients give isotropic noise in the space that these images span.
class LowFrequency {
 public:
  /// Channels x height x width, or height x width x channels; of each axis the ceil(size / factor) lowest
  /// frequencies.
  LowFrequency(Index channels, Index height, Index width, int factor, bool channels_last = false)
      : channels_(channels),
        channels_last_(channels_last),
        rows_(cosines(height, factor)),
        columns_(cosines(width, factor)) {}

  /// Number of coefficients, channel by channel, row-major in the frequencies.
  Index dimension() const { return channels_ * rows_.cols() * columns_.cols(); }

  /// Writes the image with these coefficients.
  void synthesise(const Eigen::VectorXd& coefficients, Eigen::VectorXd& image) const {
    const Index height = rows_.rows(), width = columns_.rows(), size = height * width;
    image.resize(channels_ * size);
    Eigen::VectorXd plane(size), line(width);
    const double* coefficient = coefficients.data();
    for (Index c = 0; c < channels_; ++c) {
      plane.setZero();
      for (Index k = 0; k < rows_.cols(); ++k) {
        line.setZero();
        for (Index l = 0; l < columns_.cols(); ++l) line += *coefficient++ * columns_.col(l);
        for (Index i = 0; i < height; ++i) plane.segment(i * width, width) += rows_(i, k) * line;
      }
      for (Index i = 0; i < size; ++i) image[channels_last_ ? i * channels_ + c : c * size + i] = plane[i];
    }
  }

  /// Of each axis: how many frequencies there are of rows, and of columns.
  Index row_frequencies() const { return rows_.cols(); }
  Index column_frequencies() const { return columns_.cols(); }

  /// Adds to an image, or to any vector of its size, the basis image of one coefficient times `scale`:
  /// synthesise() for all others 0, in as many steps as a channel has pixels.
  void add(Index coefficient, double scale, Eigen::VectorXd& image) const {
    const Index height = rows_.rows(), width = columns_.rows();
    const Index l = coefficient % columns_.cols(), k = coefficient / columns_.cols() % rows_.cols();
    const Index c = coefficient / (rows_.cols() * columns_.cols());
    for (Index i = 0; i < height; ++i)
      for (Index j = 0; j < width; ++j)
        image[channels_last_ ? (i * width + j) * channels_ + c : (c * height + i) * width + j] +=
            scale * rows_(i, k) * columns_(j, l);
  }

 private:
  static Eigen::MatrixXd cosines(Index size, int factor) {
    const Index kept = (size + factor - 1) / factor;
    Eigen::MatrixXd basis(size, kept);
    for (Index k = 0; k < kept; ++k)
      for (Index i = 0; i < size; ++i)
        basis(i, k) = std::sqrt((k == 0 ? 1.0 : 2.0) / static_cast<double>(size)) *
                      std::cos(std::numbers::pi * static_cast<double>(k) * (static_cast<double>(i) + 0.5) /
                               static_cast<double>(size));
    return basis;
  }

  Index channels_;
  bool channels_last_;
  Eigen::MatrixXd rows_, columns_;
};

}  // namespace foil::geometry
