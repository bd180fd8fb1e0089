// SPDX-License-Identifier: MIT
#include "foil/models/preprocessed.hpp"

#include <cmath>

#include "foil/models/label_only.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Input = Tensor<float, 2>;

/// Four levels.
Input coarse(const Input& x) {
  Input out = x;
  for (Index i = 0; i < out.size(); ++i) out.data()[i] = std::round(3 * out.data()[i]) / 3;
  return out;
}

Input points() {
  test::Random random(1);
  return test::random_batch<Input>(random, Input::Dimensions(5, 4));
}

}  // namespace

TEST_CASE("preprocessed: answers are those behind the function, gradients pass it unchanged", "[models]") {
  const auto affine = test::random_affine<Input>(3, 4, 2);
  const test::CountingModel counting(affine);
  const Preprocessed defended(counting, coarse);
  static_assert(DifferentiableModel<decltype(defended)>);
  static_assert(shareable<decltype(defended)>);
  const Input x = points();
  CHECK(defended.logits(x) == affine.logits(coarse(x)));
  const auto pass = defended.vjp(x);
  CHECK(pass.logits == affine.logits(coarse(x)));
  const Logits<float> g = Logits<float>::Constant(5, 3, 0.25f);
  CHECK(as_matrix(pass.pullback(g)) == as_matrix(affine.vjp(coarse(x)).pullback(g)));
  CHECK(counting.forward == 10);
  CHECK(counting.backward == 5);
}

TEST_CASE("preprocessed: a model of labels stays one, and a changed shape is refused", "[models]") {
  const auto affine = test::random_affine<Input>(3, 4, 2);
  const LabelOnly labels(affine);
  const Preprocessed defended(labels, coarse);
  static_assert(!ScoreModel<decltype(defended)>);
  const Input x = points();
  CHECK(defended.predict(x) == argmax<float>(affine.logits(coarse(x))));
  const Preprocessed wrong(affine, [](const Input&) { return Input(5, 3); });
  CHECK_THROWS_AS(wrong.logits(x), Error);
}
