// SPDX-License-Identifier: MIT
#include "foil/models/label_only.hpp"

#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Input = Tensor<float, 2>;

TEST_CASE("label only: hides everything but the decisions and the bounds", "[label_only]") {
  const auto affine = test::random_affine<Input>(4, 3, 1, Bounds<float>(-2, 3));
  const LabelOnly model(affine);
  static_assert(DecisionModel<decltype(model)> && !ScoreModel<decltype(model)>);
  static_assert(shareable<decltype(model)>);
  test::Random random(1);
  const auto x = test::random_batch<Input>(random, Input::Dimensions(20, 3), -2, 3);
  CHECK(predict(model, x) == predict(affine, x));
  CHECK(model.bounds().upper(0) == 3);
}

TEST_CASE("label only: a model that cannot be shared by threads does not become so", "[label_only]") {
  auto changing = make_model<Input>(Bounds<float>(), [calls = 0](const Input& x) mutable {
    return Labels(Labels::Constant(samples(x), ++calls));
  });
  LabelOnly model(changing);
  static_assert(DecisionModel<decltype(model)> && !shareable<decltype(model)>);
  CHECK(predict(model, Input(1, 2))[0] == 1);
  CHECK(predict(changing, Input(1, 2))[0] == 2);  // the same model, not a copy
}
}  // namespace
