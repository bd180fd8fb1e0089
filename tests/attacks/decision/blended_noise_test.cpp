// SPDX-License-Identifier: MIT
#include "foil/attacks/decision/blended_noise.hpp"

#include <cmath>

#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

using namespace foil;
using Flat = Tensor<double, 2>;

namespace {

struct Problem {
  test::Affine<Flat> model = test::random_affine<Flat>(2, 12, 5);
  Flat inputs;
  Labels labels;
  explicit Problem(Index count) {
    test::Random random(2);
    inputs = test::random_batch<Flat>(random, Flat::Dimensions(count, 12));
    labels = foil::predict(model, inputs);
  }
  /// The share of the way from input i to the point at which the classes draw level.
  double crossing(Index i, const Eigen::VectorXd& point) const {
    const auto lead = [&](const Eigen::VectorXd& x) {
      const Eigen::VectorXd z = model.exact_logits(x);
      return z[labels[i]] - z[1 - labels[i]];
    };
    const double here = lead(sample(inputs, i)), there = lead(point);
    return here / (here - there);
  }
};

}  // namespace

TEST_CASE("blended noise: a linear model is crossed where the closed form says", "[blended-noise]") {
  const Problem p(15);
  const auto result = BlendedUniformNoiseAttack()(p.model, p.inputs, p.labels, {.trace = true});
  CHECK(result.success.all());
  for (Index i = 0; i < 15; ++i) {
    const double first = result.traces[static_cast<std::size_t>(i)].front().distance;
    const Eigen::VectorXd o = sample(p.inputs, i), found = sample(result.adversarials, i);
    const Eigen::VectorXd noise = o + first / result.distances[i] * (found - o);
    const double share = result.distances[i] / first, exact = p.crossing(i, noise);
    CHECK(share >= exact * (1 - 1e-9));
    CHECK(share <= exact + 1.0 / 4096 + 1e-9);
    CHECK(noise.minCoeff() > -1e-9);
    CHECK(noise.maxCoeff() < 1 + 1e-9);
  }
}

TEST_CASE("blended noise: Foolbox's linear search, and what it costs", "[blended-noise]") {
  const Problem p(8);
  const BlendedUniformNoiseAttack fine({.bisections = 40});
  const BlendedUniformNoiseAttack linear({.steps = 100, .bisections = 0});
  const auto exact = fine(p.model, p.inputs, p.labels, {.trace = true});
  const auto result = linear(p.model, p.inputs, p.labels, {.trace = true});
  CHECK(result.success.all());
  for (Index i = 0; i < 8; ++i) {
    const TracePoint start = result.traces[static_cast<std::size_t>(i)].front();
    CHECK(exact.traces[static_cast<std::size_t>(i)].front() == start);
    const double share = result.distances[i] / start.distance;
    CHECK(result.distances[i] >= exact.distances[i] * (1 - 1e-9));
    CHECK(share * 100 == Catch::Approx(std::ceil(exact.distances[i] / start.distance * 100)));
    CHECK(result.queries[i] == start.queries + std::min(99L, std::lround(share * 100)));
  }
}

TEST_CASE("blended noise: the smallest of several intervals takes the linear search", "[blended-noise]") {
  const auto bands = make_model<Flat>(Bounds<double>(0, 1), [](const Flat& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) labels[i] = (x(i, 0) > 0.1 && x(i, 0) < 0.2) || x(i, 0) > 0.7;
    return labels;
  });
  Flat input(1, 1), start(1, 1);
  input.setConstant(0);
  start.setConstant(1);
  const Labels zero = Labels::Zero(1);
  const auto search = [&](BlendedNoiseOptions options) {
    return BlendedUniformNoiseAttack(options)(bands, input, zero, {.starting_points = start}).distances[0];
  };
  CHECK(search({}) == Catch::Approx(0.7).epsilon(1e-3));
  CHECK(search({.steps = 50}) == Catch::Approx(0.1).epsilon(1e-3));
}

TEST_CASE("blended noise: gives up after the directions, sample by sample", "[blended-noise]") {
  const auto never =
      make_model<Flat>(Bounds<double>(0, 1), [](const Flat& x) { return Labels(Labels::Zero(samples(x))); });
  Flat inputs(3, 4);
  inputs.setConstant(0.5);
  const auto result = BlendedUniformNoiseAttack({.directions = 7})(never, inputs, Labels(Labels::Zero(3)));
  for (Index i = 0; i < 3; ++i) {
    CHECK(result.status[static_cast<std::size_t>(i)] == Status::not_found);
    CHECK(result.queries[i] == 1 + 7);
  }
}

TEST_CASE("blended noise: the same bits in any batch", "[blended-noise][reproducible]") {
  const Problem p(17);
  const BlendedUniformNoiseAttack attack;
  const auto result = attack(p.model, p.inputs, p.labels, {.trace = true});
  for (const Index batch : {1, 4, 16})
    CHECK(test::same_bits(result, attack(p.model, p.inputs, p.labels, {.batch_size = batch, .trace = true})));
  CHECK(test::same_bits(result, attack(p.model, p.inputs, p.labels, {.threads = 8, .trace = true})));
}

TEST_CASE("blended noise: options that make no sense are refused", "[blended-noise]") {
  using Attack = BlendedUniformNoiseAttack;
  using Catch::Matchers::ContainsSubstring;
  CHECK_THROWS_WITH(Attack({.directions = 0}), ContainsSubstring("expected directions >= 1, got 0"));
  CHECK_THROWS_WITH(Attack({.steps = -1}), ContainsSubstring("expected steps >= 0, got -1"));
  CHECK_THROWS_WITH(Attack({.bisections = -1}), ContainsSubstring("expected bisections >= 0, got -1"));
}
