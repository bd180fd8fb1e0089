// SPDX-License-Identifier: MIT
#include "foil/attacks/decision/pointwise/pointwise.hpp"

#include <cmath>

#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

using namespace foil;
using Flat = Tensor<double, 2>;
using Image = Tensor<float, 4>;

namespace {

struct Problem {
  test::Affine<Flat> model;
  Flat inputs;
  Labels labels;
  explicit Problem(Index count, Index width, std::uint64_t seed = 5)
      : model(test::random_affine<Flat>(2, width, seed)) {
    test::Random random(2);
    inputs = test::random_batch<Flat>(random, Flat::Dimensions(count, width));
    labels = foil::predict(model, inputs);
  }
  bool adversarial(Index i, const Eigen::VectorXd& x) const {
    const Eigen::VectorXd z = model.exact_logits(x);
    return z[1 - labels[i]] > z[labels[i]];
  }
};

/// Class 1 once at least `count` of every third feature of a grey image are no longer grey.
auto counter(Index count) {
  return make_model<Image>(Bounds<float>(0, 1), [count](const Image& x) {
    Labels labels(samples(x));
    for (Index n = 0; n < labels.size(); ++n) {
      Index changed = 0;
      for (Index i = 0; i < sample(x, n).size(); i += 3) changed += sample(x, n)[i] != 0.5f;
      labels[n] = changed >= count;
    }
    return labels;
  });
}

Image grey(Index samples, Index c, Index h, Index w) {
  Image out(samples, c, h, w);
  out.setConstant(0.5f);
  return out;
}

}  // namespace

TEST_CASE("pointwise: changes as many features as it takes, and no other ones", "[pointwise]") {
  const Index needed = GENERATE(1, 2, 7, 40);
  const auto result = L0PointwiseAttack()(counter(needed), grey(5, 1, 12, 15), Labels(Labels::Zero(5)));
  CHECK(result.success.all());
  for (Index i = 0; i < 5; ++i) {
    CHECK(result.distances[i] == static_cast<double>(needed));
    CHECK(result.status[static_cast<std::size_t>(i)] == Status::converged);
  }
}

TEST_CASE("pointwise: no change can be taken back alone", "[pointwise]") {
  const Problem p(10, 60);
  const auto result = L0PointwiseAttack()(p.model, p.inputs, p.labels);
  CHECK(result.success.all());
  for (Index i = 0; i < 10; ++i) {
    const Eigen::VectorXd x = sample(p.inputs, i), y = sample(result.adversarials, i);
    CHECK(p.adversarial(i, y));
    for (Index k = 0; k < 60; ++k) {
      if (y[k] == x[k]) continue;
      Eigen::VectorXd fewer = y;
      fewer[k] = x[k];
      CHECK_FALSE(p.adversarial(i, fewer));
      CHECK((y[k] == 0 || y[k] == 1));
    }
  }
}

TEST_CASE("pointwise: a single feature that is enough is found alone", "[pointwise]") {
  Eigen::MatrixXd weights = Eigen::MatrixXd::Constant(2, 50, 0.001);
  weights.row(0).setConstant(-0.001);
  weights(1, 17) = 10;
  const test::Affine<Flat> model(weights, Eigen::Vector2d(0, -5));
  Flat inputs(1, 50), start(1, 50);
  inputs.setConstant(0.25);
  start.setConstant(1);
  const auto result = L0PointwiseAttack()(model, inputs, Labels(Labels::Zero(1)), {.starting_points = start});
  CHECK(result.distances[0] == 1);
  CHECK(result.adversarials(0, 17) == 1);
  // The input, the start; halves of 50 down to one; and that one again.
  CHECK(result.queries[0] <= 1 + 1 + 2 * 6 + 1);
  // In L2 it then comes as near as ten bisections do.
  const auto near = L2PointwiseAttack()(model, inputs, Labels(Labels::Zero(1)), {.starting_points = start});
  const double exact = (5 - 0.002 * 50 * 0.25 - 2.499) / 10.001;
  CHECK(near.distances[0] >= exact * (1 - 1e-3));
  CHECK(near.distances[0] <= exact + 0.75 / 1024 + 1e-3);
}

TEST_CASE("pointwise: few features of many cost few queries", "[pointwise]") {
  const Image inputs = grey(1, 1, 32, 32);
  Image start = inputs;
  start.setConstant(1.0f);
  const auto result =
      L0PointwiseAttack()(counter(4), inputs, Labels(Labels::Zero(1)), {.starting_points = start});
  CHECK(result.distances[0] == 4);
  CHECK(result.queries[0] <= 2 + 2 * 4 * 10 + 2 * 4);  // one by one it would be a thousand
}

TEST_CASE("pointwise: pixels are given back as a whole in either layout", "[pointwise]") {
  const bool channels_last = GENERATE(false, true);
  const Image inputs = channels_last ? grey(4, 6, 5, 3) : grey(4, 3, 6, 5);
  const auto any = make_model<Image>(Bounds<float>(0, 1), [](const Image& x) {
    Labels labels(samples(x));
    for (Index n = 0; n < labels.size(); ++n) labels[n] = (sample(x, n).array() != 0.5f).count() >= 10;
    return labels;
  });
  const L0PointwiseAttack attack({.across_channels = true, .channels_last = channels_last});
  const auto result = attack(any, inputs, Labels(Labels::Zero(4)));
  for (Index n = 0; n < 4; ++n) {
    CHECK(result.distances[n] == 12);  // four pixels
    for (Index pixel = 0; pixel < 30; ++pixel) {
      const auto changed = [&](Index c) {
        return sample(result.adversarials, n)[channels_last ? 3 * pixel + c : 30 * c + pixel] != 0.5f;
      };
      CHECK(changed(0) == changed(1));
      CHECK(changed(1) == changed(2));
    }
  }
}

TEST_CASE("pointwise: in L2 the boundary is met, at no more cost than it says", "[pointwise]") {
  const Problem p(10, 60);
  const L2PointwiseAttack attack({.bisections = 12}), unpolished({.sweeps = 0});
  const auto far = unpolished(p.model, p.inputs, p.labels), result = attack(p.model, p.inputs, p.labels);
  CHECK(result.success.all());
  for (Index i = 0; i < 10; ++i) {
    const Eigen::VectorXd x = sample(p.inputs, i), y = sample(result.adversarials, i);
    const auto changed =
        static_cast<std::int64_t>(L0::size(sample(far.adversarials, i) - sample(p.inputs, i)));
    CHECK(result.distances[i] < far.distances[i]);
    CHECK(result.queries[i] <= far.queries[i] + 10 * changed * 13);
    const Eigen::VectorXd z = p.model.exact_logits(y),
                          w = (p.model.weights().row(1) - p.model.weights().row(0)).transpose();
    CHECK(std::abs(z[1] - z[0]) <= 0.01 * std::abs(w.dot(y - x)));
  }
}

TEST_CASE("pointwise: what is never adversarial has no start, and what costs too much ends in time",
          "[pointwise]") {
  const Image inputs = grey(2, 1, 4, 4);
  const Labels zero = Labels::Zero(2);
  CHECK(L0PointwiseAttack()(counter(100), inputs, zero).status[0] == Status::start_failed);
  const auto brief = L0PointwiseAttack()(counter(2), inputs, zero, {.query_budget = 9});
  CHECK(brief.queries[0] <= 9);
}

TEST_CASE("pointwise: the same bits in any batch", "[pointwise][reproducible]") {
  const Problem p(9, 20);
  const L2PointwiseAttack attack;
  const auto result = attack(p.model, p.inputs, p.labels, {.trace = true});
  for (const Index batch : {1, 4})
    CHECK(test::same_bits(result, attack(p.model, p.inputs, p.labels, {.batch_size = batch, .trace = true})));
}

TEST_CASE("pointwise: options that make no sense are refused", "[pointwise]") {
  using Catch::Matchers::ContainsSubstring;
  CHECK_THROWS_WITH(L0PointwiseAttack({.start_steps = 0}),
                    ContainsSubstring("expected start_steps in [1, 1e+06]"));
  CHECK_THROWS_WITH(L2PointwiseAttack({.least_gain = 1}),
                    ContainsSubstring("expected least_gain in [0, 1), got 1"));
}
