// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/closest/closest.hpp"

#include <cmath>
#include <limits>

#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/scripted.hpp"

using namespace foil;
using namespace foil::test;

namespace {

using Rows = Tensor<double, 2>;

/// What fools is found, at most `excess` times as far as it has to be. (Which is exact but for rounding: in
/// L0 by `slack`, a feature.)
template <class Result>
void check_distances(const Result& result, const Eigen::VectorXd& distances, double excess, double slack) {
  for (Index i = 0; i < distances.size(); ++i) {
    INFO("sample " << i << " at distance " << distances[i]);
    REQUIRE(result.success[i]);
    REQUIRE(result.distances[i] >= distances[i] * (1 - 2e-5) - slack);
    REQUIRE(result.distances[i] <= distances[i] * excess);
  }
}

}  // namespace

TEMPLATE_TEST_CASE("closest: the nearest adversarial of an affine model, in every box", "", L0, L1, L2,
                   Linf) {
  for (const Box box : all_boxes)
    for (const Index classes : {2, 6}) {
      const auto p = affine_problem<Rows>(classes, 20, 12, 20 + static_cast<std::uint64_t>(classes), box);
      const auto distances = p.template distances<TestType>();
      if (!distances.allFinite()) continue;
      INFO("box " << static_cast<int>(box) << ", " << classes << " classes");
      const ClosestAttack<TestType> attack({.gradients = 300, .effort = 2});
      check_distances(attack(p.model, p.inputs, p.labels), distances, 1.001, TestType::p == 0 ? 1 : 0);
      if (classes > 2) continue;
      const Labels targets = 1 - p.labels.array();
      check_distances(attack(p.model, p.inputs, TargetedMisclassification(targets)), distances, 1.001,
                      TestType::p == 0 ? 1 : 0);
    }
}

TEMPLATE_TEST_CASE("closest: its budget of gradients is exact, and all are counted", "", L0, Linf) {
  const Mlp<Rows> model(20, 30, 6, 1);
  Random random(2);
  const auto inputs = random_batch<Rows>(random, Rows::Dimensions(10, 20));
  const Labels labels = predict(model, inputs);
  double before = std::numeric_limits<double>::infinity();
  for (const int budget : {1, 7, 40, 133}) {
    CountingModel counting(model);
    const auto result =
        ClosestAttack<TestType>({.gradients = budget, .effort = 1000})(counting, inputs, labels);
    CHECK((result.gradient_queries.array() == budget).all());
    CHECK(counting.backward == 10 * budget);
    CHECK(counting.forward == result.queries.sum() + result.verification_queries.sum());
    if (budget < 40) continue;
    CHECK(result.success.all());
    CHECK(result.distances.sum() <= before);
    before = result.distances.sum();
  }
  // Left alone it stops by itself, sooner with less effort.
  const auto some = ClosestAttack<TestType>({.gradients = 100000, .effort = 1})(model, inputs, labels);
  const auto more = ClosestAttack<TestType>({.gradients = 100000, .effort = 8})(model, inputs, labels);
  for (Index i = 0; i < some.size(); ++i)
    CHECK(some.status[static_cast<std::size_t>(i)] == Status::converged);
  CHECK(some.gradient_queries.sum() < more.gradient_queries.sum());
  CHECK(more.gradient_queries.maxCoeff() < 100000);
  CHECK((more.distances.array() <= some.distances.array()).all());
}

TEMPLATE_TEST_CASE("closest: criteria of every kind", "", L0, L2) {
  const auto p = affine_problem<Rows>(5, 20, 8, 3, Box::wide);
  const ClosestAttack<TestType> attack({.gradients = 200, .effort = 2});
  const auto plain = attack(p.model, p.inputs, p.labels);
  const auto check = [&](const auto& criterion) {
    const auto result = attack(p.model, p.inputs, criterion);
    CHECK(result.success.all());
    CHECK((result.distances.array() >= 0.999 * plain.distances.array()).all());
  };
  check(MarginAbove(p.labels, 0.7));
  check(ConfidentMisclassification(p.labels, 0.8));
  check(OriginalClassProbability(p.labels, 0.2));
  check(TopKMisclassification(p.labels, 3));
  check(Misclassification(p.labels) && MarginAbove(p.labels, 0.7));
  check(TargetedMisclassification(((p.labels.array() + 1).unaryExpr([](int k) { return k % 5; })).matrix()));
}

TEMPLATE_TEST_CASE("closest: bits do not depend on batches, order and threads", "", L1, L2) {
  const Mlp<Rows> model(20, 30, 5, 3);
  Random random(4);
  const auto inputs = random_batch<Rows>(random, Rows::Dimensions(9, 20));
  const Labels labels = predict(model, inputs);
  const ClosestAttack<TestType> attack({.gradients = 150});
  const auto reference = attack(model, inputs, labels);
  CHECK(reference.success.all());
  for (const Index batch_size : {1, 4})
    CHECK(same_bits(attack(model, inputs, labels, {.batch_size = batch_size}), reference));
  CHECK(same_bits(attack(model, inputs, labels, {.threads = 3}), reference));
}

TEMPLATE_TEST_CASE("closest: where there is no way it gives up", "", L0, L1, L2, Linf) {
  Rows inputs(3, 5);
  inputs.setConstant(0.5);
  const Labels labels = Labels::Constant(3, 1);
  SECTION("no gradient") {
    const Affine<Rows> flat(Eigen::MatrixXd::Zero(2, 5), Eigen::Vector2d(0, 1));
    const auto result = ClosestAttack<TestType>()(flat, inputs, labels);
    CHECK(result.success.count() == 0);
    CHECK(result.gradient_queries.maxCoeff() <= 100);
    CHECK(same_rows(result.adversarials, inputs));
  }
  SECTION("a boundary outside the box") {
    const Affine<Rows> far(Eigen::MatrixXd::Identity(2, 5), Eigen::Vector2d(0, 10));
    const auto result = ClosestAttack<TestType>({.gradients = 200})(far, inputs, labels);
    CHECK(result.success.count() == 0);
    CHECK(result.gradient_queries.maxCoeff() <= 200);
  }
}

TEMPLATE_TEST_CASE("closest: a single feature, a thousand classes, logits of any scale", "", L0, L2) {
  const ClosestAttack<TestType> attack({.gradients = 100, .effort = 1});
  const Affine<Rows> line(Eigen::Vector2d(0, 1), Eigen::Vector2d(0.5, 0));
  Rows x(2, 1);
  x.setValues({{0.0}, {0.4}});
  const auto found = attack(line, x, Labels::Zero(2));
  CHECK(found.success.all());
  for (Index i = 0; i < 2; ++i)
    CHECK(found.distances[i] == Catch::Approx(TestType::p == 0 ? 1 : 0.5 - x(i, 0)).epsilon(1e-3));
  const auto many = random_affine<Rows>(1000, 30, 5, Bounds<double>(0, 1));
  Random random(6);
  const auto inputs = random_batch<Rows>(random, Rows::Dimensions(2, 30));
  CHECK(attack(many, inputs, predict(many, inputs)).success.all());
  for (const double scale : {1e-6, 1e6}) {
    const auto p = affine_problem<Rows>(4, 20, 10, 6, Box::unit),
               q = affine_problem<Rows>(4, 20, 10, 6, Box::unit, scale);
    check_distances(attack(q.model, p.inputs, p.labels), p.template distances<TestType>(), 1.001,
                    TestType::p == 0 ? 1 : 0);
  }
}

TEST_CASE("closest: two changed features are exchanged for one") {
  // One feature of the last two does what two of the others do; 1.9 is needed.
  Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(2, 6);
  weights.row(1) << 1, 1, 1, 0.1, 2, 3;
  const Affine<Rows> model(weights, Eigen::Vector2d(1.9, 0), Bounds<double>(0, 1));
  Rows x(1, 6);
  x.setZero();
  const auto exchanged = [&](int most, Index masked) {
    const Scripted<L0> attack([=](Oracle& oracle) -> Task<> {
      Eigen::VectorXd start = Eigen::VectorXd::Zero(6);
      for (const Index i : {0, 1, 2, 3}) start[i] = 1;
      co_await oracle.query(start);
      co_await exchange_features(oracle, most);
    });
    Rows mask(1, 6);
    for (Index i = 0; i < 6; ++i) mask(0, i) = i == masked ? 0 : 1;
    RunOptions<Rows> options;
    options.mask = mask;
    return attack(model, x, Labels::Zero(1), options);
  };
  for (const int most : {0, 1}) {
    const auto none = exchanged(most, -1);
    CHECK(none.distances[0] == 4);
    CHECK(none.gradient_queries[0] == 0);
  }
  // The closest, then a pair: the weakest feature and another; what is left fools by itself.
  const auto one = exchanged(2, -1);
  CHECK(one.distances[0] == 2);
  CHECK(one.gradient_queries[0] == 2);
  const auto result = exchanged(9, -1);
  CHECK(result.distances[0] == 1);
  CHECK(result.adversarials(0, 5) == 1);
  CHECK(result.gradient_queries[0] == 4);
  const auto other = exchanged(9, 5);
  CHECK(other.distances[0] == 1);
  CHECK(other.adversarials(0, 4) == 1);
}

TEST_CASE("closest: the nearest class is found among others that look nearer") {
  // Class 1 leads class 2 at the input, but class 2 has the steeper slope.
  Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(3, 2);
  weights(1, 0) = 1;
  weights(2, 1) = 10;
  const Affine<Rows> model(weights, Eigen::Vector3d(2, 1, 0), Bounds<double>(-4, 4));
  Rows x(1, 2);
  x.setZero();
  const Labels label = Labels::Zero(1);
  const auto result = L2ClosestAttack({.gradients = 40})(model, x, label);
  CHECK(result.distances[0] == Catch::Approx(0.2).epsilon(1e-3));
  const auto first = L2ClosestAttack({.gradients = 40, .candidates = 1})(model, x, label);
  CHECK(first.distances[0] >= 0.2 * (1 - 1e-9));
}
