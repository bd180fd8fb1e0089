// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/fab/fab.hpp"

#include <cmath>
#include <cstdint>

#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/scripted.hpp"

using namespace foil;
using namespace foil::test;

namespace {

using Rows = Tensor<double, 2>;

/// Every sample is found at its distance, or up to `excess` times as far.
void check_distances(const Result<Rows>& result, const Eigen::VectorXd& distances, double excess) {
  for (Index i = 0; i < distances.size(); ++i) {
    INFO("sample " << i << " at distance " << distances[i]);
    REQUIRE(result.success[i]);
    REQUIRE(result.distances[i] >= distances[i] * (1 - 2e-5));
    REQUIRE(result.distances[i] <= distances[i] * excess);
  }
}

/// A smooth classifier, and inputs with its labels.
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

TEMPLATE_TEST_CASE("fab: the nearest adversarial of an affine model, in boxes of every kind", "", L1, L2,
                   Linf) {
  for (const Box box : all_boxes)
    for (const Index classes : {2, 10})
      for (const bool targeted : {true, false}) {
        const auto p = affine_problem<Rows>(classes, 40, 20, 60, box);
        const auto distances = p.distances<TestType>();
        if (!distances.allFinite()) continue;
        INFO("box " << static_cast<int>(box) << ", " << classes << " classes, targeted " << targeted);
        const FabAttack<TestType> attack({.targeted = targeted, .steps = 60});
        check_distances(attack(p.model, p.inputs, p.labels), distances, 1.003);
        if (classes > 2) continue;
        const Labels targets = 1 - p.labels.array();
        check_distances(attack(p.model, p.inputs, TargetedMisclassification(targets)), distances, 1.003);
      }
}

TEST_CASE("fab: criteria of every kind are met at their own distance") {
  const auto p = affine_problem<Rows>(2, 30, 20, 3);
  const L2FabAttack attack({.steps = 60});
  // In the open box, a lead of c is as far beyond the boundary as it is by the slope between the classes.
  const Affine<Rows> open(p.model.weights(), p.model.offsets(), Bounds<double>(-1e3, 1e3));
  const double slope = (p.model.weights().row(0) - p.model.weights().row(1)).norm();
  Eigen::VectorXd plain(20);
  for (Index i = 0; i < 20; ++i) plain[i] = open.distance_to_leave<L2>(p.inputs, i, p.labels[i]);
  const auto at_lead = [&](double lead) -> Eigen::VectorXd { return plain.array() + lead / slope; };
  check_distances(attack(open, p.inputs, p.labels), plain, 1.001);
  check_distances(attack(open, p.inputs, MarginAbove(p.labels, 0.7)), at_lead(0.7), 1.001);
  check_distances(attack(open, p.inputs, ConfidentMisclassification(p.labels, 0.8)), at_lead(std::log(4)),
                  1.002);
  check_distances(attack(open, p.inputs, Misclassification(p.labels) && MarginAbove(p.labels, 0.7)),
                  at_lead(0.7), 1.001);
  const auto many = affine_problem<Rows>(10, 30, 20, 4);
  const auto out = attack(many.model, many.inputs, TopKMisclassification(many.labels, 3));
  CHECK(out.success.all());
  CHECK((out.distances.array() > many.distances<L2>().array()).all());
  CHECK(attack(many.model, many.inputs, MarginAbove(many.labels, 0.7)).success.all());
}

TEST_CASE("fab: it asks what it says it asks") {
  const Curved data(20);
  const auto expect = [&](const FabOptions& options, const auto& criterion, int forward, int backward) {
    CountingModel counting(data.model);
    const auto result = L2FabAttack(options)(counting, data.inputs, criterion);
    CHECK(result.success.all());
    CHECK((result.queries.array() == forward).all());
    CHECK((result.gradient_queries.array() == backward).all());
    CHECK(counting.forward == result.queries.sum() + result.verification_queries.sum());
    CHECK(counting.backward == result.gradient_queries.sum());
  };
  const FabOptions fixed{.steps = 24, .nearest = 3, .trial = 1000, .patience = 1000, .last_steps = 0};
  FabOptions options = fixed;
  expect(options, data.labels, 1 + 1 + 24 + 1, 6 + 24);
  options.candidates = 3;
  expect(options, data.labels, 1 + 1 + 24 + 1, 4 + 24);
  // Twice the steps from another start, whose classes are asked about anew.
  options = fixed;
  options.restarts = 1;
  expect(options, data.labels, 1 + 2 * (1 + 24 + 1), 2 * (6 + 24));
  options = fixed;
  options.targeted = false;
  expect(options, data.labels, 1 + 24 + 1, 6 + 23 * 4);
  // One boundary needs neither candidates nor more than one gradient.
  expect(options, TopKMisclassification(data.labels, 2), 24 + 1, 24);
  options.targeted = true;
  expect(options, TopKMisclassification(data.labels, 2), 24 + 1, 24);
}

TEST_CASE("fab: walks that are behind or come no closer leave their steps to the others") {
  const Curved data(30);
  const FabOptions all{.steps = 100, .trial = 1000, .patience = 1000, .last_steps = 0};
  FabOptions trials = all;
  trials.trial = 8;
  const auto without = L2FabAttack(all)(data.model, data.inputs, data.labels),
             with = L2FabAttack(trials)(data.model, data.inputs, data.labels);
  CHECK((with.queries.array() <= without.queries.array()).all());
  CHECK(with.distances.sum() < without.distances.sum());
  FabOptions patient = all;
  patient.steps = 1000;
  patient.patience = 10;
  const auto converged = L2FabAttack(patient)(data.model, data.inputs, data.labels);
  CHECK((converged.queries.array() < 800).all());
  CHECK(converged.distances.sum() < without.distances.sum());
}

TEMPLATE_TEST_CASE("fab: bits do not depend on batches, order and threads", "", L1, L2, Linf) {
  const Curved data(13);
  const FabAttack<TestType> attack({.steps = 40, .restarts = 1});
  const auto reference = attack(data.model, data.inputs, data.labels);
  CHECK(reference.success.all());
  for (const Index batch_size : {1, 5})
    CHECK(same_bits(attack(data.model, data.inputs, data.labels, {.batch_size = batch_size}), reference));
  CHECK(same_bits(attack(data.model, data.inputs, data.labels, {.threads = 3}), reference));
}

TEST_CASE("fab: neither the scale nor the origin of the logits matters, nor the unit of the features") {
  const auto p = affine_problem<Rows>(5, 20, 15, 9);
  const auto reference = L2FabAttack()(p.model, p.inputs, p.labels);
  for (const double scale : {1e-6, 1e6}) {
    const Affine<Rows> scaled(scale * p.model.weights(),
                              scale * (p.model.offsets().array() + 3).matrix().eval());
    const auto result = L2FabAttack()(scaled, p.inputs, p.labels);
    CHECK((result.distances - reference.distances).cwiseAbs().maxCoeff() < 1e-6);
    const Affine<Rows> stretched(p.model.weights() / scale, p.model.offsets(), Bounds<double>(0, scale));
    Rows inputs = p.inputs;
    as_matrix(inputs) *= scale;
    const auto far = L2FabAttack()(stretched, inputs, p.labels);
    CHECK((far.distances / scale - reference.distances).cwiseAbs().maxCoeff() < 1e-6);
  }
}

TEST_CASE("fab: a mask's features stay, and the others find the nearest without them") {
  const auto p = affine_problem<Rows>(4, 30, 20, 5, Box::wide);
  Rows mask(1, 30);
  for (Index i = 0; i < 30; ++i) mask(0, i) = i % 3 != 0;
  Eigen::MatrixXd weights = p.model.weights();
  for (Index i = 0; i < 30; i += 3) weights.col(i).setZero();
  const auto result = L2FabAttack({.steps = 60, .restarts = 1})(p.model, p.inputs, p.labels, {.mask = mask});
  for (Index row = 0; row < 20; ++row) {
    REQUIRE(result.success[row]);
    const Eigen::VectorXd x = sample(p.inputs, row), z = p.model.exact_logits(x);
    double nearest = 1e9;
    for (Index k = 0; k < 4; ++k) {
      if (k == p.labels[row]) continue;
      const auto change =
          nearest_in_half_space<L2>(x, weights.row(k) - weights.row(p.labels[row]), z[p.labels[row]] - z[k],
                                    Eigen::VectorXd::Constant(30, -1), Eigen::VectorXd::Constant(30, 2));
      if (change) nearest = std::min(nearest, change->norm());
    }
    CHECK(result.distances[row] == Catch::Approx(nearest).epsilon(1e-3));
    for (Index i = 0; i < 30; i += 3) CHECK(result.adversarials(row, i) == p.inputs(row, i));
  }
}

TEST_CASE("fab: steps that a lattice would undo are made longer") {
  auto p = affine_problem<Rows>(3, 40, 20, 6);
  as_matrix(p.inputs) = as_matrix(p.inputs).array().round();
  const Labels labels = predict(p.model, p.inputs);
  for (const bool targeted : {true, false})
    for (const double levels : {1.0, 4.0, 255.0}) {
      INFO(levels << " levels");
      const auto result =
          L1FabAttack({.targeted = targeted})(p.model, p.inputs, labels, {.lattice = Lattice{0, 1, levels}});
      CHECK(result.success.all());
      const auto other = LinfFabAttack({.targeted = targeted})(p.model, p.inputs, labels,
                                                               {.lattice = Lattice{0, 1, levels}});
      CHECK(other.success.all());
    }
}

TEST_CASE("fab: where there is no way, it gives up") {
  Rows inputs(3, 5);
  inputs.setConstant(0.5);
  const Labels labels = Labels::Constant(3, 1);
  SECTION("no gradient") {
    for (const Index classes : {2, 4}) {
      Eigen::VectorXd offsets = Eigen::VectorXd::Zero(classes);
      offsets[1] = 1;
      const Affine<Rows> flat(Eigen::MatrixXd::Zero(classes, 5), offsets);
      for (const bool targeted : {true, false}) {
        const auto result = L2FabAttack({.targeted = targeted, .restarts = 2})(flat, inputs, labels);
        CHECK(result.success.count() == 0);
        CHECK((result.queries.array() == 4).all());
        CHECK(same_rows(result.adversarials, inputs));
      }
    }
  }
  SECTION("a boundary outside the box") {
    Eigen::MatrixXd weights = Eigen::MatrixXd::Ones(2, 5);
    weights.row(1) *= 2;
    const Affine<Rows> far(weights, Eigen::Vector2d(0, 10));
    CHECK(LinfFabAttack()(far, inputs, labels).success.count() == 0);
    CHECK(L1FabAttack()(far, inputs, labels).success.count() == 0);
  }
  SECTION("every feature frozen") {
    const auto model = random_affine<Rows>(3, 5, 1);
    Rows mask(1, 5);
    mask.setZero();
    Rows off = inputs;
    off(0, 0) = off(1, 1) = off(2, 2) = 0.9;
    const auto result = L2FabAttack()(model, off, predict(model, off), {.mask = mask});
    CHECK(result.success.count() == 0);
    CHECK((result.queries.array() <= 3).all());
  }
  SECTION("answers and gradients that are not finite") {
    const auto p = affine_problem<Rows>(3, 5, 3, 7);
    Tampered<Affine<Rows>> model(p.model);
    model.gradient = [](const auto&, auto& gradient) { gradient.setConstant(std::nan("")); };
    CHECK(L2FabAttack()(model, p.inputs, p.labels).success.count() == 0);
    model.gradient = {};
    model.answer = [](std::int64_t call, const auto&, auto& z) {
      if (call > 1) z.col(1).setConstant(std::nan(""));
    };
    for (const bool targeted : {true, false}) {
      const auto result = L2FabAttack({.targeted = targeted, .restarts = 1})(model, p.inputs, p.labels);
      CHECK(result.success.count() == 0);
      CHECK((result.queries.array() < 60).all());
    }
  }
}

TEST_CASE("fab: one feature, a thousand classes, saturated logits, a tie") {
  const auto line = affine_problem<Rows>(2, 1, 10, 1);
  check_distances(LinfFabAttack()(line.model, line.inputs, line.labels), line.distances<Linf>(), 1.001);
  const auto many = affine_problem<Rows>(1000, 30, 2, 2, Box::wide, 100);
  check_distances(L2FabAttack()(many.model, many.inputs, many.labels), many.distances<L2>(), 1.001);
  Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(2, 3);
  weights.row(0).setConstant(1);
  const Affine<Rows> tied(weights, Eigen::Vector2d(0, 1.5));
  Rows inputs(1, 3);
  inputs.setConstant(0.5);
  const auto result = L2FabAttack()(tied, inputs, Labels::Constant(1, 1));
  CHECK(result.success.all());
  CHECK(result.distances[0] < 1e-5);
}

TEST_CASE("fab: restarts come closer") {
  const Curved data(40);
  const auto once = L1FabAttack({.steps = 60})(data.model, data.inputs, data.labels),
             again = L1FabAttack({.steps = 60, .restarts = 2})(data.model, data.inputs, data.labels);
  CHECK(((again.distances - once.distances).array() <= 1e-3 * once.distances.array()).all());
  CHECK(again.distances.sum() < 0.999 * once.distances.sum());
}

TEST_CASE("fab: options out of range are named") {
  CHECK_THROWS_WITH(L2FabAttack({.contraction = 1}),
                    Catch::Matchers::ContainsSubstring("l2-fab: expected contraction in (0, 1), got 1"));
}
