// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/ddn.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/scripted.hpp"

using namespace foil;
using namespace foil::test;

namespace {
using Input = Tensor<double, 2>;
}

TEST_CASE("ddn: close to the nearest adversarial of an affine model in boxes of every kind") {
  for (const Box box : all_boxes)
    for (const Index classes : {2, 6})
      for (const Index n : {6, 40}) {
        const auto p = affine_problem<Input>(classes, n, 40, 30 + static_cast<std::uint64_t>(n), box);
        const Eigen::VectorXd exact = p.distances<L2>();
        if (!exact.allFinite()) continue;
        INFO("box " << static_cast<int>(box) << ", " << classes << " classes, " << n << " features");
        const auto result = DDNAttack()(p.model, p.inputs, p.labels);
        REQUIRE(result.success.all());
        const Eigen::VectorXd ratio = result.distances.cwiseQuotient(exact);
        CHECK(ratio.minCoeff() >= 1 - 1e-9);
        CHECK(ratio.mean() <= (classes == 2 ? 1.0005 : 1.08));
        if (classes == 2) CHECK(ratio.maxCoeff() <= 1.002);
      }
}

TEST_CASE("ddn: every point has the norm that it is meant to have, also where the box clips") {
  const auto p = affine_problem<Input>(2, 40, 30, 5);
  CountingModel counting(p.model);
  std::vector<Eigen::VectorXd> asked;
  Tampered watched(counting);
  watched.answer = [&](std::int64_t, const Input& x, Logits<double>&) { asked.push_back(sample(x, 0)); };
  int clipped = 0;
  for (Index row = 0; row < 30; ++row) {
    asked.clear();
    const std::vector<Index> one{row};
    const auto result =
        DDNAttack({.steps = 3})(watched, gather(p.inputs, one), Labels(p.labels.segment(row, 1)));
    CHECK(result.queries[0] == 4);
    CHECK(result.gradient_queries[0] == 3);
    REQUIRE(asked.size() >= 4);
    const Eigen::VectorXd x = sample(p.inputs, row), z = p.model.exact_logits(x),
                          w = p.model.weights().row(0) - p.model.weights().row(1);
    const double linear = std::abs(z[0] - z[1]) / w.norm(), first = (asked[1] - x).norm();
    CHECK(first == Catch::Approx(linear).epsilon(1e-9));
    for (Index i = 0; i < x.size(); ++i)
      clipped += asked[1][i] != x[i] && asked[1][i] == std::round(asked[1][i]);
  }
  CHECK(clipped > 20);
  CHECK(counting.backward == 3 * 30);
}

TEST_CASE("ddn: neither the scale of the logits nor the unit of the inputs matters") {
  const auto p = affine_problem<Input>(5, 12, 20, 9);
  const DDNAttack attack({.steps = 40});
  const auto reference = attack(p.model, p.inputs, p.labels);
  for (const double scale : {1e-6, 1e6}) {
    const Affine<Input> scaled(scale * p.model.weights(), scale * p.model.offsets());
    CHECK((attack(scaled, p.inputs, p.labels).distances - reference.distances).cwiseAbs().maxCoeff() < 1e-6);
  }
  for (const double unit : {1e-3, 255.0}) {
    Input inputs = p.inputs;
    as_matrix(inputs) *= unit;
    const Affine<Input> model(p.model.weights() / unit, p.model.offsets(), Bounds<double>(0, unit));
    const auto result = attack(model, inputs, p.labels);
    CHECK((result.distances / unit - reference.distances).cwiseAbs().maxCoeff() < 1e-6);
  }
}

TEST_CASE("ddn: a gradient of zero is not divided by, and saturation does not hide the way") {
  Input inputs(3, 5);
  inputs.setConstant(0.5);
  const Affine<Input> flat(Eigen::MatrixXd::Zero(2, 5), Eigen::Vector2d(0, 1));
  const auto nothing = DDNAttack({.steps = 10})(flat, inputs, Labels::Constant(3, 1));
  CHECK(nothing.success.count() == 0);
  CHECK((nothing.queries.array() == 11).all());
  // The cross-entropy of these logits has no gradient that a double could hold.
  const auto p = affine_problem<Input>(2, 12, 20, 3, Box::unit, 1e5);
  const auto result = DDNAttack()(p.model, p.inputs, p.labels);
  REQUIRE(result.success.all());
  CHECK(result.distances.cwiseQuotient(p.distances<L2>()).maxCoeff() <= 1.002);
}

TEST_CASE("ddn: the share by which the norm changes falls, else it ends farther away") {
  const auto p = affine_problem<Input>(2, 40, 40, 6);
  const Eigen::VectorXd exact = p.distances<L2>();
  const auto excess = [&](const DDNOptions& options) {
    const auto result = DDNAttack(options)(p.model, p.inputs, p.labels);
    REQUIRE(result.success.all());
    return result.distances.cwiseQuotient(exact).mean() - 1;
  };
  CHECK(excess({}) < 0.2 * excess({.final_gamma = 0.05}));
  CHECK_THROWS_WITH(DDNAttack({.step = 0}),
                    Catch::Matchers::ContainsSubstring("ddn: expected step in (0, 1e+06], got 0"));
}
