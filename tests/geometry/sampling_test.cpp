// SPDX-License-Identifier: MIT
#include "foil/geometry/sampling.hpp"

#include <array>
#include <numbers>

#include "support/catch.hpp"

using foil::Index;
using foil::L1;
using foil::L2;
using foil::Linf;
using foil::Purpose;
using foil::RandomDraw;

namespace {

constexpr int draws = 20'000;

template <class Norm>
Eigen::VectorXd point(Index n, std::uint32_t draw) {
  return foil::geometry::uniform_in_ball<Norm>(n, RandomDraw(11, 5, Purpose::start, draw));
}

/// Whether `hits` of the draws is within four standard deviations of a probability.
void check_share(int hits, double probability) {
  const double mean = draws * probability, deviation = std::sqrt(mean * (1 - probability));
  INFO(hits << " hits, expected " << mean << " +- " << deviation);
  REQUIRE(std::abs(hits - mean) <= 4 * deviation);
}

template <class Norm>
double volume_of_unit_ball() {  // in three dimensions
  return Norm::p == 1 ? 4.0 / 3 : Norm::p == 2 ? 4 * std::numbers::pi / 3 : 8.0;
}

}  // namespace

TEMPLATE_TEST_CASE("radii follow the law of the uniform ball, in any dimension", "", L1, L2, Linf) {
  for (const Index n : {1, 2, 3, 10, 50}) {
    std::array<int, 9> below{};
    Eigen::ArrayXi positive = Eigen::ArrayXi::Zero(n);
    Eigen::ArrayXd sum = Eigen::ArrayXd::Zero(n), squares = Eigen::ArrayXd::Zero(n);
    for (int draw = 0; draw < draws; ++draw) {
      const Eigen::VectorXd w = point<TestType>(n, static_cast<std::uint32_t>(draw));
      const double radius = TestType::size(w);
      REQUIRE(radius <= 1);
      for (std::size_t k = 0; k < below.size(); ++k)
        below[k] += std::pow(radius, static_cast<double>(n)) < 0.1 * static_cast<double>(k + 1);
      positive += (w.array() > 0).cast<int>();
      sum += w.array();
      squares += w.array().square();
    }
    INFO("n = " << n);
    for (std::size_t k = 0; k < below.size(); ++k) check_share(below[k], 0.1 * static_cast<double>(k + 1));
    for (Index i = 0; i < n; ++i) {
      check_share(positive[i], 0.5);
      REQUIRE(std::abs(sum[i]) <= 4 * std::sqrt(squares[i]));
    }
  }
}

TEMPLATE_TEST_CASE("equal volumes are hit equally often", "", L1, L2, Linf) {
  const double side = 0.3, probability = side * side * side / volume_of_unit_ball<TestType>();
  std::array<Eigen::Vector3d, 4> corners;  // of cubes inside all three balls
  corners = {Eigen::Vector3d(0, 0, 0), Eigen::Vector3d(-0.3, 0, -0.3), Eigen::Vector3d(-0.15, 0.5, -0.15),
             Eigen::Vector3d(-0.15, -0.15, -0.8)};
  std::array<int, 4> hits{};
  for (int draw = 0; draw < draws; ++draw) {
    const Eigen::Vector3d w = point<TestType>(3, static_cast<std::uint32_t>(draw));
    for (std::size_t k = 0; k < hits.size(); ++k)
      hits[k] += ((w - corners[k]).array() > 0).all() && ((w - corners[k]).array() < side).all();
  }
  // The outer cubes' farthest corners have an L1 size of 0.9, 1.1 and 1.1: only Linf and L2 hold them whole.
  for (std::size_t k = 0; k < (TestType::p == 1 ? 2u : 4u); ++k) check_share(hits[k], probability);
}

TEMPLATE_TEST_CASE("a draw gives the same point again, another draw another one", "", L1, L2, Linf) {
  CHECK(point<TestType>(30, 1) == point<TestType>(30, 1));
  CHECK(point<TestType>(30, 1) != point<TestType>(30, 2));
}

TEMPLATE_TEST_CASE("in a box without a mask the point is the same, with one it moves the others only", "", L1,
                   L2, Linf) {
  const Index n = 12;
  foil::geometry::Box box{Eigen::VectorXd::Zero(n), Eigen::VectorXd::Ones(n)};
  box.lower[3] = 1;  // frozen by its bounds, but not by a mask
  const RandomDraw random(11, 5, Purpose::start, 7);
  CHECK(foil::geometry::uniform_in_ball<TestType>(box, random) == point<TestType>(n, 7));
  box.frozen.setConstant(n, false);
  CHECK(foil::geometry::uniform_in_ball<TestType>(box, random) == point<TestType>(n, 7));

  box.frozen[0] = box.frozen[5] = box.frozen[11] = true;
  const Eigen::VectorXd moving = point<TestType>(n - 3, 7);
  const Eigen::VectorXd w = foil::geometry::uniform_in_ball<TestType>(box, random);
  REQUIRE(w.size() == n);
  for (Index i = 0, next = 0; i < n; ++i) CHECK(w[i] == (box.frozen[i] ? 0 : moving[next++]));

  box.frozen.setConstant(true);
  CHECK(foil::geometry::uniform_in_ball<TestType>(box, random) == Eigen::VectorXd::Zero(n));
}
