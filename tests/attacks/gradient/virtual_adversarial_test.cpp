// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/virtual_adversarial.hpp"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "foil/attacks/gradient/divergence_pgd.hpp"
#include "foil/run/any_attack.hpp"
#include "support/affine_problem.hpp"
#include "support/catch.hpp"

using namespace foil;
using namespace foil::test;
using Catch::Matchers::ContainsSubstring;

namespace {

using Rows = Tensor<float, 2>;

/// Every point that an attack asks about, row by row.
std::vector<Eigen::VectorXd> asked(const AnyAttack& attack, const Mlp<Rows>& model, const Rows& inputs,
                                   const Labels& labels, double epsilon) {
  std::vector<Eigen::VectorXd> points;
  Tampered watched(model);
  watched.answer = [&](std::int64_t, const Rows& x, Logits<float>&) {
    for (Index row = 0; row < samples(x); ++row) points.emplace_back(sample(x, row).cast<double>());
  };
  attack(watched, inputs, labels, epsilon);
  return points;
}

Rows inputs_of(std::uint64_t seed, Index count) {
  Random random(seed);
  return random_batch<Rows>(random, Rows::Dimensions(count, 20), 0.1f, 0.9f);
}

const std::vector<AnyAttack>& all() {
  static const std::vector<AnyAttack> attacks{VirtualAdversarialAttack(), LinfDivergencePGD(),
                                              L2DivergencePGD()};
  return attacks;
}

}  // namespace

TEST_CASE(
    "with two affine classes the closest adversarial is met, however confident the model or how little") {
  for (const double scale : {1e-30, 1e-9, 1.0, 300.0})
    for (const Box box : all_boxes) {
      const auto p = affine_problem<Rows>(2, 30, 20, 1, box, scale);
      for (const AnyAttack& attack : {AnyAttack(VirtualAdversarialAttack()), AnyAttack(LinfDivergencePGD()),
                                      AnyAttack(L2DivergencePGD({.steps = 40}))}) {
        INFO(attack.name() << ", logits times " << scale);
        const bool flat = std::isinf(attack.norm().p);
        const Eigen::VectorXd distances = flat ? p.distances<Linf>() : p.distances<L2>();
        const Eigen::VectorXd above = 1.02 * distances, below = (1 - 1e-4) * distances;
        CHECK(attack(p.model, p.inputs, p.labels, above).success.all());
        CHECK(attack(p.model, p.inputs, p.labels, below).success.count() == 0);
      }
    }
}

TEST_CASE("power iteration close to the input finds where the probabilities change most") {
  // The largest eigenvector of J^T (diag p - p p^T) J, J the derivative of the logits.
  const Mlp<Rows> model(20, 30, 4, 2);
  const Rows x = inputs_of(2, 1);
  const Labels label = predict(model, x);
  const Eigen::VectorXd origin = sample(x, 0).cast<double>();
  auto pass = model.vjp(x);
  const Eigen::VectorXd p = losses::softmax(pass.logits.row(0).transpose().cast<double>());
  Eigen::MatrixXd jacobian(4, 20);
  for (Index k = 0; k < 4; ++k) {
    Logits<float> unit = Logits<float>::Zero(1, 4);
    unit(0, k) = 1;
    jacobian.row(k) = Eigen::VectorXd(sample(Rows(pass.pullback(unit)), 0).cast<double>()).transpose();
  }
  Eigen::VectorXd v = Eigen::VectorXd::LinSpaced(20, -1, 1.3);
  for (int step = 0; step < 500; ++step) {
    const Eigen::VectorXd z = jacobian * v;
    v = jacobian.transpose() * (p.cwiseProduct(z) - p * p.dot(z)).eval();
    v.normalize();
  }
  const double epsilon = 0.05;  // far from the bounds
  const auto points = asked(VirtualAdversarialAttack({.steps = 100, .probe = 0.1}), model, x, label, epsilon);
  const Eigen::VectorXd last = points.back() - origin, before = points[points.size() - 2] - origin;
  CHECK(last.norm() == Catch::Approx(epsilon).epsilon(1e-4));
  CHECK((last + before).norm() <= 1e-5 * epsilon);  // either way
  CHECK(std::abs(last.dot(v)) >= 0.999 * epsilon);
}

TEST_CASE("they cost what their documentation says") {
  const Mlp<Rows> model(20, 30, 5, 3);
  const Rows x = inputs_of(3, 6);
  const Labels labels = predict(model, x);
  const auto check = [&](const AnyAttack& attack, int forward, int backward) {
    CountingModel counting(model);
    const auto result = attack(counting, x, labels, 1e-4);
    INFO(attack.name());
    CHECK(result.success.count() == 0);
    CHECK((result.queries.array() == forward).all());
    CHECK((result.gradient_queries.array() == backward).all());
    CHECK(counting.forward == 6 * forward);
    CHECK(counting.backward == 6 * backward);
  };
  check(VirtualAdversarialAttack({.steps = 7}), 1 + 7 + 2, 7);
  check(LinfDivergencePGD({.steps = 7}), 1 + 7 + 1, 7);
  check(L2DivergencePGD(), 1 + 20 + 1, 20);
}

TEST_CASE("targets are refused before the model is asked, criteria without a class are not") {
  const auto p = affine_problem<Rows>(3, 20, 5, 4);
  const CountingModel counting(p.model);
  for (const AnyAttack& attack : all()) {
    CHECK_THROWS_WITH(attack(counting, p.inputs, TargetedMisclassification(Labels::Constant(5, 1)), 0.1),
                      ContainsSubstring(attack.name()) && ContainsSubstring("cannot aim at a target"));
    CHECK(counting.calls == 0);
    const auto result =
        attack(p.model, p.inputs, TopKMisclassification(p.labels, 2), attack.norm().p == 2 ? 2 : 0.4);
    CHECK(result.success.any());
  }
  CHECK_THROWS_AS(VirtualAdversarialAttack({.probe = 0}), Error);
  CHECK_THROWS_AS(TPGD({.start = 0}), Error);
}

TEST_CASE("where the model says nothing they end, and with one feature they succeed") {
  const Affine<Rows> constant(Eigen::MatrixXd::Zero(3, 20), Eigen::Vector3d(1, 0, 0));
  const Affine<Rows> line(Eigen::Vector2d(1, -1), Eigen::Vector2d(0, 0.3f));
  const Rows x = inputs_of(5, 4);
  Rows one(3, 1);
  one.setConstant(0.5f);
  for (const AnyAttack& attack : all()) {
    INFO(attack.name());
    const auto none = attack(constant, x, Labels::Zero(4), 0.1);
    CHECK(none.success.count() == 0);
    CHECK(none.queries.maxCoeff() <= 22);
    CHECK(attack(line, one, Labels::Zero(3), 0.36).success.all());
    CHECK(attack(line, one, Labels::Zero(3), 0.34).success.count() == 0);
  }
}

TEST_CASE("a sample's result depends neither on its batch nor on the units, and differs by seed") {
  const Mlp<Rows> model(20, 30, 5, 6);
  const Rows x = inputs_of(6, 30);
  const Labels labels = predict(model, x);
  const auto p = affine_problem<Rows>(5, 30, 20, 7);
  constexpr float unit = 1024;
  const Affine<Rows> other(p.model.weights() / unit, p.model.offsets(), {0, unit});
  Rows inputs = p.inputs;
  for (Index i = 0; i < inputs.size(); ++i) inputs.data()[i] *= unit;
  for (const AnyAttack& attack : all()) {
    INFO(attack.name());
    const double epsilon = attack.norm().p == 2 ? 0.4 : 0.1;
    const auto result = attack(model, x, labels, epsilon);
    CHECK(result.success.any());
    CHECK(same_rows(attack(model, x, labels, epsilon, {.threads = 3, .batch_size = 4}).adversarials,
                    result.adversarials));
    CHECK_FALSE(same_rows(attack(model, x, labels, epsilon, {.seed = 1}).adversarials, result.adversarials));
    const auto near = attack(p.model, p.inputs, p.labels, epsilon);
    const auto far = attack(other, inputs, p.labels, unit * epsilon);
    CHECK(near.success.any());
    CHECK((near.success == far.success).all());
    CHECK((as_matrix(far.adversarials).array() / unit - as_matrix(near.adversarials).array())
              .abs()
              .maxCoeff() <= 1e-5f);
  }
}

TEST_CASE("the divergence has the gradient that it says, but for its size") {
  Random random(8);
  for (int trial = 0; trial < 20; ++trial) {
    const Eigen::VectorXd reference = 3 * random.normals(5), z = reference + random.normals(5);
    const DivergenceFrom divergence(reference);
    Eigen::VectorXd gradient(5), slopes(5);
    divergence(z, &gradient);
    for (Index i = 0; i < 5; ++i) {
      Eigen::VectorXd up = z, down = z;
      up[i] += 1e-6;
      down[i] -= 1e-6;
      slopes[i] = (divergence(up, nullptr) - divergence(down, nullptr)) / 2e-6;
    }
    CHECK(gradient.cwiseAbs().maxCoeff() == Catch::Approx(1));
    CHECK((slopes / slopes.cwiseAbs().maxCoeff() - gradient).norm() <= 1e-6);
    Index top = 0;
    reference.maxCoeff(&top);
    CHECK((divergence.lost(z) > 0) == (losses::softmax(z)[top] < losses::softmax(reference)[top]));
  }
  // Nothing is lost of a class that is all but certain.
  Eigen::VectorXd gradient(3);
  DivergenceFrom(Eigen::Vector3d(3000, 0, 0))(Eigen::Vector3d(2990, 0, 0), &gradient);
  CHECK((gradient - Eigen::Vector3d(-1, 0.5, 0.5)).norm() <= 1e-12);
}
