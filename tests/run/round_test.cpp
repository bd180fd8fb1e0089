// SPDX-License-Identifier: MIT
// What is counted of the model's answers: gradients that say nothing, and what looks like probabilities.
#include "foil/run/round.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "foil/attacks/gradient/brendel_bethge/brendel_bethge.hpp"
#include "foil/attacks/gradient/projected_gradient/projected_gradient.hpp"
#include "foil/models/label_only.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

namespace {
using namespace foil;
using Rows = Tensor<float, 2>;
using test::Scripted;

/// Two features in [-1, 1]; class 1 where the first is above one half. Its gradient is zero where the first
/// feature is below 0.1, as if it were rounded there.
struct Flat {
  using Input = Rows;
  Bounds<float> bounds() const { return {-1, 1}; }
  Logits<float> logits(const Input& x) const {
    Logits<float> z(samples(x), 2);
    for (Index i = 0; i < z.rows(); ++i) z.row(i) << 3, 3 + 8 * (std::max(x(i, 0), 0.1f) - 0.5f);
    return z;
  }
  auto vjp(const Input& x) const {
    return Vjp{logits(x), [x](const Logits<float>& cotangent) {
                 Input g(x.dimensions());
                 for (Index i = 0; i < samples(x); ++i) {
                   g(i, 0) = x(i, 0) < 0.1f ? 0 : 8 * cotangent(i, 1);
                   g(i, 1) = 0;
                 }
                 return g;
               }};
  }
};

Rows row(float first, float second = 0) {
  Rows x(1, 2);
  x(0, 0) = first;
  x(0, 1) = second;
  return x;
}

/// Asks for gradients at these first features.
Scripted<> gradients(std::vector<double> points, Loss loss = Loss::lsem) {
  return Scripted<>([points, loss](Oracle& oracle) -> Task<> {
    for (const double point : points) {
      Eigen::VectorXd x = oracle.original();
      x[0] = point;
      const auto& at = co_await oracle.gradient(x, loss);
      if (at.vanished) CHECK(at.gradient.isZero(0));
    }
  });
}

const Labels label = Labels::Zero(1);

TEST_CASE("round: gradients are counted that are zero though the point is not adversarial", "[round]") {
  const Flat model;
  const auto result = gradients({-0.5, 0.05, 0.2, 0.3, 0.0})(model, row(0), label);
  CHECK(result.gradient_queries[0] == 5);
  CHECK(result.zero_gradients[0] == 3);
  CHECK(result.classes == 2);
  // Of a model that is never flat there are none.
  CHECK(gradients({-0.5, 0.2})(test::random_affine<Rows>(2, 2, 1), row(0.1f), label).zero_gradients[0] == 0);
}

TEST_CASE("round: at an adversarial point those of an objective that is not flat count, too", "[round]") {
  const Flat flat;
  test::Tampered model(flat);
  model.answer = [](std::int64_t, const Rows& x, Logits<float>& z) {
    for (Index i = 0; i < z.rows(); ++i) z.row(i) << 0, (x(i, 0) > 0.5f ? 900.0f : -1.0f);
  };
  model.gradient = [](const Rows&, Rows& g) { g.setZero(); };
  // The margin has a slope wherever it is; cross-entropy has none where the label has lost by 900.
  CHECK(gradients({0.9}, Loss::margin)(model, row(0), label).zero_gradients[0] == 1);
  const Scripted<> hinge([](Oracle& oracle) -> Task<> {
    const auto objective = [](const Eigen::VectorXd& z, Eigen::VectorXd* gradient) {
      if (gradient) *gradient = z[1] > z[0] ? Eigen::Vector2d(0, 0) : Eigen::Vector2d(-1, 1);
      return std::min(z[1] - z[0], 0.0);
    };
    Eigen::VectorXd x = Eigen::Vector2d(0.9, 0);
    co_await oracle.gradient(x, objective);
  });
  CHECK(hinge(model, row(0), label).zero_gradients[0] == 0);
}

TEST_CASE("round: what cannot move says nothing, whatever its gradient", "[round]") {
  const Flat model;
  Rows mask = row(0, 1);  // the first feature, the only one with a gradient, is frozen
  const auto frozen = gradients({0.3, 0.3})(model, row(0.3f), label, {.mask = mask});
  CHECK(frozen.zero_gradients[0] == 2);
  mask = row(1, 0);
  CHECK(gradients({0.3, 0.05})(model, row(0.3f), label, {.mask = mask}).zero_gradients[0] == 1);
  mask = row(0, 0);  // nothing may move: that is not the model's doing
  const Scripted<> asks([](Oracle& oracle) -> Task<> {
    Eigen::VectorXd x = oracle.original();
    const auto& at = co_await oracle.gradient(x);
    CHECK_FALSE(at.vanished);
  });
  CHECK(asks(model, row(0), label, {.mask = mask}).zero_gradients[0] == 0);
}

TEST_CASE("round: gradients of classes count one by one, if all are zero", "[round]") {
  const Flat model;
  const Scripted<> attack([](Oracle& oracle) -> Task<> {
    const std::vector<Index> classes{0, 1}, constant{0};
    for (const double point : {0.05, 0.3}) {
      Eigen::VectorXd x = oracle.original();
      x[0] = point;
      co_await oracle.class_gradients(x, classes);
      co_await oracle.class_gradients(x, constant);
    }
  });
  const auto result = attack(model, row(0), label);
  CHECK(result.gradient_queries[0] == 6);
  CHECK(result.zero_gradients[0] == 3 + 1);  // at 0.3 only the one that is constant
}

TEST_CASE("round: gradients and answers that are not finite are no zeros", "[round]") {
  const Flat flat;
  test::Tampered model(flat);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  model.gradient = [&](const Rows&, Rows& g) { g.setConstant(nan); };
  const auto bad = gradients({0.05})(model, row(0.2f), label);
  CHECK(bad.zero_gradients[0] == 0);
  CHECK(bad.bad_rows[0] == 1);
  model.gradient = nullptr;
  model.answer = [&](std::int64_t call, const Rows&, Logits<float>& z) {
    if (call > 0) z.setConstant(nan);
  };
  const auto silent = gradients({0.05})(model, row(0.2f), label);
  CHECK(silent.zero_gradients[0] == 0);
  CHECK(silent.bad_rows[0] == 1);
}

TEST_CASE("round: answers that look like probabilities are counted, the verification's too", "[round]") {
  const Flat flat;
  test::Tampered model(flat);
  model.answer = [](std::int64_t, const Rows& x, Logits<float>& z) {
    for (Index i = 0; i < z.rows(); ++i) z.row(i) << 0.75f - x(i, 0) / 2, 0.25f + x(i, 0) / 2;
  };
  const auto result = gradients({0.2, 0.9, 0.7})(model, row(0), label);
  CHECK(result.success[0]);
  CHECK(result.probability_rows[0] == result.queries[0] + result.verification_queries[0]);
  CHECK(result.probability_rows[0] == 5);
  CHECK(gradients({0.2, 0.9, 0.7})(Flat{}, row(0), label).probability_rows[0] == 0);
}

TEST_CASE("round: labels below zero are no class, and never adversarial", "[round]") {
  struct Silent {
    using Input = Rows;
    Bounds<float> bounds() const { return {-1, 1}; }
    Labels predict(const Input& x) const {
      Labels out(samples(x));
      for (Index i = 0; i < out.size(); ++i) out[i] = x(i, 0) > 0.8f ? 1 : x(i, 0) > 0.5f ? -3 : 0;
      return out;
    }
  };
  const Scripted<L2, Knowledge::decisions> attack([](Oracle& oracle) -> Task<> {
    for (const double point : {0.9, 0.6}) {
      Eigen::VectorXd x = oracle.original();
      x[0] = point;
      co_await oracle.query(x);
    }
  });
  const auto result = attack(Silent{}, row(0), label);
  CHECK(result.adversarials(0, 0) == 0.9f);
  CHECK(result.bad_rows[0] == 1);
  const auto at_once = attack(Silent{}, row(0.6f), label);
  CHECK(at_once.status[0] == Status::non_finite);
  CHECK(at_once.predictions[0] == -1);
  CHECK(at_once.robust_accuracy() == 0);
  // A model of logits behind labels says so where they are NaN.
  const Flat flat;
  test::Tampered nan(flat);
  nan.answer = [](std::int64_t, const Rows&, Logits<float>& z) { z.setConstant(std::nanf("")); };
  LabelOnly labels(nan);
  const auto hidden = attack(labels, row(0), label);
  CHECK(hidden.status[0] == Status::non_finite);
  CHECK(hidden.robust_accuracy() == 0);
}

TEST_CASE("round: neither batch nor threads nor company change a count", "[round]") {
  const Flat model;
  test::Random random(5);
  const auto x = test::random_batch<Rows>(random, Rows::Dimensions(23, 2), -1, 0.45);
  const Labels labels = Labels::Zero(23);
  const LinfPGD attack({.steps = 7});
  const L2BrendelBethgeAttack walks({.steps = 20, .starts = 2});
  const auto pgd = attack(model, x, labels, 0.3, {.batch_size = 23});
  const auto walked = walks(model, x, labels, {.batch_size = 23});
  CHECK(pgd.zero_gradients.sum() > 0);
  CHECK((pgd.zero_gradients.array() <= pgd.gradient_queries.array()).all());
  for (const Index batch : {1, 5, 100})
    for (const int threads : {1, 3}) {
      CHECK(test::same_bits(attack(model, x, labels, 0.3, {.threads = threads, .batch_size = batch}), pgd));
      CHECK(test::same_bits(walks(model, x, labels, {.threads = threads, .batch_size = batch}), walked));
    }
}
}  // namespace
