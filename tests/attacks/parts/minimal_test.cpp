// SPDX-License-Identifier: MIT
#include "foil/attacks/parts/minimal.hpp"

#include <cmath>
#include <set>
#include <vector>

#include "catalogue/all_attacks.hpp"
#include "foil/attacks/decision/additive_noise.hpp"
#include "foil/attacks/gradient/fast_gradient.hpp"
#include "foil/attacks/gradient/projected_gradient/projected_gradient.hpp"
#include "foil/models/lambdas.hpp"
#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/for_rows.hpp"
#include "support/scripted.hpp"

using namespace foil;
using namespace foil::test;

namespace {

template <class Scalar>
using Rows = Tensor<Scalar, 2>;

/// Two affine classes in a box of any width around inputs of about its size, but no larger than 1.
template <class Scalar>
AffineProblem<Rows<Scalar>> problem_of_width(double width) {
  constexpr Index count = 12, features = 10;
  Random random(21);
  const Eigen::MatrixXd weights = random.normals(2 * features).reshaped(2, features);
  const auto end = static_cast<Scalar>(width);
  AffineProblem<Rows<Scalar>> p{
      {weights, Eigen::Vector2d::Zero(), {-end, end}},
      random_batch<Rows<Scalar>>(random, typename Rows<Scalar>::Dimensions(count, features)),
      Labels(count)};
  const auto size = static_cast<Scalar>(std::min(width, 1.0));
  for (Index i = 0; i < p.inputs.size(); ++i) p.inputs.data()[i] = size * (p.inputs.data()[i] - Scalar(0.5));
  p.labels = predict(p.model, p.inputs);
  return p;
}
const std::vector<double> all_widths{1e-3, 1, 10, 1e4, 1e6, 1e9, std::numeric_limits<double>::infinity()};

}  // namespace

TEMPLATE_TEST_CASE(
    "with two affine classes it finds the nearest adversarial up to the resolution of the search", "", L1, L2,
    Linf) {
  for (const Box box : all_boxes)
    for (const int bits : {10, 20}) {
      const auto p = affine_problem<Rows<double>>(2, 30, 40, 1, box);
      const double tolerance = std::ldexp(1.0, -bits);
      const Minimal<FastGradientAttack<TestType>> attack({.relative_tolerance = tolerance});
      const auto result = attack(p.model, p.inputs, p.labels);
      const Eigen::VectorXd distances = p.template distances<TestType>();
      REQUIRE(result.success.all());
      for (Index i = 0; i < distances.size(); ++i) {
        INFO("sample " << i << ", distance " << distances[i]);
        REQUIRE(result.distances[i] > distances[i] * (1 - 1e-12));
        REQUIRE(result.distances[i] <= distances[i] * (1 + tolerance) * (1 + 1e-9));
      }
    }
}

TEMPLATE_TEST_CASE("it does so in boxes of any width, and without bounds", "", FastGradientAttack<L1>,
                   FastGradientAttack<L2>, FastGradientAttack<Linf>, ProjectedGradientDescent<L1>,
                   ProjectedGradientDescent<L2>, ProjectedGradientDescent<Linf>) {
  const auto check = [](const auto& p, double rounding) {
    const Eigen::VectorXd distances = p.template distances<typename TestType::norm>();
    const auto result = Minimal<TestType>()(p.model, p.inputs, p.labels);
    REQUIRE(result.success.all());
    for (Index i = 0; i < distances.size(); ++i) {
      INFO("sample " << i << ", distance " << distances[i] << ", found " << result.distances[i]);
      CHECK(result.distances[i] >= distances[i] * (1 - rounding));
      CHECK(result.distances[i] <= distances[i] * 1.001 * (1 + rounding));
    }
  };
  for (const double width : all_widths) {
    INFO("bounds +-" << width);
    check(problem_of_width<double>(width), 1e-9);
    check(problem_of_width<float>(width), 1e-4);
  }
}

TEMPLATE_TEST_CASE("so does noise, which knows no gradients: what it finds has nothing to do with far bounds",
                   "", L2RepeatedAdditiveGaussianNoiseAttack, LinfRepeatedAdditiveUniformNoiseAttack,
                   L2ClippingAwareRepeatedAdditiveGaussianNoiseAttack) {
  for (const double width : all_widths) {
    if (width < 10) continue;
    const auto p = problem_of_width<float>(width);
    const auto result = Minimal<TestType>()(p.model, p.inputs, p.labels);
    REQUIRE(result.success.all());
    const Eigen::VectorXd distances = p.template distances<typename TestType::norm>();
    for (Index i = 0; i < distances.size(); ++i) {
      INFO("bounds +-" << width << ", sample " << i << ", distance " << distances[i]);
      CHECK(result.distances[i] >= distances[i] * (1 - 1e-4));
      CHECK(result.distances[i] <= 10 * distances[i]);
    }
  }
}

TEST_CASE("the first radius may be wrong by any factor") {
  const auto p = problem_of_width<double>(1e9);
  const Eigen::VectorXd distances = p.distances<L2>();
  for (const double first : {1e-9, 1e-6, 1e-3, 1.0, 1e3, 1e6, 1e12}) {
    INFO("from " << first);
    const auto result = Minimal<FGM>({.first_epsilon = first})(p.model, p.inputs, p.labels);
    REQUIRE(result.success.all());
    CHECK((result.distances.array() <= 1.001 * distances.array()).all());
    CHECK(result.queries.maxCoeff() <= 2 * 30);
  }
}

TEST_CASE("its runs are those of the attack at each radius") {
  const auto p = affine_problem<Rows<float>>(2, 30, 30, 2);
  const Eigen::VectorXd distances = p.distances<Linf>();
  const auto runs_of = [&](const Minimal<FGSM>& attack) {
    CountingModel counting(p.model);
    const auto result = attack(counting, p.inputs, p.labels);
    CHECK(counting.forward == result.queries.sum() + result.verification_queries.sum());
    CHECK(counting.backward == result.gradient_queries.sum());
    REQUIRE(result.success.all());
    return result;
  };
  // Doubled from 1e-3 to 32e-3, then times 4 and times 16, which is what there is to bisect at most.
  const auto told = runs_of(Minimal<FGSM>({.first_epsilon = 1e-3}));
  for (Index i = 0; i < distances.size(); ++i) {
    const double d = distances[i];
    const int larger = d <= 1e-3     ? 0
                       : d <= 32e-3  ? static_cast<int>(std::ceil(std::log2(d / 1e-3)))
                       : d <= 128e-3 ? 6
                                     : 7;
    INFO("distance " << d << ", larger " << larger);
    CHECK(told.gradient_queries[i] >= 1 + larger);
    CHECK(told.gradient_queries[i] <= 1 + larger + 13);
  }
  // The first gradient suggests the distance of two affine classes to within the room that the box takes.
  const auto guessed = runs_of(Minimal<FGSM>());
  CHECK(guessed.gradient_queries.maxCoeff() <= 1 + 4 + 12);
  CHECK(guessed.gradient_queries.sum() < told.gradient_queries.sum());
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
  // The first gradient says that the boundary is at 20 / sqrt(10), beyond the box; so its end is tried.
  CHECK((result.gradient_queries.array() == 2).all());
  CHECK((result.queries.array() == 3).all());
  const auto told = Minimal<FGM>({.first_epsilon = 1e-3})(model, inputs, Labels::Zero(3));
  CHECK(told.success.count() == 0);
  // 1, 2, 4, 8, 16, 32, 128, 2048 thousandths and the end of the box.
  CHECK((told.gradient_queries.array() == 9).all());
}

TEST_CASE("an unbounded box is searched") {
  Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(2, 4);
  weights(1, 2) = 1;
  const double infinity = std::numeric_limits<double>::infinity();
  const Affine<Rows<double>> model(weights, Eigen::Vector2d(5.2, 0), {-infinity, infinity});
  Rows<double> inputs(1, 4);
  inputs.setZero();
  const auto found = Minimal<FGM>({.relative_tolerance = 1e-9})(model, inputs, Labels::Zero(1));
  CHECK(found.distances[0] == Catch::Approx(5.2).epsilon(1e-8));
  const auto too_near = Minimal<FGM>({.first_epsilon = 1, .doublings = 2})(model, inputs, Labels::Zero(1));
  CHECK_FALSE(too_near.success[0]);
  const auto none = Minimal<FGM>({.bisections = 0})(model, inputs, Labels::Zero(1));
  CHECK(none.distances[0] <= 5.2 * 2);
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
    OptionValues options = for_rows(entry);
    for (const OptionInfo& option : entry.options)
      if (option.name == "steps" || option.name == "population") options[option.name] = "20";
    const AnyAttack attack = entry.make(options);
    const auto result = attack(p.model, p.inputs, p.labels);
    const Eigen::VectorXd distances = entry.norm == Lp(L0{})   ? fewest_entries(p)
                                      : entry.norm == Lp(L1{}) ? p.distances<L1>()
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
  CHECK_THROWS_AS(Minimal<FGSM>({.relative_tolerance = 1}), Error);
  CHECK_THROWS_WITH(Minimal<LinfPGD>({.attack = {.steps = 0}}),
                    Catch::Matchers::ContainsSubstring("steps >= 1, got 0"));
}

TEST_CASE("in L0 the radii are whole numbers, and none is tried that cannot be the smallest") {
  for (const Index needed : {1, 2, 5, 6, 17, 40}) {
    const auto model = make_model<Rows<double>>(Bounds<double>(0, 1), [needed](const Rows<double>& x) {
      Labels labels(samples(x));
      for (Index i = 0; i < labels.size(); ++i) labels[i] = (sample(x, i).array() != 0).count() >= needed;
      return labels;
    });
    std::vector<double> radii;
    const AnyAttack::Start fill = [&](Oracle& oracle, double epsilon) -> Task<> {
      radii.push_back(epsilon);
      Eigen::VectorXd x = oracle.original();
      for (Index i = 0; i < x.size() && static_cast<double>(i + 1) <= epsilon; ++i) x[i] = 1;
      co_await oracle.query(x);
    };
    const Scripted<L0, Knowledge::decisions> search([&](Oracle& oracle) {
      return smallest_radius(oracle, {.first_epsilon = 2.5}, Knowledge::decisions, fill);
    });
    Rows<double> inputs(1, 40);
    inputs.setZero();
    const auto result = search(model, inputs, Labels(Labels::Zero(1)));
    CHECK(result.distances[0] == static_cast<double>(needed));
    CHECK(radii.front() == 3);
    std::set<double> distinct;
    for (const double radius : radii) {
      CHECK(radius == std::round(radius));
      CHECK(radius >= 1);
      distinct.insert(radius);
    }
    CHECK(distinct.size() == radii.size());
    CHECK(distinct.contains(static_cast<double>(needed)));
  }
}
