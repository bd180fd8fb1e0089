// SPDX-License-Identifier: MIT
#include "foil/geometry/project.hpp"

#include "geometry/ball_in_box.hpp"
#include "support/catch.hpp"

using foil::L0;
using foil::L1;
using foil::L2;
using foil::Linf;
using foil::geometry::project;
using foil::geometry::Region;
using foil_test::Index;
using foil_test::infinity;
using foil_test::Problem;
using foil_test::random_offset;
using foil_test::random_problem;
using foil_test::Vector;

namespace {

/// The projection by bisection on the multiplier of the ball, in long double.
template <class Norm>
Vector reference(const Problem& p) {
  using Real = long double;
  const Real largest = p.v.lpNorm<Eigen::Infinity>();
  const auto entry = [&](Index i, Real multiplier) -> Real {  // multiplier: 0 at the point, 1 at the centre
    const Real v = p.v[i], low = p.low(i), high = p.high(i);
    Real w = v;
    if constexpr (std::is_same_v<Norm, L2>) w = (1 - multiplier) * v;
    if constexpr (std::is_same_v<Norm, L1>)
      w = std::copysign(std::max<Real>(std::abs(v) - multiplier * largest, 0), v);
    if constexpr (std::is_same_v<Norm, Linf>) w = std::clamp<Real>(v, -p.epsilon, p.epsilon);
    return std::min(std::max(w, low), high);
  };
  const auto size = [&](Real multiplier) {
    Real total = 0;
    for (Index i = 0; i < p.size(); ++i) {
      const Real w = std::abs(entry(i, multiplier));
      total =
          std::is_same_v<Norm, Linf> ? std::max(total, w) : total + (std::is_same_v<Norm, L2> ? w * w : w);
    }
    return std::is_same_v<Norm, L2> ? std::sqrt(total) : total;
  };
  Real low = 0, high = 1;
  if (size(0) <= p.epsilon) high = 0;
  for (int step = 0; step < 100; ++step) (size((low + high) / 2) > p.epsilon ? low : high) = (low + high) / 2;
  Vector w(p.size());
  for (Index i = 0; i < w.size(); ++i) w[i] = static_cast<double>(entry(i, high));
  return w;
}

template <class Norm>
Vector projected(const Problem& p, const Vector& point) {
  Vector x = point;
  project(x, p.region<Norm>());
  return x;
}

/// All that makes a point the projection of centre + v.
template <class Norm>
void check_projection(std::mt19937& random, const Problem& p) {
  const Vector point = p.centre + p.v, x = projected<Norm>(p, point), w = x - p.centre;
  const double scale = std::max(p.centre.lpNorm<Eigen::Infinity>(), p.v.lpNorm<Eigen::Infinity>());
  INFO("n = " << p.size() << ", epsilon = " << p.epsilon << ", scale = " << p.scale);

  REQUIRE(p.box.contains(x));
  for (Index i = 0; i < x.size(); ++i)
    if (p.box.is_frozen(i)) REQUIRE(x[i] == p.centre[i]);
  const double rounding = 1e-15 * scale * static_cast<double>(p.size());
  REQUIRE(Norm::size(w) <= p.epsilon * (1 + 1e-14) + rounding);
  REQUIRE((w - reference<Norm>(p)).template lpNorm<Eigen::Infinity>() <= 1e-10 * p.epsilon + 1e-14 * scale);
  REQUIRE((projected<Norm>(p, x) - x).template lpNorm<Eigen::Infinity>() <= 1e-14 * scale);
  for (int i = 0; i < 20; ++i) {
    const Vector z = random_offset<Norm>(random, p);
    REQUIRE((point - x).dot(z - w) <=
            1e-12 * (point - x).norm() * ((z - w).norm() + w.norm()) + rounding * scale);
  }
}

}  // namespace

TEMPLATE_TEST_CASE("a projection is feasible, nearest and equal to bisection on thousands of problems", "",
                   L1, L2, Linf) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 4000; ++trial)
    check_projection<TestType>(random, random_problem<TestType>(random, 1 + trial % 200));
}

TEMPLATE_TEST_CASE("a projection is exact at the size of an ImageNet picture", "", L1, L2, Linf) {
  std::mt19937 random(2);
  auto p = random_problem<TestType>(random, 150'528);
  p.epsilon = 0.01 * TestType::size(p.v);
  check_projection<TestType>(random, p);
}

TEMPLATE_TEST_CASE("a point of ball and box keeps its bits", "", L1, L2, Linf) {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> unit;
  const Index n = 20;
  Problem p{Vector(n), {Vector::Zero(n), Vector::Ones(n)}, Vector()};
  int changed_by_detour = 0;
  for (int trial = 0; trial < 500; ++trial) {
    Vector x(n);
    for (Index i = 0; i < n; ++i) {
      p.centre[i] = unit(random);
      x[i] = std::pow(unit(random), 5);
    }
    p.epsilon = TestType::size(x - p.centre) * 1.0001;
    changed_by_detour += p.centre + (x - p.centre) != x;
    REQUIRE(projected<TestType>(p, x) == x);
  }
  CHECK(changed_by_detour > 400);  // hence the projection does not go by way of the offset
}

TEMPLATE_TEST_CASE("a ball without size leaves the centre", "", L1, L2, Linf) {
  std::mt19937 random(4);
  for (int trial = 0; trial < 100; ++trial) {
    auto p = random_problem<TestType>(random, 1 + trial % 20);
    p.epsilon = 0;
    REQUIRE(projected<TestType>(p, p.centre + p.v) == p.centre);
  }
}

TEMPLATE_TEST_CASE("without bounds the projection is that onto the ball", "", L1, L2, Linf) {
  const Index n = 5;
  Problem p{Vector::Zero(n), {Vector::Constant(n, -infinity), Vector::Constant(n, infinity)}, Vector(n)};
  p.v << 3, -1, 0.5, 0, 2;
  p.epsilon = 2;
  Vector expected(n);
  if (TestType::p == 1) expected << 1.5, 0, 0, 0, 0.5;
  if (TestType::p == 2) expected = p.v * (2 / p.v.norm());
  if (std::isinf(TestType::p)) expected << 2, -1, 0.5, 0, 2;
  CHECK((projected<TestType>(p, p.v) - expected).norm() < 1e-14);
}

TEST_CASE("a radius that clipping alone does not reach is used up by the entries that are free") {
  const Vector centre = Vector::Constant(3, 0.5);
  const foil::geometry::Box box{Vector::Zero(3), Vector::Ones(3)};
  Vector x(3);
  x << 9, 0.9, 0.4;
  Vector two = x, one = x;
  project(two, Region<L2>{centre, box, 0.55});
  CHECK(two[0] == 1);
  CHECK((two - centre).norm() == Catch::Approx(0.55).epsilon(1e-14));
  CHECK((two[1] - 0.5) / (0.5 - two[2]) == Catch::Approx(4));
  project(one, Region<L1>{centre, box, 0.8});
  CHECK(one[0] == 1);
  CHECK(one[1] == Catch::Approx(0.8));
  CHECK(one[2] == 0.5);
}

TEST_CASE("in L0 the projection is the nearest of all points with so few changed entries") {
  std::mt19937 random(5);
  for (int trial = 0; trial < 400; ++trial) {
    const Index n = 1 + trial % 9;
    auto p = random_problem<L0>(random, n);
    const Vector point = p.centre + p.v, x = projected<L0>(p, point);
    REQUIRE(p.box.contains(x));
    Index changed = 0;
    for (Index i = 0; i < n; ++i) {
      REQUIRE((x[i] == p.centre[i] || x[i] == std::clamp(point[i], p.box.lower[i], p.box.upper[i])));
      if (p.box.is_frozen(i)) REQUIRE(x[i] == p.centre[i]);
      changed += x[i] != p.centre[i];
    }
    REQUIRE(static_cast<double>(changed) <= p.epsilon);
    double nearest = infinity;
    for (unsigned set = 0; set < 1u << n; ++set) {
      Vector other = p.centre;
      for (Index i = 0; i < n; ++i)
        if (set >> i & 1) other[i] = std::clamp(point[i], p.box.lower[i], p.box.upper[i]);
      if (L0::size(other - p.centre) <= p.epsilon) nearest = std::min(nearest, (other - point).norm());
    }
    REQUIRE((x - point).norm() <= nearest * (1 + 1e-12) + 1e-15 * p.scale);
    REQUIRE(projected<L0>(p, x) == x);
  }
}

TEST_CASE("in L0 the lower of two equal entries stays, and a radius is rounded down") {
  const Vector centre = Vector::Zero(4);
  const foil::geometry::Box box{Vector::Constant(4, -1), Vector::Constant(4, 1)};
  const auto after = [&](Vector x, double radius) {
    project(x, Region<L0>{centre, box, radius});
    return x;
  };
  const Vector x = Eigen::Vector4d(0.5, -0.5, 0.2, 3);
  CHECK(after(x, 0.9) == centre);
  CHECK(after(x, 1) == Eigen::Vector4d(0, 0, 0, 1));
  CHECK(after(x, 2.9) == Eigen::Vector4d(0.5, 0, 0, 1));
  CHECK(after(x, 3) == Eigen::Vector4d(0.5, -0.5, 0, 1));
  CHECK(after(x, infinity) == Eigen::Vector4d(0.5, -0.5, 0.2, 1));
}
