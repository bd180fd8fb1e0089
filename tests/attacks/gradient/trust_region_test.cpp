// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/trust_region.hpp"

#include <cmath>
#include <vector>

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

template <Norm N>
void check_nearest() {
  for (const Box box : all_boxes)
    for (const Index classes : {2, 10})
      for (const Index n : {5, 40}) {
        const auto p = affine_problem<Rows>(classes, n, 30, 20 + static_cast<std::uint64_t>(n), box);
        const auto distances = p.distances<N>();
        if (!distances.allFinite()) continue;
        CAPTURE(static_cast<int>(box), classes, n);
        check_distances(TrustRegionAttack<N>()(p.model, p.inputs, p.labels), distances, 1.001);
        if (classes > 2) continue;
        const Labels targets = 1 - p.labels.array();
        check_distances(TrustRegionAttack<N>()(p.model, p.inputs, TargetedMisclassification(targets)),
                        distances, 1.001);
      }
}

}  // namespace

TEST_CASE("trust-region: the nearest adversarial of an affine model") {
  check_nearest<L2>();
  check_nearest<Linf>();
}

TEST_CASE("trust-region: neither the scale of the logits nor the input's units matter") {
  const auto p = affine_problem<Rows>(4, 30, 10, 21, Box::wide);
  const auto check = [&](const auto& attack) {
    const auto reference = attack(p.model, p.inputs, p.labels);
    for (const double scale : {1e-6, 1e6}) {
      const Affine<Rows> scaled(scale * p.model.weights(), scale * p.model.offsets(), p.model.bounds());
      const auto result = attack(scaled, p.inputs, p.labels);
      CHECK((result.distances - reference.distances).cwiseAbs().maxCoeff() <= 1e-6);
    }
    const Affine<Rows> larger(p.model.weights() / 255, p.model.offsets(), Bounds<double>(-255, 510));
    Rows inputs = p.inputs;
    as_matrix(inputs) *= 255;
    const auto result = attack(larger, inputs, p.labels);
    CHECK((result.distances / 255 - reference.distances).cwiseAbs().maxCoeff() <= 1e-6);
  };
  check(L2TrustRegionAttack());
  check(LinfTrustRegionAttack());
}

TEST_CASE("trust-region: it asks what it says it asks") {
  const Mlp<Rows> model(20, 30, 6, 1);
  Random random(2);
  const auto inputs = random_batch<Rows>(random, Rows::Dimensions(30, 20));
  const Labels labels = predict(model, inputs);
  const auto check = [&](const auto& attack, const auto& criterion, int forward, int backward) {
    CountingModel counting(model);
    const auto result = attack(counting, inputs, criterion);
    CHECK(result.success.all());
    CHECK((result.gradient_queries - result.queries).minCoeff() == backward - forward);
    CHECK((result.gradient_queries - result.queries).maxCoeff() == backward - forward);
    CHECK((result.queries.array() <= forward + attack.options().steps).all());
    CHECK(counting.forward == result.queries.sum() + result.verification_queries.sum());
    CHECK(counting.backward == result.gradient_queries.sum());
    return result;
  };
  check(L2TrustRegionAttack({.candidates = 3}), labels, 2, 4);
  check(LinfTrustRegionAttack(), labels, 2, 6);
  check(L2TrustRegionAttack(), ConfidentMisclassification(labels, 0.4), 1, 1);
  // More steps come closer, and small first radii do not keep it from succeeding.
  const auto few = L2TrustRegionAttack({.steps = 2})(model, inputs, labels),
             many = L2TrustRegionAttack()(model, inputs, labels);
  CHECK(many.distances.sum() < 0.99 * few.distances.sum());
  CHECK(L2TrustRegionAttack({.first_radius = 0.02})(model, inputs, labels).success.all());
}

TEST_CASE("trust-region: the radius follows how right the linear model was") {
  Eigen::MatrixXd weights(2, 4);
  weights << 0, 0, 0, 0, -1, -1, -1, -1;
  const Affine<Rows> straight(weights, Eigen::Vector2d(0, 3), Bounds<double>(0, 10));
  Rows inputs(1, 4);
  inputs.setConstant(0.25);
  const Labels labels = Labels::Constant(1, 1);
  const auto asked = [&](double factor) {
    return LinfTrustRegionAttack({.first_radius = 0.01, .factor = factor})(straight, inputs, labels);
  };
  // On an affine model every step is right: the radius grows, and the boundary comes in fewer steps.
  const auto constant = asked(1), growing = asked(2);
  CHECK(growing.success[0]);
  CHECK(growing.queries[0] < 40);
  CHECK_FALSE(constant.success[0]);
}

TEST_CASE("trust-region: criteria of every kind, at growing distances") {
  const auto p = affine_problem<Rows>(5, 40, 10, 31);
  const Labels targets = p.labels.unaryExpr([](int y) { return (y + 1) % 5; });
  const auto check = [&](const auto& attack) {
    const auto found = [&](const auto& criterion) {
      const auto result = attack(p.model, p.inputs, criterion);
      CHECK(result.success.all());
      return result.distances;
    };
    const Eigen::VectorXd any = found(p.labels), target = found(TargetedMisclassification(targets)),
                          margin = found(MarginAbove(p.labels, 0.5)),
                          second = found(TopKMisclassification(p.labels, 2)),
                          sure = found(ConfidentMisclassification(p.labels, 0.9)),
                          both = found(TargetedMisclassification(targets) && MarginAbove(p.labels, 0.5));
    for (Index i = 0; i < any.size(); ++i) {
      CHECK(any[i] <= 1.001 * target[i]);
      CHECK(any[i] <= 1.001 * margin[i]);
      CHECK(any[i] <= 1.001 * second[i]);
      CHECK(any[i] <= 1.001 * sure[i]);
      CHECK(target[i] <= 1.05 * both[i]);
    }
  };
  check(L2TrustRegionAttack());
  check(LinfTrustRegionAttack());
}

TEST_CASE("trust-region: masks and lattices are kept, and steps that a lattice would undo made longer") {
  const auto p = affine_problem<Rows>(4, 30, 10, 5);
  Rows mask(1, 30);
  for (Index i = 0; i < 30; ++i) mask(0, i) = i % 3 != 0;
  Rows rounded = p.inputs;
  as_matrix(rounded) = (4 * as_matrix(rounded)).array().round() / 4;
  const auto check = [&](const auto& attack) {
    const auto masked = attack(p.model, p.inputs, p.labels, {.mask = mask});
    CHECK(masked.success.all());
    for (Index row = 0; row < 10; ++row)
      for (Index i = 0; i < 30; i += 3) CHECK(masked.adversarials(row, i) == p.inputs(row, i));
    CHECK(attack(p.model, rounded, predict(p.model, rounded), {.lattice = Lattice{0, 1, 4}}).success.all());
  };
  check(L2TrustRegionAttack());
  check(LinfTrustRegionAttack({.first_radius = 0.01}));
}

TEST_CASE("trust-region: where there is no way, it gives up") {
  Rows inputs(2, 5);
  inputs.setConstant(0.5);
  const Labels labels = Labels::Constant(2, 1);
  const Affine<Rows> flat(Eigen::MatrixXd::Zero(2, 5), Eigen::Vector2d(0, 1));
  const auto nothing = L2TrustRegionAttack()(flat, inputs, labels);
  CHECK(nothing.success.count() == 0);
  CHECK((nothing.queries.array() == 2).all());
  CHECK(same_rows(nothing.adversarials, inputs));

  Eigen::MatrixXd weights = Eigen::MatrixXd::Ones(2, 5);
  weights.row(1) *= 2;
  const Affine<Rows> far(weights, Eigen::Vector2d(0, 10));
  const auto outside = LinfTrustRegionAttack()(far, inputs, labels);
  CHECK(outside.success.count() == 0);
  CHECK((outside.queries.array() <= 72).all());

  const auto p = affine_problem<Rows>(3, 5, 3, 7);
  Tampered<Affine<Rows>> model(p.model);
  model.answer = [](std::int64_t call, const auto&, auto& z) {
    if (call > 0) z.col(1).setConstant(std::nan(""));
  };
  CHECK(L2TrustRegionAttack()(model, p.inputs, p.labels).success.count() == 0);
}

TEST_CASE("trust-region: options out of range are named") {
  CHECK_THROWS_WITH(
      L2TrustRegionAttack({.factor = 0.5}),
      Catch::Matchers::ContainsSubstring("l2-trust-region: expected factor in [1, 1000], got 0.5"));
}
