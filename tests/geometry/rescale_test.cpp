// SPDX-License-Identifier: MIT
#include "foil/geometry/rescale.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "support/catch.hpp"

using foil::Bounds;
using foil::Index;
using foil::L0;
using foil::L1;
using foil::L2;
using foil::Linf;
using foil::Lp;
using foil::geometry::rescale;
using Vector = Eigen::VectorXd;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// A point in a box and a direction.
struct Case {
  Vector x, d, lower, upper;

  double room(Index i) const { return d[i] > 0 ? upper[i] - x[i] : x[i] - lower[i]; }

  /// The size of the step of factor eta after clipping.
  double size(double eta, Lp norm) const {
    long double total = 0;
    for (Index i = 0; i < x.size(); ++i) {
      if (d[i] == 0) continue;
      const long double moved = std::min<long double>(eta * std::abs(d[i]), room(i));
      total = std::isinf(norm.p) ? std::max(total, moved) : total + std::pow(moved, norm.p);
    }
    return static_cast<double>(std::isinf(norm.p) ? total : std::pow(total, 1 / norm.p));
  }

  /// The smallest factor at which nothing moves any more.
  double saturating() const {
    double out = 0;
    for (Index i = 0; i < x.size(); ++i)
      if (d[i] != 0 && room(i) > 0) out = std::max(out, room(i) / std::abs(d[i]));
    return out;
  }
};

Case random_case(std::mt19937& random, Index size, bool extreme) {
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> unit;
  Case out{Vector(size), Vector(size), Vector(size), Vector(size)};
  const double scale = extreme ? std::pow(10, 6 * unit(random) - 3) : 1;
  for (Index i = 0; i < size; ++i) {
    out.lower[i] = extreme ? -scale * unit(random) : 0;
    out.upper[i] = extreme ? scale * unit(random) : 1;
    const double at = extreme && unit(random) < 0.1 ? std::round(unit(random)) : unit(random);
    out.x[i] = at == 1 ? out.upper[i] : out.lower[i] + at * (out.upper[i] - out.lower[i]);
    out.d[i] = extreme && unit(random) < 0.1 ? 0 : scale * normal(random);
    if (extreme && unit(random) < 0.1) out.upper[i] = infinity;
    if (extreme && unit(random) < 0.1) out.lower[i] = -infinity;
  }
  return out;
}

foil::geometry::Rescaling solve(const Case& c, double epsilon, Lp norm) {
  return rescale(c.x, c.d, c.lower, c.upper, epsilon, norm);
}

const std::vector<double> orders{0.5, 1, 1.5, 2, 3, 7, infinity};

}  // namespace

TEST_CASE("the size asked for is reached by the smallest possible factor, on 100,000 random cases") {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> unit;
  int reached = 0, unreached = 0;
  for (int trial = 0; trial < 100'000; ++trial) {
    const auto c = random_case(random, trial % 200 == 0 ? 5000 : 1 + trial % 40, trial % 4 != 0);
    const Lp norm{orders[static_cast<std::size_t>(trial) % orders.size()]};
    const double saturating = c.saturating(), most = c.size(saturating, norm);
    const double epsilon = (std::isfinite(most) ? most : c.d.norm()) * 1.2 * unit(random);
    const auto found = solve(c, epsilon, norm);
    INFO("trial " << trial << ", p = " << norm.p << ", n = " << c.x.size() << ", epsilon = " << epsilon
                  << ", most = " << most);
    if (epsilon <= most) {
      ++reached;
      REQUIRE(found.reached);
      REQUIRE(std::abs(c.size(found.eta, norm) - epsilon) <= 1e-12 * epsilon);
      // Below the last break point the size grows strictly for finite p, hence no smaller factor serves.
      REQUIRE(found.eta <= saturating * (1 + 1e-12));
      REQUIRE(c.size(found.eta * (1 - 1e-6), norm) <= epsilon);
      if (std::isinf(norm.p) && epsilon > 0) REQUIRE(c.size(found.eta * (1 - 1e-6), norm) < epsilon);
    } else {
      ++unreached;
      REQUIRE_FALSE(found.reached);
      REQUIRE(c.size(found.eta, norm) == Catch::Approx(most).epsilon(1e-12));
      if (std::isinf(norm.p))
        REQUIRE((most == 0 || c.size(found.eta * (1 - 1e-9), norm) < most));
      else
        REQUIRE(found.eta == Catch::Approx(saturating).epsilon(1e-14));
    }
  }
  CHECK(reached > 50'000);
  CHECK(unreached > 5'000);
}

TEST_CASE("bisection finds the same factor") {
  std::mt19937 random(2);
  for (int trial = 0; trial < 300; ++trial) {
    const auto c = random_case(random, 50, false);
    const Lp norm{orders[static_cast<std::size_t>(trial) % orders.size()]};
    const double epsilon = 0.6 * c.size(c.saturating(), norm);
    double low = 0, high = c.saturating();
    for (int step = 0; step < 100; ++step) {
      const double middle = (low + high) / 2;
      (c.size(middle, norm) < epsilon ? low : high) = middle;
    }
    REQUIRE(solve(c, epsilon, norm).eta == Catch::Approx(high).epsilon(1e-9));
  }
}

TEST_CASE("the factor is inverse to the length of the direction, at any magnitude") {
  std::mt19937 random(3);
  for (const double order : orders) {
    const auto c = random_case(random, 100, false);
    const double epsilon = 0.5 * c.size(c.saturating(), Lp{order}), eta = solve(c, epsilon, Lp{order}).eta;
    for (const double scale : {1e-150, 1e-100, 1e-12, 1e-3, 1e3, 1e12, 1e100, 1e150}) {
      auto scaled = c;
      scaled.d *= scale;
      INFO("p = " << order << ", scale " << scale);
      CHECK(solve(scaled, epsilon, Lp{order}).eta * scale == Catch::Approx(eta).epsilon(1e-11));
    }
  }
}

TEST_CASE("boxes and sizes of any magnitude are handled together") {
  std::mt19937 random(4);
  for (const double order : orders) {
    const auto c = random_case(random, 100, false);
    const double epsilon = 0.5 * c.size(c.saturating(), Lp{order}), eta = solve(c, epsilon, Lp{order}).eta;
    for (const double scale : {1e-310, 1e-200, 1e-30, 1e30, 1e200}) {
      Case scaled{scale * c.x, scale * c.d, scale * c.lower, scale * c.upper};
      INFO("p = " << order << ", scale " << scale);
      CHECK(solve(scaled, scale * epsilon, Lp{order}).eta == Catch::Approx(eta).epsilon(1e-11));
    }
  }
}

TEST_CASE("slow entries count once fast ones are saturated, however slow they are") {
  for (const double fast : {1e10, 1e25, 1e100, 1e200, 1e300})
    for (const double order : {0.5, 1.0, 2.0, 3.0}) {
      Case c{Vector::Zero(5), (Vector(5) << fast, 1, -1, 1, 0).finished(), Vector::Constant(5, -1),
             Vector::Ones(5)};
      c.upper[0] = 1e-3;
      const double epsilon = std::pow(std::pow(1e-3, order) + 3 * std::pow(0.5, order), 1 / order);
      INFO("fast " << fast << ", p = " << order);
      const auto found = solve(c, epsilon, Lp{order});
      CHECK(found.reached);
      CHECK(found.eta == Catch::Approx(0.5).epsilon(1e-11));
      if (fast < 1e30) {
        const Eigen::VectorXf x = c.x.cast<float>(), d = c.d.cast<float>(), low = c.lower.cast<float>(),
                              high = c.upper.cast<float>();
        CHECK(rescale(x, d, low, high, epsilon, Lp{order}).eta == Catch::Approx(0.5).epsilon(1e-6));
      }
    }
}

TEST_CASE("a larger size never needs a smaller factor") {
  std::mt19937 random(5);
  for (const double order : orders) {
    const auto c = random_case(random, 30, true);
    double before = 0;
    for (int step = 1; step <= 200; ++step) {
      const double eta = solve(c, 0.02 * step * c.d.norm(), Lp{order}).eta;
      CHECK(eta >= before * (1 - 1e-12));
      before = eta;
    }
  }
}

TEST_CASE("permuting and reflecting the features changes nothing") {
  std::mt19937 random(6);
  for (const double order : orders) {
    const auto c = random_case(random, 500, true);
    const double epsilon = 0.3 * c.d.norm(), eta = solve(c, epsilon, Lp{order}).eta;
    std::vector<Index> permutation(500);
    std::iota(permutation.begin(), permutation.end(), Index(0));
    std::shuffle(permutation.begin(), permutation.end(), random);
    const Case permuted{c.x(permutation), c.d(permutation), c.lower(permutation), c.upper(permutation)};
    CHECK(solve(permuted, epsilon, Lp{order}).eta == Catch::Approx(eta).epsilon(1e-11));
    CHECK(solve({-c.x, -c.d, -c.upper, -c.lower}, epsilon, Lp{order}).eta ==
          Catch::Approx(eta).epsilon(1e-12));
  }
}

TEST_CASE("nothing to do, nowhere to go, and no limits") {
  const Vector x = (Vector(3) << 0.5, 0, 1).finished(), d = (Vector(3) << 2, 0, -1).finished();
  for (const double order : orders) {
    const Lp norm{order};
    INFO("p = " << order);
    CHECK(rescale(x, d, 0.0, 1.0, 0, norm).eta == 0);
    CHECK(rescale(x, d, 0.0, 1.0, 0, norm).reached);

    const Vector still = Vector::Zero(3);
    CHECK(rescale(x, still, 0.0, 1.0, 1, norm).eta == 0);
    CHECK_FALSE(rescale(x, still, 0.0, 1.0, 1, norm).reached);
    CHECK(rescale(x, still, 0.0, 1.0, 0, norm).reached);

    const Vector corner = (Vector(3) << 1, 0, 0).finished(), outward = (Vector(3) << 1, -1, -1).finished();
    CHECK(rescale(corner, outward, 0.0, 1.0, 1, norm).eta == 0);
    CHECK_FALSE(rescale(corner, outward, 0.0, 1.0, 1, norm).reached);

    const auto free = rescale(x, d, -infinity, infinity, 3, norm);
    CHECK(free.reached);
    CHECK(free.eta == Catch::Approx(3 / norm.size(d)).epsilon(1e-13));

    // Rooms 0.5 and 1: more than everything, and without limit.
    const double most = norm.size((Vector(2) << 0.5, 1).finished());
    CHECK_FALSE(rescale(x, d, 0.0, 1.0, 1.001 * most, norm).reached);
    CHECK(rescale(x, d, 0.0, 1.0, 1.001 * most, norm).eta == Catch::Approx(1).epsilon(1e-14));
    CHECK_FALSE(rescale(x, d, 0.0, 1.0, infinity, norm).reached);
    CHECK(rescale(x, d, 0.0, 1.0, infinity, norm).eta == Catch::Approx(1).epsilon(1e-14));
    CHECK_THROWS_AS(rescale(x, d, 0.0, infinity, infinity, norm), foil::Error);
  }
}

TEST_CASE("the largest size itself is reached, by the factor that just saturates all") {
  const Vector x = Vector::Zero(784), d = Vector::LinSpaced(784, 0.5, 2);
  const auto l2 = rescale(x, d, 0.0, 1.0, 28, L2{});
  CHECK(l2.reached);
  CHECK(l2.eta == Catch::Approx(2).epsilon(1e-10));
  const auto l1 = rescale(x, d, 0.0, 1.0, 784, L1{});
  CHECK(l1.reached);
  CHECK(l1.eta == Catch::Approx(2).epsilon(1e-10));
  const Eigen::VectorXf x_float = x.cast<float>(), d_float = d.cast<float>();
  CHECK(rescale(x_float, d_float, 0.f, 1.f, 28, L2{}).reached);
  CHECK(rescale(x_float, d_float, 0.f, 1.f, 28, L2{}).eta == Catch::Approx(2).epsilon(1e-6));
  CHECK_FALSE(rescale(x_float, d_float, 0.f, 1.f, 28.001, L2{}).reached);
}

TEST_CASE("L0 knows only nothing and everything") {
  const Vector x = (Vector(4) << 0.5, 0, 1, 0.2).finished(), d = (Vector(4) << 2, 0, 1, -1).finished();
  CHECK(rescale(x, d, 0.0, 1.0, 1.9, L0{}).eta == 0);
  CHECK_FALSE(rescale(x, d, 0.0, 1.0, 1.9, L0{}).reached);
  CHECK(rescale(x, d, 0.0, 1.0, 2, L0{}).reached);
  CHECK(rescale(x, d, 0.0, 1.0, 2, L0{}).eta == 0.25);
  CHECK_FALSE(rescale(x, d, 0.0, 1.0, 3, L0{}).reached);
  CHECK(rescale(x, d, -infinity, infinity, 3, L0{}).eta == 1);
}

TEST_CASE("floats reach their size to 1e-6, doubles to 1e-12, at the size of an ImageNet image") {
  std::mt19937 random(7);
  for (const double order : {1.0, 2.0, infinity})
    for (const double share : {0.01, 0.3, 0.9, 0.999}) {
      auto c = random_case(random, 150'528, false);
      const Eigen::VectorXf x = c.x.cast<float>(), d = c.d.cast<float>();
      c.x = x.cast<double>();
      c.d = d.cast<double>();
      const double epsilon = share * c.size(c.saturating(), Lp{order});
      INFO("p = " << order << ", share " << share);
      CHECK(c.size(rescale(x, d, 0.f, 1.f, epsilon, Lp{order}).eta, Lp{order}) ==
            Catch::Approx(epsilon).epsilon(2e-7));
      CHECK(c.size(rescale(c.x, c.d, 0.0, 1.0, epsilon, Lp{order}).eta, Lp{order}) ==
            Catch::Approx(epsilon).epsilon(1e-13));
    }
}

TEST_CASE("the tiny gradients of a confident model are scaled as any others") {
  std::mt19937 random(8);
  const auto c = random_case(random, 784, false);
  const Eigen::VectorXf x = c.x.cast<float>();
  const double expected = rescale(x, Eigen::VectorXf(c.d.cast<float>()), 0.f, 1.f, 2, L2{}).eta;
  for (const double scale : {1e-35, 1e-20, 1e-12, 1e12, 1e30}) {
    const Eigen::VectorXf d = (scale * c.d).cast<float>();
    CHECK(rescale(x, d, 0.f, 1.f, 2, L2{}).eta * scale == Catch::Approx(expected).epsilon(1e-6));
  }
}

TEST_CASE("the bits do not depend on alignment, on the kind of array, on the bounds' form or on the batch") {
  std::mt19937 random(9);
  for (const Index size : {5, 784, 5000}) {
    const auto c = random_case(random, size, false);
    const Eigen::VectorXf x = c.x.cast<float>(), d = c.d.cast<float>();
    const double eta = rescale(x, d, 0.f, 1.f, 0.7, L2{}).eta;
    for (Index offset = 1; offset < 16; offset += 3) {
      Eigen::VectorXf shifted_x(size + offset), shifted_d(size + offset);
      shifted_x.tail(size) = x;
      shifted_d.tail(size) = d;
      CHECK(rescale(shifted_x.tail(size), shifted_d.tail(size), 0.f, 1.f, 0.7, L2{}).eta == eta);
    }
    Eigen::Matrix<float, Eigen::Dynamic, 2, Eigen::RowMajor> columns(size, 2);
    columns << x, d;
    CHECK(rescale(columns.col(0), columns.col(1), 0.f, 1.f, 0.7, L2{}).eta == eta);
    const std::vector<float> x_list(x.begin(), x.end()), d_list(d.begin(), d.end());
    CHECK(rescale(x_list, d_list, 0.f, 1.f, 0.7, L2{}).eta == eta);
    const Eigen::VectorXf low = Eigen::VectorXf::Zero(size), high = Eigen::VectorXf::Ones(size);
    CHECK(rescale(x, d, low, high, 0.7, L2{}).eta == eta);
    CHECK(rescale(x, d, Bounds<float>(low, high), 0.7, L2{}).eta == eta);

    foil::Tensor<float, 2> inputs(3, size), directions(3, size);
    foil::sample(inputs, 0).setConstant(0.5f);
    foil::sample(directions, 0).setConstant(1e6f);
    foil::sample(inputs, 1) = foil::sample(inputs, 2) = x;
    foil::sample(directions, 1) = foil::sample(directions, 2) = d;
    const auto all = rescale(inputs, directions, Bounds<float>{}, Eigen::Vector3d(1e9, 0.7, 0.1), L2{});
    CHECK(all.eta[1] == eta);
    CHECK_FALSE(all.reached[0]);
    CHECK(all.reached[1]);
    CHECK(all.eta[2] == rescale(x, d, 0.f, 1.f, 0.1, L2{}).eta);
  }
}

TEST_CASE("a point outside of the box counts as the nearest one inside") {
  const Vector outside = (Vector(3) << -1, 0.5, 7).finished(), inside = (Vector(3) << 0, 0.5, 1).finished();
  const Vector d = (Vector(3) << 1, 2, -3).finished();
  for (const double order : orders)
    for (const double epsilon : {0.8, 1.4, 4.0})
      CHECK(rescale(outside, d, 0.0, 1.0, epsilon, Lp{order}).eta ==
            rescale(inside, d, 0.0, 1.0, epsilon, Lp{order}).eta);
}

TEST_CASE("bad arguments are named") {
  const Vector two = Vector::Ones(2), three = Vector::Ones(3);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(rescale(two, three, 0.0, 1.0, 1, L2{}),
                    Catch::Matchers::ContainsSubstring("2 entries, got 3"));
  CHECK_THROWS_WITH(rescale(two, two, 0.0, 1.0, -1, L2{}), Catch::Matchers::ContainsSubstring("-1"));
  CHECK_THROWS_AS(rescale(two, two, 0.0, 1.0, nan, L2{}), foil::Error);
  CHECK_THROWS_AS(rescale(two, two, Bounds<double>(three, 2 * three), 1, L2{}), foil::Error);
  const Vector half = 0.5 * two;
  for (const double broken : {nan, infinity})
    for (const double order : orders) {
      const Vector d = (Vector(2) << 1, broken).finished();
      INFO("p = " << order << ", direction " << broken);
      CHECK_THROWS_WITH(rescale(half, d, 0.0, 1.0, 0.2, Lp{order}),
                        Catch::Matchers::ContainsSubstring("index 1"));
    }
  foil::Tensor<double, 2> batch(2, 3), other(2, 4);
  CHECK_THROWS_WITH(rescale(batch, other, Bounds<double>{}, two, L2{}),
                    Catch::Matchers::ContainsSubstring("(2, 3)"));
  CHECK_THROWS_WITH(rescale(batch, batch, Bounds<double>{}, three, L2{}),
                    Catch::Matchers::ContainsSubstring("got 3"));
}
