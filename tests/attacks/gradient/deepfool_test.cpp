// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/deepfool.hpp"

#include <limits>
#include <string>

#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/scripted.hpp"

using namespace foil;
using namespace foil::test;

namespace {

template <class Scalar>
using Rows = Tensor<Scalar, 2>;

/// Norm and scalar type of a test.
template <class N, class S>
struct In {
  using norm = N;
  using Scalar = S;
};

/// Distances from the inputs to where some class leads the label by `lead`, within the bounds; with a mask,
/// that of the features that it lets move.
template <Norm N, Batch T>
Eigen::VectorXd distances_to_lead(const AffineProblem<T>& p, double lead, const T& mask = T()) {
  const auto& weights = p.model.weights();
  Eigen::VectorXd out = Eigen::VectorXd::Constant(p.labels.size(), std::numeric_limits<double>::infinity());
  for (Index row = 0; row < out.size(); ++row) {
    const Eigen::VectorXd x = sample(p.inputs, row).template cast<double>(), z = p.model.exact_logits(x);
    Eigen::VectorXd lower(x.size()), upper(x.size());
    for (Index i = 0; i < x.size(); ++i) {
      const bool frozen = mask.size() > 0 && mask.data()[i] == 0;
      lower[i] = frozen ? x[i] : static_cast<double>(p.model.bounds().lower(i));
      upper[i] = frozen ? x[i] : static_cast<double>(p.model.bounds().upper(i));
    }
    const int own = p.labels[row];
    for (Index k = 0; k < z.size(); ++k) {
      if (k == own) continue;
      const auto change =
          nearest_in_half_space<N>(x, weights.row(k) - weights.row(own), z[own] - z[k] + lead, lower, upper);
      if (change) out[row] = std::min(out[row], N::size(*change));
    }
  }
  return out;
}

/// Every sample is found at its distance, or up to `excess` times as far.
template <class Result>
void check_distances(const Result& result, const Eigen::VectorXd& distances, double excess) {
  for (Index i = 0; i < distances.size(); ++i) {
    INFO("sample " << i << " at distance " << distances[i]);
    REQUIRE(result.success[i]);
    REQUIRE(result.distances[i] >= distances[i] * (1 - 2e-5));
    REQUIRE(result.distances[i] <= distances[i] * excess);
  }
}

}  // namespace

TEMPLATE_TEST_CASE("deepfool: the nearest adversarial of an affine model, after one step and a few more", "",
                   (In<L2, float>), (In<Linf, float>), (In<L2, double>), (In<Linf, double>)) {
  using N = typename TestType::norm;
  using T = Rows<typename TestType::Scalar>;
  for (const Box box : all_boxes)
    for (const Index classes : {2, 10})
      for (const Index n : {5, 40}) {
        const auto p = affine_problem<T>(classes, n, 40, 20 + static_cast<std::uint64_t>(n), box);
        const auto distances = p.template distances<N>();
        if (!distances.allFinite()) continue;
        INFO("box " << static_cast<int>(box) << ", " << classes << " classes, " << n << " features");
        check_distances(DeepFoolAttack<N>()(p.model, p.inputs, p.labels), distances, 1.0005);
        if (classes > 2) continue;
        const Labels targets = 1 - p.labels.array();
        check_distances(DeepFoolAttack<N>()(p.model, p.inputs, TargetedMisclassification(targets)), distances,
                        1.0005);
      }
}

TEMPLATE_TEST_CASE("deepfool: as published, one step overshoots the nearest adversarial by its share", "", L2,
                   Linf) {
  const auto p = affine_problem<Rows<double>>(10, 40, 40, 1, Box::wide);
  Affine<Rows<double>> open(p.model.weights(), p.model.offsets(), Bounds<double>(-1e3, 1e3));
  const auto result =
      DeepFoolAttack<TestType>({.refinements = 0, .overshoot = 0.25})(open, p.inputs, p.labels);
  for (Index i = 0; i < result.size(); ++i)
    CHECK(result.distances[i] ==
          Catch::Approx(1.25 * open.template distance_to_leave<TestType>(p.inputs, i, p.labels[i]))
              .epsilon(1e-9));
}

TEMPLATE_TEST_CASE("deepfool: criteria of every kind are met at their own distance", "", L2, Linf) {
  const auto p = affine_problem<Rows<double>>(2, 30, 40, 3);
  const DeepFoolAttack<TestType> attack;
  const Eigen::VectorXd confident = distances_to_lead<TestType>(p, std::log(0.8 / 0.2)),
                        lead = distances_to_lead<TestType>(p, 0.7);
  check_distances(attack(p.model, p.inputs, ConfidentMisclassification(p.labels, 0.8)), confident, 1.0005);
  check_distances(attack(p.model, p.inputs, OriginalClassProbability(p.labels, 0.2)), confident, 1.0005);
  check_distances(attack(p.model, p.inputs, MarginAbove(p.labels, 0.7)), lead, 1.0005);
  check_distances(attack(p.model, p.inputs, Misclassification(p.labels) && MarginAbove(p.labels, 0.7)), lead,
                  1.0005);
  const auto many = affine_problem<Rows<double>>(10, 30, 40, 4);
  check_distances(attack(many.model, many.inputs, MarginAbove(many.labels, 0.7)),
                  distances_to_lead<TestType>(many, 0.7), 1.0005);
  // Out of the three best is farther than out of the first place.
  const auto out = attack(many.model, many.inputs, TopKMisclassification(many.labels, 3));
  CHECK(out.success.all());
  CHECK((out.distances.array() > many.distances<TestType>().array()).all());
}

TEST_CASE("deepfool: it asks what it says it asks") {
  const auto expect = [](const L2DeepFoolAttack& attack, const auto& p, const auto& criterion, int forward,
                         int backward) {
    CountingModel counting(p.model);
    const auto result = attack(counting, p.inputs, criterion);
    CHECK(result.success.all());
    CHECK((result.queries.array() == forward).all());
    CHECK((result.gradient_queries.array() == backward).all());
    CHECK(counting.forward == result.queries.sum() + result.verification_queries.sum());
    CHECK(counting.backward == result.gradient_queries.sum());
  };
  const auto p = affine_problem<Rows<float>>(6, 20, 30, 8);
  // The input for its candidates, the gradients there, and those beyond the boundary.
  expect(L2DeepFoolAttack({.refinements = 0}), p, p.labels, 1 + 2, 2 * 6);
  const auto two = affine_problem<Rows<float>>(2, 20, 30, 8);
  const Labels targets = 1 - two.labels.array();
  expect(L2DeepFoolAttack({.refinements = 0}), two, TargetedMisclassification(targets), 2, 2);

  // A step is the dearest thing, a refinement costs one and one.
  const Mlp<Rows<float>> curved(20, 30, 6, 1);
  Random random(2);
  const auto inputs = random_batch<Rows<float>>(random, Rows<float>::Dimensions(30, 20));
  const Labels labels = predict(curved, inputs);
  const auto plain = L2DeepFoolAttack({.refinements = 0, .candidates = 3})(curved, inputs, labels);
  const auto more = L2DeepFoolAttack({.refinements = 5, .candidates = 3})(curved, inputs, labels);
  REQUIRE(plain.success.all());
  CHECK((plain.gradient_queries.array() == 4 * (plain.queries.array() - 1)).all());
  CHECK(((more.queries - plain.queries).array() <= 5).all());
  CHECK(((more.gradient_queries - more.queries - plain.gradient_queries + plain.queries).array() == 0).all());
  CHECK((more.gradient_queries - plain.gradient_queries).maxCoeff() == 5);
  CHECK((more.distances.array() <= plain.distances.array()).all());
  CHECK(more.distances.sum() < 0.99 * plain.distances.sum());
}

TEMPLATE_TEST_CASE("deepfool: bits do not depend on batches, order and threads", "", L2, Linf) {
  const Mlp<Rows<float>> model(20, 30, 5, 3);
  Random random(4);
  const auto inputs = random_batch<Rows<float>>(random, Rows<float>::Dimensions(17, 20));
  const Labels labels = predict(model, inputs);
  const DeepFoolAttack<TestType> attack;
  const auto reference = attack(model, inputs, labels);
  CHECK(reference.success.all());
  for (const Index batch_size : {1, 4, 16})
    CHECK(same_bits(attack(model, inputs, labels, {.batch_size = batch_size}), reference));
  CHECK(same_bits(attack(model, inputs, labels, {.threads = 3}), reference));
}

TEMPLATE_TEST_CASE("deepfool: a mask's features stay, and the others find the nearest without them", "", L2,
                   Linf) {
  const auto p = affine_problem<Rows<double>>(4, 30, 30, 5, Box::wide);
  Rows<double> mask(1, 30);
  for (Index i = 0; i < 30; ++i) mask(0, i) = i % 3 != 0;
  const auto result = DeepFoolAttack<TestType>()(p.model, p.inputs, p.labels, {.mask = mask});
  check_distances(result, distances_to_lead<TestType>(p, 0, mask), 1.0005);
  for (Index row = 0; row < 30; ++row)
    for (Index i = 0; i < 30; i += 3) CHECK(result.adversarials(row, i) == p.inputs(row, i));
}

TEMPLATE_TEST_CASE("deepfool: steps that a lattice would undo are made longer", "", L2, Linf) {
  auto p = affine_problem<Rows<float>>(3, 40, 30, 6);
  as_matrix(p.inputs) = as_matrix(p.inputs).array().round();
  const Labels labels = predict(p.model, p.inputs);
  for (const double levels : {1.0, 4.0, 255.0}) {
    const auto result =
        DeepFoolAttack<TestType>()(p.model, p.inputs, labels, {.lattice = Lattice{0, 1, levels}});
    INFO(levels << " levels");
    CHECK(result.success.all());
    CHECK((result.queries.array() <= 100).all());
    for (Index i = 0; i < result.adversarials.size(); ++i) {
      const double level = levels * static_cast<double>(result.adversarials.data()[i]);
      REQUIRE(std::abs(level - std::round(level)) < 1e-4);
    }
  }
}

TEST_CASE("deepfool: where there is no way, it gives up") {
  Rows<double> inputs(3, 5);
  inputs.setConstant(0.5);
  const Labels labels = Labels::Constant(3, 1);
  SECTION("no gradient") {
    const Affine<Rows<double>> flat(Eigen::MatrixXd::Zero(2, 5), Eigen::Vector2d(0, 1));
    const auto result = L2DeepFoolAttack()(flat, inputs, labels);
    CHECK(result.success.count() == 0);
    CHECK((result.queries.array() == 2).all());
    CHECK(same_rows(result.adversarials, inputs));
  }
  SECTION("a boundary outside the box") {
    Eigen::MatrixXd weights = Eigen::MatrixXd::Ones(2, 5);
    weights.row(1) *= 2;
    const Affine<Rows<double>> far(weights, Eigen::Vector2d(0, 10));
    const auto result = LinfDeepFoolAttack()(far, inputs, labels);
    CHECK(result.success.count() == 0);
    CHECK((result.queries.array() <= 4).all());
  }
  SECTION("every feature frozen") {
    const auto model = random_affine<Rows<double>>(2, 5, 1);
    Rows<double> mask(1, 5);
    mask.setZero();
    Rows<double> off = inputs;
    off(0, 0) = off(1, 1) = off(2, 2) = 0.9;
    const auto result = L2DeepFoolAttack()(model, off, predict(model, off), {.mask = mask});
    CHECK(result.success.count() == 0);
    CHECK((result.queries.array() == 2).all());
  }
  SECTION("answers and gradients that are not finite") {
    const auto p = affine_problem<Rows<double>>(3, 5, 3, 7);
    Tampered<Affine<Rows<double>>> model(p.model);
    model.gradient = [](const auto&, auto& gradient) { gradient.setConstant(std::nan("")); };
    CHECK(L2DeepFoolAttack()(model, p.inputs, p.labels).success.count() == 0);
    model.gradient = {};
    model.answer = [](std::int64_t call, const auto&, auto& z) {
      if (call > 0) z.col(1).setConstant(std::nan(""));
    };
    const auto result = L2DeepFoolAttack()(model, p.inputs, p.labels);
    CHECK(result.success.count() == 0);
    for (const Status status : result.status) CHECK(status == Status::non_finite);
  }
}

TEMPLATE_TEST_CASE("deepfool: gets off a tie, which is not adversarial", "", float, double) {
  Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(2, 3);
  weights.row(0).setConstant(1);
  const Affine<Rows<TestType>> model(weights, Eigen::Vector2d(0, 1.5));
  Rows<TestType> inputs(1, 3);
  inputs.setConstant(TestType(0.5));
  const auto result = L2DeepFoolAttack()(model, inputs, Labels::Constant(1, 1));
  CHECK(result.success.all());
  CHECK(result.distances[0] < 1e-5);
}

TEST_CASE("deepfool: the scale of the logits does not matter") {
  const auto p = affine_problem<Rows<double>>(5, 20, 20, 9);
  const auto reference = L2DeepFoolAttack()(p.model, p.inputs, p.labels);
  for (const double scale : {1e-6, 1e6}) {
    const Affine<Rows<double>> scaled(scale * p.model.weights(), scale * p.model.offsets());
    const auto result = L2DeepFoolAttack()(scaled, p.inputs, p.labels);
    CHECK((result.distances - reference.distances).cwiseAbs().maxCoeff() < 1e-6);
  }
}

TEST_CASE("deepfool: options out of range are named") {
  CHECK_THROWS_WITH(
      L2DeepFoolAttack({.overshoot = 0}),
      Catch::Matchers::ContainsSubstring("l2-deepfool: expected overshoot in (0, 1e+06], got 0"));
  CHECK_THROWS_WITH(LinfDeepFoolAttack({.candidates = 0}),
                    Catch::Matchers::ContainsSubstring("linf-deepfool: expected candidates >= 1, got 0"));
}
