// SPDX-License-Identifier: MIT
// foil's own suites on models that hide their gradients.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "foil/evaluation/suite.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

namespace {
using namespace foil;
using Images = Tensor<float, 4>;

constexpr Index count = 20, side = 6;

/// A smooth classifier of small images, seen through what a defence does to its inputs, answers or gradients.
class Defended {
 public:
  using Input = Images;
  std::function<void(Images&)> before{};
  std::function<void(Logits<float>&)> after{};
  float gradient_factor = 1;

  Bounds<float> bounds() const { return {0, 1}; }
  Logits<float> logits(const Images& x) const {
    Images seen = x;
    if (before) before(seen);
    Logits<float> z = model_.logits(seen);
    if (after) after(z);
    return z;
  }
  auto vjp(const Images& x) const {
    return Vjp{logits(x), [this, pass = model_.vjp(x)](const Logits<float>& cotangent) -> Images {
                 Images out = pass.pullback(cotangent);
                 out = out * gradient_factor;
                 return out;
               }};
  }

 private:
  test::Mlp<Images> model_{side * side, 24, 4, 5};
};

const Defended& undefended() {
  static const Defended plain;
  return plain;
}

struct Scene {
  Images inputs;
  Labels labels;
};
Scene scene() {
  test::Random random(6);
  Scene out{test::random_batch<Images>(random, Images::Dimensions(count, 1, side, side), 0.2, 0.8), {}};
  out.labels = predict(undefended(), out.inputs);
  return out;
}

/// So far that an undefended model stands nowhere.
double radius(Lp norm) {
  return norm.p == 0 ? 12 : norm.p == 1 ? 4 : norm.p == 2 ? 1.2 : 0.25;
}

std::vector<AnyAttack> suites() {
  return {LinfStandardSuite(), L2StandardSuite(), L1StandardSuite()};
}

RunOptions<Images> options() {
  RunOptions<Images> with;
  with.seed = 3;
  with.threads = 1;
  return with;
}

}  // namespace

TEST_CASE("standard suite: fools an undefended model by gradients, in a few calls") {
  const Scene given = scene();
  for (const AnyAttack& suite : suites()) {
    CAPTURE(suite.name());
    const auto result = suite(undefended(), given.inputs, given.labels, radius(suite.norm()), options());
    CHECK(result.success.all());
    for (Index i = 0; i < count; ++i) CHECK(result.won_by(i) <= 3);
    CHECK(result.queries.maxCoeff() < 400);
  }
  const auto few = L0StandardSuite()(undefended(), given.inputs, given.labels, radius(L0{}), options());
  CHECK(few.success.count() >= 19);
}

TEST_CASE("standard suite: gradients that are zero, or point the wrong way, leave 95 % fooled") {
  const Scene given = scene();
  for (const float factor : {0.0f, -1.0f})
    for (const AnyAttack& suite : suites()) {
      CAPTURE(suite.name(), factor);
      Defended model;
      model.gradient_factor = factor;
      const auto result = suite(model, given.inputs, given.labels, radius(suite.norm()), options());
      CHECK(result.success.count() >= 19);
      Index without = 0;
      for (Index i = 0; i < count; ++i) without += result.won_by(i) >= 6;
      if (factor < 0) CHECK(without > 0);  // for the others random starts do
    }
}

TEST_CASE(
    "standard suite: quantised inputs, logits ten thousand times as large and saturated outputs are no "
    "defence") {
  const Scene given = scene();
  Defended quantised, large, saturated;
  quantised.gradient_factor = 0;
  quantised.before = [](Images& x) {
    for (Index i = 0; i < x.size(); ++i) x.data()[i] = std::round(8 * x.data()[i]) / 8;
  };
  large.after = [](Logits<float>& z) { z *= 1e4f; };
  large.gradient_factor = 1e4f;
  saturated.gradient_factor = 0;
  saturated.after = [](Logits<float>& z) {
    // As a sigmoid of what is large: 1 for what leads, 0 for all others.
    for (Index i = 0; i < z.rows(); ++i)
      for (Index k = 0; k < z.cols(); ++k) z(i, k) = static_cast<float>(1 / (1 + std::exp(-40.0 * z(i, k))));
  };
  for (const AnyAttack& suite : suites())
    for (const Defended* model : {&quantised, &large, &saturated}) {
      CAPTURE(suite.name(), model == &quantised, model == &large);
      const Labels labels = predict(*model, given.inputs);
      const auto result = suite(*model, given.inputs, labels, radius(suite.norm()), options());
      CHECK(result.success.count() >= 19);
    }
}

TEST_CASE("standard suite: noise on the logits does not make chance a success, nor a defence") {
  const Scene given = scene();
  Defended noisy;
  test::Random random(9);
  noisy.after = [&](Logits<float>& z) {
    for (Index i = 0; i < z.size(); ++i) z.data()[i] += static_cast<float>(0.15 * random.normal());
  };
  for (const AnyAttack& suite : suites()) {
    CAPTURE(suite.name());
    const auto result = suite(noisy, given.inputs, given.labels, 1.3 * radius(suite.norm()), options());
    CHECK(result.changed_answers.sum() > 10);
    CHECK(result.success.count() >= 19);
    // What counts as fooled is so without the noise.
    const Labels clean = predict(undefended(), result.adversarials);
    for (Index i = 0; i < count; ++i)
      if (result.success[i] && result.status[static_cast<std::size_t>(i)] != Status::already_adversarial)
        CHECK(clean[i] != given.labels[i]);
  }
}

TEST_CASE("standard suite: where nothing is to be found, it ends") {
  const test::Affine<Images> constant(Eigen::MatrixXd::Zero(3, side * side), Eigen::Vector3d(1, 0, 0));
  const Images inputs = scene().inputs;
  Images one(1, 1, side, side);
  sample(one, 0) = sample(inputs, 0);
  for (const AnyAttack& suite : suites()) {
    CAPTURE(suite.name());
    const auto result = suite(constant, one, Labels(Labels::Zero(1)), radius(suite.norm()), options());
    CHECK(result.status[0] == Status::not_found);
    CHECK(result.stages[0].back().stage == 8);
  }
}
