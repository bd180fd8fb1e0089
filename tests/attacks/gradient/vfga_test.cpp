// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/vfga.hpp"

#include <cmath>
#include <limits>

#include "foil/models/lambdas.hpp"
#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/scripted.hpp"

using namespace foil;
using namespace foil::test;

namespace {

using Rows = Tensor<double, 2>;
const VotingFoldedGaussianAttack attack;

}  // namespace

TEST_CASE("vfga: the fewest features that leave one of two affine classes, and few more of ten") {
  for (const Box box : all_boxes)
    for (const Index n : {5, 40}) {
      INFO("box " << static_cast<int>(box) << ", " << n << " features");
      const auto p = affine_problem<Rows>(2, n, 20, 20 + static_cast<std::uint64_t>(n), box);
      const Eigen::VectorXd fewest = fewest_entries(p);
      if (fewest.allFinite()) CHECK(attack(p.model, p.inputs, p.labels).distances == fewest);
      const Labels targets = 1 - p.labels.array();
      if (fewest.allFinite())
        CHECK(attack(p.model, p.inputs, TargetedMisclassification(targets)).distances == fewest);
      const auto many = affine_problem<Rows>(10, n, 20, 30 + static_cast<std::uint64_t>(n), box);
      const Eigen::VectorXd least = fewest_entries(many);
      if (!least.allFinite()) continue;
      const auto result = attack(many.model, many.inputs, many.labels);
      CHECK(result.success.all());
      CHECK((result.distances.array() >= least.array()).all());
      CHECK(result.distances.sum() <= 1.1 * least.sum());
    }
}

TEST_CASE("vfga: criteria of every kind") {
  const auto p = affine_problem<Rows>(6, 30, 20, 4);
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

TEST_CASE("vfga: it asks what it says it asks") {
  const auto p = affine_problem<Rows>(2, 40, 20, 8);
  for (const int draws : {1, 5}) {
    CountingModel counting(p.model);
    const auto result = VotingFoldedGaussianAttack({.features = 3, .draws = draws, .last_removals = 0})(
        counting, p.inputs, p.labels);
    REQUIRE(result.success.all());
    for (Index i = 0; i < result.size(); ++i) {
      const auto changed = static_cast<std::int64_t>(result.distances[i]);
      CHECK(result.gradient_queries[i] == changed);
      CHECK(result.queries[i] <= changed * (1 + 2 * 3 * draws));
      if (draws == 1) CHECK(result.queries[i] == changed * (1 + 2 * 3));
      if (draws > 1) CHECK(result.queries[i] > changed * (1 + 2 * 3 * 2));
    }
    CHECK(counting.forward == result.queries.sum() + result.verification_queries.sum());
    CHECK(counting.backward == result.gradient_queries.sum());
  }
  const auto twice = VotingFoldedGaussianAttack({.features = 3})(p.model, p.inputs, p.labels);
  CHECK((twice.queries.array() <= 7 * twice.gradient_queries.array() + 10).all());
}

TEST_CASE("vfga: several features compared beat several values of one") {
  const Mlp<Rows> model(100, 40, 5, 7);
  Random random(8);
  const auto inputs = random_batch<Rows>(random, Rows::Dimensions(30, 100), 0.2, 0.8);
  const Labels labels = predict(model, inputs);
  const auto published =
      VotingFoldedGaussianAttack({.features = 1, .draws = 10, .last_removals = 0})(model, inputs, labels);
  const auto result = attack(model, inputs, labels);
  CHECK(published.success.all());
  CHECK(result.success.all());
  CHECK(result.distances.sum() < published.distances.sum());
}

TEST_CASE("vfga: values are drawn for a sample, whatever its company") {
  // The original shares one generator, so that a sample's result depends on the batch.
  const Mlp<Rows> model(20, 30, 5, 3);
  Random random(4);
  const auto inputs = random_batch<Rows>(random, Rows::Dimensions(9, 20));
  const Labels labels = predict(model, inputs);
  const VotingFoldedGaussianAttack drawing({.features = 1, .draws = 6});
  const auto reference = drawing(model, inputs, labels);
  CHECK(same_bits(drawing(model, inputs, labels, {.batch_size = 2}), reference));
  CHECK(same_bits(drawing(model, inputs, labels, {.threads = 3}), reference));
  const auto other = drawing(model, inputs, labels, {.seed = 1});
  CHECK_FALSE(other.queries == reference.queries);  // values beyond the range are not asked about
}

TEST_CASE("vfga: neither the scale of the logits nor a saturated probability matters") {
  const auto p = affine_problem<Rows>(2, 30, 15, 9);
  const auto reference = attack(p.model, p.inputs, p.labels);
  for (const double scale : {0x1p-20, 0x1p20}) {
    const Affine<Rows> scaled(scale * p.model.weights(), scale * p.model.offsets());
    CHECK(as_matrix(attack(scaled, p.inputs, p.labels).adversarials) == as_matrix(reference.adversarials));
  }
}

TEST_CASE("vfga: a lattice and a mask leave it the features that can move") {
  auto p = affine_problem<Rows>(3, 30, 15, 6);
  as_matrix(p.inputs) = as_matrix(p.inputs).array().round();
  const Labels labels = predict(p.model, p.inputs);
  Rows mask(1, 30);
  for (Index i = 0; i < 30; ++i) mask(0, i) = i % 3 != 0;
  const auto result = attack(p.model, p.inputs, labels, {.mask = mask, .lattice = Lattice{0, 1, 4}});
  CHECK(result.success.all());
  for (Index row = 0; row < 15; ++row)
    for (Index i = 0; i < 30; i += 3) CHECK(result.adversarials(row, i) == p.inputs(row, i));
}

TEST_CASE("vfga: where there is no way, it gives up") {
  Rows inputs(3, 5);
  inputs.setConstant(0.5);
  const Labels labels = Labels::Constant(3, 1);
  SECTION("no gradient") {
    const Affine<Rows> flat(Eigen::MatrixXd::Zero(2, 5), Eigen::Vector2d(0, 1));
    const auto result = attack(flat, inputs, labels);
    CHECK(result.success.count() == 0);
    CHECK((result.queries.array() == 1).all());
  }
  SECTION("a boundary outside the box") {
    Eigen::MatrixXd weights = Eigen::MatrixXd::Ones(2, 5);
    weights.row(1) *= 2;
    const Affine<Rows> far(weights, Eigen::Vector2d(0, 10));
    const auto result = attack(far, inputs, labels);
    CHECK(result.success.count() == 0);
    CHECK((result.gradient_queries.array() <= 6).all());
  }
  SECTION("answers that are not finite") {
    const auto p = affine_problem<Rows>(3, 5, 3, 7);
    Tampered<Affine<Rows>> model(p.model);
    model.answer = [](std::int64_t call, const auto&, auto& z) {
      if (call > 0) z.col(1).setConstant(std::nan(""));
    };
    CHECK(attack(model, p.inputs, p.labels).success.count() == 0);
  }
}

TEST_CASE("vfga: without bounds a feature goes as far as it has to") {
  // A slope that falls off: the linear model sees a quarter of the way.
  const double inf = std::numeric_limits<double>::infinity();
  const auto logits = [](const Rows& x) {
    Logits<double> z(samples(x), 2);
    for (Index i = 0; i < z.rows(); ++i) z.row(i) << std::cbrt(1 + x(i, 0)), 3;
    return z;
  };
  const auto model = make_model<Rows>({-inf, inf}, logits, [&](const Rows& x) {
    return Vjp{logits(x), [x](const Logits<double>& cotangent) {
                 Rows gradient(x.dimensions());
                 for (Index i = 0; i < samples(x); ++i)
                   gradient(i, 0) = cotangent(i, 0) / (3 * std::pow(std::cbrt(1 + x(i, 0)), 2));
                 return gradient;
               }};
  });
  Rows input(1, 1);
  input.setZero();
  const auto result = attack(model, input, Labels::Ones(1));
  CHECK(result.success.all());
  CHECK(result.adversarials(0, 0) > 26);
}

TEST_CASE("vfga: without bounds a step is no shorter where the class is as likely as all others together") {
  Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(3, 1);
  weights(0, 0) = -1;
  using Single = Tensor<float, 2>;
  constexpr float inf = std::numeric_limits<float>::infinity(), most = std::numeric_limits<float>::max();
  for (const float end : {inf, most}) {
    const Affine<Single> model(weights, Eigen::Vector3d(0.6931, 0, 0), Bounds<float>(-end, end));
    Single input(1, 1);
    input.setZero();
    const auto result = VotingFoldedGaussianAttack()(model, input, Labels::Zero(1), {.query_budget = 10});
    CHECK(result.success.all());
    CHECK(result.adversarials(0, 0) < 10);
  }
}
