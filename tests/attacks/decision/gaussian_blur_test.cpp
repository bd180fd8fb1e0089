// SPDX-License-Identifier: MIT
#include "foil/attacks/decision/gaussian_blur.hpp"

#include <cmath>

#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

using namespace foil;
using Image = Tensor<double, 4>;

namespace {

/// Class 1 once the spread of the values of an image is below a limit.
auto levelled(double limit) {
  return make_model<Image>(Bounds<double>(0, 1), [limit](const Image& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) {
      const auto values = sample(x, i);
      labels[i] = values.maxCoeff() - values.minCoeff() < limit;
    }
    return labels;
  });
}

/// Stripes of two colours across, 1 pixel wide, of height 4 and width 6.
Image stripes(Index count, bool channels_last) {
  Image out(count, channels_last ? 4 : 3, channels_last ? 6 : 4, channels_last ? 3 : 6);
  for (Index n = 0; n < count; ++n)
    for (Index c = 0; c < 3; ++c)
      for (Index i = 0; i < 4; ++i)
        for (Index j = 0; j < 6; ++j)
          (channels_last ? out(n, i, j, c) : out(n, c, i, j)) = j % 2 == 0 ? 0.25 : 0.75;
  return out;
}

}  // namespace

TEST_CASE("gaussian blur: finds the least width that is enough, in either layout", "[gaussian-blur]") {
  const bool channels_last = GENERATE(false, true);
  const Image inputs = stripes(1, channels_last);
  const GaussianBlurAttack attack({.steps = 64, .bisections = 30, .channels_last = channels_last});
  const auto result = attack(levelled(0.2), inputs, Labels(Labels::Zero(1)));
  REQUIRE(result.success[0]);
  const auto found = sample(result.adversarials, 0);
  const double spread = found.maxCoeff() - found.minCoeff();
  CHECK(spread < 0.2);
  CHECK(spread > 0.2 - 1e-4);
  // Rows are alike before and after, and so are channels: neither is blurred into the other.
  for (Index c = 1; c < 3; ++c)
    for (Index j = 0; j < 6; ++j) {
      const auto at = [&](Index channel, Index i) {
        return channels_last ? result.adversarials(0, i, j, channel) : result.adversarials(0, channel, i, j);
      };
      CHECK(at(c, 0) == Catch::Approx(at(0, 0)).epsilon(1e-12));
      CHECK(at(0, 2) == Catch::Approx(at(0, 0)).epsilon(1e-12));
    }
}

TEST_CASE("gaussian blur: channels are not mixed", "[gaussian-blur]") {
  const bool channels_last = GENERATE(false, true);
  Image inputs = stripes(1, channels_last);
  for (Index i = 0; i < 4; ++i)
    for (Index j = 0; j < 6; ++j) (channels_last ? inputs(0, i, j, 2) : inputs(0, 2, i, j)) = 0;
  const auto changed = make_model<Image>(Bounds<double>(0, 1), [inputs](const Image& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) labels[i] = sample(x, i) != sample(inputs, 0);
    return labels;
  });
  const GaussianBlurAttack attack({.steps = 1, .bisections = 0, .channels_last = channels_last});
  const auto result = attack(changed, inputs, Labels(Labels::Zero(1)));
  REQUIRE(result.success[0]);
  for (Index i = 0; i < 4; ++i)
    for (Index j = 0; j < 6; ++j) {
      const auto at = [&](Index c) {
        return channels_last ? result.adversarials(0, i, j, c) : result.adversarials(0, c, i, j);
      };
      CHECK(at(0) == Catch::Approx(0.5).epsilon(1e-2));
      CHECK(at(2) == 0);
    }
}

TEST_CASE("gaussian blur: costs a query per step and bisection, none where nothing changes",
          "[gaussian-blur]") {
  const Labels zero = Labels::Zero(2);
  Image inputs = stripes(2, false);
  const auto never = GaussianBlurAttack({.steps = 7})(levelled(0), inputs, zero);
  CHECK(never.queries[0] == 1 + 7);
  CHECK(never.status[0] == Status::not_found);
  const auto found = GaussianBlurAttack({.steps = 3, .bisections = 4})(levelled(0.4), inputs, zero);
  CHECK(found.queries[0] == 1 + 1 + 4);
  CHECK(GaussianBlurAttack({.steps = 3})(levelled(0.4), inputs, zero, {.query_budget = 2}).queries[0] == 2);
  Tensor<float, 2> level(1, 5);
  level.setConstant(0.3f);
  const auto other = make_model<Tensor<float, 2>>(
      Bounds<float>(0, 1), [](const Tensor<float, 2>& x) { return Labels(Labels::Zero(samples(x))); });
  CHECK(GaussianBlurAttack()(other, level, Labels(Labels::Zero(1))).queries[0] == 1);
}

TEST_CASE("gaussian blur: options that make no sense are refused", "[gaussian-blur]") {
  CHECK_THROWS_WITH(GaussianBlurAttack({.sigma = 0}),
                    Catch::Matchers::ContainsSubstring("expected sigma in (0, 10], got 0"));
}
