// SPDX-License-Identifier: MIT
/// \file
/// The discrete Fourier transform of images, and back.
#pragma once

#include <Eigen/Core>
#include <complex>
#include <unsupported/Eigen/FFT>
#include <utility>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"

namespace foil::degradations {

/// Fourier transforms of height x width numbers, row by row. What stands at (u, v) of a spectrum belongs to u
/// periods down and v across, modulo the size: the sum of all numbers is at (0, 0). O(n log n), for sizes
/// with a large prime factor p O(n p).
class Fourier {
 public:
  /// Throws foil::Error unless there is a number.
  Fourier(Index height, Index width) : height_(height), width_(width) {
    require(height >= 1 && width >= 1, "fourier: expected at least one number, got ", height, " x ", width);
  }

  /// sum over (y, x) of plane(y, x) exp(-2 pi i (u y / height + v x / width)).
  Eigen::VectorXcd forward(Eigen::VectorXcd plane) {
    transform(plane, false);
    return plane;
  }
  Eigen::VectorXcd forward(const double* plane) {
    return forward(Eigen::VectorXcd(Eigen::Map<const Eigen::VectorXd>(plane, size())));
  }
  /// The plane of a spectrum.
  Eigen::VectorXcd inverse(Eigen::VectorXcd spectrum) {
    transform(spectrum, true);
    return spectrum;
  }
  /// Its real part.
  void inverse(Eigen::VectorXcd spectrum, double* plane) {
    Eigen::Map<Eigen::VectorXd>(plane, size()) = inverse(std::move(spectrum)).real();
  }

  Index size() const { return height_ * width_; }

  /// Where (u, v) stands if (0, 0) is moved to the middle, (height / 2, width / 2) rounded down, and all else
  /// with it: place in the spectrum by place in the moved one.
  Index unmoved(Index row, Index column) const {
    const Index u = (row - height_ / 2 + height_) % height_, v = (column - width_ / 2 + width_) % width_;
    return u * width_ + v;
  }

 private:
  void transform(Eigen::VectorXcd& values, bool back) {
    const auto lines = [&](Index count, Index length, Index next, Index stride) {
      if (length == 1) return;  // its own transform, which Eigen's cannot make
      Eigen::VectorXcd line(length), result(length);
      for (Index k = 0; k < count; ++k) {
        for (Index i = 0; i < length; ++i) line[i] = values[k * next + i * stride];
        if (back)
          fft_.inv(result.data(), line.data(), length);
        else
          fft_.fwd(result.data(), line.data(), length);
        for (Index i = 0; i < length; ++i) values[k * next + i * stride] = result[i];
      }
    };
    lines(height_, width_, width_, 1);
    lines(width_, height_, 1, width_);
  }

  Index height_, width_;
  Eigen::FFT<double> fft_{};
};

}  // namespace foil::degradations
