// SPDX-License-Identifier: MIT
#include "foil/attacks/decision/hop_skip_jump.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
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

/// Class 1 where w . x >= c, or nowhere; counts the rows of every call.
auto half_space(Eigen::VectorXd w, double c, std::vector<Index>* calls = nullptr) {
  return make_model<Flat>(Bounds<double>(-50, 50), [w = std::move(w), c, calls](const Flat& x) {
    if (calls) calls->push_back(samples(x));
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) labels[i] = dot(w, sample(x, i)) >= c;
    return labels;
  });
}

Flat origins(Index count, Index features) {
  Flat out(count, features);
  out.setZero();
  return out;
}

}  // namespace

TEMPLATE_TEST_CASE("hop skip jump: comes close to half-spaces in any box, and never closer than they are",
                   "[hop-skip-jump]", L2, Linf) {
  const HopSkipJumpAttack<TestType> attack({.steps = 30});
  for (const test::Box box : test::all_boxes) {
    CAPTURE(static_cast<int>(box));
    const auto p = test::affine_problem<Flat>(2, 20, 6, 3, box);
    const std::vector<double> ratios =
        test::ratios_to_nearest<TestType>(attack(p.model, p.inputs, p.labels), p);
    CHECK(ratios[3] < 1.1);
    CHECK(ratios.back() < 1.4);
  }
}

TEST_CASE("hop skip jump: 784 features, a tenth above the optimum after so many queries as the sheet says",
          "[hop-skip-jump]") {
  constexpr Index d = 784;
  test::Random random(7);
  Eigen::VectorXd w = random.normals(d);
  w /= w.norm();
  const auto result = L2HopSkipJumpAttack()(half_space(w, 1), origins(7, d), Labels(Labels::Zero(7)),
                                            {.query_budget = 12 * d});
  std::vector<double> distances(result.distances.data(), result.distances.data() + 7);
  std::sort(distances.begin(), distances.end());
  CHECK(distances[0] >= 1);
  CHECK(distances[3] < 1.1);
}

TEST_CASE("hop skip jump: a sample's normal is its own", "[hop-skip-jump]") {
  // What a shared length of normals would change: as many queries, in company.
  test::check_alone_as_together(L2HopSkipJumpAttack({.steps = 5}));
}

TEST_CASE("hop skip jump: what a step costs, and that points are asked about together", "[hop-skip-jump]") {
  constexpr Index d = 64;
  std::vector<Index> calls;
  const auto model = half_space(Eigen::VectorXd::Unit(d, 0), 1, &calls);
  Flat start = origins(1, d);
  start(0, 0) = 4;
  const auto asked = [&](int steps) {
    calls.clear();
    const HopSkipJumpAttack<L2> attack({.steps = steps, .estimates = 100, .most_estimates = 130});
    return attack(model, origins(1, d), Labels(Labels::Zero(1)), {.starting_points = start, .batch_size = 64})
        .queries[0];
  };
  const std::int64_t none = asked(0), one = asked(1), two = asked(2);
  CHECK(none == 1 + 1 + 9);  // the input, the start, 1.5 log2(64) halvings
  CHECK(one - none > 100);
  CHECK(one - none <= 100 + 41 + 9);
  CHECK(two - one > 130);  // not 141
  CHECK(two - one <= 130 + 41 + 9);
  CHECK(std::count(calls.begin(), calls.end(), 64) >= 3);
}

TEMPLATE_TEST_CASE("hop skip jump: ends where there is nothing to find, and where decisions are a lottery",
                   "[hop-skip-jump]", L2, Linf) {
  const HopSkipJumpAttack<TestType> attack({.steps = 3, .start = {.noise_draws = 20}});
  const auto nowhere =
      attack(half_space(Eigen::VectorXd::Zero(5), 1), origins(2, 5), Labels(Labels::Zero(2)));
  for (const Status status : nowhere.status) CHECK(status == Status::start_failed);
  CHECK((nowhere.queries.array() <= 30).all());

  const auto lottery = make_model<Flat>(Bounds<double>(-1, 1), [](const Flat& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) {
      const double at = 1e6 * std::abs(as_matrix(x).row(i).sum());
      labels[i] = at > 0 && std::fmod(std::floor(at), 2) == 1;
    }
    return labels;
  });
  const auto drawn = attack(lottery, origins(4, 5), Labels(Labels::Zero(4)));
  CHECK(drawn.success.all());
  CHECK((drawn.queries.array() <= 3 * (174 + 41 + 12) + 40).all());
}

TEST_CASE("hop skip jump: a target from a start of its class, masks and lattices", "[hop-skip-jump]") {
  const auto p = test::affine_problem<Flat>(3, 20, 6, 9, test::Box::wide);
  const Labels targets = p.labels.unaryExpr([](int y) { return (y + 1) % 3; });
  Flat starts = p.inputs;
  for (Index i = 0; i < 6; ++i)
    for (Index j = 0; j < 20; ++j)
      starts(i, j) = p.model.weights()(targets[i], j) > p.model.weights()((targets[i] + 1) % 3, j) ? 2 : -1;
  const L2HopSkipJumpAttack attack({.steps = 10});
  const auto result =
      attack(p.model, p.inputs, TargetedMisclassification(targets), {.starting_points = starts});
  for (Index i = 0; i < 6; ++i)
    if (result.success[i]) CHECK(predict(p.model, result.adversarials)[i] == targets[i]);
  CHECK(result.success.count() >= 3);
  test::check_mask_and_lattice(L2HopSkipJumpAttack({.steps = 5}), 64);
}

TEST_CASE("hop skip jump: options that make no sense are refused", "[hop-skip-jump]") {
  using Catch::Matchers::ContainsSubstring;
  CHECK_THROWS_WITH(L2HopSkipJumpAttack({.steps = -1}),
                    ContainsSubstring("l2-hop-skip-jump: expected steps >= 0, got -1"));
  CHECK_THROWS_WITH(LinfHopSkipJumpAttack({.estimates = 0}),
                    ContainsSubstring("linf-hop-skip-jump: expected estimates >= 1, got 0"));
}
