// SPDX-License-Identifier: MIT
#include "foil/attacks/decision/salt_and_pepper.hpp"

#include <cmath>
#include <limits>

#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

using namespace foil;
using Image = Tensor<float, 4>;

namespace {

/// Class 1 once at least `count` features of a grey image are no longer grey.
auto counter(Index count, Bounds<float> bounds = {-1, 3}) {
  return make_model<Image>(bounds, [count](const Image& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) labels[i] = (sample(x, i).array() != 0.5f).count() >= count;
    return labels;
  });
}

Image grey(Index samples, Index c, Index h, Index w) {
  Image out(samples, c, h, w);
  out.setConstant(0.5f);
  return out;
}

}  // namespace

TEST_CASE("salt and pepper: pixels change as a whole, to either end of the box", "[salt-and-pepper]") {
  const bool channels_last = GENERATE(false, true), across = GENERATE(false, true);
  const Image inputs = channels_last ? grey(20, 5, 4, 3) : grey(20, 3, 5, 4);
  const SaltAndPepperNoiseAttack attack({.across_channels = across});
  const auto result = attack(counter(20), inputs, Labels(Labels::Zero(20)));
  CHECK(result.success.all());
  Index salt = 0, pepper = 0, torn = 0;
  for (Index i = 0; i < 20; ++i)
    for (Index pixel = 0; pixel < 20; ++pixel) {
      const auto at = [&](Index c) {
        return sample(result.adversarials, i)[channels_last ? 3 * pixel + c : 20 * c + pixel];
      };
      torn += at(0) != at(1) || at(1) != at(2);
      for (Index c = 0; c < 3; ++c) {
        CHECK((at(c) == -1 || at(c) == 0.5f || at(c) == 3));
        salt += at(c) == 3;
        pepper += at(c) == -1;
      }
    }
  CHECK((torn == 0) == across);
  CHECK(salt > pepper / 3);
  CHECK(pepper > salt / 3);
}

TEST_CASE("salt and pepper: needs hardly more pixels than the model", "[salt-and-pepper]") {
  const Index needed = GENERATE(1, 10, 100);
  const auto result =
      L0SaltAndPepperNoiseAttack()(counter(needed), grey(10, 1, 28, 28), Labels(Labels::Zero(10)));
  CHECK(result.success.all());
  CHECK(result.distances.minCoeff() >= static_cast<double>(needed));
  CHECK(result.median_distance() <= static_cast<double>(needed) + 3);
  CHECK((result.queries.array() <= 1001).all());
}

TEST_CASE("salt and pepper: only asks about what would be closer", "[salt-and-pepper]") {
  const Image inputs = grey(6, 1, 10, 10);
  const auto model = counter(10);
  const auto result = SaltAndPepperNoiseAttack()(model, inputs, Labels(Labels::Zero(6)), {.trace = true});
  for (Index i = 0; i < 6; ++i) {
    CHECK(result.queries[i] < 1001);
    const auto& trace = result.traces[static_cast<std::size_t>(i)];
    for (std::size_t k = 1; k < trace.size(); ++k) CHECK(trace[k].distance < trace[k - 1].distance);
  }
  const SaltAndPepperNoiseAttack few({.steps = 20});
  CHECK((few(model, inputs, Labels(Labels::Zero(6))).queries.array() <= 21).all());
}

TEST_CASE("salt and pepper: the same bits in any batch", "[salt-and-pepper][reproducible]") {
  const Image inputs = grey(17, 2, 4, 4);
  const Labels labels = Labels::Zero(17);
  const auto model = counter(7);
  const SaltAndPepperNoiseAttack attack({.steps = 100});
  const auto result = attack(model, inputs, labels, {.trace = true});
  for (const Index batch : {1, 4, 16})
    CHECK(test::same_bits(result, attack(model, inputs, labels, {.batch_size = batch, .trace = true})));
  CHECK(test::same_bits(result, attack(model, inputs, labels, {.threads = 8, .trace = true})));
}

TEST_CASE("salt and pepper: an open box has no ends to go to", "[salt-and-pepper]") {
  const float infinity = std::numeric_limits<float>::infinity();
  const auto result = SaltAndPepperNoiseAttack()(counter(1, {-infinity, infinity}), grey(2, 1, 3, 3),
                                                 Labels(Labels::Zero(2)));
  CHECK(result.status[0] == Status::start_failed);
  CHECK(result.queries[0] == 1);
}

TEST_CASE("salt and pepper: options that make no sense are refused", "[salt-and-pepper]") {
  CHECK_THROWS_WITH(SaltAndPepperNoiseAttack({.steps = 0}),
                    Catch::Matchers::ContainsSubstring("expected steps in [1, 1e+06], got 0"));
}
