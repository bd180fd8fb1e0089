// SPDX-License-Identifier: MIT
#include "foil/geometry/blur.hpp"

#include <cmath>
#include <numbers>
#include <vector>

#include "support/catch.hpp"
#include "support/models.hpp"

using namespace foil;
using namespace foil::geometry;

namespace {

/// The share that a sampled Gaussian leaves of a cosine wave of so many half periods in n pixels.
double gain(double sigma, double half_periods, Index n) {
  double kept = 1, sum = 1;
  for (int k = 1; k <= std::floor(4 * sigma + 0.5); ++k) {
    const double tap = 2 * std::exp(-k * k / (2 * sigma * sigma));
    kept += tap * std::cos(std::numbers::pi * half_periods * k / static_cast<double>(n));
    sum += tap;
  }
  return kept / sum;
}

double wave(double half_periods, Index i, Index n) {
  return std::cos(std::numbers::pi * half_periods * (static_cast<double>(i) + 0.5) / static_cast<double>(n));
}

}  // namespace

TEST_CASE("blur: waves that fit the image keep their form, however wide the Gaussian is", "[blur]") {
  for (const ImageLayout& layout : {ImageLayout{2, 5, 9}, ImageLayout{3, 8, 4, true}, ImageLayout{1, 1, 7}})
    for (const double sigma : {0.3, 1.0, 2.7, 9.0, 40.0})
      for (const int across : {0, 1, 3}) {
        const int down = layout.height > 1 ? 2 : 0;
        Eigen::VectorXd image(layout.size()), expected(layout.size());
        for (Index c = 0; c < layout.channels; ++c)
          for (Index i = 0; i < layout.height; ++i)
            for (Index j = 0; j < layout.width; ++j) {
              const double value =
                  static_cast<double>(c + 1) * wave(down, i, layout.height) * wave(across, j, layout.width);
              image[layout.at(c, i, j)] = value;
              expected[layout.at(c, i, j)] =
                  gain(sigma, down, layout.height) * gain(sigma, across, layout.width) * value;
            }
        gaussian_blur(layout, sigma, image);
        CAPTURE(sigma, across);
        CHECK((image - expected).lpNorm<Eigen::Infinity>() < 1e-12);
      }
}

TEST_CASE("blur: no blur is the identity, and a level image stays", "[blur]") {
  const ImageLayout layout{3, 4, 6};
  test::Random random(1);
  const Eigen::VectorXd image = random.normals(layout.size());
  Eigen::VectorXd blurred = image;
  gaussian_blur(layout, 0, blurred);
  CHECK(blurred == image);
  Eigen::VectorXd level = Eigen::VectorXd::Constant(layout.size(), 0.7);
  gaussian_blur(layout, 3, level);
  CHECK((level.array() - 0.7).abs().maxCoeff() < 1e-14);
}

TEST_CASE("blur: what a line gives is what it gets, and widths that make no sense are refused", "[blur]") {
  const Eigen::MatrixXd weights = blur_weights(6, 2.5);
  CHECK(weights == weights.transpose());
  CHECK((weights.rowwise().sum().array() - 1).abs().maxCoeff() < 1e-14);
  CHECK_THROWS_WITH(blur_weights(6, -1), "blur: expected a line and sigma in [0, 1e9), got 6 and -1");
  CHECK_THROWS_AS(blur_weights(6, std::nan("")), Error);
  CHECK_THROWS_AS(blur_weights(0, 1), Error);
}
