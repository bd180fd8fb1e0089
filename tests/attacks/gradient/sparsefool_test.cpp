// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/sparsefool.hpp"

#include <cmath>
#include <cstdint>

#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/scripted.hpp"

using namespace foil;
using namespace foil::test;

namespace {

using Rows = Tensor<float, 2>;

struct Curved {
  Mlp<Rows> model{40, 30, 6, 1};
  Rows inputs;
  Labels labels;
  explicit Curved(Index count) {
    Random random(2);
    inputs = random_batch<Rows>(random, Rows::Dimensions(count, 40));
    labels = predict(model, inputs);
  }
};

}  // namespace

TEST_CASE("sparsefool: as few features of an affine model as are needed, in boxes of every kind") {
  for (const Box box : all_boxes)
    for (const Index classes : {2, 5}) {
      const auto p = affine_problem<Rows>(classes, 40, 30, 80, box);
      const auto fewest = p.distances<L0>(), nearest = p.distances<L1>();
      if (!fewest.allFinite()) continue;
      INFO("box " << static_cast<int>(box) << ", " << classes << " classes");
      const auto published = SparseFoolAttack({.reductions = 0})(p.model, p.inputs, p.labels);
      const auto result = SparseFoolAttack()(p.model, p.inputs, p.labels);
      REQUIRE(published.success.all());
      REQUIRE(result.success.all());
      double excess = 0;
      for (Index i = 0; i < result.size(); ++i) {
        CHECK(result.distances[i] >= fewest[i]);
        CHECK(result.distances[i] <= published.distances[i]);
        CHECK(result.distances[i] <= fewest[i] + 2);
        excess += result.distances[i] - fewest[i];
        // The sparse step is the shortest in L1.
        double length = 0;
        for (Index k = 0; k < 40; ++k)
          length += std::abs(static_cast<double>(published.adversarials(i, k)) - p.inputs(i, k));
        CHECK(length >= nearest[i] * (1 - 1e-4));
        CHECK(length <= nearest[i] * 1.02);
      }
      CHECK(excess < 0.5 * 30);
    }
}

TEST_CASE("sparsefool: it asks what it says it asks, for every kind of criterion") {
  const Curved data(30);
  CountingModel counting(data.model);
  const auto result =
      SparseFoolAttack({.reductions = 0, .candidates = 3})(counting, data.inputs, data.labels);
  CHECK(result.success.all());
  CHECK(counting.forward == result.queries.sum() + result.verification_queries.sum());
  CHECK(counting.backward == result.gradient_queries.sum());
  CHECK((result.gradient_queries.array() == 4 * (result.queries.array() - 1)).all());
  CHECK((result.queries.array() <= 51).all());
  const auto reduced = SparseFoolAttack({.candidates = 3})(data.model, data.inputs, data.labels);
  CHECK((reduced.distances.array() <= result.distances.array()).all());
  CHECK(reduced.distances.sum() < result.distances.sum());
  const auto more = reduced.queries - result.queries,
             gradients = reduced.gradient_queries - result.gradient_queries;
  CHECK(more == gradients);
  const auto far = SparseFoolAttack({.reductions = 0, .reach = 3})(data.model, data.inputs, data.labels);
  CHECK(far.distances.sum() > result.distances.sum());
  for (const auto& criterion :
       {TopKMisclassification(data.labels, 2), TopKMisclassification(data.labels, 3)}) {
    const auto top = SparseFoolAttack()(data.model, data.inputs, criterion);
    CHECK(top.success.all());
    CHECK(top.queries == top.gradient_queries);
  }
  const Labels targets = (data.labels.array() == 0).select(Labels::Ones(30), Labels::Zero(30));
  CHECK(SparseFoolAttack()(data.model, data.inputs, TargetedMisclassification(targets)).success.count() > 25);
  CHECK(SparseFoolAttack()(data.model, data.inputs, MarginAbove(data.labels, 0.3)).success.all());
}

TEST_CASE("sparsefool: a dense adversarial is thinned out where no sparse one has been found") {
  const Curved data(30);
  const auto dense = SparseFoolAttack({.steps = 2, .reductions = 0})(data.model, data.inputs, data.labels);
  const auto result = SparseFoolAttack({.steps = 2})(data.model, data.inputs, data.labels);
  CHECK(dense.success.count() > 15);
  CHECK((result.success == dense.success).all());
  for (Index i = 0; i < result.size(); ++i) {
    if (!dense.success[i]) continue;
    CHECK(dense.distances[i] == 40);
    CHECK(result.distances[i] <= 15);
  }
}

TEST_CASE("sparsefool: bits do not depend on batches, order and threads") {
  const Curved data(13);
  const auto reference = SparseFoolAttack()(data.model, data.inputs, data.labels);
  for (const Index batch_size : {1, 5})
    CHECK(same_bits(SparseFoolAttack()(data.model, data.inputs, data.labels, {.batch_size = batch_size}),
                    reference));
  CHECK(same_bits(SparseFoolAttack()(data.model, data.inputs, data.labels, {.threads = 3}), reference));
}

TEST_CASE("sparsefool: neither the scale of the logits matters nor the unit of the features") {
  const auto p = affine_problem<Rows>(5, 20, 20, 9);
  const auto reference = SparseFoolAttack()(p.model, p.inputs, p.labels);
  for (const double scale : {0x1p-20, 0x1p20}) {
    const Affine<Rows> scaled(scale * p.model.weights(), scale * p.model.offsets());
    CHECK(SparseFoolAttack()(scaled, p.inputs, p.labels).distances == reference.distances);
    const Affine<Rows> stretched(p.model.weights() / scale, p.model.offsets(),
                                 Bounds<float>(0, static_cast<float>(scale)));
    Rows inputs = p.inputs;
    as_matrix(inputs) *= static_cast<float>(scale);
    CHECK(SparseFoolAttack()(stretched, inputs, p.labels).distances == reference.distances);
  }
}

TEST_CASE("sparsefool: masks and lattices") {
  auto p = affine_problem<Rows>(3, 40, 30, 6);
  as_matrix(p.inputs) = as_matrix(p.inputs).array().round();
  const Labels labels = predict(p.model, p.inputs);
  for (const double levels : {1.0, 4.0, 255.0}) {
    INFO(levels << " levels");
    CHECK(SparseFoolAttack()(p.model, p.inputs, labels, {.lattice = Lattice{0, 1, levels}}).success.all());
  }
  Rows mask(1, 40);
  for (Index i = 0; i < 40; ++i) mask(0, i) = i % 3 != 0;
  const auto result = SparseFoolAttack()(p.model, p.inputs, labels, {.mask = mask});
  CHECK(result.success.count() > 25);
  for (Index row = 0; row < 30; ++row)
    for (Index i = 0; i < 40; i += 3) CHECK(result.adversarials(row, i) == p.inputs(row, i));
}

TEST_CASE("sparsefool: where there is no way, it gives up") {
  Rows inputs(3, 5);
  inputs.setConstant(0.5f);
  const Labels labels = Labels::Constant(3, 1);
  SECTION("no gradient") {
    const Affine<Rows> flat(Eigen::MatrixXd::Zero(2, 5), Eigen::Vector2d(0, 1));
    const auto result = SparseFoolAttack()(flat, inputs, labels);
    CHECK(result.success.count() == 0);
    CHECK((result.queries.array() == 2).all());
  }
  SECTION("a boundary outside the box") {
    Eigen::MatrixXd weights = Eigen::MatrixXd::Ones(2, 5);
    weights.row(1) *= 2;
    const Affine<Rows> far(weights, Eigen::Vector2d(0, 10));
    const auto result = SparseFoolAttack()(far, inputs, labels);
    CHECK(result.success.count() == 0);
    CHECK((result.queries.array() <= 4).all());
  }
  SECTION("one feature") {
    const auto line = affine_problem<Rows>(2, 1, 10, 1);
    const auto result = SparseFoolAttack()(line.model, line.inputs, line.labels);
    CHECK(result.success.all());
    CHECK((result.distances.array() == 1).all());
  }
  SECTION("answers that are not finite") {
    const auto p = affine_problem<Rows>(3, 5, 3, 7);
    Tampered<Affine<Rows>> model(p.model);
    model.answer = [](std::int64_t call, const auto&, auto& z) {
      if (call > 0) z.col(1).setConstant(std::nanf(""));
    };
    const auto result = SparseFoolAttack()(model, p.inputs, p.labels);
    CHECK(result.success.count() == 0);
    CHECK((result.queries.array() <= 3).all());
  }
}

TEST_CASE("sparsefool: options out of range are named") {
  CHECK_THROWS_WITH(SparseFoolAttack({.reach = 0.5}),
                    Catch::Matchers::ContainsSubstring("sparsefool: expected reach in [1, 1000], got 0.5"));
}
