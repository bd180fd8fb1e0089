// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/super_deepfool.hpp"

#include <cmath>
#include <cstdint>

#include "foil/attacks/gradient/deepfool.hpp"
#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/scripted.hpp"

using namespace foil;
using namespace foil::test;

namespace {

using Rows = Tensor<float, 2>;

struct Curved {
  Mlp<Rows> model{20, 30, 6, 1};
  Rows inputs;
  Labels labels;
  explicit Curved(Index count) {
    Random random(2);
    inputs = random_batch<Rows>(random, Rows::Dimensions(count, 20));
    labels = predict(model, inputs);
  }
};

}  // namespace

TEMPLATE_TEST_CASE("super-deepfool: the nearest adversarial of an affine model", "", L2, Linf) {
  const SuperDeepFoolAttack<TestType> attack;
  for (const Box box : all_boxes)
    for (const Index classes : {2, 10}) {
      const auto p = affine_problem<Rows>(classes, 40, 30, 70, box);
      const auto distances = p.template distances<TestType>();
      if (!distances.allFinite()) continue;
      INFO("box " << static_cast<int>(box) << ", " << classes << " classes");
      const auto expect = [&](const Result<Rows>& result) {
        for (Index i = 0; i < result.size(); ++i) {
          REQUIRE(result.success[i]);
          REQUIRE(result.distances[i] >= distances[i] * (1 - 2e-5));
          REQUIRE(result.distances[i] <= distances[i] * 1.0005);
        }
      };
      expect(attack(p.model, p.inputs, p.labels));
      if (classes > 2) continue;
      const Labels targets = 1 - p.labels.array();
      expect(attack(p.model, p.inputs, TargetedMisclassification(targets)));
    }
}

TEST_CASE("super-deepfool: it asks what it says it asks, and what it finds is closer than DeepFool's") {
  const Curved data(30);
  CountingModel counting(data.model);
  const auto result = L2SuperDeepFoolAttack({.steps = 40})(counting, data.inputs, data.labels);
  CHECK(result.success.all());
  CHECK(counting.forward == result.queries.sum() + result.verification_queries.sum());
  CHECK(counting.backward == result.gradient_queries.sum());
  CHECK((result.queries.array() <= 1 + 1 + 40).all());
  CHECK((result.gradient_queries.array() == result.queries.array() - 2 + 6).all());
  const auto plain = L2DeepFoolAttack({.refinements = 0})(data.model, data.inputs, data.labels);
  CHECK((result.distances.array() <= 1.0001 * plain.distances.array()).all());
  CHECK(result.distances.sum() < 0.97 * plain.distances.sum());
  const auto one = L2SuperDeepFoolAttack({.steps = 40, .nearest = 1})(data.model, data.inputs, data.labels);
  CHECK(result.distances.sum() < one.distances.sum());
  // One boundary: as many gradients as points.
  const auto top = L2SuperDeepFoolAttack()(data.model, data.inputs, TopKMisclassification(data.labels, 2));
  CHECK(top.success.all());
  CHECK(top.queries == top.gradient_queries);
  CHECK((top.distances.array() > result.distances.array()).all());
}

TEMPLATE_TEST_CASE("super-deepfool: bits do not depend on batches, order and threads", "", L2, Linf) {
  const Curved data(13);
  const SuperDeepFoolAttack<TestType> attack;
  const auto reference = attack(data.model, data.inputs, data.labels);
  for (const Index batch_size : {1, 5})
    CHECK(same_bits(attack(data.model, data.inputs, data.labels, {.batch_size = batch_size}), reference));
  CHECK(same_bits(attack(data.model, data.inputs, data.labels, {.threads = 3}), reference));
}

TEST_CASE("super-deepfool: the scale of the logits does not matter") {
  const auto p = affine_problem<Rows>(5, 20, 20, 9);
  const auto reference = L2SuperDeepFoolAttack()(p.model, p.inputs, p.labels);
  for (const double scale : {1e-6, 1e6}) {
    const Affine<Rows> scaled(scale * p.model.weights(), scale * p.model.offsets());
    const auto result = L2SuperDeepFoolAttack()(scaled, p.inputs, p.labels);
    CHECK((result.distances - reference.distances).cwiseAbs().maxCoeff() < 1e-5);
  }
}

TEST_CASE("super-deepfool: on a lattice it gets across") {
  auto p = affine_problem<Rows>(3, 40, 30, 6);
  as_matrix(p.inputs) = as_matrix(p.inputs).array().round();
  const Labels labels = predict(p.model, p.inputs);
  for (const double levels : {1.0, 4.0, 255.0}) {
    INFO(levels << " levels");
    const auto result =
        L2SuperDeepFoolAttack()(p.model, p.inputs, labels, {.lattice = Lattice{0, 1, levels}});
    CHECK(result.success.all());
  }
}

TEST_CASE("super-deepfool: where there is no way, it gives up") {
  Rows inputs(3, 5);
  inputs.setConstant(0.5f);
  const Labels labels = Labels::Constant(3, 1);
  SECTION("no gradient, where the authors' implementation goes on for 10,000 steps") {
    for (const Index classes : {2, 4}) {
      Eigen::VectorXd offsets = Eigen::VectorXd::Zero(classes);
      offsets[1] = 1;
      const Affine<Rows> flat(Eigen::MatrixXd::Zero(classes, 5), offsets);
      const auto result = L2SuperDeepFoolAttack()(flat, inputs, labels);
      CHECK(result.success.count() == 0);
      CHECK((result.queries.array() == 2).all());
    }
  }
  SECTION("no gradient from the first step on") {
    const auto p = affine_problem<Rows>(3, 5, 3, 7);
    Tampered<Affine<Rows>> model(p.model);
    std::int64_t calls = 0;
    model.gradient = [&](const auto&, auto& gradient) {
      if (++calls > 3) gradient.setZero();
    };
    model.answer = [&](std::int64_t call, const auto&, auto& z) {
      if (call > 1)
        for (Index i = 0; i < z.rows(); ++i) z(i, p.labels[i]) = 100;
    };
    const auto result = L2SuperDeepFoolAttack()(model, p.inputs, p.labels);
    CHECK(result.success.count() == 0);
    CHECK((result.queries.array() <= 4).all());
  }
  SECTION("answers that are not finite") {
    const auto p = affine_problem<Rows>(3, 5, 3, 7);
    Tampered<Affine<Rows>> model(p.model);
    model.answer = [](std::int64_t call, const auto&, auto& z) {
      if (call > 0) z.col(1).setConstant(std::nanf(""));
    };
    const auto result = L2SuperDeepFoolAttack()(model, p.inputs, p.labels);
    CHECK(result.success.count() == 0);
    CHECK((result.queries.array() < 20).all());
  }
}

TEST_CASE("super-deepfool: options out of range are named") {
  CHECK_THROWS_WITH(L2SuperDeepFoolAttack({.nearest = 0}),
                    Catch::Matchers::ContainsSubstring("l2-super-deepfool: expected nearest >= 1, got 0"));
}
