// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/elastic_net.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/scripted.hpp"

using namespace foil;
using namespace foil::test;

namespace {

using Rows = Tensor<double, 2>;

/// Distances over the shortest ones there are, sorted; each at least 1 to rounding. Every sample is found.
template <Norm N>
std::vector<double> ratios(const Result<Rows>& result, const AffineProblem<Rows>& p) {
  std::vector<double> out;
  for (Index i = 0; i < result.size(); ++i) {
    CAPTURE(i);
    REQUIRE(result.success[i]);
    const double nearest = p.model.template distance_to_leave<N>(p.inputs, i, p.labels[i]);
    out.push_back(result.distances[i] / nearest);
    REQUIRE(out.back() >= 1 - 2e-5);
  }
  std::sort(out.begin(), out.end());
  return out;
}

template <Norm N>
void check_nearest(double median, double worst) {
  for (const Box box : all_boxes)
    for (const Index classes : {2, 5}) {
      const auto p = affine_problem<Rows>(classes, 30, 12, 20, box);
      CAPTURE(static_cast<int>(box), classes);
      const auto found = ratios<N>(ElasticNetAttack<N>()(p.model, p.inputs, p.labels), p);
      CHECK(found[found.size() / 2] <= median);
      if (classes == 2) CHECK(found.back() <= worst);  // of more, the nearest is not always the one found
    }
}

}  // namespace

TEST_CASE("ead: near the nearest adversarial of an affine model") {
  check_nearest<L1>(1.04, 1.1);
  check_nearest<L2>(1.04, 1.1);
}

TEST_CASE("ead: neither the scale of the logits nor the input's units matter") {
  const auto p = affine_problem<Rows>(4, 30, 10, 21, Box::wide);
  const auto check = [&](const auto& attack) {
    const auto reference = attack(p.model, p.inputs, p.labels);
    for (const double scale : {0x1p-20, 0x1p20}) {
      const Affine<Rows> scaled(scale * p.model.weights(), scale * p.model.offsets(), p.model.bounds());
      const auto result = attack(scaled, p.inputs, p.labels);
      CHECK((result.distances - reference.distances).cwiseAbs().maxCoeff() <= 1e-6);
    }
    const Affine<Rows> larger(p.model.weights() / 256, p.model.offsets(), Bounds<double>(-256, 512));
    Rows inputs = p.inputs;
    as_matrix(inputs) *= 256;
    const auto result = attack(larger, inputs, p.labels);
    const double unit = std::is_same_v<typename std::decay_t<decltype(attack)>::norm, L0> ? 1 : 256;
    CHECK((result.distances / unit - reference.distances).cwiseAbs().maxCoeff() <= 1e-6);
  };
  check(L2ElasticNetAttack());
  check(L1ElasticNetAttack());
}

TEST_CASE("ead: it asks what it says it asks, and more rounds come closer") {
  const Mlp<Rows> model(20, 30, 6, 1);
  Random random(2);
  const auto inputs = random_batch<Rows>(random, Rows::Dimensions(20, 20));
  const Labels labels = predict(model, inputs);
  const auto check = [&](auto attack) {
    CountingModel counting(model);
    const auto one = attack(counting, inputs, labels);
    CHECK((one.queries - one.gradient_queries).maxCoeff() <= 4);
    CHECK((one.gradient_queries.array() <= 40).all());
    CHECK(counting.forward == one.queries.sum() + one.verification_queries.sum());
    CHECK(counting.backward == one.gradient_queries.sum());
    return one;
  };
  const auto one = check(L2ElasticNetAttack({.rounds = 1, .steps = 40, .bisections = 4}));
  CHECK(one.success.all());
  CHECK((one.queries.array() == one.gradient_queries.array() + 4).any());
  check(L1ElasticNetAttack({.rounds = 4, .steps = 10, .bisections = 4}));
  const auto many = L2ElasticNetAttack({.rounds = 10, .steps = 40})(model, inputs, labels);
  CHECK((many.distances.array() <= one.distances.array()).all());
  CHECK(many.distances.sum() < 0.99 * one.distances.sum());
}

TEST_CASE("ead: criteria of every kind, at growing distances") {
  const auto p = affine_problem<Rows>(5, 40, 10, 31);
  const L2ElasticNetAttack attack;
  const Labels targets = p.labels.unaryExpr([](int y) { return (y + 1) % 5; });
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
    CHECK(any[i] <= 1.05 * target[i]);
    CHECK(any[i] <= 1.05 * margin[i]);
    CHECK(any[i] <= 1.05 * second[i]);
    CHECK(any[i] <= 1.05 * sure[i]);
    CHECK(target[i] <= 1.05 * both[i]);
  }
}

TEST_CASE("ead: a sample's bits do not depend on its neighbours, failures among them") {
  const auto p = affine_problem<Rows>(3, 10, 8, 5);
  Tampered<Affine<Rows>> model(p.model);
  // Wherever the first feature is 0.25 exactly, the answer is NaN: the third sample cannot be attacked.
  Rows inputs = p.inputs;
  inputs(2, 0) = 0.25;
  model.answer = [](const auto, const auto& x, auto& z) {
    for (Index i = 0; i < x.dimension(0); ++i)
      if (x(i, 0) == 0.25) z.row(i).setConstant(std::nan(""));
  };
  const L2ElasticNetAttack attack({.rounds = 4});
  const auto together = attack(model, inputs, p.labels);
  CHECK_FALSE(together.success[2]);
  CHECK(sample(together.adversarials, 2) == sample(inputs, 2));
  for (const Index i : {0, 1, 7}) {
    const std::vector<Index> row{i};
    const auto alone = attack(model, gather(inputs, row), Labels(p.labels.segment(i, 1)),
                              {.sample_ids = std::vector<std::int64_t>{i}});
    CHECK(alone.success.all());
    CHECK(same_bits(alone, select(together, row)));
  }
}

TEST_CASE("ead: where there is no way, it gives up") {
  Rows inputs(2, 5);
  inputs.setConstant(0.5);
  const Labels labels = Labels::Constant(2, 1);
  const auto each = [&](const auto& check) {
    check(L2ElasticNetAttack());
    check(L1ElasticNetAttack());
  };
  SECTION("no gradient") {
    const Affine<Rows> flat(Eigen::MatrixXd::Zero(2, 5), Eigen::Vector2d(0, 1));
    each([&](const auto& attack) {
      const auto result = attack(flat, inputs, labels);
      CHECK(result.success.count() == 0);
      CHECK((result.queries.array() == 1).all());
      CHECK(same_rows(result.adversarials, inputs));
    });
  }
  SECTION("a boundary outside the box") {
    Eigen::MatrixXd weights = Eigen::MatrixXd::Ones(2, 5);
    weights.row(1) *= 2;
    const Affine<Rows> far(weights, Eigen::Vector2d(0, 10));
    each([&](const auto& attack) {
      const auto result = attack(far, inputs, labels);
      CHECK(result.success.count() == 0);
      CHECK((result.queries.array() <= 900).all());
      CHECK(same_rows(result.adversarials, inputs));
    });
  }
  SECTION("a gradient at the input alone") {
    Affine<Rows> model(Eigen::MatrixXd::Random(2, 5), Eigen::Vector2d(0, 5));
    Tampered<Affine<Rows>> once(model);
    once.gradient = [](const auto& x, auto& gradient) {
      if (x(0, 0) != 0.5) gradient.setZero();
    };
    each([&](const auto& attack) { CHECK((attack(once, inputs, labels).queries.array() <= 900).all()); });
  }
  SECTION("one feature, and logits that are all but level") {
    Eigen::MatrixXd weights(2, 1);
    weights << 1, -1;
    const Affine<Rows> line(weights, Eigen::Vector2d(0, 1));
    Rows x(2, 1);
    x.setValues({{0.4}, {0.5 - 1e-12}});
    each([&](const auto& attack) {
      const auto result = attack(line, x, labels);
      CHECK(result.success.all());
      CHECK(result.distances[0] >= (attack.name() == "l0" ? 1 : 0.1 - 1e-12));
    });
  }
}

TEST_CASE("ead: masks and lattices are kept") {
  const auto p = affine_problem<Rows>(4, 30, 10, 5);
  Rows mask(1, 30);
  for (Index i = 0; i < 30; ++i) mask(0, i) = i % 3 != 0;
  const auto masked = L2ElasticNetAttack()(p.model, p.inputs, p.labels, {.mask = mask});
  CHECK(masked.success.all());
  for (Index row = 0; row < 10; ++row)
    for (Index i = 0; i < 30; i += 3) CHECK(masked.adversarials(row, i) == p.inputs(row, i));
  Rows rounded = p.inputs;
  as_matrix(rounded) = (16 * as_matrix(rounded)).array().round() / 16;
  const auto coarse =
      L2ElasticNetAttack()(p.model, rounded, predict(p.model, rounded), {.lattice = Lattice{0, 1, 16}});
  CHECK(coarse.success.all());
}

TEST_CASE("ead: options out of range are named") {
  CHECK_THROWS_WITH(L2ElasticNetAttack({.constant = 0}),
                    Catch::Matchers::ContainsSubstring("l2-ead: expected constant in (0, 1e+09], got 0"));
}
