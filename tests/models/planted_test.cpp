// SPDX-License-Identifier: MIT
#include "foil/models/planted.hpp"

#include <cmath>
#include <limits>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Input = Tensor<float, 2>;

const auto affine = test::random_affine<Input>(4, 6, 3);

Input points(Index count = 40) {
  test::Random random(5);
  return test::random_batch<Input>(random, Input::Dimensions(count, 6));
}
Logits<float> ones() {
  Logits<float> g = Logits<float>::Zero(40, 4);
  g.col(1).setConstant(1);
  return g;
}

}  // namespace

TEST_CASE("planted: classes are the model's own, gradients say what they are broken to", "[models]") {
  const Input x = points();
  const Labels classes = argmax<float>(affine.logits(x));
  const Logits<float> right = as_matrix(affine.vjp(x).pullback(ones()));
  for (const Plant plant : plants) {
    CAPTURE(to_string(plant));
    const Planted planted(affine, plant);
    static_assert(DifferentiableModel<decltype(planted)>);
    if (plant != Plant::quantised_input && plant != Plant::noisy_logits)
      CHECK(argmax<float>(planted.logits(x)) == classes);
    auto pass = planted.vjp(x);
    const Input pulled = pass.pullback(ones());
    const Logits<float> dx = as_matrix(pulled);
    if (plant == Plant::quantised_input || plant == Plant::zero_gradients) CHECK(dx.isZero(0));
    if (plant == Plant::reversed_gradients) CHECK(dx == -right);
    if (plant == Plant::steep_logits) CHECK(dx.isApprox(1e4f * right));
    if (plant == Plant::noisy_logits) CHECK(dx == right);
    if (plant == Plant::saturated_sigmoid) CHECK((dx.array() == 0).rowwise().all().count() > 20);
    if (plant != Plant::noisy_logits) CHECK(pass.logits == planted.logits(x));
  }
}

TEST_CASE("planted: eight levels, and noise that is another one each time", "[models]") {
  const Planted coarse(affine, Plant::quantised_input);
  Input a(1, 6), b(1, 6);
  a.setConstant(3.f / 7);
  b.setConstant(3.f / 7 + 0.06f);
  CHECK(coarse.logits(a) == coarse.logits(b));
  CHECK(coarse.logits(a).isApprox(affine.logits(a)));
  b.setConstant(3.f / 7 + 0.08f);
  CHECK(coarse.logits(a) != coarse.logits(b));
  const Planted noisy(affine, Plant::noisy_logits);
  CHECK(noisy.logits(a) != noisy.logits(a));
  const auto unbounded =
      test::random_affine<Input>(4, 6, 3, Bounds<float>(0, std::numeric_limits<float>::infinity()));
  const Planted open(unbounded, Plant::quantised_input);
  CHECK_THROWS_AS(open.logits(a), Error);
}
