// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/trust_region.hpp"

#include <cmath>
#include <vector>

#include "support/minimal_checks.hpp"

using namespace foil;
using namespace foil::test;

namespace {

using Rows = MinimalRows;

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
  check_free_of_scale(L2TrustRegionAttack(), {1e-6, 1e6}, {255, 0x1p-100, 0x1p100});
  check_free_of_scale(LinfTrustRegionAttack(), {1e-6, 1e6}, {255, 0x1p-100, 0x1p100});
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
  check_criteria(L2TrustRegionAttack(), 1.001);
  check_criteria(LinfTrustRegionAttack(), 1.001);
}

TEST_CASE("trust-region: masks and lattices are kept, and steps that a lattice would undo made longer") {
  check_mask_and_lattice(L2TrustRegionAttack(), 4);
  check_mask_and_lattice(LinfTrustRegionAttack({.first_radius = 0.01}), 4);
}

TEST_CASE("trust-region: where there is no way, it gives up") {
  check_gives_up(L2TrustRegionAttack(), 2, 72);
  check_gives_up(LinfTrustRegionAttack(), 2, 72);
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
