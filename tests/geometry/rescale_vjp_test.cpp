// SPDX-License-Identifier: MIT
#include "foil/geometry/rescale_vjp.hpp"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "foil/geometry/clipped_step.hpp"
#include "support/catch.hpp"

using foil::Index;
using foil::L2;
using foil::Linf;
using foil::Lp;
using foil::geometry::rescale;
using foil::geometry::rescale_vjp;
using foil::geometry::step_of_size_vjp;
using Vector = Eigen::VectorXd;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
const std::vector<double> orders{0.5, 1, 1.5, 2, 3, 7, infinity};

struct Case {
  Vector x, d;
  double epsilon = 0;
};

/// Some entries do not move, some have no room at all.
Case random_case(std::mt19937& random, Lp norm) {
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> unit;
  constexpr Index size = 12;
  Case out{Vector(size), Vector(size)};
  for (Index i = 0; i < size; ++i) {
    out.x[i] = unit(random);
    out.d[i] = normal(random);
  }
  out.d[3] = 0;
  double largest = 0;
  Vector corner(size);
  for (Index i = 0; i < size; ++i) {
    corner[i] = out.d[i] > 0 ? 1 - out.x[i] : out.d[i] < 0 ? out.x[i] : 0;
    largest = std::max(largest, corner[i]);
  }
  out.epsilon = (0.2 + 0.7 * unit(random)) * norm.size(corner);
  return out;
}

double eta_of(const Case& c, Lp norm) {
  return rescale(c.x, c.d, 0.0, 1.0, c.epsilon, norm).eta;
}

/// A function of the point that the whole step leads to, with the given gradient, plus a multiple of eta.
double value_of(const Case& c, Lp norm, const Vector& cotangent, double eta_cotangent) {
  const double eta = eta_of(c, norm);
  Vector out(c.x.size());
  foil::geometry::step_clipped(c.x, c.d, 0.0, 1.0, eta, out);
  return cotangent.dot(out) + eta_cotangent * eta;
}

template <class F, class Change>
double central_difference(const F& f, const Case& c, const Change& change) {
  const double h = 1e-6;
  Case up = c, down = c;
  change(up, h);
  change(down, -h);
  return (f(up) - f(down)) / (2 * h);
}

/// Entries so close to their kink that a difference quotient would straddle it.
bool near_kink(const Case& c, double eta) {
  for (Index i = 0; i < c.x.size(); ++i) {
    const double room = c.d[i] > 0 ? 1 - c.x[i] : c.x[i];
    if (c.d[i] != 0 && std::abs(eta * std::abs(c.d[i]) - room) < 1e-3 * (1 + eta)) return true;
    if (c.d[i] != 0 && std::abs(c.d[i]) < 0.05) return true;
    if (std::abs(room - c.epsilon) < 1e-4) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("the derivatives of eta have their closed form on two entries") {
  // Entry 0 is saturated at 0.3; entry 1 moves on to sqrt(0.5^2 - 0.3^2) = 0.4 at eta = 0.2.
  const Eigen::Vector2d x(0.7, 0.1), d(6, 2);
  const auto found = rescale(x, d, 0.0, 1.0, 0.5, L2{});
  REQUIRE(found.eta == Catch::Approx(0.2).epsilon(1e-13));
  const auto gradient = rescale_vjp(x, d, 0.0, 1.0, 0.5, L2{}, found);
  CHECK(gradient.direction[0] == 0);
  CHECK(gradient.direction[1] == Catch::Approx(-0.1).epsilon(1e-12));
  CHECK(gradient.x[0] == Catch::Approx(0.375).epsilon(1e-12));
  CHECK(gradient.x[1] == 0);
  CHECK(gradient.epsilon == Catch::Approx(0.625).epsilon(1e-12));
}

TEST_CASE("the derivatives agree with central differences") {
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  for (const double order : orders) {
    int checked = 0;
    for (int trial = 0; trial < 300; ++trial) {
      const Lp norm{order};
      const Case c = random_case(random, norm);
      const auto found = rescale(c.x, c.d, 0.0, 1.0, c.epsilon, norm);
      if (!found.reached || near_kink(c, found.eta)) continue;
      ++checked;
      Vector cotangent(c.x.size());
      for (double& entry : cotangent) entry = normal(random);
      const double eta_cotangent = normal(random);
      const auto alone = rescale_vjp(c.x, c.d, 0.0, 1.0, c.epsilon, norm, found, eta_cotangent);
      const auto whole =
          step_of_size_vjp(c.x, c.d, 0.0, 1.0, c.epsilon, norm, found, cotangent, eta_cotangent);
      const auto eta = [&](const Case& at) { return eta_cotangent * eta_of(at, norm); };
      const auto step = [&](const Case& at) { return value_of(at, norm, cotangent, eta_cotangent); };
      INFO("p = " << order << ", trial " << trial);
      const auto check = [](double analytic, double numeric) {
        REQUIRE(std::abs(analytic - numeric) <= 2e-6 * (1 + std::abs(numeric)));
      };
      for (Index i = 0; i < c.x.size(); ++i) {
        const auto move_x = [i](Case& at, double h) { at.x[i] += h; };
        const auto move_d = [i](Case& at, double h) { at.d[i] += h; };
        check(alone.x[i], central_difference(eta, c, move_x));
        check(whole.x[i], central_difference(step, c, move_x));
        if (c.d[i] == 0) continue;  // a kink of the function
        check(alone.direction[i], central_difference(eta, c, move_d));
        check(whole.direction[i], central_difference(step, c, move_d));
      }
      const auto move_epsilon = [](Case& at, double h) { at.epsilon += h; };
      check(alone.epsilon, central_difference(eta, c, move_epsilon));
      check(whole.epsilon, central_difference(step, c, move_epsilon));
    }
    INFO("p = " << order);
    CHECK(checked > 30);
  }
}

TEST_CASE("eta is homogeneous of degree -1 in the direction, and so are its derivatives") {
  std::mt19937 random(2);
  for (const double order : orders) {
    const Case c = random_case(random, Lp{order});
    for (const double scale : {1e-100, 1.0, 1e100}) {
      const Vector d = scale * c.d;
      const auto found = rescale(c.x, d, 0.0, 1.0, c.epsilon, Lp{order});
      const auto gradient = rescale_vjp(c.x, d, 0.0, 1.0, c.epsilon, Lp{order}, found);
      CHECK(d.dot(gradient.direction) == Catch::Approx(-found.eta).epsilon(1e-10));
    }
  }
}

TEST_CASE("a size of 0 still tells how the factor grows") {
  const Eigen::Vector3d x(0.5, 0.5, 1), d(3, 4, 1);
  const auto found = rescale(x, d, 0.0, 1.0, 0, L2{});
  const auto gradient = rescale_vjp(x, d, 0.0, 1.0, 0, L2{}, found);
  CHECK(gradient.epsilon == Catch::Approx(0.2));
  CHECK(gradient.direction.isZero());
}

TEST_CASE("where the size is out of reach, the factor is a constant") {
  const Eigen::Vector3d x(0.5, 0.5, 0.25), d(1, -2, 0), cotangent(1, 2, 3);
  for (const double order : orders) {
    const auto found = rescale(x, d, 0.0, 1.0, 9, Lp{order});
    REQUIRE_FALSE(found.reached);
    const auto gradient = step_of_size_vjp(x, d, 0.0, 1.0, 9, Lp{order}, found, cotangent, 5.0);
    CHECK(gradient.epsilon == 0);
    // For Linf the factor is the one that saturates entry 1; entry 0 still moves freely.
    const bool free = std::isinf(order);
    CHECK(gradient.x == Eigen::Vector3d(free ? 1 : 0, 0, 3));
    CHECK(gradient.direction == Eigen::Vector3d(free ? 0.25 : 0, 0, 0));
  }
}

TEST_CASE("the derivatives of a batch are those of its samples") {
  std::mt19937 random(3);
  foil::Tensor<float, 2> inputs(4, 12), directions(4, 12), cotangents(4, 12);
  Vector epsilons(4);
  for (Index i = 0; i < 4; ++i) {
    const Case c = random_case(random, L2{});
    foil::sample(inputs, i) = c.x.cast<float>();
    foil::sample(directions, i) = c.d.cast<float>();
    foil::sample(cotangents, i) = Eigen::VectorXf::LinSpaced(12, -1, 2);
    epsilons[i] = c.epsilon;
  }
  const foil::Bounds<float> bounds;
  const auto found = rescale(inputs, directions, bounds, epsilons, L2{});
  const auto all = step_of_size_vjp(inputs, directions, bounds, epsilons, L2{}, found, cotangents);
  for (Index i = 0; i < 4; ++i) {
    const auto one =
        step_of_size_vjp(foil::sample(inputs, i), foil::sample(directions, i), 0.f, 1.f, epsilons[i], L2{},
                         {found.eta[i], found.reached[i]}, foil::sample(cotangents, i));
    CHECK(foil::sample(all.inputs, i) == one.x.cast<float>());
    CHECK(foil::sample(all.directions, i) == one.direction.cast<float>());
    CHECK(all.epsilons[i] == one.epsilon);
  }
  const foil::Tensor<float, 2> wrong(4, 11);
  CHECK_THROWS_AS(step_of_size_vjp(inputs, directions, bounds, epsilons, L2{}, found, wrong), foil::Error);
}
