// SPDX-License-Identifier: MIT
/// \file
/// Blurs whose kernels are symmetric: Gaussian, and out of focus.
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/corruptions/planes.hpp"

namespace foil::corruptions {

/// The weights of a Gaussian at 0, 1, ... pixels, up to floor(reach sigma + 1/2), which with those of the
/// other side sum to 1.
inline std::vector<double> gaussian_weights(double sigma, double reach) {
  require(sigma >= 0 && sigma < 1e4, "blur: expected a standard deviation in [0, 1e4), got ", sigma);
  std::vector<double> weights{1};
  double sum = 1;
  for (Index k = 1; k <= static_cast<Index>(reach * sigma + 0.5); ++k) {
    const double share = static_cast<double>(k) / sigma;
    weights.push_back(std::exp(-share * share / 2));
    sum += 2 * weights.back();
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

/// Convolves every channel with symmetric weights along columns, then along rows. They begin with the one of
/// the pixel itself.
inline void convolve(Planes& image, const std::vector<double>& down, const std::vector<double>& across,
                     Edges edges) {
  const Index height = image.height, width = image.width;
  const auto reach = static_cast<Index>(across.size()) - 1;
  Eigen::VectorXd before(image.area());
  Eigen::ArrayXd padded(width + 2 * reach), sum(width);
  for (Index c = 0; c < image.channels; ++c) {
    before = ConstLine(image.plane(c), image.area());
    for (Index y = 0; y < height; ++y) {
      const auto row = [&](Index place) {
        return ConstLine(before.data() + inside(place, height, edges) * width, width);
      };
      sum = down[0] * row(y);
      for (std::size_t k = 1; k < down.size(); ++k)
        sum += down[k] * (row(y - static_cast<Index>(k)) + row(y + static_cast<Index>(k)));
      Line out(image.row(c, y), width);
      if (reach == 0) {
        out = across[0] * sum;
        continue;
      }
      padded.segment(reach, width) = sum;
      for (Index k = 1; k <= reach; ++k) {
        padded[reach - k] = sum[inside(-k, width, edges)];
        padded[reach + width - 1 + k] = sum[inside(width - 1 + k, width, edges)];
      }
      out = across[0] * sum;
      for (Index k = 1; k <= reach; ++k)
        out += across[static_cast<std::size_t>(k)] *
               (padded.segment(reach - k, width) + padded.segment(reach + k, width));
    }
  }
}

/// Gaussian blur of standard deviation `sigma` in pixels, sampled at whole pixels and cut off at four of
/// them; edges go on.
inline void gaussian_blur(Planes& image, double sigma) {
  const std::vector<double> weights = gaussian_weights(sigma, 4);
  convolve(image, weights, weights, Edges::nearest);
}

/// The pixels within `radius`, all with the same weight, blurred by a Gaussian of standard deviation
/// `softness` > 0 of 3 x 3 pixels, or 5 x 5 for radii beyond 8. Weights at the distances 0, 1, ... down and
/// across. The grid ends at 8 pixels, or at the radius if that is larger, and what the blur would take beyond
/// is mirrored, as in the original: all sides together sum to 1 where the blurred disk leaves the outermost
/// pixels of the grid alone, else to more, for a softness of 1/2 to 1.013 at the radius 8 and 1.011 at 10.
inline Eigen::MatrixXd defocus_weights(double radius, double softness) {
  require(radius >= 0 && radius < 1e3 && softness > 0 && softness < 1e3,
          "defocus_blur: expected a radius in [0, 1000) and a softness in (0, 1000), got ", radius, " and ",
          softness);
  const Index reach = radius <= 8 ? 8 : static_cast<Index>(radius), side = 2 * reach + 1;
  Planes disk(1, side, side);
  for (Index y = 0; y < side; ++y)
    for (Index x = 0; x < side; ++x) {
      const auto v = static_cast<double>(y - reach), u = static_cast<double>(x - reach);
      disk.row(0, y)[x] = v * v + u * u <= radius * radius ? 1 : 0;
    }
  disk.values /= disk.values.sum();
  const double taps = radius <= 8 ? 1 : 2;
  const std::vector<double> soft = gaussian_weights(softness, taps / softness);
  convolve(disk, soft, soft, Edges::mirror);
  Eigen::MatrixXd weights(reach + 1, reach + 1);
  for (Index y = 0; y <= reach; ++y)
    for (Index x = 0; x <= reach; ++x) weights(y, x) = disk.row(0, reach + y)[reach + x];
  return weights;
}

/// Out of focus: every pixel becomes a disk, see defocus_weights(). Beyond the edges the image is mirrored.
inline void defocus_blur(Planes& image, double radius, double softness) {
  const Eigen::MatrixXd weights = defocus_weights(radius, softness);
  const Index reach = weights.rows() - 1, height = image.height, width = image.width;
  Eigen::ArrayXXd padded(width + 2 * reach, height + 2 * reach);  // a row of the image in each column
  Eigen::ArrayXd both(width + 2 * reach);
  for (Index c = 0; c < image.channels; ++c) {
    for (Index y = 0; y < padded.cols(); ++y) {
      const double* row = image.row(c, inside(y - reach, height, Edges::mirror));
      for (Index x = 0; x < padded.rows(); ++x) padded(x, y) = row[inside(x - reach, width, Edges::mirror)];
    }
    for (Index y = 0; y < height; ++y) {
      Line out(image.row(c, y), width);
      out.setZero();
      for (Index v = 0; v <= reach; ++v) {
        both = padded.col(reach + y + v);
        if (v > 0) both += padded.col(reach + y - v);
        if (weights(v, 0) > 0) out += weights(v, 0) * both.segment(reach, width);
        for (Index u = 1; u <= reach && weights(v, u) > 0; ++u)
          out += weights(v, u) * (both.segment(reach - u, width) + both.segment(reach + u, width));
      }
    }
  }
}

}  // namespace foil::corruptions
