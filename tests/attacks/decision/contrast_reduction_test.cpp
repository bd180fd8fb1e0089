// SPDX-License-Identifier: MIT
#include "foil/attacks/decision/contrast_reduction.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

using namespace foil;
using Flat = Tensor<double, 2>;

namespace {

constexpr Index count = 20;

/// Two affine classes between which the grey of a share of the bounds is of either.
struct Problem {
  test::Affine<Flat> model = test::random_affine<Flat>(2, 12, 5, {-1, 2}, 0.8);
  Flat inputs;
  Labels labels;
  Problem() {
    test::Random random(2);
    inputs = test::random_batch<Flat>(random, Flat::Dimensions(count, 12), -1, 2);
    labels = foil::predict(model, inputs);
  }
  Eigen::VectorXd change(Index i, double target) const {
    return Eigen::VectorXd::Constant(12, -1 + 3 * target) - sample(inputs, i);
  }
  /// The share of the way to the grey at which the classes draw level; beyond 1 or below 0 there is none.
  double crossing(Index i, double target) const {
    const auto lead = [&](const Eigen::VectorXd& x) {
      const Eigen::VectorXd z = model.exact_logits(x);
      return z[labels[i]] - z[1 - labels[i]];
    };
    const Eigen::VectorXd x = sample(inputs, i);
    const double here = lead(x), there = lead(x + change(i, target));
    return here / (here - there);
  }
};

}  // namespace

TEST_CASE("contrast reduction: a linear model is crossed where the closed form says", "[contrast]") {
  const Problem p;
  for (const double target : {0.0, 0.5, 0.9}) {
    const auto binary = ContrastReductionSearchAttack({.target = target})(p.model, p.inputs, p.labels);
    const auto linear =
        LinearSearchContrastReductionAttack({.target = target, .steps = 100})(p.model, p.inputs, p.labels);
    Index found = 0;
    for (Index i = 0; i < count; ++i) {
      const double exact = p.crossing(i, target), length = p.change(i, target).norm();
      const bool reached = exact > 0 && exact < 1;
      found += reached;
      CHECK(binary.success[i] == reached);
      CHECK(linear.success[i] == reached);
      // A grey that is not adversarial is asked about, and not called so.
      CHECK(binary.queries[i] == (reached ? 1 + 1 + 15 : 1 + 1));
      CHECK(linear.queries[i] == 1 + (reached ? std::lround(std::ceil(exact * 100)) : 100));
      if (!reached) continue;
      CHECK(binary.distances[i] >= exact * length * (1 - 1e-9));
      CHECK(binary.distances[i] <= (exact + 0x1p-15) * length * (1 + 1e-9));
      CHECK(linear.distances[i] == Catch::Approx(std::ceil(exact * 100) / 100 * length));
    }
    CHECK(found > 0);
    CHECK(found < count);
  }
}

TEST_CASE("contrast reduction: within epsilon it goes as far as it may, and no farther than the grey",
          "[contrast]") {
  const Problem p;
  for (const double epsilon : {0.5, 1.5, 100.0}) {
    const auto result = L2ContrastReductionAttack()(p.model, p.inputs, p.labels, epsilon);
    Index found = 0;
    for (Index i = 0; i < count; ++i) {
      const double exact = p.crossing(i, 0.5), length = p.change(i, 0.5).norm();
      const double share = std::min(1.0, epsilon / length);
      CHECK(result.success[i] == (exact > 0 && exact < share));
      CHECK(result.queries[i] == 2);
      if (!result.success[i]) continue;
      ++found;
      CHECK(result.distances[i] <= epsilon);
      const Eigen::VectorXd x = sample(p.inputs, i), expected = x + share * p.change(i, 0.5);
      CHECK((Eigen::VectorXd(sample(result.adversarials, i)) - expected).norm() < 1e-12);
    }
    if (epsilon > 1) CHECK(found > 0);
  }
}

TEST_CASE("contrast reduction: the first of several intervals takes the linear search", "[contrast]") {
  const auto bands = make_model<Flat>(Bounds<double>(0, 1), [](const Flat& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) labels[i] = (x(i, 0) > 0.1 && x(i, 0) < 0.2) || x(i, 0) > 0.7;
    return labels;
  });
  Flat input(1, 1);
  input.setConstant(0);
  const Labels zero = Labels::Zero(1);
  CHECK(ContrastReductionSearchAttack({.target = 1})(bands, input, zero).distances[0] ==
        Catch::Approx(0.7).epsilon(1e-3));
  CHECK(LinearSearchContrastReductionAttack({.target = 1})(bands, input, zero).distances[0] ==
        Catch::Approx(0.101));
}

TEST_CASE("contrast reduction: without a way to go there is nothing to ask", "[contrast]") {
  const auto never =
      make_model<Flat>(Bounds<double>(0, 1), [](const Flat& x) { return Labels(Labels::Zero(samples(x))); });
  Flat grey(1, 3);
  grey.setConstant(0.5);
  const Labels zero = Labels::Zero(1);
  CHECK(ContrastReductionSearchAttack()(never, grey, zero).queries[0] == 1);
  CHECK(L2ContrastReductionAttack()(never, grey, zero, 1).queries[0] == 1);
  const double infinity = std::numeric_limits<double>::infinity();
  const auto open = make_model<Flat>(Bounds<double>(0, infinity),
                                     [](const Flat& x) { return Labels(Labels::Zero(samples(x))); });
  CHECK(ContrastReductionSearchAttack()(open, grey, zero).status[0] == Status::start_failed);
  CHECK(L2ContrastReductionAttack()(open, grey, zero, 1).status[0] == Status::start_failed);
}

TEST_CASE("contrast reduction: frozen features keep their contrast", "[contrast]") {
  const Problem p;
  Flat mask(1, 12);
  mask.setConstant(1);
  mask(0, 4) = 0;
  const auto result =
      ContrastReductionSearchAttack({.target = 0.9})(p.model, p.inputs, p.labels, {.mask = mask});
  CHECK(result.success.any());
  for (Index i = 0; i < count; ++i) CHECK(result.adversarials(i, 4) == p.inputs(i, 4));
}

TEST_CASE("contrast reduction: the same bits in any batch", "[contrast][reproducible]") {
  const Problem p;
  const LinearSearchContrastReductionAttack attack({.steps = 50, .bisections = 9});
  const auto result = attack(p.model, p.inputs, p.labels, {.trace = true});
  for (const Index batch : {1, 4, 16})
    CHECK(test::same_bits(result, attack(p.model, p.inputs, p.labels, {.batch_size = batch, .trace = true})));
}

TEST_CASE("contrast reduction: options that make no sense are refused", "[contrast]") {
  using Catch::Matchers::ContainsSubstring;
  CHECK_THROWS_WITH(L2ContrastReductionAttack({.target = 1.5}),
                    ContainsSubstring("expected target in [0, 1], got 1.5"));
  CHECK_THROWS_WITH(LinearSearchContrastReductionAttack({.steps = 0}),
                    ContainsSubstring("linear-search-contrast-reduction") &&
                        ContainsSubstring("expected steps in [1, 1e+06], got 0"));
}
