// SPDX-License-Identifier: MIT
#include "foil/geometry/box.hpp"

#include <limits>

#include "support/catch.hpp"

using foil::geometry::Box;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

Box box_of_three() {
  return {Eigen::Vector3d(0, -1, -infinity), Eigen::Vector3d(1, -1, infinity)};
}

}  // namespace

TEST_CASE("a box without a mask freezes nothing, not even where its ends are equal") {
  Box box = box_of_three();
  CHECK(box.size() == 3);
  CHECK(box.free_features() == 3);
  CHECK_FALSE(box.is_frozen(1));
  box.frozen.setConstant(3, false);
  CHECK(box.free_features() == 3);
  box.frozen[1] = true;
  CHECK(box.free_features() == 2);
  CHECK(box.is_frozen(1));
  CHECK_FALSE(box.is_frozen(2));
}

TEST_CASE("a box is bounded if all of its ends are finite") {
  Box box = box_of_three();
  CHECK_FALSE(box.bounded());
  box.upper[2] = 7;
  CHECK_FALSE(box.bounded());
  box.lower[2] = 7;
  CHECK(box.bounded());
}

TEST_CASE("a box contains its ends, and only numbers") {
  const Box box = box_of_three();
  const auto contains = [&](double a, double b, double c) { return box.contains(Eigen::Vector3d(a, b, c)); };
  CHECK(contains(0, -1, 1e300));
  CHECK(contains(1, -1, -5));
  CHECK_FALSE(contains(1.0000001, -1, 0));
  CHECK_FALSE(contains(-1e-300, -1, 0));
  CHECK_FALSE(contains(0.5, 0, 0));
  CHECK_FALSE(contains(0.5, -1, infinity));
  CHECK_FALSE(contains(0.5, -1, -infinity));
  CHECK_FALSE(contains(not_a_number, -1, 0));
  CHECK_FALSE(contains(0.5, -1, not_a_number));
  CHECK(box.contains(Eigen::Vector3f(0.5f, -1, 3)));
}

TEST_CASE("clipping moves what is outside to the end that it passed, exactly") {
  const Box box = box_of_three();
  Eigen::VectorXd x = Eigen::Vector3d(-3, 4, 1e300);
  box.clip(x);
  CHECK(x == Eigen::Vector3d(0, -1, 1e300));
  x << 0.25, -2, -infinity;
  box.clip(x);
  CHECK(x == Eigen::Vector3d(0.25, -1, -infinity));
  x << not_a_number, not_a_number, 0;
  box.clip(x);
  CHECK(std::isnan(x[0]));
  CHECK(std::isnan(x[1]));
}

TEST_CASE("the room of an entry is the way to the end ahead of it") {
  const Box box = box_of_three();
  const Eigen::VectorXd x = Eigen::Vector3d(0.25, -1, 0);
  CHECK(box.room(x, 0, 1e-9) == 0.75);
  CHECK(box.room(x, 0, -5) == 0.25);
  CHECK(box.room(x, 0, 0) == 0);
  CHECK(box.room(x, 1, 1) == 0);
  CHECK(box.room(x, 1, -1) == 0);
  CHECK(box.room(x, 2, 1) == infinity);
  CHECK(box.room(x, 2, -1) == infinity);
}
