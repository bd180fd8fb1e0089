// SPDX-License-Identifier: MIT
#include "foil/attacks/parts/minimal.hpp"

#include "catalogue/all_attacks.hpp"
#include "foil/attacks/gradient/fast_gradient.hpp"
#include "foil/attacks/gradient/projected_gradient/projected_gradient.hpp"
#include "support/affine_problem.hpp"
#include "support/catch.hpp"

using namespace foil;
using namespace foil::test;

namespace {

template <class Scalar>
using Rows = Tensor<Scalar, 2>;

}  // namespace

TEMPLATE_TEST_CASE(
    "with two affine classes it finds the nearest adversarial up to the resolution of the search", "", L1, L2,
    Linf) {
  for (const Box box : all_boxes)
    for (const int bisections : {10, 20}) {
      const auto p = affine_problem<Rows<double>>(2, 30, 40, 1, box);
      const Minimal<FastGradientAttack<TestType>> attack({.bisections = bisections});
      const auto result = attack(p.model, p.inputs, p.labels);
      const Eigen::VectorXd distances = p.template distances<TestType>();
      REQUIRE(result.success.all());
      // The bracket is at most as wide as the distance, or the first radius, and is halved every time.
      const double resolution = std::ldexp(1.0, -bisections);
      for (Index i = 0; i < distances.size(); ++i) {
        INFO("sample " << i << ", distance " << distances[i]);
        REQUIRE(result.distances[i] > distances[i] * (1 - 1e-12));
        REQUIRE(result.distances[i] <= distances[i] * (1 + 2 * resolution) + resolution);
      }
    }
}

TEST_CASE("its runs are those of the attack at each radius") {
  const auto p = affine_problem<Rows<float>>(2, 30, 30, 2);
  CountingModel counting(p.model);
  const Minimal<FGSM> attack({.first_epsilon = 1e-3, .doublings = 20, .bisections = 7});
  const auto result = attack(counting, p.inputs, p.labels);
  const Eigen::VectorXd distances = p.distances<Linf>();
  CHECK(counting.forward == result.queries.sum() + result.verification_queries.sum());
  CHECK(counting.backward == result.gradient_queries.sum());
  for (Index i = 0; i < distances.size(); ++i) {
    const double doublings = std::max(0.0, std::ceil(std::log2(distances[i] / 1e-3)));
    const auto runs = static_cast<std::int64_t>(1 + doublings) + 7;
    CHECK(result.queries[i] <= 2 * runs);
    CHECK(result.queries[i] >= 2 * runs - 14);  // the clean query is the first run's gradient
    CHECK(result.distances[i] <= distances[i] * (1 + std::ldexp(1.0, -6)));
  }
}

TEST_CASE("a box without adversarials is searched to its end") {
  Eigen::MatrixXd weights = Eigen::MatrixXd::Ones(2, 10);
  weights.row(0).setZero();
  const Affine<Rows<float>> model(weights, Eigen::Vector2d(20, 0));
  Rows<float> inputs(3, 10);
  inputs.setConstant(0.25f);
  const auto result = Minimal<FGM>()(model, inputs, Labels::Zero(3));
  for (const Status status : result.status) CHECK(status == Status::not_found);
  CHECK(result.success.count() == 0);
  CHECK(same_rows(result.adversarials, inputs));
  // Eight radii from a hundredth of the box to the whole of it.
  CHECK((result.gradient_queries.array() == 8).all());
  CHECK((result.queries.array() == 16).all());
}

TEST_CASE("an unbounded box is searched from radius 1") {
  Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(2, 4);
  weights(1, 2) = 1;
  const double infinity = std::numeric_limits<double>::infinity();
  const Affine<Rows<double>> model(weights, Eigen::Vector2d(5.2, 0), {-infinity, infinity});
  Rows<double> inputs(1, 4);
  inputs.setZero();
  const auto found = Minimal<FGM>({.bisections = 30})(model, inputs, Labels::Zero(1));
  CHECK(found.distances[0] == Catch::Approx(5.2).epsilon(1e-8));
  const auto too_near = Minimal<FGM>({.doublings = 2})(model, inputs, Labels::Zero(1));
  CHECK_FALSE(too_near.success[0]);
}

TEST_CASE("the query budget and the early stop end the search with what was found") {
  const auto p = affine_problem<Rows<float>>(2, 30, 30, 3);
  const Minimal<FGSM> attack;
  const auto all = attack(p.model, p.inputs, p.labels);
  int ended = 0;
  for (const std::int64_t budget : {1, 2, 5, 9, 14, 1000}) {
    const auto result = attack(p.model, p.inputs, p.labels, {.query_budget = budget});
    for (Index i = 0; i < result.size(); ++i) {
      REQUIRE(result.queries[i] <= budget);
      const Status status = result.status[static_cast<std::size_t>(i)];
      REQUIRE((status == Status::budget_exhausted) == (all.queries[i] > budget));
      REQUIRE(result.distances[i] >= all.distances[i]);
      ended += status == Status::budget_exhausted && result.success[i];
    }
  }
  CHECK(ended > 10);
  const auto stopped = attack(p.model, p.inputs, p.labels, {.early_stop = 0.2});
  for (Index i = 0; i < stopped.size(); ++i) {
    if (stopped.queries[i] < all.queries[i]) CHECK(stopped.distances[i] <= 0.2);
    if (all.distances[i] <= 0.2) CHECK(stopped.distances[i] <= 0.2);
  }
  CHECK(stopped.queries.sum() < all.queries.sum());
}

TEST_CASE("every fixed-budget attack of the catalogue has a sound minimal form") {
  const auto p = affine_problem<Rows<float>>(3, 12, 6, 4);
  int tried = 0;
  for (const AttackEntry& entry : programs::all_attacks().entries()) {
    if (!entry.minimal || !entry.name.starts_with("minimal-")) continue;
    ++tried;
    INFO(entry.name);
    OptionValues options;
    for (const OptionInfo& option : entry.options)
      if (option.name == "steps") options["steps"] = "20";
    const AnyAttack attack = entry.make(options);
    const auto result = attack(p.model, p.inputs, p.labels);
    const Eigen::VectorXd distances = entry.norm == Lp(L1{})   ? p.distances<L1>()
                                      : entry.norm == Lp(L2{}) ? p.distances<L2>()
                                                               : p.distances<Linf>();
    if (entry.knowledge == Knowledge::gradients) CHECK(result.success.all());
    if (entry.name.find("repeated") != std::string::npos) CHECK(result.success.count() >= 4);
    for (Index i = 0; i < result.size(); ++i) {
      const double length = distance(entry.norm, sample(p.inputs, i), sample(result.adversarials, i));
      CHECK(length == (result.success[i] ? result.distances[i] : 0));
      CHECK(result.distances[i] >= distances[i] * (1 - 2e-5));
      if (entry.knowledge == Knowledge::gradients) CHECK(result.distances[i] <= 2.5 * distances[i]);
    }
    const auto again = attack(p.model, p.inputs, p.labels, 0, {.threads = 2, .batch_size = 2});
    CHECK(same_rows(again.adversarials, result.adversarials));
  }
  CHECK(tried >= 25);
}

TEST_CASE("maximize_loss has no meaning in a search for the closest, and no effect") {
  const auto p = affine_problem<Rows<float>>(3, 12, 10, 5);
  const auto plain = Minimal<LinfPGD>({.attack = {.steps = 10}})(p.model, p.inputs, p.labels);
  const auto most =
      Minimal<LinfPGD>({.attack = {.steps = 10, .maximize_loss = true}})(p.model, p.inputs, p.labels);
  CHECK(same_rows(plain.adversarials, most.adversarials));
}

TEST_CASE("options that make no sense are refused, those of the attack included") {
  CHECK_THROWS_AS(Minimal<FGSM>({.first_epsilon = -1}), Error);
  CHECK_THROWS_AS(Minimal<FGSM>({.doublings = -1}), Error);
  CHECK_THROWS_AS(Minimal<FGSM>({.bisections = -1}), Error);
  CHECK_THROWS_WITH(Minimal<LinfPGD>({.attack = {.steps = 0}}),
                    Catch::Matchers::ContainsSubstring("steps >= 1, got 0"));
}
