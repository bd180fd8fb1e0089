// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/sigma_zero.hpp"

#include <limits>

#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/scripted.hpp"

using namespace foil;
using namespace foil::test;

namespace {

using Rows = Tensor<double, 2>;
using Problem = AffineProblem<Rows>;

const SigmaZeroAttack brief({.steps = 60});

/// The same problem with other logits and other units.
Problem rescaled(const Problem& p, double logits, double units) {
  const auto& bounds = p.model.bounds();
  Problem out{{logits / units * p.model.weights(),
               logits * p.model.offsets(),
               {units * bounds.lower(0), units * bounds.upper(0)}},
              p.inputs,
              p.labels};
  as_matrix(out.inputs) *= units;
  return out;
}

}  // namespace

TEST_CASE("sigma-zero: hardly more features than the fewest that leave an affine class") {
  double found = 0, fewest = 0;
  for (const Box box : all_boxes)
    for (const Index classes : {2, 10})
      for (const Index n : {5, 40}) {
        const auto p = affine_problem<Rows>(classes, n, 20, 20 + static_cast<std::uint64_t>(n), box);
        const auto distances = fewest_entries(p);
        if (!distances.allFinite()) continue;
        INFO("box " << static_cast<int>(box) << ", " << classes << " classes, " << n << " features");
        const auto result = SigmaZeroAttack({.steps = 100})(p.model, p.inputs, p.labels);
        CHECK(result.success.all());
        CHECK((result.distances.array() >= distances.array()).all());
        CHECK((result.distances.array() <= distances.array() + 2).all());
        found += result.distances.sum();
        fewest += distances.sum();
      }
  CHECK(found <= 1.02 * fewest);
}

TEST_CASE("sigma-zero: targets and criteria of every kind") {
  const auto p = affine_problem<Rows>(2, 30, 20, 3);
  const Labels targets = 1 - p.labels.array();
  const Eigen::VectorXd distances = fewest_entries(p);
  CHECK(brief(p.model, p.inputs, TargetedMisclassification(targets)).distances.sum() <=
        1.05 * distances.sum());
  const auto many = affine_problem<Rows>(6, 30, 20, 4);
  const auto all = [&](const auto& criterion) {
    const auto result = brief(many.model, many.inputs, criterion);
    CHECK(result.success.all());
    return result.distances.sum();
  };
  const double left = all(many.labels);
  CHECK(all(MarginAbove(many.labels, 2)) > left);
  CHECK(all(TopKMisclassification(many.labels, 3)) > left);
  CHECK(all(ConfidentMisclassification(many.labels, 0.9)) > left);
  CHECK(all(Misclassification(many.labels) && MarginAbove(many.labels, 2)) > left);
}

TEST_CASE("sigma-zero: it asks what it says it asks") {
  const Mlp<Rows> model(20, 30, 4, 1);
  Random random(2);
  const auto inputs = random_batch<Rows>(random, Rows::Dimensions(15, 20));
  const Labels labels = predict(model, inputs);
  for (const int removals : {0, 3}) {
    CountingModel counting(model);
    const auto result = SigmaZeroAttack({.steps = 30, .last_removals = removals})(counting, inputs, labels);
    CHECK(result.success.count() >= 14);
    for (Index i = 0; i < result.size(); ++i) {
      if (result.distances[i] == 1) continue;
      CHECK(result.gradient_queries[i] == 30);
      CHECK(result.queries[i] <= 31 + removals);
    }
    CHECK(counting.forward == result.queries.sum() + result.verification_queries.sum());
    CHECK(counting.backward == result.gradient_queries.sum());
  }
}

TEST_CASE("sigma-zero: one feature that is enough ends it") {
  Eigen::MatrixXd weights = Eigen::MatrixXd::Constant(2, 5, 0.1);
  weights(1, 2) = 3;
  const Affine<Rows> model(weights, Eigen::Vector2d(1, 0));
  Rows inputs(1, 5);
  inputs.setConstant(0.1);
  const auto result = brief(model, inputs, Labels::Zero(1));
  CHECK(result.distances[0] == 1);
  CHECK(result.adversarials(0, 2) > 0.3);
  CHECK(result.status[0] == Status::converged);
  CHECK(result.queries[0] < 20);
}

TEST_CASE("sigma-zero: the scale of the logits and the units do not matter, nor a constant on all logits") {
  const auto p = affine_problem<Rows>(5, 20, 15, 9);
  const auto reference = brief(p.model, p.inputs, p.labels);
  CHECK(reference.success.all());
  for (const double logits : {0x1p-20, 1.0, 0x1p20})
    for (const double units : {0x1p-10, 1.0, 0x1p10}) {
      const auto other = rescaled(p, logits, units);
      const auto result = brief(other.model, other.inputs, other.labels);
      CHECK(result.distances == reference.distances);
      CHECK(as_matrix(result.adversarials) == units * as_matrix(reference.adversarials));
    }
  const Affine<Rows> shifted(p.model.weights(), p.model.offsets().array() + 8, p.model.bounds());
  CHECK(brief(shifted, p.inputs, p.labels).distances == reference.distances);
}

TEST_CASE("sigma-zero: permuted features give permuted changes") {
  const auto p = affine_problem<Rows>(3, 12, 15, 10);
  const Affine<Rows> mirrored(p.model.weights().rowwise().reverse(), p.model.offsets(), p.model.bounds());
  Rows inputs = p.inputs;
  as_matrix(inputs) = as_matrix(p.inputs).rowwise().reverse().eval();
  const auto a = brief(p.model, p.inputs, p.labels), b = brief(mirrored, inputs, p.labels);
  CHECK(a.distances == b.distances);
}

TEST_CASE("sigma-zero: the threshold follows what the points are") {
  // In the authors' code it was moved in a copy, and stayed what it had been.
  const auto p = affine_problem<Rows>(10, 40, 20, 60);
  const auto with = [&](double rate) {
    return SigmaZeroAttack({.steps = 40, .threshold_step = rate, .discard = false, .last_removals = 0})(
        p.model, p.inputs, p.labels);
  };
  CHECK_FALSE(as_matrix(with(0.1).adversarials) == as_matrix(with(0).adversarials));
}

TEST_CASE("sigma-zero: each of foil's additions comes closer on a curved model") {
  const Mlp<Rows> model(100, 40, 5, 7);
  Random random(8);
  const auto inputs = random_batch<Rows>(random, Rows::Dimensions(40, 100), 0.4, 0.6);
  const Labels labels = predict(model, inputs);
  const auto total = [&](const SigmaZeroOptions& options) {
    const auto result = SigmaZeroAttack(options)(model, inputs, labels);
    CHECK(result.success.all());
    return result.distances.sum();
  };
  const double published =
      total({.steps = 40, .final_step = 0.1, .momentum = 0.9, .discard = false, .last_removals = 0});
  const double discarding = total({.steps = 40, .last_removals = 0});
  CHECK(discarding < 0.9 * published);
  CHECK(total({.steps = 12}) < total({.steps = 12, .last_removals = 0}));
}

TEST_CASE("sigma-zero: bits do not depend on batches and threads") {
  const Mlp<Rows> model(20, 30, 5, 3);
  Random random(4);
  const auto inputs = random_batch<Rows>(random, Rows::Dimensions(9, 20));
  const Labels labels = predict(model, inputs);
  const auto reference = brief(model, inputs, labels);
  CHECK(same_bits(brief(model, inputs, labels, {.batch_size = 2}), reference));
  CHECK(same_bits(brief(model, inputs, labels, {.threads = 3}), reference));
}

TEST_CASE("sigma-zero: where there is no way, it gives up") {
  Rows inputs(3, 5);
  inputs.setConstant(0.5);
  const Labels labels = Labels::Constant(3, 1);
  SECTION("no gradient") {
    const Affine<Rows> flat(Eigen::MatrixXd::Zero(2, 5), Eigen::Vector2d(0, 1));
    const auto result = brief(flat, inputs, labels);
    CHECK(result.success.count() == 0);
    CHECK((result.queries.array() == 1).all());
  }
  SECTION("a boundary outside the box") {
    Eigen::MatrixXd weights = Eigen::MatrixXd::Ones(2, 5);
    weights.row(1) *= 2;
    const Affine<Rows> far(weights, Eigen::Vector2d(0, 10));
    const auto result = brief(far, inputs, labels);
    CHECK(result.success.count() == 0);
    CHECK((result.queries.array() <= 61).all());
  }
  SECTION("answers that are not finite") {
    const auto p = affine_problem<Rows>(3, 5, 3, 7);
    Tampered<Affine<Rows>> model(p.model);
    model.answer = [](std::int64_t call, const auto&, auto& z) {
      if (call > 0) z.col(1).setConstant(std::nan(""));
    };
    const auto result = brief(model, p.inputs, p.labels);
    CHECK(result.success.count() == 0);
    CHECK((result.queries.array() <= 61).all());
  }
}

TEST_CASE("sigma-zero: a single feature, with and without bounds, and a thousand classes") {
  Eigen::MatrixXd weights(2, 1);
  weights << 1, -1;
  Rows one(1, 1);
  one.setConstant(0.9);
  for (const double end : {1.0, std::numeric_limits<double>::infinity()}) {
    const Affine<Rows> model(weights, Eigen::Vector2d::Zero(), {-end, end});
    const auto result = brief(model, one, Labels::Zero(1));
    CHECK(result.distances[0] == 1);
    CHECK(result.adversarials(0, 0) < 0);
  }
  {  // bounds whose distance is no float are none
    constexpr float most = std::numeric_limits<float>::max();
    const Affine<Tensor<float, 2>> model(weights, Eigen::Vector2d::Zero(), {-most, most});
    const auto result = brief(model, Tensor<float, 2>(one.cast<float>()), Labels::Zero(1));
    CHECK(result.distances[0] == 1);
    CHECK(result.adversarials(0, 0) < 0);
  }
  const auto p = affine_problem<Rows>(1000, 10, 2, 11, Box::unit, 3);
  CHECK(brief(p.model, p.inputs, p.labels).success.all());
}
