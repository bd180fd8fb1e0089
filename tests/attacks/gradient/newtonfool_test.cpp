// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/newtonfool.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/minimal_checks.hpp"
#include "support/scripted.hpp"

using namespace foil;
using namespace foil::test;

namespace {

using Rows = Tensor<double, 2>;
const NewtonFoolAttack attack;

}  // namespace

TEST_CASE("newtonfool: of two affine classes the nearest point, or hardly farther") {
  const NewtonFoolAttack far({.steps = 400, .stepsize = 0.02, .last_bisections = 20});
  for (const Box box : all_boxes)
    for (const Index n : {5, 40}) {
      INFO("box " << static_cast<int>(box) << ", " << n << " features");
      const auto p = affine_problem<Rows>(2, n, 20, 20 + static_cast<std::uint64_t>(n), box);
      const Eigen::VectorXd distances = p.distances<L2>();
      if (!distances.allFinite()) continue;
      const auto result = far(p.model, p.inputs, p.labels);
      REQUIRE(result.success.all());
      CHECK((result.distances.array() >= distances.array() * (1 - 1e-9)).all());
      CHECK((result.distances.array() <= distances.array() * 1.02).all());
      const Labels targets = 1 - p.labels.array();
      const auto targeted = far(p.model, p.inputs, TargetedMisclassification(targets));
      CHECK((targeted.distances.array() <= distances.array() * 1.02).all());
    }
}

TEST_CASE("newtonfool: a step is the share of the input's length, not of its square") {
  const auto p = affine_problem<Rows>(4, 30, 10, 3, Box::unit, 100);
  for (const double share : {0.001, 0.003}) {
    Tampered<Affine<Rows>> model(p.model);
    std::vector<Rows> asked;
    model.answer = [&](std::int64_t, const Rows& x, auto&) { asked.push_back(x); };
    NewtonFoolAttack({.steps = 3, .stepsize = share})(model, p.inputs, p.labels);
    for (Index i = 0; i < 10; ++i) {
      const double size = norm2(sample(p.inputs, i));
      CHECK(distance(L2{}, sample(asked[0], i), sample(asked[1], i)) == Catch::Approx(share * size));
    }
  }
}

TEST_CASE("newtonfool: a step ends where the probability is that of a guess, by its linear model") {
  // Two classes, logits x and 0: p = 1 / (1 + exp(-x)), p' = p (1 - p); a step of (p - 1/2) / p', and 2 %.
  Eigen::MatrixXd weights(2, 1);
  weights << 1, 0;
  const Affine<Rows> model(weights, Eigen::Vector2d::Zero(), {-10, 10});
  Tampered<Affine<Rows>> watched(model);
  std::vector<double> asked;
  watched.answer = [&](std::int64_t, const Rows& x, auto&) { asked.push_back(x(0, 0)); };
  Rows x(1, 1);
  x.setConstant(2);
  NewtonFoolAttack({.stepsize = 100})(watched, x, Labels::Zero(1));
  const double p = 1 / (1 + std::exp(-2.0));
  REQUIRE(asked.size() > 1);
  CHECK(asked[1] == Catch::Approx(2 - 1.02 * (p - 0.5) / (p * (1 - p))));
}

TEST_CASE("newtonfool: a saturated probability still gives steps") {
  // Foolbox's divides by the fourth power of a gradient that underflows, and returns NaN.
  for (const double scale : {1e-6, 1.0, 1e2, 1e6}) {
    const auto p = affine_problem<Rows>(5, 30, 20, 9, Box::unit, scale);
    const auto result = attack(p.model, p.inputs, p.labels);
    INFO("logits times " << scale);
    CHECK(result.success.all());
    CHECK((result.distances.array() <= p.distances<L2>().array() * 1.5).all());
  }
}

TEST_CASE("newtonfool: criteria of every kind") {
  const auto p = affine_problem<Rows>(6, 30, 15, 4);
  const auto left = attack(p.model, p.inputs, p.labels);
  const auto most = [&](const auto& criterion) {  // a way up the loss may end in a corner of the box
    const auto result = attack(p.model, p.inputs, criterion);
    CHECK(result.success.count() >= 11);
    CHECK((result.distances.array() > left.distances.array()).all());
  };
  most(MarginAbove(p.labels, 2));
  most(TopKMisclassification(p.labels, 3));
  most(ConfidentMisclassification(p.labels, 0.9));
  most(Misclassification(p.labels) && MarginAbove(p.labels, 2));
}

TEST_CASE("newtonfool: it asks what it says it asks") {
  const auto p = affine_problem<Rows>(4, 30, 20, 8);
  CountingModel counting(p.model);
  const auto result = NewtonFoolAttack({.last_bisections = 7})(counting, p.inputs, p.labels);
  REQUIRE(result.success.all());
  CHECK((result.queries.array() == result.gradient_queries.array() + 7).all());
  CHECK((result.gradient_queries.array() <= 101).all());
  CHECK(counting.forward == result.queries.sum() + result.verification_queries.sum());
  CHECK(counting.backward == result.gradient_queries.sum());
  const auto few = NewtonFoolAttack({.steps = 2, .stepsize = 1e-3})(p.model, p.inputs, p.labels);
  CHECK(few.success.count() == 0);
  CHECK((few.gradient_queries.array() == 3).all());
}

TEST_CASE("newtonfool: few steps are longer ones") {
  const auto p = affine_problem<Rows>(4, 30, 20, 8);
  const auto result = NewtonFoolAttack({.steps = 5})(p.model, p.inputs, p.labels);
  CHECK(result.success.all());
  CHECK((result.distances.array() >= attack(p.model, p.inputs, p.labels).distances.array() * 0.99).all());
}

TEST_CASE("newtonfool: bits do not depend on batches and threads") {
  const Mlp<Rows> model(20, 30, 5, 3);
  Random random(4);
  const auto inputs = random_batch<Rows>(random, Rows::Dimensions(9, 20));
  const Labels labels = predict(model, inputs);
  const auto reference = attack(model, inputs, labels);
  CHECK(reference.success.all());
  CHECK(same_bits(attack(model, inputs, labels, {.batch_size = 2}), reference));
  CHECK(same_bits(attack(model, inputs, labels, {.threads = 3}), reference));
}

TEST_CASE("newtonfool: small steps add up on a lattice, and a mask's features stay") {
  auto p = affine_problem<Rows>(3, 30, 15, 6);
  as_matrix(p.inputs) = as_matrix(p.inputs).array().round();
  const Labels labels = predict(p.model, p.inputs);
  Rows mask(1, 30);
  for (Index i = 0; i < 30; ++i) mask(0, i) = i % 3 != 0;
  const auto result = attack(p.model, p.inputs, labels, {.mask = mask, .lattice = Lattice{0, 1, 10}});
  CHECK(result.success.all());
  for (Index row = 0; row < 15; ++row)
    for (Index i = 0; i < 30; i += 3) CHECK(result.adversarials(row, i) == p.inputs(row, i));
}

TEST_CASE("newtonfool: an input of zeros or almost, without bounds too") {
  Eigen::MatrixXd weights(2, 3);
  weights << 1, 0, 0, -1, 0.5, 0;
  Rows zeros(1, 3);
  zeros.setZero();
  for (const double end : {1.0, std::numeric_limits<double>::infinity()}) {
    const Affine<Rows> model(weights, Eigen::Vector2d(0.5, 0), {-end, end});
    for (const double size : {0.0, 1e-12, 1e-3}) {
      CAPTURE(end, size);
      Rows x = zeros;
      x(0, 2) = size;
      const auto result = attack(model, x, Labels::Zero(1));
      CHECK(result.success.all());
      CHECK(result.distances[0] <= 1.1 * model.distance_to_leave<L2>(x, 0, 0));
    }
  }
}

TEST_CASE("newtonfool: where there is no way, it gives up") {
  check_gives_up(attack, 1, 101);

  const auto p = affine_problem<Rows>(3, 5, 3, 7);
  Tampered<Affine<Rows>> model(p.model);
  model.answer = [](std::int64_t call, const auto&, auto& z) {
    if (call > 0) z.col(1).setConstant(std::nan(""));
  };
  CHECK(attack(model, p.inputs, p.labels).success.count() == 0);
}
