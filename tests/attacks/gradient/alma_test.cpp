// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/alma/alma.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "foil/run/any_attack.hpp"
#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/scripted.hpp"

using namespace foil;
using namespace foil::test;

namespace {

using Input = Tensor<double, 2>;

std::vector<AnyAttack> both_norms(int steps = 100) {
  return {L1ALMAAttack({.steps = steps}), L2ALMAAttack({.steps = steps})};
}

Eigen::VectorXd exact_distances(const AnyAttack& attack, const AffineProblem<Input>& p) {
  return attack.norm().p == 1 ? p.distances<L1>() : p.distances<L2>();
}

}  // namespace

TEST_CASE("alma: close to the nearest adversarial of an affine model in boxes of every kind") {
  for (const AnyAttack& attack : both_norms(300))
    for (const Box box : all_boxes)
      for (const Index classes : {2, 6})
        for (const Index n : {6, 40}) {
          const auto p = affine_problem<Input>(classes, n, 20, 30 + static_cast<std::uint64_t>(n), box);
          const Eigen::VectorXd exact = exact_distances(attack, p);
          if (!exact.allFinite()) continue;
          INFO(attack.name() << ", box " << static_cast<int>(box) << ", " << classes << " classes, " << n
                             << " features");
          const auto result = attack(p.model, p.inputs, p.labels);
          REQUIRE(result.success.all());
          Eigen::VectorXd ratio = result.distances.cwiseQuotient(exact);
          CHECK(ratio.minCoeff() >= 1 - 1e-9);
          std::sort(ratio.begin(), ratio.end());
          UNSCOPED_INFO("median " << ratio[10] << ", mean " << ratio.mean() << ", worst " << ratio[19]);
          CHECK(ratio[10] <= 1.002);
          if (classes == 2) CHECK(ratio[19] <= 1.01);
        }
}

TEST_CASE("alma: one forward and one backward pass a step, and one forward for the last point") {
  const Mlp<Input> model(20, 30, 6, 1);
  Random random(2);
  const auto inputs = random_batch<Input>(random, Input::Dimensions(20, 20));
  const Labels labels = predict(model, inputs);
  for (const AnyAttack& attack : both_norms(12)) {
    CAPTURE(attack.name());
    CountingModel counting(model);
    const auto result = attack(counting, inputs, labels);
    CHECK((result.queries.array() == 13).all());
    CHECK((result.gradient_queries.array() == 12).all());
    CHECK(counting.forward == result.queries.sum() + result.verification_queries.sum());
    CHECK(counting.backward == result.gradient_queries.sum());
  }
}

TEST_CASE("alma: neither the scale of the logits nor the unit of the inputs matters") {
  const auto p = affine_problem<Input>(5, 12, 20, 9);
  for (const AnyAttack& attack : both_norms(40)) {
    CAPTURE(attack.name());
    const auto reference = attack(p.model, p.inputs, p.labels);
    CHECK(reference.success.all());
    const auto check = [&](const Affine<Input>& model, const Input& inputs, double unit) {
      const auto result = attack(model, inputs, p.labels);
      CHECK((result.distances / unit - reference.distances).cwiseAbs().maxCoeff() < 1e-6);
    };
    for (const double scale : {1e-6, 1e6}) {
      const Eigen::VectorXd shifted = (scale * p.model.offsets()).array() + 3 * scale;
      check(Affine<Input>(scale * p.model.weights(), shifted), p.inputs, 1);
    }
    for (const double unit : {1e-3, 255.0}) {
      Input inputs = p.inputs;
      as_matrix(inputs) *= unit;
      check(Affine<Input>(p.model.weights() / unit, p.model.offsets(), Bounds<double>(0, unit)), inputs,
            unit);
    }
  }
}

TEST_CASE("alma: criteria of every kind") {
  const auto p = affine_problem<Input>(2, 12, 20, 3), many = affine_problem<Input>(10, 30, 20, 4);
  const Labels targets = 1 - p.labels.array();
  Labels towards = many.labels;
  for (Index i = 0; i < towards.size(); ++i) towards[i] = (towards[i] + 3) % 10;
  for (const AnyAttack& attack : both_norms()) {
    CAPTURE(attack.name());
    const auto plain = attack(p.model, p.inputs, p.labels),
               targeted = attack(p.model, p.inputs, TargetedMisclassification(targets)),
               lead = attack(p.model, p.inputs, MarginAbove(p.labels, std::log(4.0))),
               confident = attack(p.model, p.inputs, ConfidentMisclassification(p.labels, 0.8)),
               both = attack(p.model, p.inputs, Misclassification(p.labels) && MarginAbove(p.labels, 0.7)),
               out = attack(many.model, many.inputs, TopKMisclassification(many.labels, 3)),
               reached = attack(many.model, many.inputs, TargetedMisclassification(towards));
    for (const auto* result : {&plain, &targeted, &lead, &confident, &both, &out, &reached})
      CHECK(result->success.all());
    CHECK(reached.predictions == towards);
    CHECK((targeted.distances.array() / plain.distances.array() - 1).abs().maxCoeff() < 0.01);
    CHECK((confident.distances.array() / lead.distances.array() - 1).abs().maxCoeff() < 0.02);
    CHECK((lead.distances.array() > plain.distances.array()).all());
  }
}

TEST_CASE("alma: a sample whose answers are NaN ends, and its neighbours do not notice") {
  const auto p = affine_problem<Input>(3, 5, 10, 7);
  for (const AnyAttack& attack : both_norms(30)) {
    CAPTURE(attack.name());
    const auto reference = attack(p.model, p.inputs, p.labels);
    Tampered spoiled(p.model);
    spoiled.answer = [&](std::int64_t, const Input& x, Logits<double>& z) {
      for (Index i = 0; i < samples(x); ++i)
        if (x(i, 0) == p.inputs(4, 0) && x(i, 1) == p.inputs(4, 1)) z.row(i).setConstant(std::nan(""));
    };
    const auto result = attack(spoiled, p.inputs, p.labels);
    CHECK(result.status[4] == Status::non_finite);
    for (Index i = 0; i < 10; ++i)
      if (i != 4) CHECK(result.distances[i] == reference.distances[i]);
    // Not at the input, but around it.
    Tampered walled(p.model);
    walled.answer = [&](std::int64_t call, const Input& x, Logits<double>& z) {
      for (Index i = 0; i < samples(x); ++i)
        if (call > 0 && x(i, 0) != std::clamp(x(i, 0), 0.02, 0.98)) z.row(i).setConstant(std::nan(""));
    };
    const auto behind = attack(walled, p.inputs, p.labels);
    CHECK((behind.queries.array() <= 31).all());
    CHECK(behind.success.count() >= 1);
  }
}

TEST_CASE("alma: no gradient and no room are bounded, and a tie is got off") {
  Input inputs(3, 3);
  inputs.setConstant(0.5);
  const Labels labels = Labels::Constant(3, 1);
  for (const AnyAttack& attack : both_norms(50)) {
    CAPTURE(attack.name());
    const Affine<Input> flat(Eigen::MatrixXd::Zero(2, 3), Eigen::Vector2d(0, 1));
    const auto nothing = attack(flat, inputs, labels);
    CHECK(nothing.success.count() == 0);
    CHECK((nothing.queries.array() <= 51).all());

    Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(2, 3);
    weights.row(0).setConstant(1);
    const Affine<Input> tied(weights, Eigen::Vector2d(0, 1.5));
    const auto off = attack(tied, inputs, labels);
    CHECK(off.success.all());
    CHECK(off.distances.maxCoeff() <= 1e-5);

    Input mask(1, 3), moved = inputs;
    mask.setZero();
    moved(0, 0) = moved(1, 1) = moved(2, 2) = 0.9;
    const auto frozen = attack(tied, moved, predict(tied, moved), {.mask = mask});
    CHECK(frozen.success.count() == 0);
    CHECK((frozen.queries.array() == 1).all());

    const auto p = affine_problem<Input>(2, 1, 10, 11);
    const auto one = attack(p.model, p.inputs, p.labels);
    CHECK(one.success.all());
    CHECK((one.distances - p.distances<L2>()).cwiseAbs().maxCoeff() < 1e-2);
  }
}

TEST_CASE("alma: L1 leaves most features alone") {
  const auto p = affine_problem<Input>(2, 40, 20, 12);
  const auto result = L1ALMAAttack({.steps = 300})(p.model, p.inputs, p.labels);
  REQUIRE(result.success.all());
  for (Index row = 0; row < 20; ++row)
    CHECK((as_matrix(result.adversarials).row(row).array() != as_matrix(p.inputs).row(row).array()).count() <=
          10);
  CHECK_THROWS_WITH(L1ALMAAttack({.growth = 0.5}),
                    Catch::Matchers::ContainsSubstring("l1-alma: expected growth in [1, 1e+06], got 0.5"));
}
