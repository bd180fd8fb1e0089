// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/jsma/jsma.hpp"

#include <cmath>
#include <limits>

#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/scripted.hpp"

using namespace foil;
using namespace foil::test;

namespace {

using Rows = Tensor<double, 2>;

constexpr JsmaRule rules[] = {JsmaRule::away, JsmaRule::maximal, JsmaRule::each};
constexpr JsmaOutputs maps[] = {JsmaOutputs::probabilities, JsmaOutputs::logits};

}  // namespace

TEST_CASE("jsma: the best pair of all pairs, and the best single move") {
  Random random(1);
  for (int trial = 0; trial < 200; ++trial) {
    const Index n = 1 + random.integer(12);
    const Eigen::VectorXd raise = random.normals(n), common = random.normals(n);
    // From unrelated gradients to such that oppose each other.
    const Eigen::VectorXd lower = trial % 2 ? Eigen::VectorXd(0.9 * raise + 0.2 * common) : common;
    const Eigen::VectorXd up = random.uniforms(n), down = random.uniforms(n);
    double pair = -1, single = -1;
    const auto move = [&](Index i) { return (i % 2 ? up[i / 2] : -down[i / 2]); };
    for (Index a = 0; a < 2 * n; ++a) {
      const double wanted = raise[a / 2] * move(a), others = -lower[a / 2] * move(a);
      if (wanted > 0 && others > 0) single = std::max(single, wanted * others);
      for (Index b = 0; b < a; ++b) {
        const double w = wanted + raise[b / 2] * move(b), o = others - lower[b / 2] * move(b);
        if (a / 2 != b / 2 && w > 0 && o > 0) pair = std::max(pair, w * o);
      }
    }
    for (const bool pairs : {false, true}) {
      jsma::Salient best;
      jsma::find_salient(raise, lower, up, down, 0, pairs, best);
      const double expected = pairs && pair > 0 ? pair : single;
      INFO("trial " << trial << ", " << n << " features, pairs " << pairs);
      CHECK(best.count == (pairs && pair > 0 ? 2u : single > 0 ? 1u : 0u));
      if (best.count > 0) CHECK(std::exp(best.logarithm) == Catch::Approx(expected));
    }
  }
}

TEST_CASE("jsma: of two classes the fewest features, of ten few more, by every rule and map") {
  for (const Box box : {Box::unit, Box::per_feature, Box::half_infinite}) {
    const auto two = affine_problem<Rows>(2, 30, 10, 20, box),
               ten = affine_problem<Rows>(10, 30, 10, 21, box);
    const Eigen::VectorXd fewest = fewest_entries(two), least = fewest_entries(ten);
    REQUIRE(fewest.allFinite());
    REQUIRE(least.allFinite());
    const Labels targets = 1 - two.labels.array();
    for (const JsmaRule rule : rules)
      for (const JsmaOutputs outputs : maps) {
        INFO("box " << static_cast<int>(box) << ", rule " << static_cast<int>(rule) << ", outputs "
                    << static_cast<int>(outputs));
        const JacobianSaliencyAttack attack({.rule = rule, .outputs = outputs});
        // Logits of two classes are two outputs, whose product may prefer others than their difference.
        const double slack = outputs == JsmaOutputs::logits ? 3 : 0;
        const auto untargeted = attack(two.model, two.inputs, two.labels);
        CHECK((untargeted.distances.array() >= fewest.array()).all());
        CHECK((untargeted.distances.array() <= fewest.array() + slack).all());
        const auto targeted = attack(two.model, two.inputs, TargetedMisclassification(targets));
        CHECK((targeted.distances.array() <= fewest.array() + slack).all());
        const auto result = attack(ten.model, ten.inputs, ten.labels);
        CHECK(result.success.all());
        CHECK((result.distances.array() >= least.array()).all());
        if (outputs == JsmaOutputs::probabilities) CHECK(result.distances.sum() <= 1.6 * least.sum());
        if (outputs == JsmaOutputs::probabilities && rule == JsmaRule::each) CHECK(result.distances == least);
      }
  }
}

TEST_CASE("jsma: pairs move two features a step, and what can be spared goes back") {
  const auto p = affine_problem<Rows>(2, 30, 20, 5);
  const Eigen::VectorXd fewest = fewest_entries(p);
  const auto plain = JacobianSaliencyAttack({.pairs = true, .last_removals = 0})(p.model, p.inputs, p.labels);
  const auto result = JacobianSaliencyAttack({.pairs = true})(p.model, p.inputs, p.labels);
  for (Index i = 0; i < 20; ++i) {
    CHECK(plain.distances[i] == 2 * std::ceil(fewest[i] / 2));
    CHECK(2 * plain.gradient_queries[i] - 2 == static_cast<std::int64_t>(plain.distances[i]));
  }
  CHECK(result.distances == fewest);
}

TEST_CASE("jsma: criteria of every kind") {
  const auto p = affine_problem<Rows>(6, 30, 15, 4);
  for (const JsmaRule rule : rules) {
    const JacobianSaliencyAttack attack({.rule = rule});
    const auto all = [&](const auto& criterion) {
      const auto result = attack(p.model, p.inputs, criterion);
      CHECK(result.success.all());
      return result.distances.sum();
    };
    const double left = all(p.labels);
    CHECK(all(MarginAbove(p.labels, 2)) > left);
    CHECK(all(TopKMisclassification(p.labels, 3)) > left);
    CHECK(all(ConfidentMisclassification(p.labels, 0.9)) > left);
    CHECK(all(Misclassification(p.labels) && MarginAbove(p.labels, 2)) > left);
  }
}

TEST_CASE("jsma: it asks what it says it asks") {
  const auto p = affine_problem<Rows>(4, 40, 15, 8);
  for (const JsmaRule rule : rules)
    for (const JsmaOutputs outputs : maps) {
      const bool jacobian = outputs == JsmaOutputs::logits || rule == JsmaRule::maximal;
      CountingModel counting(p.model);
      const auto result = JacobianSaliencyAttack({.rule = rule, .outputs = outputs, .last_removals = 0})(
          counting, p.inputs, p.labels);
      REQUIRE(result.success.all());
      for (Index i = 0; i < result.size(); ++i) {
        const std::int64_t first = rule == JsmaRule::away && !jacobian ? 0 : 1;
        const std::int64_t backward = jacobian ? 4 : 1;
        CHECK(result.gradient_queries[i] == backward * (result.queries[i] - first));
        const auto changed = static_cast<std::int64_t>(result.distances[i]);
        if (rule != JsmaRule::each) CHECK(result.queries[i] == first + changed + 1);
        if (rule == JsmaRule::each) CHECK(result.queries[i] <= first + 3 * (changed + 4));
      }
      CHECK(counting.forward == result.queries.sum() + result.verification_queries.sum());
      CHECK(counting.backward == result.gradient_queries.sum());
    }
}

TEST_CASE("jsma: neither the scale of the logits nor a saturated probability matters") {
  const auto p = affine_problem<Rows>(2, 30, 15, 9);
  for (const JsmaRule rule : rules) {
    const JacobianSaliencyAttack attack({.rule = rule});
    const auto reference = attack(p.model, p.inputs, p.labels);
    for (const double scale : {0x1p-20, 0x1p20}) {
      const Affine<Rows> scaled(scale * p.model.weights(), scale * p.model.offsets());
      CHECK(attack(scaled, p.inputs, p.labels).distances == reference.distances);
    }
  }
}

TEST_CASE("jsma: bits do not depend on batches and threads") {
  const Mlp<Rows> model(20, 30, 5, 3);
  Random random(4);
  const auto inputs = random_batch<Rows>(random, Rows::Dimensions(9, 20));
  const Labels labels = predict(model, inputs);
  const JacobianSaliencyAttack attack({.step = 0.5, .pairs = true, .rule = JsmaRule::maximal});
  const auto reference = attack(model, inputs, labels);
  CHECK(reference.success.all());
  CHECK(same_bits(attack(model, inputs, labels, {.batch_size = 2}), reference));
  CHECK(same_bits(attack(model, inputs, labels, {.threads = 3}), reference));
}

TEST_CASE("jsma: a lattice and a mask leave it the features that can move") {
  auto p = affine_problem<Rows>(3, 30, 15, 6);
  as_matrix(p.inputs) = as_matrix(p.inputs).array().round();
  const Labels labels = predict(p.model, p.inputs);
  Rows mask(1, 30);
  for (Index i = 0; i < 30; ++i) mask(0, i) = i % 3 != 0;
  for (const double step : {1.0, 0.3, 0.01}) {  // the last one is undone by the lattice
    const auto result = JacobianSaliencyAttack({.step = step})(p.model, p.inputs, labels,
                                                               {.mask = mask, .lattice = Lattice{0, 1, 4}});
    CHECK(result.success.all() == (step > 0.1));
    CHECK((result.queries.array() < 500).all());
    for (Index row = 0; row < 15; ++row)
      for (Index i = 0; i < 30; i += 3) CHECK(result.adversarials(row, i) == p.inputs(row, i));
  }
}

TEST_CASE("jsma: where there is no way, it gives up") {
  Rows inputs(3, 5);
  inputs.setConstant(0.5);
  const Labels labels = Labels::Constant(3, 1);
  for (const JsmaRule rule : rules) {
    const JacobianSaliencyAttack attack({.rule = rule});
    const Affine<Rows> flat(Eigen::MatrixXd::Zero(2, 5), Eigen::Vector2d(0, 1));
    const auto nowhere = attack(flat, inputs, labels);
    CHECK(nowhere.success.count() == 0);
    CHECK((nowhere.queries.array() <= 2).all());

    Eigen::MatrixXd weights = Eigen::MatrixXd::Ones(2, 5);
    weights.row(1) *= 2;
    const Affine<Rows> far(weights, Eigen::Vector2d(0, 10));
    const auto result = attack(far, inputs, labels);
    CHECK(result.success.count() == 0);
    CHECK((result.queries.array() <= 7).all());

    const auto p = affine_problem<Rows>(3, 5, 3, 7);
    Tampered<Affine<Rows>> model(p.model);
    model.answer = [](std::int64_t call, const auto&, auto& z) {
      if (call > 0) z.col(1).setConstant(std::nan(""));
    };
    CHECK(attack(model, p.inputs, p.labels).success.count() == 0);
  }
}

TEST_CASE("jsma: without bounds a step is no shorter where the class is as likely as all others together") {
  Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(3, 1);
  weights(0, 0) = -1;
  using Single = Tensor<float, 2>;
  constexpr float inf = std::numeric_limits<float>::infinity(), most = std::numeric_limits<float>::max();
  for (const float end : {inf, most}) {
    const Affine<Single> model(weights, Eigen::Vector3d(0.6931, 0, 0), Bounds<float>(-end, end));
    Single input(1, 1);
    input.setZero();
    const auto result = JacobianSaliencyAttack()(model, input, Labels::Zero(1), {.query_budget = 10});
    CHECK(result.success.all());
    CHECK(result.adversarials(0, 0) < 10);
  }
}
