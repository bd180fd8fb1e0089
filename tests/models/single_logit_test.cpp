// SPDX-License-Identifier: MIT
#include "foil/models/single_logit.hpp"

#include <limits>

#include "foil/core/criteria.hpp"
#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Input = Tensor<double, 2>;

Input rows() {
  Input x(3, 2);
  x.setValues({{0.1, 0.9}, {0.4, 0.4}, {0.8, 0.3}});
  return x;
}

TEST_CASE("single logit: one column z becomes the logits (0, z), with the gradient of z", "[models]") {
  const auto affine = test::random_affine<Input>(1, 2, 4);
  const SingleLogit model(affine);
  static_assert(DifferentiableModel<decltype(model)> && shareable<decltype(model)>);
  const auto pass = model.vjp(rows());
  CHECK(pass.logits == model.logits(rows()));
  CHECK(pass.logits.col(0).isZero(0));
  CHECK(pass.logits.col(1) == affine.logits(rows()));
  Logits<double> cotangent(3, 2);
  cotangent << 5, 1, 6, -2, 7, 3;
  CHECK(as_matrix(pass.pullback(cotangent)) ==
        as_matrix(affine.vjp(rows()).pullback(Logits<double>(cotangent.col(1)))));
  const Labels classes = predict(model, rows());
  for (Index i = 0; i < 3; ++i) CHECK(classes[i] == (pass.logits(i, 1) > 0 ? 1 : 0));
}

TEST_CASE("single logit: of a score model it is a score model", "[models]") {
  const auto scores = make_model<Input>(
      Bounds<double>(), [](const Input& x) { return Logits<double>(as_matrix(x).col(0).array() - 0.5); });
  const SingleLogit model(scores);
  static_assert(ScoreModel<decltype(model)> && !DifferentiableModel<decltype(model)>);
  CHECK(predict(model, rows()) == Labels(Eigen::Vector3i(0, 0, 1)));
}

TEST_CASE("single logit: a model with more columns is refused", "[models]") {
  const auto two = test::random_affine<Input>(2, 2, 4);
  const SingleLogit model(two);
  CHECK_THROWS_WITH(model.logits(rows()), "single logit: expected a model with one logit per sample, got 2");
  CHECK_THROWS_AS(model.vjp(rows()), Error);
}

TEST_CASE("single logit: where z is exactly 0 class 0 has won, and what was class 1 is fooled", "[models]") {
  // A network that decides: 1, 0 or -1, with no slope at all.
  const auto decided = make_model<Input>(Bounds<double>(), [](const Input& x) {
    return Logits<double>((as_matrix(x).col(0).array() - 0.4).sign());
  });
  const SingleLogit model(decided);
  const Logits<double> logits = model.logits(rows());
  CHECK(logits.col(1) == Eigen::Vector3d(-1, 0, 1));
  CHECK(logits.col(0) == Eigen::Vector3d(0, std::numeric_limits<double>::min(), 0));
  const Labels classes = predict(model, rows());
  CHECK(classes == Labels(Eigen::Vector3i(0, 0, 1)));
  for (const int label : {0, 1}) {
    const Misclassification fooled(Labels::Constant(3, label));
    const TargetedMisclassification reached(Labels::Constant(3, label));
    for (Index i = 0; i < 3; ++i) {
      const Eigen::VectorXd z = logits.row(i);
      CHECK(fooled(Scores{i, z}) == (classes[i] != label));
      CHECK(reached(Scores{i, z}) == (classes[i] == label));
    }
  }
}
}  // namespace
