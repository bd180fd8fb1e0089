// SPDX-License-Identifier: MIT
#include "foil/attacks/decision/sign_rays/sign_rays.hpp"

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "foil/core/criteria.hpp"
#include "foil/models/lambdas.hpp"
#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/minimal_checks.hpp"
#include "support/models.hpp"
#include "support/one_sample.hpp"
#include "support/scripted.hpp"

using namespace foil;
using Flat = Tensor<double, 2>;

namespace {

/// Labels only, of a model that is never anything but class 0.
auto constant() {
  return make_model<Flat>(Bounds<double>(0, 1),
                          [](const Flat& x) { return Labels(Labels::Zero(samples(x))); });
}

}  // namespace

TEMPLATE_TEST_CASE("sign rays: exact on linear models in any box", "[sign-rays]", RaySAttack, AdbaAttack) {
  const TestType attack({.tolerance = 1e-6});
  for (const test::Box box : test::all_boxes) {
    CAPTURE(static_cast<int>(box));
    const auto p = test::affine_problem<Flat>(2, 30, 10, 3, box);
    const auto result = attack(p.model, p.inputs, p.labels);
    const Eigen::VectorXd nearest = p.distances<Linf>();
    for (Index i = 0; i < 10; ++i) {
      CAPTURE(i, nearest[i]);
      REQUIRE(result.success[i]);
      CHECK(result.status[static_cast<std::size_t>(i)] == Status::converged);
      CHECK(result.distances[i] >= nearest[i] * (1 - 1e-9));
      // In a box flips interact, as a feature at its bound gives nothing.
      CHECK(result.distances[i] <= nearest[i] * (1 + 1e-5));
    }
  }
}

TEMPLATE_TEST_CASE("sign rays: each improvement is closer, and a smaller tolerance comes closer",
                   "[sign-rays]", RaySAttack, AdbaAttack) {
  const auto p = test::affine_problem<Flat>(2, 30, 10, 3, test::Box::wide);
  const auto result = TestType({.tolerance = 0.1})(p.model, p.inputs, p.labels, {.trace = true});
  CHECK(result.success.all());
  for (Index i = 0; i < 10; ++i) {
    const auto& trace = result.traces[static_cast<std::size_t>(i)];
    for (std::size_t k = 1; k < trace.size(); ++k) CHECK(trace[k].distance < trace[k - 1].distance);
  }
  const auto finer = TestType({.tolerance = 1e-4})(p.model, p.inputs, p.labels);
  CHECK(finer.distances.sum() < result.distances.sum());
}

TEST_CASE("sign rays: RayS asks once per flip that is not kept", "[sign-rays]") {
  // Class 1 where the sum of all features is large: no flip of the first direction is ever kept.
  const auto model = make_model<Flat>(Bounds<double>(0, 1), [](const Flat& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) labels[i] = as_matrix(x).row(i).sum() >= 6;
    return labels;
  });
  Flat input(1, 8);
  input.setConstant(0.5);
  const auto after = [&](int steps) {
    return RaySAttack({.steps = steps})(model, input, Labels(Labels::Zero(1))).queries[0];
  };
  CHECK(after(0) == 1 + 1 + 11);  // the input, the ray's end, the bisection from 0.5 to 0.25 within 1e-3
  CHECK(after(5) == after(0) + 5);
  CHECK(after(15) == after(0) + 15);
  CHECK(after(1000) == after(0) + 15);  // the whole, halves, quarters and single features
}

TEST_CASE("sign rays: ADBA asks about both halves at once, and not at all about what it knows",
          "[sign-rays]") {
  std::vector<Index> rows;
  const auto model = make_model<Flat>(Bounds<double>(0, 1), [&](const Flat& x) {
    rows.push_back(samples(x));
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) labels[i] = as_matrix(x).row(i).sum() >= 2.25;
    return labels;
  });
  Flat input(1, 3);
  input.setConstant(0.5);
  const auto result =
      AdbaAttack({.steps = 3, .tolerance = 0.1})(model, input, Labels(Labels::Zero(1)), {.query_budget = 40});
  CHECK(result.success.all());
  // The input, the ray and its bisection to 0.25; then no half of three, of two or of one survives.
  CHECK(rows == std::vector<Index>{1, 1, 1, 1, 1, 1, 1, 2, 2, 1, 1});
}

TEST_CASE("sign rays: blocks are halves of those before, until they are small", "[sign-rays]") {
  test::OneSample eleven(Eigen::VectorXd::Zero(11), Eigen::VectorXd::Zero(11), Eigen::VectorXd::Ones(11));
  const auto sizes = [&](sign_rays::Blocks blocks, int count) {
    std::vector<std::size_t> all;
    Index expected = 0;
    for (int i = 0; i < count; ++i) {
      const auto block = blocks.next();
      all.push_back(block.size());
      CHECK(block.front() == expected);
      expected = (block.back() + 1) % 11;
    }
    return all;
  };
  CHECK(sizes({eleven.oracle(), 2}, 15) ==
        std::vector<std::size_t>{11, 6, 5, 3, 3, 3, 2, 2, 1, 2, 1, 2, 1, 2, 2});
  CHECK(sizes({eleven.oracle(), 1, 3}, 8) == std::vector<std::size_t>{3, 3, 3, 2, 2, 1, 2, 1});
  sign_rays::Blocks blocks(eleven.oracle(), 1, 1);
  for (int i = 0; i < 11; ++i) {
    CHECK_FALSE(blocks.swept());
    blocks.next();
    if (i == 4) blocks.kept();
  }
  CHECK(blocks.swept());
  CHECK_FALSE(blocks.idle());
  for (int i = 0; i < 5; ++i) blocks.next();
  CHECK(blocks.idle());
}

TEST_CASE("sign rays: the median of ADBA's density, by quadrature", "[sign-rays]") {
  const auto mass = [](double from, double to) {  // Simpson's rule
    constexpr int steps = 2000;
    double sum = 0;
    for (int i = 0; i <= steps; ++i)
      sum += (i == 0 || i == steps ? 1
              : i % 2 == 1         ? 4
                                   : 2) *
             sign_rays::BoundaryDensity::at(from + (to - from) * i / steps);
    return sum * (to - from) / steps / 3;
  };
  for (const double known : {1.0, 0.0625, 40.0})
    for (const auto& [outside, inside] : {std::pair(0.0, 1.0), std::pair(0.0, 0.9), std::pair(0.8, 0.95)}) {
      CAPTURE(known, outside, inside);
      const double median = sign_rays::median_radius(outside * known, inside * known, known) / known;
      CHECK(mass(1 - inside, 1 - median) == Catch::Approx(mass(1 - median, 1 - outside)).epsilon(1e-7));
    }
  CHECK(sign_rays::median_radius(0, 1, 1) == Catch::Approx(0.93256).epsilon(1e-5));
}

TEST_CASE("sign rays: where both halves stay adversarial, ADBA tries the median or the midpoint",
          "[sign-rays]") {
  std::vector<double> radii;
  const auto model = make_model<Flat>(Bounds<double>(0, 1), [&](const Flat& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) {
      radii.push_back((as_matrix(x).row(i).array() - 0.5).abs().maxCoeff());
      labels[i] = radii.back() >= 0.11;
    }
    return labels;
  });
  Flat input(1, 4);
  input.setConstant(0.5);
  const auto tried = [&](AdbaSearch search) {
    radii.clear();
    AdbaAttack({.search = search, .steps = 1, .halvings = 1})(model, input, Labels(Labels::Zero(1)));
    // The input, 1/2, its bisection to a tenth, two halves there and two at the next radius.
    REQUIRE(radii.size() >= 12);
    CHECK(radii[7] == 0.1171875);
    CHECK(radii[8] == radii[7]);
    CHECK(radii[9] == radii[7]);
    CHECK(radii[10] == radii[11]);
    return radii[10] / radii[7];
  };
  CHECK(tried(AdbaSearch::median) == Catch::Approx(sign_rays::median_radius(0, 1, 1)).epsilon(1e-9));
  CHECK(tried(AdbaSearch::midpoint) == 0.5);
}

TEMPLATE_TEST_CASE("sign rays: a constant model is given up on", "[sign-rays]", RaySAttack, AdbaAttack) {
  Flat inputs(3, 40);
  inputs.setConstant(0.25);
  const auto result = TestType()(constant(), inputs, Labels(Labels::Zero(3)));
  for (Index i = 0; i < 3; ++i) {
    CHECK(result.status[static_cast<std::size_t>(i)] == Status::start_failed);  // which is not robust
    CHECK(result.queries[i] <= 300);
  }
  CHECK((TestType({.steps = 7})(constant(), inputs, Labels(Labels::Zero(3))).queries.array() <= 25).all());
}

TEMPLATE_TEST_CASE("sign rays: where the first direction has no adversarial, flips and starts find one",
                   "[sign-rays]", RaySAttack, AdbaAttack) {
  // Class 1 where the first half is dark and the second is not.
  const auto model = make_model<Flat>(Bounds<double>(0, 1), [](const Flat& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i)
      labels[i] = as_matrix(x).row(i).head(4).sum() < 1 && as_matrix(x).row(i).tail(4).sum() > 2;
    return labels;
  });
  Flat input(1, 8), start(1, 8);
  input.setConstant(0.5);
  start.setConstant(0.9);
  const auto flips = TestType()(model, input, Labels(Labels::Zero(1)));
  CHECK(flips.success.all());
  CHECK(flips.distances[0] == Catch::Approx(0.25).epsilon(3e-3));
  for (Index i = 0; i < 4; ++i) start(0, i) = 0.1;
  const auto given =
      TestType({.steps = 0})(model, input, Labels(Labels::Zero(1)), {.starting_points = start});
  CHECK(given.success.all());
  CHECK(given.distances[0] < 0.3);
}

TEMPLATE_TEST_CASE("sign rays: the same bits alone and beside a sample without an answer", "[sign-rays]",
                   RaySAttack, AdbaAttack) {
  test::check_alone_as_together(TestType());
  test::check_mask_and_lattice(TestType(), 64);
}

TEMPLATE_TEST_CASE("sign rays: criteria of every kind", "[sign-rays]", RaySAttack, AdbaAttack) {
  test::check_criteria(TestType(), 1.3);
}

TEST_CASE("sign rays: options that make no sense are refused", "[sign-rays]") {
  using Catch::Matchers::ContainsSubstring;
  CHECK_THROWS_WITH(RaySAttack({.steps = -1}), ContainsSubstring("rays: expected steps >= 0, got -1"));
  CHECK_THROWS_WITH(RaySAttack({.tolerance = 0}), ContainsSubstring("expected tolerance in (0, 1), got 0"));
  CHECK_THROWS_WITH(AdbaAttack({.halvings = -1}), ContainsSubstring("adba: expected halvings >= 0, got -1"));
}
