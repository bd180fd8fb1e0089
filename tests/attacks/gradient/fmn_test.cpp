// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/fmn.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "foil/run/any_attack.hpp"
#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/scripted.hpp"

using namespace foil;
using namespace foil::test;

namespace {

using Input = Tensor<double, 2>;

std::vector<AnyAttack> all_norms(int steps = 100) {
  return {L0FMNAttack({.steps = steps}), L1FMNAttack({.steps = steps}), L2FMNAttack({.steps = steps}),
          LinfFMNAttack({.steps = steps})};
}

/// The distances of a result as multiples of the exact ones; every sample is found, none closer than that.
template <class Result>
Eigen::VectorXd ratios(const Result& result, const Eigen::VectorXd& exact) {
  REQUIRE(result.success.all());
  const Eigen::VectorXd out = result.distances.cwiseQuotient(exact);
  REQUIRE(out.minCoeff() >= 1 - 1e-9);
  return out;
}

Eigen::VectorXd exact_distances(L0, const AffineProblem<Input>& p) {
  return fewest_entries(p);
}
template <Norm N>
Eigen::VectorXd exact_distances(N, const AffineProblem<Input>& p) {
  return p.distances<N>();
}

template <Norm N>
void check_affine(double mean, double worst) {
  for (const Box box : all_boxes)
    for (const Index classes : {2, 6})
      for (const Index n : {6, 40}) {
        const auto p = affine_problem<Input>(classes, n, 40, 30 + static_cast<std::uint64_t>(n), box);
        const Eigen::VectorXd exact = exact_distances(N{}, p);
        if (!exact.allFinite()) continue;
        INFO("box " << static_cast<int>(box) << ", " << classes << " classes, " << n << " features");
        const Eigen::VectorXd ratio = ratios(FMNAttack<N>()(p.model, p.inputs, p.labels), exact);
        UNSCOPED_INFO("mean " << ratio.mean() << ", worst " << ratio.maxCoeff());
        // With several classes, an attack that follows one gradient may end at the boundary of another.
        CHECK(ratio.mean() <= (classes == 2 ? mean : 1.12));
        if (classes == 2) CHECK(ratio.maxCoeff() <= worst);
      }
}

}  // namespace

TEST_CASE("fmn: close to the nearest adversarial of an affine model in boxes of every kind") {
  SECTION("L0") {
    check_affine<L0>(1, 1);
  }
  SECTION("L1") {
    check_affine<L1>(1.0005, 1.002);
  }
  SECTION("L2") {
    check_affine<L2>(1.0005, 1.002);
  }
  SECTION("Linf") {
    check_affine<Linf>(1.0005, 1.002);
  }
}

TEST_CASE("fmn: the way out is found where the ranges of features differ a thousand times") {
  const Index n = 8, count = 20;
  const Eigen::VectorXd centre = Eigen::VectorXd::LinSpaced(n, 0, 7);
  Eigen::VectorXd range(n);
  for (Index i = 0; i < n; ++i) range[i] = std::pow(10.0, static_cast<double>(i % 4) - 2);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Random random(seed);
    Eigen::MatrixXd weights(3, n);
    for (double& weight : weights.reshaped()) weight = random.normal();
    for (Index i = 0; i < n; ++i) weights.col(i) /= range[i];
    const Eigen::VectorXd offsets = -weights * centre, lower = centre - range, upper = centre + range;
    const Affine<Input> model(weights, offsets, Bounds<double>(lower, upper));
    Input inputs(count, n);
    for (Index row = 0; row < count; ++row)
      for (Index i = 0; i < n; ++i) inputs(row, i) = centre[i] + range[i] * random.uniform(-1, 1);
    for (const AnyAttack& attack : all_norms()) {
      CAPTURE(attack.name(), seed);
      if (attack.norm().p > 0) CHECK(attack(model, inputs, predict(model, inputs)).success.all());
    }
  }
}

TEST_CASE("fmn: L2 points lie in their ball, neither outside of it nor blown up to its surface") {
  // After a few steps the gradients lead back to the input: the points follow, and the ball is not in the
  // way.
  const auto p = affine_problem<Input>(2, 20, 20, 4);
  std::vector<Eigen::VectorXd> asked;
  Tampered turned(p.model);
  turned.answer = [&](std::int64_t, const Input& x, Logits<double>&) { asked.push_back(sample(x, 0)); };
  turned.gradient = [&](const Input&, Input& gradient) {
    if (asked.size() > 3) as_matrix(gradient) *= -1;
  };
  const std::vector<Index> one{0};
  L2FMNAttack({.steps = 10})(turned, gather(p.inputs, one), Labels(p.labels.head(1)));
  const Eigen::VectorXd x = sample(p.inputs, 0);
  const double exact = p.distances<L2>()[0];
  double least = exact;
  for (std::size_t k = 1; k < asked.size(); ++k) {
    CHECK((asked[k] - x).norm() < 1.6 * exact);
    least = std::min(least, (asked[k] - x).norm());
  }
  CHECK(least < 0.7 * exact);
}

TEST_CASE("fmn: one forward and one backward pass a step, and one forward for the last point") {
  const Mlp<Input> model(20, 30, 6, 1);
  Random random(2);
  const auto inputs = random_batch<Input>(random, Input::Dimensions(20, 20));
  const Labels labels = predict(model, inputs);
  for (const AnyAttack& attack : all_norms(12)) {
    CAPTURE(attack.name());
    CountingModel counting(model);
    const auto result = attack(counting, inputs, labels);
    for (Index i = 0; i < result.size(); ++i) {
      if (attack.norm().p == 0 && result.distances[i] <= 1) continue;
      CHECK(result.queries[i] == 13);
      CHECK(result.gradient_queries[i] == 12);
    }
    CHECK(counting.forward == result.queries.sum() + result.verification_queries.sum());
    CHECK(counting.backward == result.gradient_queries.sum());
  }
}

TEST_CASE(
    "fmn: neither the scale of the logits nor the unit of the inputs nor the order of the features "
    "matters") {
  const auto p = affine_problem<Input>(5, 12, 20, 9);
  for (const AnyAttack& attack : all_norms(40)) {
    CAPTURE(attack.name());
    const auto reference = attack(p.model, p.inputs, p.labels);
    CHECK(reference.success.all());
    const auto check = [&](const Affine<Input>& model, const Input& inputs, double unit) {
      const auto result = attack(model, inputs, p.labels);
      const double factor = attack.norm().p == 0 ? 1 : unit;
      CHECK((result.distances / factor - reference.distances).cwiseAbs().maxCoeff() < 1e-6);
    };
    for (const double scale : {1e-6, 1e6}) {
      const Eigen::VectorXd shifted = (scale * p.model.offsets()).array() + 3 * scale;
      check(Affine<Input>(scale * p.model.weights(), shifted), p.inputs, 1);
    }
    for (const double unit : {1e-3, 255.0}) {
      Input inputs = p.inputs;
      as_matrix(inputs) *= unit;
      check(Affine<Input>(p.model.weights() / unit, p.model.offsets(), Bounds<double>(0, unit)), inputs,
            unit);
    }
    Input reversed = p.inputs;
    as_matrix(reversed) = as_matrix(p.inputs).rowwise().reverse();
    check(Affine<Input>(p.model.weights().rowwise().reverse(), p.model.offsets()), reversed, 1);
  }
}

TEST_CASE("fmn: criteria of every kind") {
  const auto p = affine_problem<Input>(2, 12, 20, 3), many = affine_problem<Input>(10, 30, 20, 4);
  const Labels targets = 1 - p.labels.array();
  for (const AnyAttack& attack : all_norms()) {
    CAPTURE(attack.name());
    const auto plain = attack(p.model, p.inputs, p.labels),
               targeted = attack(p.model, p.inputs, TargetedMisclassification(targets)),
               lead = attack(p.model, p.inputs, MarginAbove(p.labels, std::log(4.0))),
               confident = attack(p.model, p.inputs, ConfidentMisclassification(p.labels, 0.8)),
               both = attack(p.model, p.inputs, Misclassification(p.labels) && MarginAbove(p.labels, 0.7)),
               out = attack(many.model, many.inputs, TopKMisclassification(many.labels, 3));
    for (const auto* result : {&plain, &targeted, &lead, &confident, &both, &out})
      CHECK(result->success.all());
    // Two classes leave nothing to choose: the same way, said differently.
    const double tolerance = attack.norm().p == 0 ? 0 : 2e-3;
    CHECK((targeted.distances.array() / plain.distances.array() - 1).abs().maxCoeff() <= tolerance);
    CHECK((confident.distances.array() / lead.distances.array() - 1).abs().maxCoeff() <= 5 * tolerance);
    CHECK((lead.distances.array() >= plain.distances.array()).all());
  }
  const auto some = affine_problem<Input>(10, 30, 20, 4);
  Labels towards = some.labels;
  for (Index i = 0; i < towards.size(); ++i) towards[i] = (towards[i] + 3) % 10;
  const auto reached = L2FMNAttack()(some.model, some.inputs, TargetedMisclassification(towards));
  CHECK(reached.success.all());
  CHECK(reached.predictions == towards);
}

TEST_CASE("fmn: no gradient, no answer, no room: bounded, and without a word that is not true") {
  Input inputs(3, 5);
  inputs.setConstant(0.5);
  const Labels labels = Labels::Constant(3, 1);
  for (const AnyAttack& attack : all_norms(20)) {
    CAPTURE(attack.name());
    const Affine<Input> flat(Eigen::MatrixXd::Zero(2, 5), Eigen::Vector2d(0, 1));
    const auto nothing = attack(flat, inputs, labels);
    CHECK(nothing.success.count() == 0);
    CHECK((nothing.queries.array() <= 21).all());

    const auto model = random_affine<Input>(2, 5, 1);
    Input mask(1, 5), off = inputs;
    mask.setZero();
    off(0, 0) = off(1, 1) = off(2, 2) = 0.9;
    const auto frozen = attack(model, off, predict(model, off), {.mask = mask});
    CHECK(frozen.success.count() == 0);
    CHECK((frozen.queries.array() == 1).all());

    // A model that answers NaN beyond a wall, and one whose gradients are NaN.
    const auto p = affine_problem<Input>(3, 5, 10, 7);
    Tampered walled(p.model);
    walled.answer = [&](std::int64_t call, const Input& x, Logits<double>& z) {
      for (Index i = 0; i < samples(x); ++i)
        if (call > 0 && x(i, 0) != std::clamp(x(i, 0), 0.02, 0.98)) z.row(i).setConstant(std::nan(""));
    };
    const auto behind = attack(walled, p.inputs, p.labels);
    CHECK((behind.queries.array() <= 21).all());
    CHECK(behind.success.count() >= 1);
    Tampered lost(p.model);
    lost.gradient = [](const Input&, Input& gradient) { gradient.setConstant(std::nan("")); };
    const auto random = attack(lost, p.inputs, p.labels);
    CHECK((random.queries.array() <= 21).all());
  }
}

TEST_CASE("fmn: off a tie, with a single feature, from a plateau") {
  Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(2, 3);
  weights.row(0).setConstant(1);
  const Affine<Input> tied(weights, Eigen::Vector2d(0, 1.5));
  Input inputs(1, 3);
  inputs.setConstant(0.5);
  for (const AnyAttack& attack : all_norms()) {
    CAPTURE(attack.name());
    const auto result = attack(tied, inputs, Labels::Constant(1, 1));
    CHECK(result.success.all());
    CHECK(result.distances[0] <= (attack.norm().p == 0 ? 1 : 1e-5));

    const auto p = affine_problem<Input>(2, 1, 10, 11);
    const auto one = attack(p.model, p.inputs, p.labels);
    CHECK(one.success.all());
    if (attack.norm().p > 0) CHECK((one.distances - p.distances<L2>()).cwiseAbs().maxCoeff() < 1e-3);

    // Without a gradient around the inputs only chance leads off.
    const auto wide = affine_problem<Input>(2, 8, 20, 12);
    Tampered plateau(wide.model);
    plateau.gradient = [&](const Input& x, Input& gradient) {
      for (Index i = 0; i < samples(x); ++i)
        for (Index row = 0; row < 20; ++row)
          if (x(i, 0) == wide.inputs(row, 0)) as_matrix(gradient).row(i).setZero();
    };
    if (attack.norm().p > 0) CHECK(attack(plateau, wide.inputs, wide.labels).success.count() >= 19);
  }
}

TEST_CASE("fmn: options out of range are named") {
  CHECK_THROWS_WITH(L2FMNAttack({.gamma = 1}),
                    Catch::Matchers::ContainsSubstring("l2-fmn: expected gamma in (0, 1), got 1"));
  CHECK_THROWS_WITH(L0FMNAttack({.steps = 0}),
                    Catch::Matchers::ContainsSubstring("l0-fmn: expected steps >= 1, got 0"));
}
