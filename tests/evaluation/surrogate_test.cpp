// SPDX-License-Identifier: MIT
#include "foil/evaluation/surrogate.hpp"

#include <cmath>
#include <cstdint>
#include <limits>

#include "foil/attacks/decision/boundary/boundary.hpp"
#include "foil/attacks/decision/hop_skip_jump.hpp"
#include "foil/attacks/decision/query/query.hpp"
#include "foil/attacks/decision/sign_rays/sign_rays.hpp"
#include "foil/models/label_only.hpp"
#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

using namespace foil;
using Flat = Tensor<double, 2>;

namespace {

/// Finds a start, bisected until nothing is left, and does nothing else.
template <Norm N>
struct StartOnly : MinimalAttack<StartOnly<N>> {
  using norm = N;
  static std::string name() { return "start-only"; }
  static constexpr Knowledge knowledge = Knowledge::decisions;
  int bisections = 50;

  Task<> attack(Oracle& oracle) const {
    StartState state;
    co_await find_start(oracle, {.bisections = bisections}, state);
  }
};

Flat negative(Flat directions) {
  as_matrix(directions) *= -1;
  return directions;
}

}  // namespace

TEST_CASE("surrogate: a direction is the gradient of the margin, for a pass each, or none", "[surrogate]") {
  const auto p = test::affine_problem<Flat>(4, 10, 7, 3);
  test::CountingModel counted(p.model);
  const Flat directions = surrogate_directions(counted, p.inputs, p.labels, 3);
  CHECK(counted.forward == 7);
  CHECK(counted.backward == 7);
  const Logits<double> z = p.model.logits(p.inputs);
  for (Index i = 0; i < 7; ++i) {
    Index other = p.labels[i] == 0 ? 1 : 0;
    for (Index k = 0; k < 4; ++k)
      if (k != p.labels[i] && z(i, k) > z(i, other)) other = k;
    const Eigen::VectorXd slope = p.model.weights().row(other) - p.model.weights().row(p.labels[i]);
    CHECK((Eigen::VectorXd(sample(directions, i)) - slope).norm() < 1e-12);
  }
  const Labels targets = p.labels.unaryExpr([](int y) { return (y + 1) % 4; });
  const Flat aimed = surrogate_directions(p.model, p.inputs, TargetedMisclassification(targets));
  CHECK(dot(p.model.weights().row(targets[0]).transpose(), sample(aimed, 0)) > 0);

  test::Tampered<test::Affine<Flat>> broken(p.model);
  broken.answer = [](std::int64_t, const auto&, auto& scores) { scores.row(1).setConstant(std::nan("")); };
  broken.gradient = [](const auto&, auto& gradient) {
    gradient(2, 4) = std::numeric_limits<double>::infinity();
  };
  const Flat partly = surrogate_directions(broken, p.inputs, p.labels);
  CHECK(sample(partly, 1).isZero(0));
  CHECK(sample(partly, 2).isZero(0));
  CHECK(sample(partly, 3) == sample(directions, 3));
  CHECK_THROWS_WITH(surrogate_directions(p.model, p.inputs, p.labels, 0),
                    Catch::Matchers::ContainsSubstring("batch size >= 1, got 0"));
}

TEMPLATE_TEST_CASE("surrogate: with the exact prior a start on a linear model is the optimum", "[surrogate]",
                   L1, L2, Linf) {
  for (const test::Box box : test::all_boxes) {
    CAPTURE(static_cast<int>(box));
    const auto p = test::affine_problem<Flat>(2, 12, 8, 5, box);
    const Flat prior = surrogate_directions(p.model, p.inputs, p.labels);
    const auto with = StartOnly<TestType>()(LabelOnly(p.model), p.inputs, p.labels, {.prior = prior});
    const auto without = StartOnly<TestType>()(LabelOnly(p.model), p.inputs, p.labels);
    const Eigen::VectorXd nearest = p.template distances<TestType>();
    for (Index i = 0; i < 8; ++i) {
      CHECK(with.distances[i] == Catch::Approx(nearest[i]).epsilon(1e-6));
      CHECK(without.distances[i] > 1.2 * nearest[i]);
    }
    CHECK((with.gradient_queries.array() == 0).all());
  }
}

TEST_CASE("surrogate: a prior that is wrong costs one question, and one that is none nothing",
          "[surrogate]") {
  const auto p = test::affine_problem<Flat>(2, 12, 8, 5, test::Box::wide);
  const Flat right = surrogate_directions(p.model, p.inputs, p.labels), wrong = negative(right);
  const auto check = [&](const auto& attack, std::int64_t budget) {
    CAPTURE(attack.name());
    const auto told = [&](const Flat& prior, std::int64_t more) {
      return attack(LabelOnly(p.model), p.inputs, p.labels, {.query_budget = budget + more, .prior = prior});
    };
    const auto without = told({}, 0), misled = told(wrong, 1);
    CHECK(misled.distances == without.distances);
    CHECK(test::same_rows(misled.adversarials, without.adversarials));
    CHECK((told(right, 0).distances.array() <= without.distances.array()).all());
    Flat none = p.inputs;
    none.setZero();
    none(1, 3) = std::nan("");
    CHECK(test::same_bits(told(none, 0), without));
  };
  check(BoundaryAttack(), 60);
  check(L2QueryAttack(), 60);
}

TEST_CASE("surrogate: rays begin with the signs of the prior", "[surrogate]") {
  const auto p = test::affine_problem<Flat>(2, 12, 8, 5);
  const Flat prior = surrogate_directions(p.model, p.inputs, p.labels);
  const Eigen::VectorXd nearest = p.distances<Linf>();
  const auto check = [&](const auto& attack) {
    CAPTURE(attack.name());
    const auto with = attack(LabelOnly(p.model), p.inputs, p.labels, {.query_budget = 16, .prior = prior});
    CHECK((with.distances.array() <= 1.1 * nearest.array()).all());
    const auto wrong = attack(LabelOnly(p.model), p.inputs, p.labels, {.prior = negative(prior)});
    const auto without = attack(LabelOnly(p.model), p.inputs, p.labels);
    CHECK((wrong.distances.array() <= 1.003 * without.distances.array()).all());
    CHECK((wrong.queries.array() <= without.queries.array() + 60).all());
  };
  check(RaySAttack());
  check(LinfQueryAttack());
}

TEST_CASE("surrogate: what a mask freezes does not move along a prior, and lattices are kept",
          "[surrogate]") {
  auto p = test::affine_problem<Flat>(2, 12, 6, 9, test::Box::unit);
  as_matrix(p.inputs) = (16 * as_matrix(p.inputs)).array().round() / 16;
  p.labels = predict(p.model, p.inputs);
  const Flat prior = surrogate_directions(p.model, p.inputs, p.labels);
  Flat mask(1, 12);
  for (Index i = 0; i < 12; ++i) mask(0, i) = i % 3 != 0;
  const auto result = HopSkipJumpAttack<L2>({.steps = 1})(
      p.model, p.inputs, p.labels, {.prior = prior, .mask = mask, .lattice = Lattice{0, 1, 16}});
  CHECK(result.success.any());
  for (Index row = 0; row < 6; ++row)
    for (Index i = 0; i < 12; ++i) {
      if (i % 3 == 0) CHECK(result.adversarials(row, i) == p.inputs(row, i));
      CHECK(16 * result.adversarials(row, i) == std::round(16 * result.adversarials(row, i)));
    }
}

TEST_CASE("surrogate: a run with a prior is continued where it was left, and no sample sees another's",
          "[surrogate]") {
  const auto p = test::affine_problem<Flat>(2, 12, 6, 5, test::Box::wide);
  const Flat prior = surrogate_directions(p.model, p.inputs, p.labels);
  const BoundaryAttack attack({.prior_weight = 0.3});
  const auto told = [&](std::int64_t budget) {
    return RunOptions<Flat>{.query_budget = budget, .prior = prior};
  };
  const auto whole = attack(p.model, p.inputs, p.labels, told(90));
  RunState<BoundaryState> state;
  Result<Flat> parts;
  for (std::int64_t budget = 1; budget <= 90; ++budget)
    parts = attack.run(p.model, p.inputs, p.labels, state, told(budget));
  CHECK(parts.queries == whole.queries);
  CHECK(parts.distances == whole.distances);
  const std::vector<Index> row{4};
  auto alone = told(90);
  alone.prior = gather(prior, row);
  alone.sample_ids = {4};
  CHECK(test::same_bits(attack(p.model, gather(p.inputs, row), Labels(p.labels.segment(4, 1)), alone),
                        test::select(whole, row)));
}
