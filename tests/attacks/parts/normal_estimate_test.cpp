// SPDX-License-Identifier: MIT
#include "foil/attacks/parts/normal_estimate.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <vector>

#include "foil/attacks/decision/planes/directions.hpp"
#include "foil/attacks/parts/noise_space.hpp"
#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/one_sample.hpp"
#include "support/scripted.hpp"

using namespace foil;
using Flat = Tensor<double, 2>;
using Labelled = test::Scripted<L2, Knowledge::decisions>;

namespace {

/// Class 1 where the first feature is at least 1.
auto half_space(double end) {
  return make_model<Flat>(Bounds<double>(-end, end), [](const Flat& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) labels[i] = x(i, 0) >= 1;
    return labels;
  });
}

constexpr Index d = 60;
constexpr int q = 40, times = 300;

/// The mean of cos^2 between the normal and so many estimates of it, each of q answers, at the point of the
/// boundary that is closest to the input.
double mean_square_of_cosines(bool orthogonal) {
  double total = 0;
  const Labelled attack([&](Oracle& oracle) -> Task<> {
    NoiseSpace space(oracle, "test", 1, false);
    planes::Directions directions(space, q);
    const Eigen::VectorXd x = Eigen::VectorXd::Unit(d, 0), none = Eigen::VectorXd::Zero(d);
    std::uint32_t draws = 0;
    const DrawDirection draw = [&](Eigen::VectorXd& u) {
      if (!orthogonal) directions.clear();
      directions.draw(oracle.random(Purpose::normal_estimate, draws++), none, u);
    };
    NormalEstimate normal;
    for (int k = 0; k < times; ++k) {
      directions.clear();
      co_await estimate_normal(oracle, x, 0.01, q, draw, normal);
      total += std::pow(normal.direction()[0] / normal.direction().norm(), 2);
    }
  });
  Flat input(1, d);
  input.setZero();
  attack(half_space(50), input, Labels(Labels::Zero(1)));
  return total / times;
}

}  // namespace

TEST_CASE("normal estimate: as close to the normal as answers allow", "[normal-estimate]") {
  constexpr double share = 2 / std::numbers::pi;
  // Four standard errors of 300 estimates, whose cos^2 vary by less than 0.08.
  CHECK(mean_square_of_cosines(false) ==
        Catch::Approx((share * q + 1 - share) / (share * q + d - share)).margin(0.02));
  CHECK(mean_square_of_cosines(true) == Catch::Approx((share * (q - 1) + 1) / d).margin(0.02));
}

TEST_CASE("normal estimate: asks about just so many points, as far as told, and sums what is left of them",
          "[normal-estimate]") {
  double mean = 0, slope = 0;
  const Labelled attack([&](Oracle& oracle) -> Task<> {
    Eigen::VectorXd x = Eigen::VectorXd::Unit(3, 0);
    int drawn = 0;
    const DrawDirection draw = [&](Eigen::VectorXd& u) {
      u = Eigen::Vector3d(drawn++ % 4 == 0 ? 1 : -1, 2, 0);
    };
    NormalEstimate normal;
    co_await estimate_normal(oracle, x, 0.5, 100, draw, normal);
    mean = normal.mean;
    slope = normal.direction()[0];
    CHECK(normal.all[1] == Catch::Approx(100 * 0.4));  // of 0.5 * 2 the box leaves 0.2
    CHECK(normal.direction()[1] == Catch::Approx(0).margin(1e-12));
  });
  const auto model = make_model<Flat>(Bounds<double>(Eigen::Vector3d(-9, -9, -9), Eigen::Vector3d(9, 0.2, 9)),
                                      [](const Flat& x) {
                                        Labels labels(samples(x));
                                        for (Index i = 0; i < labels.size(); ++i) labels[i] = x(i, 0) >= 1;
                                        return labels;
                                      });
  Flat input(1, 3);
  input.setZero();
  const auto result = attack(model, input, Labels(Labels::Zero(1)));
  CHECK(result.queries[0] == 101);
  CHECK(mean == Catch::Approx(-0.5));
  CHECK(slope == Catch::Approx(25 + 75 - 0.5 * 50));
}

TEST_CASE("normal estimate: looks as far as a lattice makes it, and says where nothing else can be asked",
          "[normal-estimate]") {
  Eigen::VectorXd direction;
  double mean = 0;
  const Labelled attack([&](Oracle& oracle) -> Task<> {
    const Eigen::VectorXd x = Eigen::VectorXd::Unit(3, 0);
    const DrawDirection draw = [](Eigen::VectorXd& u) { u = -Eigen::Vector3d::Unit(0); };
    NormalEstimate normal;
    co_await estimate_normal(oracle, x, 1e-9, 5, draw, normal);
    direction = normal.direction();
    mean = normal.mean;
  });
  Flat input(1, 3), mask(1, 3);
  input.setZero();
  attack(half_space(4), input, Labels(Labels::Zero(1)), {.lattice = Lattice{-4, 4, 8}});
  CHECK(mean == -1);
  CHECK(direction[0] > 0);
  mask.setZero();
  mask(0, 1) = 1;  // the first feature stays 0, whatever is drawn
  const Labelled at_input([&](Oracle& oracle) -> Task<> {
    const DrawDirection draw = [](Eigen::VectorXd& u) { u = Eigen::Vector3d::Unit(0); };
    NormalEstimate normal;
    co_await estimate_normal(oracle, oracle.original(), 1e-9, 5, draw, normal);
    direction = normal.direction();
  });
  at_input(half_space(4), input, Labels(Labels::Zero(1)), {.mask = mask});
  CHECK(direction.isZero(0));
}

TEST_CASE("noise space: as many dimensions as features may move, or frequencies are left", "[noise-space]") {
  const auto dimension = [](std::vector<Index> shape, int subspace, bool channels_last) {
    Index features = 1;
    for (const Index extent : shape) features *= extent;
    const Eigen::VectorXd zeros = Eigen::VectorXd::Zero(features);
    test::OneSample one(zeros, zeros.array() - 1, zeros.array() + 1, {.shape = shape});
    return NoiseSpace(one.oracle(), "test", NoiseSpaceOptions{subspace, channels_last}).dimension();
  };
  CHECK(dimension({7}, 1, false) == 7);
  CHECK(dimension({7}, 0, false) == 7);
  CHECK(dimension({2, 5, 6}, 1, false) == 60);
  CHECK(dimension({2, 5, 6}, 2, false) == 2 * 3 * 3);
  CHECK(dimension({2, 5, 6}, 2, true) == 1 * 3 * 6);
  CHECK(dimension({1, 28, 28}, 0, false) == 784);
  CHECK(dimension({1, 224, 230}, 0, false) == 56 * 58);
  CHECK(dimension({224, 230, 1}, 0, true) == 56 * 58);
  CHECK(dimension({1, 223, 230}, 0, false) == 223 * 230);
  CHECK_THROWS_WITH(
      dimension({7}, 2, false),
      "test: a subspace of low frequencies needs images with three dimensions, the samples have 1");
}
