// SPDX-License-Identifier: MIT
#include "foil/core/model.hpp"

#include <limits>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Input = Tensor<float, 2>;

struct Base {
  using Input = Tensor<float, 2>;
  Bounds<float> bounds() const { return {}; }
};
struct LabelModel : Base {
  Labels predict(const Input& x) const { return Labels::Constant(samples(x), 7); }
};
struct LogitModel : Base {
  Logits<float> logits(const Input& x) const { return as_matrix(x); }
};
struct OwnMind : LogitModel {
  Labels predict(const Input& x) const { return Labels::Constant(samples(x), 5); }
};
struct ColumnMajor : Base {
  Eigen::MatrixXf logits(const Input& x) const { return as_matrix(x); }
};
struct Mutable : Base {
  Logits<float> logits(const Input& x) { return as_matrix(x); }
};
struct MutableGradient : LogitModel {
  auto vjp(const Input& x) {
    return Vjp{logits(x), [x](const Logits<float>&) { return x; }};
  }
};
struct WrongScalar : Base {
  Eigen::MatrixXd logits(const Input& x) const { return as_matrix(x).cast<double>(); }
};
struct FloatLabels : Base {
  Eigen::VectorXf predict(const Input& x) const { return Eigen::VectorXf::Zero(samples(x)); }
};
struct NoBounds {
  using Input = Tensor<float, 2>;
  Logits<float> logits(const Input& x) const { return as_matrix(x); }
};
struct WrongInput : Base {
  using Input = Eigen::MatrixXf;
  Logits<float> logits(const Input& x) const { return x; }
};

static_assert(DecisionModel<LabelModel> && !ScoreModel<LabelModel>);
static_assert(ScoreModel<LogitModel> && !DifferentiableModel<LogitModel>);
static_assert(ScoreModel<ColumnMajor>);
static_assert(DifferentiableModel<test::Affine<Input>> && DifferentiableModel<test::Mlp<Tensor<double, 4>>>);
static_assert(!DecisionModel<NoBounds> && !DecisionModel<WrongInput> && !DecisionModel<Base>);
static_assert(!DecisionModel<WrongScalar>, "the logits' type must be the inputs'");
static_assert(!DecisionModel<FloatLabels>, "labels are integers");
static_assert(ScoreModel<const LogitModel> && ScoreModel<LogitModel&> && ScoreModel<const LogitModel&>);

static_assert(knowledge_of<LabelModel> == Knowledge::decisions);
static_assert(knowledge_of<LogitModel> == Knowledge::scores);
static_assert(knowledge_of<test::Affine<Input>> == Knowledge::gradients);

static_assert(shareable<LabelModel> && shareable<LogitModel> && shareable<test::Affine<Input>>);
static_assert(!shareable<Mutable>);
static_assert(!shareable<MutableGradient>, "what gradient attacks need cannot be reached through const");
static_assert(std::is_same_v<shared_if_possible<LogitModel>, const LogitModel>);
static_assert(std::is_same_v<shared_if_possible<Mutable&>, Mutable>);

static_assert(explain_model<test::Affine<Input>>());
static_assert(explain_model<LogitModel, Knowledge::scores>());
static_assert(explain_model<LabelModel, Knowledge::decisions>());

TEST_CASE("model: argmax takes the first of equals, and is not confused by NaN", "[model]") {
  Logits<float> z(4, 3);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  z << 1, 3, 2, /**/ 5, 5, 5, /**/ -1, -1, 0, /**/ 1, nan, 2;
  CHECK(argmax<float>(z) == Labels(Eigen::Vector4i(1, 0, 2, 2)));
}

TEST_CASE("model: predictions are the model's own decisions, else the argmax of its logits", "[model]") {
  Input x(2, 3);
  x.setValues({{1, 3, 2}, {3, 1, 2}});
  LogitModel by_logits;
  LabelModel by_label;
  const OwnMind own;
  Mutable changing;
  CHECK(predict(by_logits, x) == Labels(Eigen::Vector2i(1, 0)));
  CHECK(predict(by_label, x) == Labels(Eigen::Vector2i(7, 7)));
  CHECK(predict(own, x) == Labels(Eigen::Vector2i(5, 5)));
  CHECK(predict(changing, x) == Labels(Eigen::Vector2i(1, 0)));
  x(0, 2) = std::numeric_limits<float>::quiet_NaN();
  CHECK(predict(by_logits, x) == Labels(Eigen::Vector2i(-1, 0)));
}

TEST_CASE("model: a Vjp made of an expression holds its values", "[model]") {
  const auto make = [] {
    const Logits<float> w = Logits<float>::Constant(2, 2, 3);
    return Vjp{w * 2, [](const Logits<float>& c) { return c; }};
  };
  const auto vjp = make();
  static_assert(std::is_same_v<decltype(Vjp<float, int>::logits), Logits<float>>);
  CHECK(vjp.logits == Logits<float>::Constant(2, 2, 6));
}
}  // namespace
