// SPDX-License-Identifier: MIT
#include "foil/attacks/decision/query/query.hpp"

#include <cmath>
#include <type_traits>
#include <vector>

#include "foil/attacks/decision/boundary/boundary.hpp"
#include "foil/attacks/decision/sign_rays/sign_rays.hpp"
#include "foil/models/lambdas.hpp"
#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/minimal_checks.hpp"
#include "support/models.hpp"
#include "support/one_sample.hpp"
#include "support/scripted.hpp"

using namespace foil;
using Flat = Tensor<double, 2>;
using Images = Tensor<double, 4>;

namespace {

/// Class 1 where the sum of what every feature is multiplied with is at least 1, asked for labels only.
template <Batch T>
auto half_space(Eigen::VectorXd w) {
  return make_model<T>(Bounds<double>(-5, 5), [w = std::move(w)](const T& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) labels[i] = dot(w, sample(x, i)) >= 1;
    return labels;
  });
}

}  // namespace

TEST_CASE("query attack, belief: of few numbers it becomes certain, of the others it stays as it was",
          "[linf-query]") {
  test::Random random(3);
  Eigen::VectorXd w = random.normals(6);
  w[5] = 0;
  query::Belief belief(6, 1e-3, [](Index i, Index j) { return i == j ? 1.0 : 0.0; });
  CHECK(belief.deviation() == Catch::Approx(1));
  for (int k = 0; k < 400; ++k) {
    Eigen::VectorXd z = random.normals(6);
    z[5] = 0;
    // As an attack does it: where either answer is as likely.
    z *= 1 / std::max(0.05, std::abs(belief.mean().dot(z)));
    belief.learn(z, w.dot(z) >= 1);
  }
  CHECK((belief.mean() - w).cwiseAbs().maxCoeff() < 0.05);
  CHECK(belief.mean()[5] == 0);
  CHECK(belief.deviation() == Catch::Approx(std::sqrt(1.0 / 6)).epsilon(0.01));
  belief.widen(3);
  CHECK(belief.deviation() == Catch::Approx(3 * std::sqrt(1.0 / 6)).epsilon(0.01));
  const Eigen::VectorXd z = Eigen::VectorXd::Unit(6, 5) * 0.25;
  belief.learn_crossing(z, 1e-6);
  CHECK(belief.mean()[5] == Catch::Approx(4));
}

TEST_CASE("query attack, groups: patches, their means, and what neighbours share", "[linf-query]") {
  const auto oracle_of = [](std::vector<Index> shape, Index features) {
    return test::OneSample(Eigen::VectorXd::Constant(features, 0.5), Eigen::VectorXd::Zero(features),
                           Eigen::VectorXd::Ones(features), {.shape = std::move(shape)});
  };
  test::OneSample image = oracle_of({2, 4, 6}, 48);
  const query::Groups all(image.oracle(), 48, false), patches(image.oracle(), 12, false);
  CHECK(all.count() == 48);
  CHECK(all.largest() == 1);
  CHECK(patches.count() == 12);
  CHECK(patches.largest() == 4);
  Eigen::VectorXd features = Eigen::VectorXd::Zero(48);
  for (const Index i : {0, 1, 6, 7}) features[i] = 2;
  CHECK(patches.means(features) == Eigen::VectorXd(2 * Eigen::VectorXd::Unit(12, 0)));
  CHECK(patches.shares(Eigen::VectorXd::Unit(12, 0)) == features / 8);
  CHECK(patches.likeness(0, 0) == Catch::Approx(1));
  CHECK(patches.likeness(0, 1) > patches.likeness(0, 2));
  CHECK(patches.likeness(0, 1) == patches.likeness(1, 0));
  CHECK(patches.likeness(0, 7) == Catch::Approx(patches.likeness(0, 1) / 2));
  CHECK(all.liveliness(Eigen::VectorXd::Constant(48, 0.5)) == Eigen::VectorXd::Ones(48));
  const Eigen::VectorXd lively = all.liveliness(features);
  CHECK(lively.squaredNorm() == Catch::Approx(48));
  CHECK(lively[1] > 2 * lively[23]);
  CHECK(lively[47] == Catch::Approx(0.3 * lively.maxCoeff()));

  test::OneSample row = oracle_of({10}, 10);
  const query::Groups stretches(row.oracle(), 4, false);
  CHECK(stretches.count() == 4);
  CHECK(stretches.largest() == 3);
  CHECK(stretches.likeness(0, 1) == 0);
  CHECK(stretches.liveliness(Eigen::VectorXd::LinSpaced(10, 0, 1)) == Eigen::VectorXd::Ones(4));
}

TEST_CASE("query attack, L2: exact on linear models in any box", "[l2-query]") {
  static_assert(std::is_same_v<QueryAttack<L2>, L2QueryAttack>);
  const L2QueryAttack attack;
  for (const test::Box box : test::all_boxes) {
    CAPTURE(static_cast<int>(box));
    const auto p = test::affine_problem<Flat>(2, 30, 10, 3, box);
    const auto result = attack(p.model, p.inputs, p.labels);
    const std::vector<double> ratios = test::ratios_to_nearest<L2>(result, p);
    CHECK(ratios[ratios.size() / 2] < 1.005);
    for (const Status status : result.status) CHECK(status == Status::converged);
  }
}

TEST_CASE("query attack, L2: a half-space of many features takes far fewer questions than a walk does",
          "[l2-query]") {
  test::Random random(5);
  const Eigen::VectorXd w = random.normals(200);
  const auto model = half_space<Flat>(w);
  Flat inputs(6, 200);
  inputs.setZero();
  const Labels labels = Labels::Zero(6);
  const double nearest = 1 / w.norm();
  const auto found = L2QueryAttack()(model, inputs, labels, {.query_budget = 600});
  const auto walked = BoundaryAttack()(model, inputs, labels, {.query_budget = 600});
  for (Index i = 0; i < 6; ++i) {
    CHECK(found.distances[i] >= nearest * (1 - 1e-9));
    CHECK(found.distances[i] < 1.3 * nearest);
    CHECK(found.distances[i] < 0.92 * walked.distances[i]);
    CHECK(found.queries[i] == 600);
  }
}

TEST_CASE("query attack, L2: inputs too large for groups are walked on in half circles", "[l2-query]") {
  test::Random random(9);
  const Eigen::VectorXd w = random.normals(400);
  const auto model = half_space<Images>(w);
  Images input(1, 1, 20, 20);
  input.setZero();
  const Labels label = Labels::Zero(1);
  const L2QueryAttack attack({.unknowns = 4});  // of 100 features each
  CHECK(attack(model, input, label, {.query_budget = 1500}).distances[0] < 1.2 / w.norm());
  const auto stopped = L2QueryAttack({.steps = 200, .unknowns = 4})(model, input, label);
  CHECK(stopped.queries[0] > 150);
  CHECK(stopped.queries[0] < 250);
}

TEST_CASE("query attack, L2: a long strip is walked on without waves of its length", "[l2-query]") {
  test::Random random(10);
  const auto model = half_space<Images>(random.normals(160'000));
  Images input(1, 1, 1, 160'000);  // whose lower frequencies would take fifty gigabytes
  input.setZero();
  CHECK(L2QueryAttack({.unknowns = 4})(model, input, Labels::Zero(1), {.query_budget = 40}).success[0]);
}

TEST_CASE("query attack, L2: what is finer than the groups is found by the walk at the end", "[l2-query]") {
  Eigen::VectorXd w(64);
  for (Index i = 0; i < 64; ++i) w[i] = i % 2 == 0 ? 1 : -0.75;
  const auto model = half_space<Images>(w);
  Images input(1, 1, 8, 8);
  input.setZero();
  const auto result = L2QueryAttack({.unknowns = 4})(model, input, Labels(Labels::Zero(1)));
  CHECK(result.status[0] == Status::converged);
  CHECK(result.distances[0] == Catch::Approx(1 / w.norm()).epsilon(0.02));
}

TEST_CASE("query attack, L2: a single feature that may move is bisected, a constant model left alone",
          "[l2-query]") {
  Flat input(1, 3);
  input.setZero();
  Flat mask(1, 3);
  mask.setZero();
  mask(0, 1) = 1;
  const auto single = L2QueryAttack()(half_space<Flat>(Eigen::Vector3d(1, 0.5, 1)), input,
                                      Labels(Labels::Zero(1)), {.mask = mask});
  CHECK(single.status[0] == Status::converged);
  CHECK(single.distances[0] == Catch::Approx(2).epsilon(1e-9));
  const auto constant =
      make_model<Flat>(Bounds<double>(0, 1), [](const Flat& x) { return Labels(Labels::Zero(samples(x))); });
  const auto nothing = L2QueryAttack()(constant, input, Labels(Labels::Zero(1)));
  CHECK(nothing.status[0] == Status::start_failed);
}

TEST_CASE("query attack: exact on linear models in any box", "[linf-query]") {
  const LinfQueryAttack attack({.tolerance = 1e-6});
  for (const test::Box box : test::all_boxes) {
    CAPTURE(static_cast<int>(box));
    const auto p = test::affine_problem<Flat>(2, 30, 10, 3, box);
    const auto result = attack(p.model, p.inputs, p.labels);
    const std::vector<double> ratios = test::ratios_to_nearest<Linf>(result, p);
    CHECK(ratios.back() < 1 + 1e-4);
    for (const Status status : result.status) CHECK(status == Status::converged);
  }
}

TEST_CASE("query attack: a half-space of many features takes fewer questions than flips do", "[linf-query]") {
  test::Random random(5);
  const Eigen::VectorXd w = random.normals(200);
  const auto model = half_space<Flat>(w);
  Flat inputs(6, 200);
  inputs.setZero();
  const Labels labels = Labels::Zero(6);
  const double nearest = 1 / w.lpNorm<1>();
  const auto found = LinfQueryAttack()(model, inputs, labels, {.query_budget = 400});
  const auto flips = RaySAttack()(model, inputs, labels, {.query_budget = 400});
  for (Index i = 0; i < 6; ++i) {
    CHECK(found.distances[i] >= nearest * (1 - 1e-9));
    CHECK(found.distances[i] < 1.6 * nearest);
    CHECK(found.distances[i] < 0.9 * flips.distances[i]);
    CHECK(found.queries[i] == 400);
  }
}

TEST_CASE("query attack: what is finer than the groups is found by the flips at the end", "[linf-query]") {
  Eigen::VectorXd w(64);
  for (Index i = 0; i < 64; ++i) w[i] = i % 2 == 0 ? 1 : -0.75;
  const auto model = half_space<Images>(w);
  Images input(1, 1, 8, 8);
  input.setZero();
  const auto result = LinfQueryAttack({.unknowns = 4})(model, input, Labels(Labels::Zero(1)));
  CHECK(result.status[0] == Status::converged);
  CHECK(result.distances[0] == Catch::Approx(1 / w.lpNorm<1>()).epsilon(0.01));
}

TEST_CASE("query attack: a closer class is found by looking around, by the user's start and by the pool",
          "[linf-query]") {
  // Class 1 where all go up by 0.6, class 2 where one half goes down and the other up by 0.4.
  const auto model = make_model<Flat>(Bounds<double>(-1, 1), [](const Flat& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) {
      const auto row = as_matrix(x).row(i);
      const auto n = static_cast<double>(row.size());
      const Index half = row.size() / 2;
      const double across = row.tail(half).sum() - row.head(half).sum();
      labels[i] = row.sum() >= 0.6 * n ? 1 : across >= 0.4 * n ? 2 : 0;
    }
    return labels;
  });
  const Labels zero = Labels::Zero(1);
  Flat few(1, 12);
  few.setZero();
  CHECK(LinfQueryAttack({.challengers = 0})(model, few, zero).distances[0] ==
        Catch::Approx(0.6).epsilon(0.02));
  CHECK(LinfQueryAttack()(model, few, zero).distances[0] == Catch::Approx(0.4).epsilon(0.02));

  Flat input(1, 60), up(1, 60), across(1, 60);
  input.setZero();
  up.setConstant(1);
  as_matrix(across).row(0) << Eigen::RowVectorXd::Constant(30, -1), Eigen::RowVectorXd::Constant(30, 1);
  const Pool<Flat> pool(model, across);
  CHECK(LinfQueryAttack()(model, input, zero).distances[0] == Catch::Approx(0.6).epsilon(0.02));
  const auto started = LinfQueryAttack()(model, input, zero, {.starting_points = across});
  const auto pooled = LinfQueryAttack()(model, input, zero, {.pool = pool});
  CHECK(started.distances[0] == Catch::Approx(0.4).epsilon(0.02));
  CHECK(pooled.distances[0] == Catch::Approx(0.4).epsilon(0.02));

  const double length = std::sqrt(60.0);
  const auto alone =
      L2QueryAttack({.challengers = 0})(model, input, zero, {.starting_points = up, .pool = pool});
  const auto challenged = L2QueryAttack()(model, input, zero, {.starting_points = up, .pool = pool});
  CHECK(alone.distances[0] == Catch::Approx(0.6 * length).epsilon(0.02));
  CHECK(challenged.distances[0] == Catch::Approx(0.4 * length).epsilon(0.02));
}

TEST_CASE("query attack: where the first direction has no adversarial, flips find one, or it gives up",
          "[linf-query]") {
  Flat input(1, 8);
  input.setConstant(0.5);
  const auto halves = make_model<Flat>(Bounds<double>(0, 1), [](const Flat& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i)
      labels[i] = as_matrix(x).row(i).head(4).sum() < 1 && as_matrix(x).row(i).tail(4).sum() > 3;
    return labels;
  });
  const auto found = LinfQueryAttack()(halves, input, Labels(Labels::Zero(1)));
  CHECK(found.success.all());
  CHECK(found.distances[0] == Catch::Approx(0.25).epsilon(2e-3));
  const auto constant =
      make_model<Flat>(Bounds<double>(0, 1), [](const Flat& x) { return Labels(Labels::Zero(samples(x))); });
  const auto nothing = LinfQueryAttack()(constant, input, Labels(Labels::Zero(1)));
  CHECK(nothing.status[0] == Status::start_failed);  // which is not robust
  CHECK(nothing.queries[0] <= 40);
}

TEST_CASE("query attack: the same bits alone and beside a sample without an answer", "[linf-query]") {
  test::check_alone_as_together(LinfQueryAttack());
  test::check_alone_as_together(L2QueryAttack());
}

TEST_CASE("query attack: options that make no sense are refused", "[linf-query]") {
  using Catch::Matchers::ContainsSubstring;
  CHECK_THROWS_WITH(L2QueryAttack({.unknowns = 10'001}),
                    ContainsSubstring("l2-query: expected unknowns in [1, 10000], got 10001"));
  CHECK_THROWS_WITH(L2QueryAttack({.challengers = -1}),
                    ContainsSubstring("l2-query: expected challengers in [0, 1000], got -1"));
  CHECK_THROWS_WITH(LinfQueryAttack({.steps = -1}), ContainsSubstring("expected steps >= 0, got -1"));
  CHECK_THROWS_WITH(LinfQueryAttack({.unknowns = 0}),
                    ContainsSubstring("linf-query: expected unknowns in [1, 10000], got 0"));
  CHECK_THROWS_WITH(LinfQueryAttack({.tolerance = 1}),
                    ContainsSubstring("expected tolerance in (0, 1), got 1"));
}
