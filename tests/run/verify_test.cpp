// SPDX-License-Identifier: MIT
#include "foil/run/verify.hpp"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "foil/attacks/gradient/brendel_bethge/brendel_bethge.hpp"
#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

namespace {
using namespace foil;
using Rows = Tensor<float, 2>;
using test::Scripted;
using test::ScriptedWithin;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Class 1 where the first of two features is above one half; from the moment on that `honest` is false, only
/// where it is above `strict`.
struct TwoFaced {
  using Input = Rows;
  float strict = 0.5f;
  Bounds<float> box{-1, 1};
  mutable bool honest = true;
  mutable std::vector<float> asked{};  // since then

  Bounds<float> bounds() const { return box; }
  Logits<float> logits(const Input& x) const {
    Logits<float> z(samples(x), 2);
    for (Index i = 0; i < z.rows(); ++i) {
      z.row(i) << 0, x(i, 0) - (honest ? 0.5f : strict);
      if (!honest) asked.push_back(x(i, 0));
    }
    return z;
  }
};

/// Asks about these first features; then the model shows its other face.
template <Norm N = L2>
Scripted<N, Knowledge::decisions> visits(const TwoFaced& model, std::vector<double> points) {
  return Scripted<N, Knowledge::decisions>([&model, points](Oracle& oracle) -> Task<> {
    for (const double point : points) {
      Eigen::VectorXd x = oracle.original();
      x[0] = point;
      co_await oracle.query(x);
    }
    model.honest = false;
  });
}

Rows zeros(Index count) {
  Rows x(count, 2);
  x.setZero();
  return x;
}

TEST_CASE("verify: what holds is asked about once", "[verify]") {
  TwoFaced model;
  const auto result = visits(model, {0.9, 0.8, 0.7, 0.6})(model, zeros(1), Labels(Labels::Zero(1)));
  CHECK(result.success[0]);
  CHECK(result.adversarials(0, 0) == 0.6f);
  CHECK(result.verification_queries[0] == 1);
}

TEST_CASE("verify: goes back through as many earlier adversarials as it needs", "[verify]") {
  TwoFaced model{.strict = 0.85f};
  const auto result = visits(model, {0.9, 0.8, 0.7, 0.65, 0.6})(model, zeros(1), Labels(Labels::Zero(1)));
  CHECK(result.success[0]);
  CHECK(result.status[0] == Status::success);
  CHECK(result.adversarials(0, 0) == 0.9f);
  CHECK(result.distances[0] == static_cast<double>(0.9f));
  CHECK(result.predictions[0] == 1);
  CHECK(result.verification_queries[0] >= 5);
  CHECK(result.verification_queries[0] <= 5 + 10);  // and at most all pulls, each denied at once
}

TEST_CASE("verify: and outwards, no farther than it needs, where it asks twice", "[verify]") {
  for (const float farther : {1e-6f, 1e-4f, 1e-2f}) {
    TwoFaced model{.strict = 0.6f * (1 + farther)};
    const auto result = visits(model, {0.6})(model, zeros(1), Labels(Labels::Zero(1)));
    CAPTURE(farther, model.asked);
    CHECK(result.success[0]);
    CHECK(result.adversarials(0, 0) > model.strict);
    CHECK(result.adversarials(0, 0) <= 0.6f * (1 + 4 * farther) * 1.000001f);
    CHECK(result.distances[0] == static_cast<double>(result.adversarials(0, 0)));
    CHECK(result.verification_queries[0] == static_cast<std::int64_t>(model.asked.size()));
    REQUIRE(model.asked.size() >= 2);
    CHECK(model.asked.back() == model.asked[model.asked.size() - 2]);
  }
}

TEST_CASE("verify: of a point found before and one outwards the closer one is asked about first",
          "[verify]") {
  TwoFaced near{.strict = 0.6001f};
  const auto outwards = visits(near, {0.9, 0.6})(near, zeros(1), Labels(Labels::Zero(1)));
  CHECK(outwards.adversarials(0, 0) < 0.601f);
  TwoFaced far{.strict = 0.6001f};
  const auto before = visits(far, {0.9, 0.60011, 0.6})(far, zeros(1), Labels(Labels::Zero(1)));
  CHECK(before.adversarials(0, 0) == 0.60011f);
  for (const float x : far.asked) CHECK(x <= 0.60011f);
}

TEST_CASE("verify: from the original outwards also where that is not the origin", "[verify]") {
  TwoFaced model{.strict = -0.4f, .box = Bounds<float>(-1, 1)};
  // Class 1 of the second face is left of -0.4, seen from 0.2.
  const auto mirrored = make_model<Rows>(Bounds<float>(-1, 1), [&](const Rows& x) {
    Logits<float> z(samples(x), 2);
    for (Index i = 0; i < z.rows(); ++i) z.row(i) << 0, (model.honest ? -0.3f : -0.301f) - x(i, 0);
    return z;
  });
  Rows x = zeros(1);
  x(0, 0) = 0.2f;
  const auto result = visits(model, {-0.3001})(mirrored, x, Labels(Labels::Zero(1)));
  CHECK(result.success[0]);
  CHECK(result.adversarials(0, 0) < -0.301f);
  CHECK(result.adversarials(0, 0) > -0.31f);
  CHECK(result.adversarials(0, 1) == 0);
}

TEST_CASE("verify: a model that contradicts itself everywhere is unstable, after a bounded number of calls",
          "[verify]") {
  TwoFaced model{.strict = 2};
  std::vector<double> points;
  for (int i = 0; i < 40; ++i) points.push_back(0.95 - i * 0.01);
  const auto result = visits(model, points)(model, zeros(1), Labels(Labels::Zero(1)));
  CHECK(result.status[0] == Status::unstable);
  CHECK_FALSE(result.success[0]);
  CHECK(result.distances[0] == infinity);
  CHECK(result.adversarials(0, 0) == 0);
  CHECK(result.verification_queries[0] == static_cast<std::int64_t>(model.asked.size()));
  CHECK(result.verification_queries[0] <= 8 + 10);
}

TEST_CASE("verify: pulls no farther than the bounds, the mask, the lattice and the radius allow",
          "[verify]") {
  const Labels label = Labels::Zero(1);
  SECTION("bounds") {
    TwoFaced model{.strict = 0.7f, .box = Bounds<float>(-1, 0.6f)};
    const auto result = visits(model, {0.6})(model, zeros(1), label);
    CHECK(result.status[0] == Status::unstable);
    for (const float x : model.asked) CHECK(x <= 0.6f);
    CHECK(model.asked.size() == 1);  // there is no other point that far out
  }
  SECTION("lattice") {
    TwoFaced model{.strict = 0.61f};
    const auto result = visits(model, {0.6})(model, zeros(1), label, {.lattice = Lattice(-1, 2, 100)});
    CHECK(result.success[0]);
    CHECK(result.adversarials(0, 0) > 0.61f);
    CHECK(result.adversarials(0, 0) < 0.65f);
    for (const float x : model.asked) CHECK(std::abs(50 * x - std::round(50 * x)) < 1e-4);
  }
  SECTION("mask") {
    TwoFaced model{.strict = 0.601f};
    Rows mask = zeros(1);
    mask(0, 0) = 1;
    Rows x = zeros(1);
    x(0, 1) = 0.3f;
    const auto result = visits(model, {0.6})(model, x, label, {.mask = mask});
    CHECK(result.success[0]);
    CHECK(result.adversarials(0, 1) == 0.3f);
  }
  SECTION("radius") {
    for (const double radius : {0.6005, 0.7}) {
      TwoFaced model{.strict = 0.601f};
      const ScriptedWithin<L2, Knowledge::decisions> attack([&](Oracle& oracle, double) -> Task<> {
        Eigen::VectorXd x = oracle.original();
        x[0] = 0.6;
        model.honest = true;
        struct AtTheEnd {
          bool& honest;
          ~AtTheEnd() { honest = false; }
        } end{model.honest};
        co_await oracle.query(x);
      });
      const auto result = attack(model, zeros(1), label, radius);
      CAPTURE(radius, model.asked);
      CHECK(result.success[0] == (radius == 0.7));
      for (const float x : model.asked) CHECK(static_cast<double>(x) <= radius);
      CHECK(model.asked.size() > 1);
    }
  }
}

TEST_CASE("verify: what was found survives a model that rounds by the size of its batch", "[verify]") {
  const auto affine = test::random_affine<Rows>(5, 20, 1);
  test::Random random(2);
  const auto x = test::random_batch<Rows>(random, Rows::Dimensions(12, 20));
  const Labels labels = predict(affine, x);
  // Batches of another size shift the logits against each other, by no more than rounding does.
  test::Tampered model(affine);
  model.answer = [](std::int64_t, const Rows& batch, Logits<float>& z) {
    for (Index i = 0; i < z.rows(); ++i)
      for (Index k = 0; k < z.cols(); ++k)
        z(i, k) += 1e-6f * static_cast<float>((3 * samples(batch) + 5 * k) % 7 - 3);
  };
  const L2BrendelBethgeAttack attack({.steps = 100, .starts = 2});
  const auto result = attack(model, x, labels), steady = attack(affine, x, labels);
  for (Index i = 0; i < result.size(); ++i) {
    CAPTURE(i, std::string(to_string(result.status[static_cast<std::size_t>(i)])));
    CHECK(result.success[i]);
    CHECK(result.distances[i] <= 1.001 * steady.distances[i]);
  }
  CHECK(steady.verification_queries == Counts::Ones(12));
  CHECK(result.verification_queries.maxCoeff() > 1);
}
}  // namespace
