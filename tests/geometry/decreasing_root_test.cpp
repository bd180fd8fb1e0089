// SPDX-License-Identifier: MIT
#include "foil/geometry/decreasing_root.hpp"

#include "geometry/quadratic_knapsack.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

using foil::Index;
using foil::test::quadratic_knapsack;
using foil::test::Random;
using Vector = Eigen::VectorXd;

TEST_CASE("the knapsack's point meets the conditions of optimality") {
  Random random(1);
  int binding = 0;
  for (int round = 0; round < 500; ++round) {
    const Index n = round < 498 ? 1 + round % 30 : 150'528;
    const double scale = std::pow(10.0, round % 5 * 50 - 100);
    Vector a = random.normals(n), b = scale * random.normals(n), low(n), high(n);
    for (Index i = 0; i < n; ++i) {
      low[i] = random.uniform(-2, 0.5);
      high[i] =
          random.uniform() < 0.1 ? std::numeric_limits<double>::infinity() : low[i] + random.uniform(0, 2);
      if (random.uniform() < 0.1) b[i] = 0;
    }
    const bool equality = round % 3 == 0;
    // A value that some point of the box has.
    Vector some = (low + random.uniforms(n)).cwiseMin(high);
    const double c = b.dot(some);
    const auto [point, multiplier] = quadratic_knapsack(a, b, low, high, c, equality);
    INFO("round " << round << ", " << n << " entries");
    REQUIRE((point.array() >= low.array()).all());
    REQUIRE((point.array() <= high.array()).all());
    const double product = b.dot(point), slack = 1e-11 * (std::abs(c) + b.cwiseAbs().dot(point.cwiseAbs()));
    REQUIRE(product <= c + slack);
    if (equality) REQUIRE(product >= c - slack);
    if (!equality) REQUIRE(multiplier >= 0);
    if (multiplier != 0) {
      REQUIRE(product == Catch::Approx(c).margin(slack));
      ++binding;
    }
    for (Index i = 0; i < n; ++i) {  // stationary inside, pushed outwards at the bounds
      const double wanted = b[i] == 0 ? a[i] : a[i] - multiplier * b[i];
      REQUIRE(point[i] == Catch::Approx(std::min(std::max(wanted, low[i]), high[i])).margin(1e-12));
    }
  }
  CHECK(binding > 200);
}

TEST_CASE("what cannot be reached gives the nearest corner") {
  const Vector zero = Vector::Zero(3), one = Vector::Ones(3);
  Vector b(3);
  b << 1, -2, 0;
  const auto found = quadratic_knapsack(zero, b, -one, one, -10);
  CHECK(found.point == Vector{{-1, 1, 0}});
}
