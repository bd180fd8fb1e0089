// SPDX-License-Identifier: MIT
#include "foil/geometry/saturated_sum.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "support/catch.hpp"

using foil::Index;
using foil::geometry::saturated_sum;
using Vector = Eigen::VectorXd;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

double value_at(const Vector& w, const Vector& z, double u) {
  long double total = 0;
  for (Index i = 0; i < w.size(); ++i) total += w[i] == 0 ? 0 : std::min<long double>(u * w[i], z[i]);
  return static_cast<double>(total);
}

/// The root found by sorting the break points.
double root_by_sorting(const Vector& w, const Vector& z, double target) {
  std::vector<Index> order;
  for (Index i = 0; i < w.size(); ++i)
    if (w[i] > 0 && z[i] > 0) order.push_back(i);
  std::sort(order.begin(), order.end(), [&](Index a, Index b) { return z[a] / w[a] < z[b] / w[b]; });
  std::vector<long double> slope(order.size() + 1, 0);
  for (std::size_t k = order.size(); k-- > 0;) slope[k] = slope[k + 1] + w[order[k]];
  long double saturated = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    const long double argument = static_cast<long double>(z[order[k]]) / w[order[k]];
    if (saturated + argument * slope[k] >= target)
      return static_cast<double>((target - saturated) / slope[k]);
    saturated += z[order[k]];
  }
  return infinity;
}

struct Case {
  Vector w, z;
};

Case random_case(std::mt19937& random, Index size) {
  std::uniform_real_distribution<double> unit;
  Case out{Vector(size), Vector(size)};
  const double spread = 8 * unit(random);
  for (Index i = 0; i < size; ++i) {
    out.w[i] = unit(random) < 0.1 ? 0 : std::exp(spread * (unit(random) - 0.5));
    out.z[i] = unit(random) < 0.1 ? 0 : std::exp(spread * (unit(random) - 0.5));
  }
  return out;
}

}  // namespace

TEST_CASE("a saturated sum is solved by hand on three terms") {
  const Vector w = (Vector(3) << 1, 2, 4).finished(), z = (Vector(3) << 10, 1, 1).finished();
  CHECK(saturated_sum(w, z, 0.7).argument == Catch::Approx(0.1).epsilon(1e-15));  // none saturated
  CHECK(saturated_sum(w, z, 1.9).argument == Catch::Approx(0.3).epsilon(1e-14));  // the last one is
  CHECK(saturated_sum(w, z, 5.0).argument == Catch::Approx(3.0).epsilon(1e-15));  // the last two are
  CHECK(saturated_sum(w, z, 0.0).argument == 0);
  CHECK(saturated_sum(w, z, 0.0).reached);
}

TEST_CASE("a target that is just or not reached saturates every term and no more") {
  const Vector w = (Vector(4) << 1, 2, 0, 4).finished(), z = (Vector(4) << 10, 1, 7, 0).finished();
  const auto just = saturated_sum(w, z, 11.0);
  CHECK(just.reached);
  CHECK(just.argument == Catch::Approx(10).epsilon(1e-14));
  const auto beyond = saturated_sum(w, z, 11.001);
  CHECK_FALSE(beyond.reached);
  CHECK(beyond.argument == 10);
  CHECK_FALSE(saturated_sum(w, z, infinity).reached);
  const Vector none;
  CHECK_FALSE(saturated_sum(none, none, 1.0).reached);
  CHECK(saturated_sum(none, none, 1.0).argument == 0);
}

TEST_CASE("a saturated sum agrees with sorting on random terms") {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> unit;
  for (int trial = 0; trial < 3000; ++trial) {
    const Index size = trial % 100 == 0 ? 20000 : 1 + trial % 400;
    const auto [w, z] = random_case(random, size);
    double total = 0;
    for (Index i = 0; i < size; ++i) total += w[i] > 0 ? z[i] : 0;
    if (total == 0) continue;
    const double target = total * (trial % 3 == 0 ? 1 - 1e-3 * unit(random) : unit(random));
    const auto found = saturated_sum(w, z, target);
    INFO("trial " << trial);
    REQUIRE(found.reached);
    REQUIRE(found.argument == Catch::Approx(root_by_sorting(w, z, target)).epsilon(1e-9));
    REQUIRE(value_at(w, z, found.argument) == Catch::Approx(target).epsilon(1e-12));
  }
}

TEST_CASE("selection alone agrees with sorting, also where all break points coincide") {
  std::mt19937 random(2);
  std::uniform_real_distribution<double> unit;
  for (int trial = 0; trial < 500; ++trial) {
    auto [w, z] = random_case(random, 1 + trial % 60);
    if (trial % 5 == 0) z = 0.5 * w;
    if (trial % 7 == 0) z = z.unaryExpr([](double level) { return level > 1 ? infinity : level; });
    double total = 0;
    for (Index i = 0; i < w.size(); ++i) total += w[i] > 0 ? z[i] : 0;
    if (total == 0) continue;
    const double target = std::min(total, 10.0) * unit(random);
    const auto found = foil::geometry::detail::select_saturation(w, z, target);
    INFO("trial " << trial);
    REQUIRE(found.reached);
    REQUIRE(found.argument == Catch::Approx(root_by_sorting(w, z, target)).epsilon(1e-11));
  }
}

TEST_CASE("a ladder of break points, on which Newton's method climbs one rung a pass, is solved") {
  const Index size = 200;
  Vector w(size), z(size);
  for (Index i = 0; i < size; ++i) {
    w[i] = std::ldexp(1.0, static_cast<int>(-2 * i));
    z[i] = std::ldexp(1.0, static_cast<int>(-i));
  }
  using End = foil::geometry::detail::NewtonRoot::End;
  const double target = 2 - std::ldexp(1.0, -40);
  const auto newton =
      foil::geometry::detail::newton_root(foil::geometry::detail::StoredTerms<Vector, Vector>{w, z}, target);
  CHECK(newton.end == End::gave_up);
  const auto found = saturated_sum(w, z, target);
  CHECK(found.reached);
  CHECK(found.argument == Catch::Approx(root_by_sorting(w, z, target)).epsilon(1e-3));
  CHECK(value_at(w, z, found.argument) == Catch::Approx(target).epsilon(1e-15));
}

TEST_CASE("a misleading sample of a long sum does not mislead the result") {
  const Index size = 200000;
  for (const double level : {1e-6, 1.0, 1e6}) {
    Vector w = Vector::Ones(size), z = Vector::Ones(size);
    // The rows that the first guess looks at differ from all others.
    const Index width = foil::simd::row_size<double>, stride = (size / width / 128) | 1;
    for (Index row = 0; (row + 1) * width <= size; row += stride)
      z.segment(row * width, width).setConstant(level);
    const double target = 0.9 * value_at(w, z, infinity);
    const auto found = saturated_sum(w, z, target);
    INFO("level " << level);
    CHECK(found.reached);
    CHECK(found.argument == Catch::Approx(root_by_sorting(w, z, target)).epsilon(1e-12));
  }
}

TEST_CASE("magnitudes beyond the squares of a float are handled") {
  for (const double scale : {1e-300, 1e-150, 1e-30, 1e30, 1e150, 1e290}) {
    const Vector w = scale * (Vector(3) << 1, 2, 4).finished(), z = (Vector(3) << 10, 1, 1).finished();
    CHECK(saturated_sum(w, z, 5.0).argument * scale == Catch::Approx(3).epsilon(1e-13));
  }
}

TEST_CASE("floats give a root that is exact to their precision") {
  std::mt19937 random(3);
  for (const Index size : {7, 784, 150528}) {
    const auto [w, z] = random_case(random, size);
    const Eigen::VectorXf w_float = w.cast<float>(), z_float = z.cast<float>();
    const double target = 0.4 * z.sum();
    const auto found = saturated_sum(w_float, z_float, target);
    CHECK(found.reached);
    CHECK(value_at(w_float.cast<double>(), z_float.cast<double>(), found.argument) ==
          Catch::Approx(target).epsilon(5e-7));
  }
}

TEST_CASE("the bits of a root do not depend on where the arrays lie or on how they are read") {
  std::mt19937 random(4);
  const auto [w, z] = random_case(random, 5001);
  const double expected = saturated_sum(w, z, 1000.0).argument;
  for (Index offset = 1; offset < 8; ++offset) {
    Vector shifted_w(5001 + offset), shifted_z(5001 + offset);
    shifted_w.tail(5001) = w;
    shifted_z.tail(5001) = z;
    CHECK(saturated_sum(shifted_w.tail(5001), shifted_z.tail(5001), 1000.0).argument == expected);
  }
  Eigen::Matrix<double, Eigen::Dynamic, 2, Eigen::RowMajor> columns(5001, 2);
  columns << w, z;
  CHECK(saturated_sum(columns.col(0), columns.col(1), 1000.0).argument == expected);
  const std::vector<double> w_list(w.begin(), w.end()), z_list(z.begin(), z.end());
  CHECK(saturated_sum(w_list, z_list, 1000.0).argument == expected);
}

TEST_CASE("bad terms are named") {
  const Vector two = Vector::Ones(2), three = Vector::Ones(3);
  CHECK_THROWS_WITH(saturated_sum(two, three, 1.0), Catch::Matchers::ContainsSubstring("2 and 3"));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(saturated_sum(two, two, nan), foil::Error);
  const Vector broken = (Vector(2) << 1, nan).finished();
  CHECK_THROWS_WITH(saturated_sum(broken, two, 1.0), Catch::Matchers::ContainsSubstring("index 1"));
}
