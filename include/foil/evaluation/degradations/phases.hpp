// SPDX-License-Identifier: MIT
/// \file
/// Degradations of gray images by their frequencies: noise in phases, and amplitudes that all images share.
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <complex>
#include <numbers>
#include <utility>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/corruptions/planes.hpp"
#include "foil/evaluation/degradations/fourier.hpp"

namespace foil::degradations {

using corruptions::Planes;

/// Which frequency loses what another one gains. An image is real if conjugate ones have opposite phases.
enum class PhasePairs {
  /// As the authors' program has it, and hence their stimuli: shifts are taken from the second half of the
  /// frequencies in the order in which the first half got them, not in reverse. Pairs do not match, and as
  /// the imaginary part is dropped, amplitudes change as well.
  published,
  conjugate  ///< each from its conjugate one, as was meant: amplitudes stay
};

namespace detail {

/// The frequencies that have a conjugate among themselves, (0, 0) in the middle: all but the first row and
/// column of even sizes.
struct PhaseBlock {
  explicit PhaseBlock(const Planes& image)
      : top(image.height % 2 == 0 ? 1 : 0),
        left(image.width % 2 == 0 ? 1 : 0),
        columns(image.width - left),
        size((image.height - top) * columns) {}
  Index top, left, columns, size;  // the size is odd
};

inline void require_gray(const char* degradation, const Planes& image) {
  require(image.channels == 1, degradation, ": expected a gray image of one channel, got ", image.channels);
}

}  // namespace detail

/// How many random numbers phase_noise() needs.
inline Index phase_draws(const Planes& image) {
  return detail::PhaseBlock(image).size / 2;
}

/// Shifts phases by up to `width` degrees either way. `uniform` has phase_draws() numbers in (0, 1). Those of
/// constant images, and of the highest frequency down or across of even sizes, stay.
inline void phase_noise(Planes& image, double width, const Eigen::VectorXd& uniform,
                        PhasePairs pairs = PhasePairs::published) {
  detail::require_gray("phase_noise", image);
  require(width >= 0 && std::isfinite(width), "phase_noise: expected a width >= 0 in degrees, got ", width);
  const detail::PhaseBlock block(image);
  const Index half = block.size / 2;
  corruptions::check_uniform("phase_noise", uniform, half);
  Fourier fourier(image.height, image.width);
  Eigen::VectorXcd spectrum = fourier.forward(image.plane(0));
  for (Index t = 0; t < block.size; ++t) {
    if (t == half) continue;
    const Index draw = t < half ? t : pairs == PhasePairs::published ? t - half - 1 : block.size - 1 - t;
    const double shift = (2 * uniform[draw] - 1) * width / 180 * std::numbers::pi;
    spectrum[fourier.unmoved(block.top + t / block.columns, block.left + t % block.columns)] *=
        std::polar(1.0, t < half ? shift : -shift);
  }
  fourier.inverse(std::move(spectrum), image.plane(0));
}

/// The amplitudes of an image's frequencies, (0, 0) in the middle, as the authors' files have them.
inline Planes amplitudes(const Planes& image) {
  detail::require_gray("amplitudes", image);
  Fourier fourier(image.height, image.width);
  const Eigen::VectorXcd spectrum = fourier.forward(image.plane(0));
  Planes out(1, image.height, image.width);
  for (Index y = 0; y < image.height; ++y)
    for (Index x = 0; x < image.width; ++x) out.row(0, y)[x] = std::abs(spectrum[fourier.unmoved(y, x)]);
  return out;
}

/// Makes the mean of `before` images' amplitudes that of one more.
inline void add_to_mean(Planes& mean, const Planes& one, Index before) {
  if (before == 0)
    mean = one;
  else
    mean.values += (one.values - mean.values) / static_cast<double>(before + 1);
}

/// Throws foil::Error unless there are amplitudes of one channel, and all are finite and >= 0.
inline void check_amplitudes(const Planes& amplitudes) {
  corruptions::check_size("power_equalisation: amplitudes", amplitudes);
  require(amplitudes.channels == 1, "power_equalisation: expected amplitudes of one channel, got ",
          amplitudes.channels);
  for (const double amplitude : amplitudes.values)
    require(amplitude >= 0 && std::isfinite(amplitude),
            "power_equalisation: expected amplitudes that are finite and >= 0, got ", amplitude);
}

/// Throws foil::Error if all amplitudes are 0, of which nothing comes.
inline void require_any(const Planes& amplitudes) {
  require((amplitudes.values.array() > 0).any(), "power_equalisation: expected amplitudes, got only zeros");
}

/// Gives an image these amplitudes, (0, 0) in the middle; phases stay, of amplitude 0 they are 0. Throws
/// foil::Error unless they are as check_amplitudes() says and of the image's size, where a value of the image
/// would be beyond what a double holds, and where all are 0 but the image is not.
inline void equalise_power(Planes& image, const Planes& amplitudes) {
  detail::require_gray("power_equalisation", image);
  require(amplitudes.channels == 1 && amplitudes.height == image.height && amplitudes.width == image.width,
          "power_equalisation: expected amplitudes of ", image.height, " x ", image.width,
          " frequencies, got ", amplitudes.channels, " x ", amplitudes.height, " x ", amplitudes.width);
  check_amplitudes(amplitudes);
  if (!image.values.isZero(0)) require_any(amplitudes);
  Fourier fourier(image.height, image.width);
  Eigen::VectorXcd spectrum = fourier.forward(image.plane(0));
  for (Index y = 0; y < image.height; ++y)
    for (Index x = 0; x < image.width; ++x) {
      std::complex<double>& value = spectrum[fourier.unmoved(y, x)];
      value = std::polar(1.0, std::arg(value)) * amplitudes.row(0, y)[x];
    }
  fourier.inverse(std::move(spectrum), image.plane(0));
  require(image.values.allFinite(), "power_equalisation: amplitudes sum to more than a double holds");
}

}  // namespace foil::degradations
