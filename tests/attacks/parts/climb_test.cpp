// SPDX-License-Identifier: MIT
#include "foil/attacks/parts/climb.hpp"

#include <cmath>
#include <cstdint>
#include <limits>

#include "foil/attacks/gradient/brendel_bethge/brendel_bethge.hpp"
#include "foil/core/lattice.hpp"
#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

namespace {
using namespace foil;
using Input = Tensor<float, 2>;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Class 2 lies in one corner of the box, where no noise gets: of 30 features the first 15 have to be small,
/// the others large.
test::Affine<Input> corner(Bounds<float> bounds = {}) {
  Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(3, 30);
  weights.row(2).head(15).setConstant(-1);
  weights.row(2).tail(15).setConstant(1);
  return {weights, Eigen::Vector3d(0, 1, -13), std::move(bounds)};
}

/// Climbs and does nothing else; the state is that of a search that has found nothing.
const test::Scripted<> climbs([](Oracle& oracle) -> Task<> {
  StartState search;
  search.candidate = 9;
  Eigen::VectorXd start;
  oracle.finish(Status::start_failed);
  const bool found = co_await climb_to_start(oracle, search, start);
  CHECK(found == oracle.found());
  if (found) CHECK(start == oracle.best());
});

Input constant(Index count, float value) {
  Input x(count, 30);
  x.setConstant(value);
  return x;
}

TEST_CASE("climb: reaches a corner of the box that no noise does", "[climb]") {
  const auto model = corner();
  const auto result = climbs(model, constant(2, 0.1f), TargetedMisclassification(Labels::Constant(2, 2)));
  CHECK(result.success.all());
  CHECK(result.status[0] == Status::success);
  CHECK(result.gradient_queries.maxCoeff() <= 40);
  CHECK(result.queries.maxCoeff() <= 41);
}

TEST_CASE("climb: a near boundary is met within a small radius", "[climb]") {
  const auto model = corner();
  Input x = constant(1, 0.04f);
  for (Index i = 15; i < 30; ++i) x(0, i) = 0.96f;  // at 1/30 from either end class 2 begins
  const auto result = climbs(model, x, TargetedMisclassification(Labels::Constant(1, 2)));
  REQUIRE(result.success[0]);
  for (Index i = 0; i < 30; ++i) CHECK(std::abs(result.adversarials(0, i) - x(0, i)) <= 1 / 16.f + 1e-6f);
}

TEST_CASE("climb: without bounds, on a lattice and under a mask", "[climb]") {
  const TargetedMisclassification criterion(Labels::Constant(1, 2));
  SECTION("without bounds") {
    Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(3, 30);
    weights.row(2).setConstant(1);
    const test::Affine<Input> far(weights, Eigen::Vector3d(0, 0, -30 * 3000.0),
                                  Bounds<float>(-static_cast<float>(infinity), static_cast<float>(infinity)));
    CHECK(climbs(far, constant(1, 0), criterion).success[0]);
  }
  SECTION("two values") {
    const auto result = climbs(corner(), constant(1, 0), criterion, {.lattice = Lattice(0, 1, 1)});
    CHECK(result.success[0]);
    for (Index i = 0; i < 30; ++i) CHECK((result.adversarials(0, i) == 0 || result.adversarials(0, i) == 1));
  }
  SECTION("a mask") {
    Input mask = constant(1, 1);
    mask(0, 3) = 0;
    const auto result = climbs(corner(), constant(1, 0.5f), criterion, {.mask = mask});
    CHECK(result.success[0]);
    CHECK(result.adversarials(0, 3) == 0.5f);
  }
}

TEST_CASE("climb: ends where there is no gradient, and the sample stays without a start", "[climb]") {
  const test::Affine<Input> flat(Eigen::MatrixXd::Zero(3, 30), Eigen::Vector3d(1, 0, 0));
  const auto result = climbs(flat, constant(1, 0.1f), Labels(Labels::Zero(1)));
  CHECK(result.status[0] == Status::start_failed);
  CHECK(result.gradient_queries[0] == 1);
  CHECK(result.zero_gradients[0] == 1);
  // As does one whose goal cannot be reached.
  const auto never = climbs(corner(Bounds<float>(0, 0.9f)), constant(1, 0.1f),
                            TargetedMisclassification(Labels::Constant(1, 2)));
  CHECK(never.status[0] == Status::start_failed);
  CHECK(never.gradient_queries[0] == 40);
  CHECK(never.queries[0] == 41);  // the clean one is the first of them
}

TEST_CASE("climb: a start of the user's that was refused is not replaced", "[climb]") {
  RunOptions<Input> options;
  options.starting_points = constant(1, 0.1f);
  const auto model = corner();
  const TargetedMisclassification criterion(Labels::Constant(1, 2));
  const auto refused = L2BrendelBethgeAttack()(model, constant(1, 0.1f), criterion, options);
  CHECK(refused.status[0] == Status::start_failed);
  CHECK(refused.gradient_queries[0] == 0);
}

TEST_CASE("climb: Brendel & Bethge finds what pool and noise do not, exactly, within its budget", "[climb]") {
  const auto model = corner();
  const Input x = constant(3, 0.1f);
  const TargetedMisclassification criterion(Labels::Constant(3, 2));
  const auto result = L2BrendelBethgeAttack({.start = {.noise_draws = 10}})(model, x, criterion);
  CHECK(result.success.all());
  for (Index i = 0; i < 3; ++i) {
    const auto nearest = model.nearest_tie<L2>(sample(x, i).cast<double>(), 1, 2);
    REQUIRE(nearest.has_value());
    CHECK(result.distances[i] == Catch::Approx(L2::size(*nearest)).epsilon(1e-3));
    CHECK(result.status[static_cast<std::size_t>(i)] != Status::start_failed);
  }
  const auto poor =
      L2BrendelBethgeAttack({.start = {.noise_draws = 10}})(model, x, criterion, {.query_budget = 16});
  CHECK_FALSE(poor.success.any());
  CHECK(poor.queries == Counts::Constant(3, 16));
  CHECK(poor.status[0] == Status::budget_exhausted);
}
}  // namespace
