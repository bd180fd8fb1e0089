// SPDX-License-Identifier: MIT
#include "foil/geometry/maximise.hpp"

#include "geometry/ball_in_box.hpp"
#include "support/catch.hpp"

using foil::L1;
using foil::L2;
using foil::Linf;
using foil::geometry::maximise;
using foil_test::Index;
using foil_test::infinity;
using foil_test::Problem;
using foil_test::random_offset;
using foil_test::random_problem;
using foil_test::Vector;

namespace {

/// The least upper bound on v.w that the dual problem proves: relax the ball with a multiplier, best the box
/// entry by entry, and take the best multiplier. L1: the optimum is at a break point; L2: convex, by ternary
/// search; Linf: the ball is a box itself.
template <class Norm>
double dual_bound(const Problem& p) {
  using Real = long double;
  const Real epsilon = p.epsilon;
  if constexpr (std::is_same_v<Norm, L1>) {
    const auto bound = [&](Real multiplier) {
      Real total = multiplier * epsilon;
      for (Index i = 0; i < p.size(); ++i) {
        const Real gain = std::abs(p.v[i]) - multiplier;
        if (gain > 0) total += gain * static_cast<Real>(p.room(i));
      }
      return total;
    };
    Real best = bound(0);
    for (Index i = 0; i < p.size(); ++i) best = std::min(best, bound(std::abs(p.v[i])));
    return static_cast<double>(best);
  } else if constexpr (std::is_same_v<Norm, L2>) {
    const auto bound = [&](Real log_multiplier) {
      const Real multiplier = std::exp(log_multiplier);
      Real total = multiplier / 2 * epsilon * epsilon;
      for (Index i = 0; i < p.size(); ++i) {
        const Real g = std::abs(p.v[i]), w = std::min<Real>(g / multiplier, p.room(i));
        total += g * w - multiplier / 2 * w * w;
      }
      return total;
    };
    Real low = -100, high = 100;
    for (int step = 0; step < 200; ++step) {
      const Real left = low + (high - low) / 3, right = high - (high - low) / 3;
      (bound(left) < bound(right) ? high : low) = bound(left) < bound(right) ? right : left;
    }
    return static_cast<double>(bound(low));
  } else {
    Real total = 0;
    for (Index i = 0; i < p.size(); ++i)
      total += std::abs(static_cast<Real>(p.v[i])) * std::min<Real>(epsilon, p.room(i));
    return static_cast<double>(total);
  }
}

template <class Norm>
Vector maximiser(const Problem& p) {
  return maximise(p.v, p.region<Norm>());
}

template <class Norm>
void check_feasible(const Problem& p, const Vector& w) {
  REQUIRE(Norm::size(w) <= p.epsilon * (1 + 1e-13));
  for (Index i = 0; i < w.size(); ++i) {
    REQUIRE(w[i] >= p.low(i));
    REQUIRE(w[i] <= p.high(i));
    if (p.v[i] == 0 || p.box.is_frozen(i)) REQUIRE(w[i] == 0);
  }
}

}  // namespace

TEMPLATE_TEST_CASE("the maximiser is feasible and attains the bound of the dual problem", "", L1, L2, Linf) {
  std::mt19937 random(1);
  int limited = 0, saturated = 0;
  for (int trial = 0; trial < 1500; ++trial) {
    const auto p = random_problem<TestType>(random, 1 + trial % 200);
    const Vector w = maximiser<TestType>(p);
    INFO("trial " << trial << ", n = " << p.size() << ", epsilon = " << p.epsilon << ", scale = " << p.scale);
    check_feasible<TestType>(p, w);
    const double value = p.v.dot(w), bound = dual_bound<TestType>(p);
    REQUIRE(std::abs(value - bound) <= 1e-11 * bound + 1e-20 * p.epsilon * p.v.norm());
    for (int i = 0; i < 5; ++i) REQUIRE(p.v.dot(random_offset<TestType>(random, p)) <= value * (1 + 1e-12));
    (TestType::size(w) > p.epsilon * (1 - 1e-9) ? limited : saturated) += 1;
  }
  CHECK(limited > 300);
  if (!std::isinf(TestType::p)) CHECK(saturated > 20);
}

TEMPLATE_TEST_CASE("the maximiser is exact at the size of an ImageNet picture", "", L2, Linf) {
  std::mt19937 random(2);
  auto p = random_problem<TestType>(random, 150'528);
  p.epsilon = 0.01 * TestType::size(p.v);
  const Vector w = maximiser<TestType>(p);
  check_feasible<TestType>(p, w);
  CHECK(p.v.dot(w) == Catch::Approx(dual_bound<TestType>(p)).epsilon(1e-11));
}

TEMPLATE_TEST_CASE("only the direction of the gradient matters", "", L1, L2, Linf) {
  std::mt19937 random(3);
  for (int trial = 0; trial < 200; ++trial) {
    const auto p = random_problem<TestType>(random, 1 + trial % 30);
    const Vector w = maximiser<TestType>(p);
    for (const double factor : {1e-200, 1e-30, 1e30, 1e200}) {
      Problem scaled = p;
      scaled.v *= factor / p.scale;
      REQUIRE((maximiser<TestType>(scaled) - w).norm() <= 1e-12 * w.norm());
    }
  }
}

TEST_CASE("a gradient that is all but zero still has a direction") {
  Problem p{Vector::Constant(3, 0.5), {Vector::Zero(3), Vector::Ones(3)}, Vector(3)};
  p.v << 3e-310, 0, -4e-310;
  p.epsilon = 0.1;
  Vector expected(3);
  expected << 0.06, 0, -0.08;
  CHECK((maximiser<L2>(p) - expected).norm() < 1e-12);
}

TEMPLATE_TEST_CASE("nothing moves without radius or without gradient", "", L1, L2, Linf) {
  std::mt19937 random(4);
  auto p = random_problem<TestType>(random, 20);
  const double epsilon = p.epsilon;
  p.epsilon = 0;
  CHECK(maximiser<TestType>(p).isZero(0));
  p.epsilon = epsilon;
  p.v.setZero();
  CHECK(maximiser<TestType>(p).isZero(0));
}

TEST_CASE("L1 fills the strongest features one after the other, equal ones by index") {
  Problem p{Vector::Constant(4, 0.5), {Vector::Zero(4), Vector::Ones(4)}, Vector(4)};
  p.v << 1, -3, 3, 2;
  p.epsilon = 1.25;
  Vector expected(4);
  expected << 0, -0.5, 0.5, 0.25;
  CHECK(maximiser<L1>(p) == expected);
  p.epsilon = 100;
  expected << 0.5, -0.5, 0.5, 0.5;
  CHECK(maximiser<L1>(p) == expected);
}
