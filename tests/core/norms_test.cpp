// SPDX-License-Identifier: MIT
#include "foil/core/norms.hpp"

#include <cmath>
#include <limits>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Catch::Matchers::ContainsSubstring;

static_assert(Norm<L0> && Norm<L1> && Norm<L2> && Norm<Linf>);

TEST_CASE("norms: sizes of a vector worked out by hand", "[norms]") {
  const Eigen::Vector4d v(3, 0, -4, 0);
  CHECK(L0::size(v) == 2);
  CHECK(L1::size(v) == 7);
  CHECK(L2::size(v) == 5);
  CHECK(Linf::size(v) == 4);
  CHECK(Lp(3).size(v) == Catch::Approx(std::cbrt(27 + 64.0)).epsilon(1e-15));
  CHECK(Lp(0.5).size(v) == Catch::Approx(std::pow(std::sqrt(3) + 2, 2)).epsilon(1e-15));
  for (const Lp norm : {Lp(L0{}), Lp(L1{}), Lp(L2{}), Lp(Linf{}), Lp(2.5)})
    CHECK(norm.size(Eigen::VectorXd(Eigen::VectorXd::Zero(5))) == 0);
}

TEST_CASE("norms: the value form gives the bits of the types, and tends to Linf", "[norms]") {
  test::Random random(3);
  for (int repeat = 0; repeat < 20; ++repeat) {
    const Eigen::VectorXd v = random.normals(1 + random.integer(50));
    CHECK(Lp(L0{}).size(v) == L0::size(v));
    CHECK(Lp(L1{}).size(v) == L1::size(v));
    CHECK(Lp(L2{}).size(v) == L2::size(v));
    CHECK(Lp(Linf{}).size(v) == Linf::size(v));
    CHECK(Lp(1 + 1e-9).size(v) == Catch::Approx(L1::size(v)).epsilon(1e-6));
    CHECK(Lp(2 + 1e-9).size(v) == Catch::Approx(L2::size(v)).epsilon(1e-6));
    CHECK(Lp(1e6).size(v) == Catch::Approx(Linf::size(v)).epsilon(1e-4));
  }
}

TEMPLATE_TEST_CASE("norms: homogeneous, symmetric, with the triangle inequality", "[norms]", L1, L2, Linf) {
  test::Random random(4);
  for (int repeat = 0; repeat < 50; ++repeat) {
    const Eigen::VectorXd a = random.normals(17), b = random.normals(17);
    CHECK(TestType::size(Eigen::VectorXd(-4 * a)) == 4 * TestType::size(a));
    CHECK(TestType::size(Eigen::VectorXd(a + b)) <= (TestType::size(a) + TestType::size(b)) * (1 + 1e-15));
    CHECK(distance(TestType{}, a, b) == distance(TestType{}, b, a));
    CHECK(distance(TestType{}, a, a) == 0);
  }
}

TEST_CASE("norms: names, orders and comparison", "[norms]") {
  CHECK(Lp(L0{}).name() == "l0");
  CHECK(Lp(1).name() == "l1");
  CHECK(Lp(1.5).name() == "l1.5");
  CHECK(Lp(Linf{}).name() == "linf");
  CHECK(Lp(L2{}) == Lp(2));
  CHECK_FALSE(Lp(L2{}) == Lp(3));
  CHECK_THROWS_WITH(Lp(-1), ContainsSubstring("p >= 0") && ContainsSubstring("-1"));
  CHECK_THROWS_AS(Lp(std::numeric_limits<double>::quiet_NaN()), Error);
}

TEST_CASE("norms: sizes of any order survive extreme entries", "[norms]") {
  CHECK(Lp(3).size(Eigen::Vector2d(1e200, 1e200)) == Catch::Approx(std::cbrt(2) * 1e200));
  CHECK(Lp(3).size(Eigen::Vector2d(1e-200, 1e-200)) == Catch::Approx(std::cbrt(2) * 1e-200));
  CHECK(L2::size(Eigen::Vector2d(3e200, 4e200)) == Catch::Approx(5e200));
}

TEST_CASE("norms: distances are taken in double from the stored values", "[norms]") {
  Tensor<float, 2> a(2, 2), b(2, 2);
  a.setValues({{0.1f, 0.0f}, {1.0f, 1.0f}});
  b.setValues({{0.4f, 0.0f}, {1.0f, 4.0f}});
  const Eigen::VectorXd d = distances(L2{}, a, b);
  CHECK(d[0] == static_cast<double>(0.4f) - static_cast<double>(0.1f));
  CHECK(d[1] == 3);
  CHECK_THROWS_WITH(distances(L2{}, a, Tensor<float, 2>(2, 3)),
                    ContainsSubstring("(2, 2)") && ContainsSubstring("(2, 3)"));
}
}  // namespace
