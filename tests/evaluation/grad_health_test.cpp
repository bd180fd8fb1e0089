// SPDX-License-Identifier: MIT
#include "foil/evaluation/grad_health.hpp"

#include <cmath>
#include <limits>
#include <string>

#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Input = Tensor<float, 2>;
constexpr Index count = 12, width = 6;

Input points() {
  test::Random random(3);
  return test::random_batch<Input>(random, Input::Dimensions(count, width), 0.2, 0.8);
}

/// Of an affine model whose gradients are changed.
GradHealth of(float (*change)(float), const GradHealthOptions& options = {}) {
  const auto affine = test::random_affine<Input>(3, width, 5);
  test::Tampered model(affine);
  model.gradient = [change](const Input&, Input& gradient) {
    for (Index i = 0; i < gradient.size(); ++i) gradient.data()[i] = change(gradient.data()[i]);
  };
  return grad_health(model, points(), Labels(Labels::Zero(count)), options);
}

}  // namespace

TEST_CASE("grad_health: right gradients have cosine one, and the sizes that they have", "[evaluation]") {
  const GradHealth health = of([](float g) { return g; });
  CHECK(health.samples == count);
  CHECK(health.useless() == 0);
  CHECK(health.cosine() > 0.999);
  CHECK(health.cosines.size() == count);
  const GradHealth small = of([](float g) { return g * 1e-12f; });
  CHECK(small.cosine() > 0.999);
  CHECK(small.median == Catch::Approx(health.median - 12).margin(1e-3));
  CHECK(small.spread() == Catch::Approx(health.spread()).margin(1e-3));
  CHECK(health.smallest <= health.median);
  CHECK(health.median <= health.largest);
}

TEST_CASE("grad_health: zeros, denormals, infinities and wrong signs are told apart", "[evaluation]") {
  const GradHealth zero = of([](float) { return 0.f; });
  CHECK(zero.zero == count);
  CHECK(zero.useless_share() == 1);
  CHECK(zero.cosine() == 0);
  CHECK(std::isnan(zero.spread()));
  const GradHealth denormal = of([](float g) { return g * 1e-40f; });
  CHECK(denormal.denormal == count);
  CHECK(denormal.zero == 0);
  CHECK(denormal.cosine() > 0.9);
  const GradHealth infinite = of([](float) { return std::numeric_limits<float>::infinity(); });
  CHECK(infinite.non_finite == count);
  CHECK(infinite.zero + infinite.denormal == 0);
  CHECK(of([](float) { return std::nanf(""); }).non_finite == count);
  CHECK(of([](float) { return std::nanf(""); }).cosine() == 0);
  CHECK(of([](float g) { return -g; }).cosine() < -0.999);
}

TEST_CASE("grad_health: a constant model has no slope for either to see", "[evaluation]") {
  const auto answer = [](const Input& x) { return Logits<float>(Logits<float>::Ones(samples(x), 3)); };
  const auto constant = make_model<Input>(Bounds<float>(), answer, [answer](const Input& x) {
    return Vjp{answer(x), [x](const Logits<float>&) {
                 Input dx(x.dimensions());
                 dx.setZero();
                 return dx;
               }};
  });
  const GradHealth health = grad_health(constant, points(), Labels(Labels::Zero(count)));
  CHECK(health.zero == count);
  CHECK(std::isnan(health.cosine()));
}

TEST_CASE("grad_health: asks as often as it says, and refuses what does not fit", "[evaluation]") {
  const auto affine = test::random_affine<Input>(3, width, 5);
  test::CountingModel counting(affine);
  const Labels labels = Labels::Zero(count);
  grad_health(counting, points(), labels, {.directions = 7});
  CHECK(counting.forward == count * (1 + 14));
  CHECK(counting.backward == count);
  CHECK_THROWS_AS(grad_health(affine, points(), Labels(Labels::Zero(2))), Error);
  CHECK_THROWS_AS(grad_health(affine, points(), Labels(Labels::Constant(count, 3))), Error);
  CHECK_THROWS_AS(grad_health(affine, points(), labels, {.directions = 0}), Error);
  CHECK_THROWS_AS(grad_health(affine, points(), labels, {.length = -1}), Error);
}
