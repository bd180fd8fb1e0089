// SPDX-License-Identifier: MIT
/// \file
/// Degradations of gray images in space: contrast, noise, filters, turns.
#pragma once

#include <Eigen/Core>
#include <cmath>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/corruptions/blur.hpp"
#include "foil/evaluation/corruptions/planes.hpp"
#include "foil/geometry/image.hpp"

namespace foil::degradations {

using corruptions::Planes;

/// The mean gray of the authors' images, which goes on beyond the edges where they filter.
inline constexpr double mean_gray = 0.4423;

/// The contrast that images keep under noise, so that it has room.
inline constexpr double contrast_under_noise = 0.3;

/// One plane: .2125 R + .7154 G + .0721 B, or the image itself if it has one channel.
inline Planes gray(const Planes& image) {
  if (image.channels == 1) return image;
  require(image.channels == 3, "degradations: expected images of 1 or 3 channels, got ", image.channels);
  Planes out(1, image.height, image.width);
  const Index area = image.area();
  out.values = 0.2125 * image.values.head(area) + 0.7154 * image.values.segment(area, area) +
               0.0721 * image.values.tail(area);
  return out;
}

/// (1 - contrast) / 2 + contrast x. Throws foil::Error unless the contrast is in [0, 1].
inline void reduce_contrast(Planes& image, double contrast) {
  require(contrast >= 0 && contrast <= 1, "contrast: expected a share in [0, 1], got ", contrast);
  image.values.array() = (1 - contrast) / 2 + contrast * image.values.array();
}

/// Contrast 0.3, and noise from -width to width. `uniform` has a number in (0, 1) for every value.
inline void uniform_noise(Planes& image, double width, const Eigen::VectorXd& uniform) {
  require(width >= 0 && std::isfinite(width), "uniform_noise: expected a width >= 0, got ", width);
  corruptions::check_uniform("uniform_noise", uniform, image.values.size());
  reduce_contrast(image, contrast_under_noise);
  image.values.array() += width * (2 * uniform.array() - 1);
}

/// Contrast 0.3, and a share of values made black or white with equal chances. `uniform` has a number in
/// (0, 1) for every value.
inline void salt_and_pepper(Planes& image, double share, const Eigen::VectorXd& uniform) {
  require(share >= 0 && share <= 1, "salt_and_pepper: expected a share in [0, 1], got ", share);
  corruptions::check_uniform("salt_and_pepper", uniform, image.values.size());
  reduce_contrast(image, contrast_under_noise);
  for (Index i = 0; i < uniform.size(); ++i)
    if (uniform[i] < share / 2)
      image.values[i] = 0;
    else if (uniform[i] >= 1 - share / 2)
      image.values[i] = 1;
}

/// Gaussian of standard deviation `sigma` in pixels, sampled at whole pixels and cut off at four of them;
/// beyond the edges is `border`.
inline void low_pass(Planes& image, double sigma, double border = mean_gray) {
  image.values.array() -= border;
  geometry::smooth({image.channels, image.height, image.width}, corruptions::gaussian_weights(sigma, 4),
                   image.values);
  image.values.array() += border;
}

/// What low_pass() takes away, around a mean of `border`. Infinite: the image itself, as the authors show it,
/// though their formula would move its mean.
inline void high_pass(Planes& image, double sigma, double border = mean_gray) {
  require(sigma > 0, "high_pass: expected a standard deviation above 0, got ", sigma);
  if (std::isinf(sigma)) return;
  Planes low = image;
  low_pass(low, sigma, border);
  image.values -= low.values;
  for (Index c = 0; c < image.channels; ++c) {
    Eigen::Map<Eigen::ArrayXd> plane(image.plane(c), image.area());
    plane += border - plane.mean();
  }
}

/// Turns an image counter-clockwise. Throws foil::Error unless the angle is a multiple of 90 degrees, and,
/// for quarter turns, the image is as high as wide.
inline void turn(Planes& image, double degrees) {
  const double turns = degrees / 90;
  require(std::floor(turns) == turns && std::abs(turns) < 1e9,
          "rotation: expected a multiple of 90 degrees, got ", degrees);
  const Index quarters = ((static_cast<Index>(turns) % 4) + 4) % 4, height = image.height,
              width = image.width;
  require(quarters % 2 == 0 || height == width, "rotation: expected an image as high as wide, got ", height,
          " x ", width, " (all,-rotation leaves it out of a list)");
  const Planes from = image;
  for (Index c = 0; c < image.channels; ++c)
    for (Index y = 0; y < height; ++y)
      for (Index x = 0; x < width; ++x) {
        const Index row = quarters == 1   ? x
                          : quarters == 2 ? height - 1 - y
                          : quarters == 3 ? height - 1 - x
                                          : y;
        const Index column = quarters == 1   ? width - 1 - y
                             : quarters == 2 ? width - 1 - x
                             : quarters == 3 ? y
                                             : x;
        image.row(c, y)[x] = from.row(c, row)[column];
      }
}

}  // namespace foil::degradations
