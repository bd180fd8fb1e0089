// SPDX-License-Identifier: MIT
#include "foil/geometry/rigid_motion.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "support/catch.hpp"
#include "support/models.hpp"

using namespace foil;
using namespace foil::geometry;

namespace {

const ImageLayout layouts[] = {{2, 5, 8}, {3, 6, 4, true}, {1, 7, 7}, {1, 1, 9}};

}  // namespace

TEST_CASE("rigid motion: nothing is the identity, and whole pixels are copied bit for bit", "[rigid]") {
  test::Random random(1);
  for (const ImageLayout& layout : layouts) {
    const Eigen::VectorXd image = random.normals(layout.size()), beyond = random.normals(layout.size());
    CHECK(moved(layout, {}, image, &beyond) == image);
    CHECK(moved(layout, {}, image, nullptr) == image);
    for (const Index down : {-2, 0, 1, 9})
      for (const Index right : {-3, 0, 2}) {
        const RigidMotion motion{0, static_cast<double>(down), static_cast<double>(right)};
        const Eigen::VectorXd out = moved(layout, motion, image, &beyond),
                              edge = moved(layout, motion, image, nullptr);
        for (Index c = 0; c < layout.channels; ++c)
          for (Index i = 0; i < layout.height; ++i)
            for (Index j = 0; j < layout.width; ++j) {
              const Index row = i - down, column = j - right;
              const bool inside = row >= 0 && row < layout.height && column >= 0 && column < layout.width;
              REQUIRE(out[layout.at(c, i, j)] ==
                      (inside ? image[layout.at(c, row, column)] : beyond[layout.at(c, i, j)]));
              REQUIRE(edge[layout.at(c, i, j)] ==
                      image[layout.at(c, std::clamp(row, Index{0}, layout.height - 1),
                                      std::clamp(column, Index{0}, layout.width - 1))]);
            }
      }
  }
}

TEST_CASE("rigid motion: quarter turns permute the pixels of square images, half turns those of any",
          "[rigid]") {
  test::Random random(2);
  for (const ImageLayout& layout : {ImageLayout{2, 6, 6}, ImageLayout{1, 5, 5}, ImageLayout{2, 4, 7, true}}) {
    const Eigen::VectorXd image = random.normals(layout.size());
    const Index last_row = layout.height - 1, last_column = layout.width - 1;
    for (const double turn : {180.0, -180.0}) {
      const Eigen::VectorXd out = moved(layout, {turn, 0, 0}, image, &image);
      for (Index i = 0; i <= last_row; ++i)
        for (Index j = 0; j <= last_column; ++j)
          REQUIRE(out[layout.at(0, i, j)] == image[layout.at(0, last_row - i, last_column - j)]);
    }
    if (layout.height != layout.width) continue;
    // Counter-clockwise: what was on the right is on top.
    const Eigen::VectorXd out = moved(layout, {90, 0, 0}, image, &image);
    const Eigen::VectorXd back = moved(layout, {-90, 0, 0}, out, &image);
    for (Index i = 0; i <= last_row; ++i)
      for (Index j = 0; j <= last_column; ++j)
        REQUIRE(out[layout.at(0, i, j)] == image[layout.at(0, j, last_column - i)]);
    CHECK(back == image);
  }
}

TEST_CASE("rigid motion: a linear image is moved as a plane is, in pixels and without shear", "[rigid]") {
  for (const ImageLayout& layout : {ImageLayout{1, 21, 41}, ImageLayout{1, 40, 19, true}}) {
    const double middle_row = static_cast<double>(layout.height - 1) / 2;
    const double middle_column = static_cast<double>(layout.width - 1) / 2;
    const auto plane = [&](double row, double column) { return 0.3 * row - 0.7 * column + 2; };
    Eigen::VectorXd image(layout.size());
    for (Index i = 0; i < layout.height; ++i)
      for (Index j = 0; j < layout.width; ++j)
        image[layout.at(0, i, j)] = plane(static_cast<double>(i), static_cast<double>(j));
    for (const double degrees : {17.0, -30.0, 90.0}) {
      const double angle = degrees * std::numbers::pi / 180;
      const Eigen::VectorXd out = moved(layout, {degrees, 1.25, -0.5}, image, &image);
      // Follow points of the image to where they go, near its middle, and look at the pixel there.
      for (Index i = layout.height / 2 - 3; i < layout.height / 2 + 3; ++i)
        for (Index j = layout.width / 2 - 3; j < layout.width / 2 + 3; ++j) {
          const double y = static_cast<double>(i) - middle_row - 1.25,
                       x = static_cast<double>(j) - middle_column + 0.5;
          const double row = middle_row + y * std::cos(angle) + x * std::sin(angle);
          const double column = middle_column + x * std::cos(angle) - y * std::sin(angle);
          REQUIRE(out[layout.at(0, i, j)] == Catch::Approx(plane(row, column)));
        }
    }
  }
}

TEST_CASE("rigid motion: half a pixel beyond the edge is half beyond", "[rigid]") {
  const ImageLayout layout{1, 1, 3};
  const Eigen::VectorXd image = Eigen::Vector3d(1, 3, 5), beyond = Eigen::Vector3d::Constant(-1);
  CHECK(moved(layout, {0, 0, 0.5}, image, &beyond) == Eigen::Vector3d(0, 2, 4));
  CHECK(moved(layout, {0, 0, 0.5}, image, nullptr) == Eigen::Vector3d(1, 2, 4));
  CHECK(moved(layout, {0, 0, 1e9}, image, &beyond) == beyond);
  CHECK_THROWS_AS(moved(layout, {0, std::numeric_limits<double>::infinity(), 0}, image, &beyond), Error);
}
