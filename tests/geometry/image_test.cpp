// SPDX-License-Identifier: MIT
#include "foil/geometry/image.hpp"

#include "foil/core/sum.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

using namespace foil;
using namespace foil::geometry;
using foil::test::Random;

namespace {

/// Images of every kind: tall, wide, of a single row, column or pixel, in both orders of the axes.
const ImageLayout layouts[] = {{1, 5, 5, false}, {3, 4, 7, false}, {3, 4, 7, true}, {2, 6, 1, true},
                               {2, 1, 6, false}, {4, 1, 1, true},  {1, 9, 2, false}};

/// The image whose channels are transposed copies of each other's places.
Eigen::VectorXd reordered(const Eigen::VectorXd& image, const ImageLayout& from, const ImageLayout& to) {
  Eigen::VectorXd out(image.size());
  for (Index c = 0; c < from.channels; ++c)
    for (Index i = 0; i < from.height; ++i)
      for (Index j = 0; j < from.width; ++j) out[to.at(c, i, j)] = image[from.at(c, i, j)];
  return out;
}

}  // namespace

TEST_CASE("an image is shrunken as bilinear interpolation between pixel centres says") {
  // Four pixels become two: each lies in the middle between two old ones. Three become two: at 1/4 and 7/4.
  const ImageLayout row{1, 1, 4, false};
  Eigen::VectorXd out = Eigen::VectorXd::Constant(4, -1);
  ShrinkAndPlace(row, 1, 2, 0, 1).apply(Eigen::Vector4d(0, 1, 4, 9), out);
  CHECK(out == Eigen::Vector4d(-1, 0.5, 6.5, -1));
  const ImageLayout column{1, 3, 1, false};
  Eigen::VectorXd other = Eigen::VectorXd::Zero(3);
  ShrinkAndPlace(column, 2, 1, 1, 0).apply(Eigen::Vector3d(0, 4, 16), other);
  CHECK(other == Eigen::Vector3d(0, 1, 13));
  // Of 4 x 4 to 2 x 2 every new pixel is the mean of four.
  const ImageLayout square{1, 4, 4, false};
  Random random(1);
  const Eigen::VectorXd image = random.normals(16);
  Eigen::VectorXd quarter = Eigen::VectorXd::Zero(16);
  ShrinkAndPlace(square, 2, 2, 2, 0).apply(image, quarter);
  CHECK(quarter[8] == Catch::Approx((image[0] + image[1] + image[4] + image[5]) / 4).margin(1e-15));
  CHECK(quarter[13] == Catch::Approx((image[10] + image[11] + image[14] + image[15]) / 4).margin(1e-15));
  CHECK(quarter.head(8).isZero(0));
}

TEST_CASE("shrinking keeps constants, bits at full size, and what the order of the axes is") {
  Random random(2);
  for (const ImageLayout& layout : layouts) {
    const Eigen::VectorXd image = random.normals(layout.size());
    Eigen::VectorXd out(layout.size());
    ShrinkAndPlace(layout, layout.height, layout.width, 0, 0).apply(image, out);
    CHECK(out == image);
    const Index height = (layout.height + 1) / 2, width = (layout.width + 1) / 2;
    const Index top = layout.height - height, left = layout.width - width;
    const ShrinkAndPlace shrink(layout, height, width, top, left);
    out.setConstant(3);
    shrink.apply(Eigen::VectorXd::Constant(layout.size(), 3), out);
    CHECK((out.array() - 3).abs().maxCoeff() <= 1e-15);
    ImageLayout other = layout;
    other.channels_last = !layout.channels_last;
    Eigen::VectorXd turned = Eigen::VectorXd::Zero(layout.size());
    out.setZero();
    shrink.apply(image, out);
    ShrinkAndPlace(other, height, width, top, left).apply(reordered(image, layout, other), turned);
    CHECK(turned == reordered(out, layout, other));
  }
}

TEST_CASE("the adjoint of shrinking is its transpose") {
  Random random(3);
  for (const ImageLayout& layout : layouts)
    for (int trial = 0; trial < 10; ++trial) {
      const Index height = 1 + random.integer(layout.height), width = 1 + random.integer(layout.width);
      const ShrinkAndPlace shrink(layout, height, width, random.integer(layout.height - height + 1),
                                  random.integer(layout.width - width + 1));
      const Eigen::VectorXd x = random.normals(layout.size()), y = random.normals(layout.size());
      Eigen::VectorXd forward = Eigen::VectorXd::Zero(x.size()), back = y;
      shrink.apply(x, forward);
      shrink.adjoint(y, back);
      CHECK(dot(forward, y) == Catch::Approx(dot(x, back)).margin(1e-12));
    }
}

TEST_CASE("smoothing is the convolution of every channel with the kernel, and its own adjoint") {
  Random random(4);
  for (const ImageLayout& layout : layouts)
    for (const std::size_t radius : {1u, 3u, 20u}) {
      std::vector<double> weights(radius + 1);
      for (double& weight : weights) weight = random.normal();
      const auto weight = [&](Index offset) {
        const auto k = static_cast<std::size_t>(std::abs(offset));
        return k > radius ? 0.0 : weights[k];
      };
      const Eigen::VectorXd x = random.normals(layout.size()), y = random.normals(layout.size());
      Eigen::VectorXd smoothed = x, other = y;
      smooth(layout, weights, smoothed);
      smooth(layout, weights, other);
      CHECK(dot(smoothed, y) == Catch::Approx(dot(x, other)).margin(1e-10));
      for (Index c = 0; c < layout.channels; ++c)
        for (Index i = 0; i < layout.height; ++i)
          for (Index j = 0; j < layout.width; ++j) {
            double sum = 0;
            for (Index k = 0; k < layout.height; ++k)
              for (Index l = 0; l < layout.width; ++l)
                sum += weight(k - i) * weight(l - j) * x[layout.at(c, k, l)];
            REQUIRE(smoothed[layout.at(c, i, j)] == Catch::Approx(sum).margin(1e-12));
          }
    }
}

TEST_CASE("samples of any shape have rows of pixels") {
  const auto extents = [](const std::vector<Index>& shape, bool channels_last) {
    const ImageLayout layout = image_or_row(shape, channels_last);
    return std::vector<Index>{layout.channels, layout.height, layout.width};
  };
  CHECK(extents({3, 4, 5}, false) == std::vector<Index>{3, 4, 5});
  CHECK(extents({4, 5, 3}, true) == std::vector<Index>{3, 4, 5});
  CHECK(extents({4, 5}, true) == std::vector<Index>{1, 4, 5});
  CHECK(extents({12}, false) == std::vector<Index>{1, 1, 12});
  CHECK(extents({2, 3, 4, 5}, false) == std::vector<Index>{1, 1, 120});
}

TEST_CASE("channels are last where their number says so, and where that is said") {
  const auto last = [](const std::vector<Index>& shape, ChannelsLast said = {}) {
    const ImageLayout layout = image_or_row(shape, said);
    CHECK(layout.channels_last == image_layout(shape, said).channels_last);
    CHECK(layout.channels == (layout.channels_last ? shape[2] : shape[0]));
    return layout.channels_last;
  };
  CHECK(last({20, 28, 3}));
  CHECK(last({20, 28, 1}));
  CHECK_FALSE(last({3, 28, 3}));  // either may be meant: channels are first by custom
  CHECK_FALSE(last({1, 28, 3}));
  CHECK_FALSE(last({3, 28, 20}));
  CHECK_FALSE(last({20, 3, 28}));
  CHECK_FALSE(last({20, 28, 3}, false));
  CHECK(last({3, 28, 20}, true));
}

TEST_CASE("what is no image, and places beyond it, are refused") {
  CHECK(image_layout({3, 4, 5}, false).width == 5);
  CHECK(image_layout({4, 5, 3}, true).width == 5);
  CHECK_THROWS_WITH(image_layout({12}, false), "expected images of three dimensions, the samples have 1");
  CHECK_THROWS_AS(image_layout({1, 3, 4, 5}, false), Error);
  CHECK_THROWS_AS(ShrinkAndPlace({1, 4, 4}, 3, 3, 2, 0), Error);
  CHECK_THROWS_AS(ShrinkAndPlace({1, 4, 4}, 0, 3, 0, 0), Error);
}
