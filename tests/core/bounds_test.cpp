// SPDX-License-Identifier: MIT
#include "foil/core/bounds.hpp"

#include <limits>

#include "support/catch.hpp"

namespace {
using namespace foil;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("bounds: the default is the unit interval", "[bounds]") {
  const Bounds<float> bounds;
  CHECK(bounds.uniform());
  CHECK(bounds.lower(5) == 0);
  CHECK(bounds.upper(1000) == 1);
  CHECK_NOTHROW(bounds.check(123));
}

TEST_CASE("bounds: per feature, single features may be frozen and ends infinite", "[bounds]") {
  const double infinity = std::numeric_limits<double>::infinity();
  const Bounds<double> bounds(Eigen::Vector3d(-1, 2, -infinity), Eigen::Vector3d(1, 2, infinity));
  CHECK_FALSE(bounds.uniform());
  CHECK(bounds.lower(1) == 2);
  CHECK(bounds.upper(1) == 2);
  CHECK(bounds.upper(2) == infinity);
  CHECK_NOTHROW(bounds.check(3));
  CHECK_THROWS_WITH(bounds.check(4), ContainsSubstring("given for 3 features") && ContainsSubstring("has 4"));
}

TEST_CASE("bounds: what makes no sense is refused with the values", "[bounds]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH((Bounds<double>(1, 1)),
                    ContainsSubstring("lower < upper") && ContainsSubstring("[1, 1]"));
  CHECK_THROWS_WITH((Bounds<float>(2, -0.5)), ContainsSubstring("[2, -0.5]"));
  CHECK_THROWS_AS((Bounds<double>(nan, 1)), Error);
  CHECK_THROWS_AS((Bounds<double>(0, nan)), Error);
  CHECK_THROWS_WITH((Bounds<double>(Eigen::Vector2d(0, 3), Eigen::Vector2d(1, 2))),
                    ContainsSubstring("[3, 2]") && ContainsSubstring("feature 1"));
  CHECK_THROWS_AS((Bounds<double>(Eigen::Vector2d(0, nan), Eigen::Vector2d(1, 1))), Error);
  CHECK_THROWS_WITH((Bounds<double>(Eigen::VectorXd::Zero(2), Eigen::VectorXd::Ones(3))),
                    ContainsSubstring("got 2 and 3"));
  CHECK_THROWS_AS((Bounds<double>(Eigen::VectorXd(), Eigen::VectorXd())), Error);
}

TEST_CASE("bounds: cast keeps kind and values", "[bounds]") {
  const auto uniform = Bounds<double>(-0.5, 2).cast<float>();
  CHECK(uniform.uniform());
  CHECK(uniform.lower(0) == -0.5f);
  const auto each = Bounds<float>(Eigen::Vector2f(0, 1), Eigen::Vector2f(1, 1)).cast<double>();
  CHECK_FALSE(each.uniform());
  CHECK(each.upper(1) == 1);
}
}  // namespace
