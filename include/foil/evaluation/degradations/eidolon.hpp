// SPDX-License-Identifier: MIT
/// \file
/// Eidolons: an image taken apart by scale, each part disarrayed, and put together again.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <bit>
#include <cmath>
#include <complex>
#include <cstdint>
#include <functional>
#include <numbers>
#include <utility>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/corruptions/planes.hpp"
#include "foil/evaluation/degradations/fourier.hpp"
#include "foil/evaluation/degradations/phases.hpp"

namespace foil::degradations {

/// What disarrays an image. Lengths are of images whose longer side has 256 pixels, and grow with it.
struct EidolonOptions {
  double reach = 1;      ///< how far; of published stimuli 1, 2, 4, ..., 128
  double coherence = 1;  ///< 1: large parts take small ones with them, 0: every part for itself
  double grain = 10;     ///< standard deviation of the blur of what moves parts for themselves
};

/// Fills with standard normal numbers.
using NormalDraws = std::function<void(Eigen::Ref<Eigen::VectorXd>)>;

namespace detail {

/// A plane of a power of two on either side, in which an image lies with its mirror images around it, and
/// blurs of complex numbers on it: of two planes at once.
class EidolonPlane {
 public:
  explicit EidolonPlane(const Planes& image)
      : height_(side(image.height)),
        width_(side(image.width)),
        top_((height_ - image.height) / 2),
        left_((width_ - image.width) / 2),
        fourier_(height_, width_) {}

  Index height() const { return height_; }
  Index width() const { return width_; }
  Index size() const { return height_ * width_; }

  Eigen::VectorXcd embedded(const Planes& image) const {
    Eigen::VectorXcd out(size());
    for (Index y = 0; y < height_; ++y)
      for (Index x = 0; x < width_; ++x)
        out[y * width_ + x] = image.row(
            0, corruptions::inside(y - top_, image.height, corruptions::Edges::reflect))[corruptions::inside(
            x - left_, image.width, corruptions::Edges::reflect)];
    return out;
  }
  void cut_out(const Eigen::VectorXd& plane, Planes& image) const {
    for (Index y = 0; y < image.height; ++y)
      for (Index x = 0; x < image.width; ++x) image.row(0, y)[x] = plane[(y + top_) * width_ + x + left_];
  }

  Eigen::VectorXcd spectrum(Eigen::VectorXcd plane) { return fourier_.forward(std::move(plane)); }
  /// A plane of that spectrum, blurred by a Gaussian, edge to edge.
  Eigen::VectorXcd blurred(Eigen::VectorXcd spectrum, double sigma) {
    const Eigen::VectorXd down = gains(height_, sigma), across = gains(width_, sigma);
    for (Index u = 0; u < height_; ++u)
      spectrum.segment(u * width_, width_).array() *= down[u] * across.array();
    return fourier_.inverse(std::move(spectrum));
  }

 private:
  static Index side(Index length) {
    const auto most = static_cast<std::uint64_t>((3 * length + 1) / 2);
    return static_cast<Index>(std::bit_ceil(most));
  }
  /// What a Gaussian, sampled at whole pixels to half way around and of sum 1, leaves of each frequency.
  static Eigen::VectorXd gains(Index length, double sigma) {
    Eigen::VectorXd kernel(length);
    for (Index i = 0; i < length; ++i) {
      const double share = static_cast<double>(std::min(i, length - i)) / sigma;
      kernel[i] = std::exp(-share * share / 2);
    }
    kernel /= kernel.sum();
    return Fourier(1, length).forward(kernel.data()).real();
  }

  Index height_, width_, top_, left_;
  Fourier fourier_;
};

}  // namespace detail

/// Partially coherent disarray (Koenderink et al. 2017, Eidolons: novel stimuli for vision research), as the
/// authors' toolbox in Python has it with the correction that Geirhos et al. 2018 made stimuli with (pull
/// request 1 there). The image is taken apart into differences of Gaussians, twelve with the last Gaussian,
/// of standard deviations 1/sqrt(2), 1, sqrt(2), ..., 32. Every part is displaced pixel by pixel, to whole
/// pixels and at most to the edge, by `reach` times a random field: coherence times the sum of blurred noise
/// of its own and of all larger scales sigma, each times sigma / 64, plus (1 - coherence) times noise of its
/// own blurred by `grain`. Noise is normal, scaled to a largest of 127.5 and cut at 127; of what is blurred,
/// mean / deviation is taken away, as in the toolbox, not the mean.
///
/// The toolbox first resizes images to 256 pixels and blurs in one row made of all rows; here an image keeps
/// its size, and lengths are of the size. Draws are others, so that pictures can be compared by what they
/// have in common alone. About fifty Fourier transforms of a power of two >= 1.5 sides.
/// \param normal  asked for planes of noise, down and across, of the coherent part first, the largest scale
///                first
inline void eidolon(Planes& image, const EidolonOptions& options, const NormalDraws& normal) {
  detail::require_gray("eidolon", image);
  require(options.reach >= 0 && std::isfinite(options.reach) && options.coherence >= 0 &&
              options.coherence <= 1 && options.grain > 0 && std::isfinite(options.grain),
          "eidolon: expected a reach >= 0, a coherence in [0, 1] and a grain > 0, got ", options.reach, ", ",
          options.coherence, " and ", options.grain);
  constexpr int scales = 12;
  constexpr double largest = 64;
  detail::EidolonPlane plane(image);
  const double unit = static_cast<double>(std::max(image.height, image.width)) / 256;
  const auto sigma = [](int k) { return std::numbers::sqrt2 / 2 * std::pow(2.0, k / 2.0); };
  const auto noise = [&] {
    Eigen::VectorXd numbers(plane.size());
    normal(numbers);
    numbers *= 127.5 / numbers.cwiseAbs().maxCoeff();
    return Eigen::VectorXd(numbers.cwiseMax(-127).cwiseMin(127));
  };
  /// Displacements down and across, as real and imaginary parts.
  const auto field = [&](double deviation) {
    Eigen::VectorXcd both(plane.size());
    both.real() = noise();
    both.imag() = noise();
    both = plane.blurred(plane.spectrum(std::move(both)), deviation * unit) * unit;
    const std::complex<double> mean = both.mean();
    const double down = (both.real().array() - mean.real()).square().mean(),
                 across = (both.imag().array() - mean.imag()).square().mean();
    both.array() -= std::complex<double>(mean.real() / std::sqrt(down), mean.imag() / std::sqrt(across));
    return both;
  };

  const Eigen::VectorXcd spectrum = plane.spectrum(plane.embedded(image));
  Eigen::VectorXcd coherent = Eigen::VectorXcd::Zero(plane.size()), moved = coherent;
  Eigen::VectorXd larger = Eigen::VectorXd::Zero(plane.size()), sum = larger;
  for (int k = scales - 1; k >= 0; --k) {
    moved.setZero();
    if (options.coherence > 0) {
      coherent += field(sigma(k)) * (sigma(k) / largest);
      moved += options.coherence * coherent;
    }
    if (options.coherence < 1) moved += (1 - options.coherence) * field(options.grain);
    const Eigen::VectorXd here = plane.blurred(spectrum, sigma(k) * unit).real();
    const double reach = options.reach * unit;
    for (Index y = 0; y < plane.height(); ++y)
      for (Index x = 0; x < plane.width(); ++x) {
        const Index to = y * plane.width() + x;
        const auto place = [&](Index from, double by, Index length) {
          return static_cast<Index>(
              std::clamp(static_cast<double>(from) + reach * by, 0.0, static_cast<double>(length - 1)));
        };
        const Index from = place(y, moved[to].real(), plane.height()) * plane.width() +
                           place(x, moved[to].imag(), plane.width());
        sum[to] += here[from] - larger[from];
      }
    larger = here;
  }
  plane.cut_out(sum, image);
}

}  // namespace foil::degradations
