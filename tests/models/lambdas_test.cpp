// SPDX-License-Identifier: MIT
#include "foil/models/lambdas.hpp"

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Input = Tensor<float, 4>;

Input two_images() {
  Input x(2, 1, 1, 3);
  x.setValues({{{{0.1f, 0.9f, 0.2f}}}, {{{0.7f, 0.3f, 0.2f}}}});
  return x;
}

TEST_CASE("lambdas: a function of labels makes a decision model", "[lambdas]") {
  auto model = make_model<Input>(Bounds<float>(-1, 1),
                                 [](const Input& x) { return Labels(Labels::Constant(samples(x), 4)); });
  static_assert(DecisionModel<decltype(model)> && !ScoreModel<decltype(model)> && shareable<decltype(model)>);
  CHECK(model.bounds().lower(0) == -1);
  CHECK(predict(model, two_images()) == Labels(Eigen::Vector2i(4, 4)));
}

TEST_CASE("lambdas: a function of logits makes a score model", "[lambdas]") {
  auto model = make_model<Input>(Bounds<float>(), [](const Input& x) { return Logits<float>(as_matrix(x)); });
  static_assert(ScoreModel<decltype(model)> && !DifferentiableModel<decltype(model)> &&
                shareable<decltype(model)>);
  CHECK(predict(model, two_images()) == Labels(Eigen::Vector2i(1, 0)));
  CHECK(model.logits(two_images())(1, 0) == 0.7f);
}

TEST_CASE("lambdas: functions of logits and vjp make a differentiable model", "[lambdas]") {
  const auto affine = test::random_affine<Input>(3, 3, 1);
  auto model = make_model<Input>(
      affine.bounds(), [&](const Input& x) { return affine.logits(x); },
      [&](const Input& x) { return affine.vjp(x); });
  static_assert(DifferentiableModel<decltype(model)> && shareable<decltype(model)>);
  const auto x = two_images();
  CHECK(model.logits(x) == affine.logits(x));
  const auto pass = model.vjp(x);
  CHECK(as_matrix(pass.pullback(pass.logits)) == as_matrix(affine.vjp(x).pullback(pass.logits)));
}

TEST_CASE("lambdas: functions that change themselves cannot be shared by threads", "[lambdas]") {
  auto labels = make_model<Input>(Bounds<float>(), [calls = 0](const Input& x) mutable {
    return Labels(Labels::Constant(samples(x), ++calls));
  });
  auto scores = make_model<Input>(Bounds<float>(), [calls = 0](const Input& x) mutable {
    return Logits<float>(Logits<float>::Constant(samples(x), 2, static_cast<float>(++calls)));
  });
  static_assert(DecisionModel<decltype(labels)> && !shareable<decltype(labels)>);
  static_assert(ScoreModel<decltype(scores)> && !shareable<decltype(scores)>);
  predict(labels, two_images());
  CHECK(predict(labels, two_images())[0] == 2);
  scores.logits(two_images());
  CHECK(scores.logits(two_images())(0, 0) == 2);
}
}  // namespace
