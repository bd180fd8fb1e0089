// SPDX-License-Identifier: MIT
#include "foil/attacks/decision/sign_opt.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "foil/models/lambdas.hpp"
#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/minimal_checks.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

using namespace foil;
using Flat = Tensor<double, 2>;

namespace {

/// Class 1 where a predicate of the features holds; counts the rows of every call.
template <class Predicate>
auto region(Bounds<double> bounds, Predicate in, std::vector<Index>* calls = nullptr) {
  return make_model<Flat>(bounds, [in, calls](const Flat& x) {
    if (calls) calls->push_back(samples(x));
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) labels[i] = in(sample(x, i));
    return labels;
  });
}

Flat origins(Index count, Index features) {
  Flat out(count, features);
  out.setZero();
  return out;
}

}  // namespace

TEST_CASE("sign-opt: comes close to half-spaces in any box, and never closer than they are", "[sign-opt]") {
  for (const test::Box box : test::all_boxes) {
    CAPTURE(static_cast<int>(box));
    const auto p = test::affine_problem<Flat>(2, 20, 6, 3, box);
    const auto result = SignOptAttack()(p.model, p.inputs, p.labels, {.query_budget = 8000});
    const std::vector<double> ratios = test::ratios_to_nearest<L2>(result, p);
    CHECK(ratios[3] < 1.02);
    CHECK(ratios.back() < 1.1);
  }
}

TEST_CASE("sign-opt: the corner of two half-spaces, where no direction is a normal's", "[sign-opt]") {
  const auto corner = region({-2, 2}, [](const auto& x) { return x[0] > 0.5 && x[1] > 0.7; });
  Flat start(3, 5);
  start.setConstant(1.5);
  const auto result = SignOptAttack()(corner, origins(3, 5), Labels(Labels::Zero(3)),
                                      {.query_budget = 20'000, .starting_points = start});
  for (Index i = 0; i < 3; ++i)
    CHECK(result.distances[i] == Catch::Approx(std::hypot(0.5, 0.7)).epsilon(0.03));
}

TEST_CASE("sign-opt: half of 784 features cannot move the way the boundary is, and noise there tells nothing",
          "[sign-opt]") {
  // Where directions were cut to the box, every turn would bring in what only leads away from the boundary.
  test::Random random(7);
  Eigen::VectorXd w = random.normals(784);
  for (Index i = 0; i < 784; i += 2) w[i] = -std::abs(w[i]);
  const auto model = region({0, 9}, [&](const auto& x) { return dot(w, x) >= 1; });
  const Eigen::VectorXd reachable = w.cwiseMax(0);
  Flat start = origins(3, 784);
  start.setConstant(0.5);
  for (Index i = 0; i < 784; ++i)
    for (Index k = 0; k < 3; ++k) start(k, i) = reachable[i] > 0 ? 1 : 0.1;
  const auto result = SignOptAttack()(model, origins(3, 784), Labels(Labels::Zero(3)),
                                      {.query_budget = 10'000, .starting_points = start});
  for (Index i = 0; i < 3; ++i) {
    CHECK(result.distances[i] >= (1 - 1e-9) / reachable.norm());
    CHECK(result.distances[i] < 1.1 / reachable.norm());
  }
}

TEST_CASE(
    "sign-opt: what a step costs, that points are asked about together, and that a direction whose "
    "boundary is farther costs one question",
    "[sign-opt]") {
  constexpr Index d = 64;
  std::vector<Index> calls;
  const auto model = region({-50, 50}, [](const auto& x) { return x[0] >= 1; }, &calls);
  Flat start = origins(1, d);
  start(0, 0) = 4;
  const auto asked = [&](SignOptOptions options) {
    calls.clear();
    return SignOptAttack(options)(model, origins(1, d), Labels(Labels::Zero(1)),
                                  {.starting_points = start, .batch_size = 64})
        .queries[0];
  };
  // The input, the start, and halving 4 to within 4 * 2e-6.
  const std::int64_t none = asked({.steps = 0}), one = asked({.steps = 1, .estimates = 130});
  CHECK(none == 1 + 1 + 19);
  // The start is the optimum: the first turn is not closer, and 15 quarters of it are not.
  CHECK(one - none == 130 + 1 + 15);
  CHECK(std::count(calls.begin(), calls.end(), 64) == 2);
  CHECK(asked({.steps = 0, .directions = 7}) == none + 7);
}

TEST_CASE("sign-opt: random directions make a better start", "[sign-opt]") {
  const auto p = test::affine_problem<Flat>(2, 6, 8, 4, test::Box::wide);
  const auto from = [&](int directions) {
    return SignOptAttack({.steps = 0, .directions = directions})(p.model, p.inputs, p.labels).distances.sum();
  };
  CHECK(from(100) < 0.8 * from(0));
}

TEST_CASE("sign-opt: with one feature that has room there is nothing to turn to", "[sign-opt]") {
  const Eigen::Vector2d lower(0, 0.5), upper(1, 0.5);
  const auto model = region(Bounds<double>(lower, upper), [](const auto& x) { return x[0] > 0.7; });
  Flat x(1, 2);
  x.setValues({{0.1, 0.5}});
  const auto result = SignOptAttack({.steps = 5, .estimates = 100})(model, x, Labels(Labels::Zero(1)));
  CHECK(result.distances[0] == Catch::Approx(0.6).epsilon(1e-5));
}

TEST_CASE("sign-opt: a sample's bits are its own", "[sign-opt]") {
  test::check_alone_as_together(SignOptAttack({.steps = 3, .estimates = 30, .directions = 5}));
}

TEST_CASE("sign-opt: ends where there is nothing to find, and where decisions are a lottery", "[sign-opt]") {
  const SignOptAttack attack({.steps = 5, .estimates = 20, .start = {.noise_draws = 20}});
  const auto nowhere =
      attack(region({-1, 1}, [](const auto&) { return false; }), origins(2, 5), Labels(Labels::Zero(2)));
  for (const Status status : nowhere.status) CHECK(status == Status::start_failed);
  CHECK((nowhere.queries.array() <= 30).all());
  const auto lottery = region({-1, 1}, [](const auto& x) {
    const double at = 1e6 * std::abs(x.sum());
    return at > 0 && std::fmod(std::floor(at), 2) == 1;
  });
  const auto drawn = attack(lottery, origins(4, 5), Labels(Labels::Zero(4)));
  CHECK(drawn.success.all());
  CHECK((drawn.queries.array() <= 40 + 5 * (20 + 30 * 40)).all());
}

TEST_CASE("sign-opt: has converged where no turn comes closer, with a feature or two", "[sign-opt]") {
  const auto model = region({-50, 50}, [](const auto& x) { return x[0] >= 1; });
  for (const Index features : {1, 2}) {
    Flat start = origins(1, features);
    start(0, 0) = 4;
    const auto result = SignOptAttack({.estimates = 20})(model, origins(1, features), Labels(Labels::Zero(1)),
                                                         {.starting_points = start});
    CHECK(result.status[0] == Status::converged);
    CHECK(result.distances[0] == Catch::Approx(1).epsilon(1e-5));
  }
}

TEST_CASE("sign-opt: a target from a start of its class, masks and lattices", "[sign-opt]") {
  const auto p = test::affine_problem<Flat>(3, 20, 6, 9, test::Box::wide);
  const Labels targets = p.labels.unaryExpr([](int y) { return (y + 1) % 3; });
  Flat starts = p.inputs;
  for (Index i = 0; i < 6; ++i)
    for (Index j = 0; j < 20; ++j)
      starts(i, j) = p.model.weights()(targets[i], j) > p.model.weights()((targets[i] + 1) % 3, j) ? 2 : -1;
  const auto result = SignOptAttack({.steps = 5})(p.model, p.inputs, TargetedMisclassification(targets),
                                                  {.starting_points = starts});
  for (Index i = 0; i < 6; ++i)
    if (result.success[i]) CHECK(predict(p.model, result.adversarials)[i] == targets[i]);
  CHECK(result.success.count() >= 3);
  test::check_mask_and_lattice(SignOptAttack({.steps = 3}), 64);
}

TEST_CASE("sign-opt: options that make no sense are refused", "[sign-opt]") {
  using Catch::Matchers::ContainsSubstring;
  CHECK_THROWS_WITH(SignOptAttack({.estimates = 0}),
                    ContainsSubstring("sign-opt: expected estimates >= 1, got 0"));
  CHECK_THROWS_WITH(SignOptAttack({.spread = 0}),
                    ContainsSubstring("sign-opt: expected spread in (0, 1], got 0"));
}
