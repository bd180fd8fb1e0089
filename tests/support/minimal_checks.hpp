// SPDX-License-Identifier: MIT
/// \file
/// What is asked of many attacks that look for the closest adversarial, each in its own test.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/scripted.hpp"

namespace foil::test {

using MinimalRows = Tensor<double, 2>;

/// Distances over the shortest ones there are, sorted; each at least 1 to rounding. Every sample is found.
template <Norm N>
std::vector<double> ratios_to_nearest(const Result<MinimalRows>& result,
                                      const AffineProblem<MinimalRows>& p) {
  Eigen::VectorXd nearest(result.size());
  if constexpr (std::is_same_v<N, L0>)
    nearest = fewest_entries(p);
  else
    nearest = p.template distances<N>();
  std::vector<double> out;
  for (Index i = 0; i < result.size(); ++i) {
    CAPTURE(i);
    REQUIRE(result.success[i]);
    out.push_back(result.distances[i] / nearest[i]);
    REQUIRE(out.back() >= 1 - 2e-5);
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// Logits so many times as large, and inputs in other units, change nothing else.
template <class Attack>
void check_free_of_scale(const Attack& attack, const std::vector<double>& scales,
                         const std::vector<double>& units) {
  CAPTURE(attack.name());
  const auto p = affine_problem<MinimalRows>(4, 30, 10, 21, Box::wide);
  const auto reference = attack(p.model, p.inputs, p.labels);
  CHECK(reference.success.all());
  for (const double scale : scales) {
    CAPTURE(scale);
    const Affine<MinimalRows> scaled(scale * p.model.weights(), scale * p.model.offsets(), p.model.bounds());
    const auto result = attack(scaled, p.inputs, p.labels);
    CHECK((result.distances - reference.distances).cwiseAbs().maxCoeff() <= 1e-6);
  }
  for (const double unit : units) {
    CAPTURE(unit);
    const Affine<MinimalRows> larger(p.model.weights() / unit, p.model.offsets(),
                                     Bounds<double>(-unit, 2 * unit));
    MinimalRows inputs = p.inputs;
    as_matrix(inputs) *= unit;
    const auto result = attack(larger, inputs, p.labels);
    const double length = std::is_same_v<typename Attack::norm, L0> ? 1 : unit;
    CHECK((result.distances / length - reference.distances).cwiseAbs().maxCoeff() <= 1e-6);
  }
}

/// What an attack finds by criteria of every kind.
struct ByCriterion {
  Eigen::VectorXd any, target, margin, target_margin, second, sure, both;
};

template <class Attack>
ByCriterion distances_by_criterion(const Attack& attack) {
  CAPTURE(attack.name());
  const auto p = affine_problem<MinimalRows>(5, 40, 10, 31);
  const Labels targets = p.labels.unaryExpr([](int y) { return (y + 1) % 5; });
  const auto found = [&](const auto& criterion) {
    const auto result = attack(p.model, p.inputs, criterion);
    CHECK(result.success.all());
    return result.distances;
  };
  return {found(p.labels),
          found(TargetedMisclassification(targets)),
          found(MarginAbove(p.labels, 0.5)),
          found(TargetedMarginAbove(targets, 0.5)),
          found(TopKMisclassification(p.labels, 2)),
          found(ConfidentMisclassification(p.labels, 0.9)),
          found(TargetedMisclassification(targets) && MarginAbove(p.labels, 0.5))};
}

/// The stricter criterion is met no closer, sample by sample, but for so many times the distance.
template <class Attack>
void check_criteria(const Attack& attack, double slack) {
  const ByCriterion found = distances_by_criterion(attack);
  CAPTURE(attack.name());
  for (Index i = 0; i < found.any.size(); ++i) {
    CHECK(found.any[i] <= slack * found.target[i]);
    CHECK(found.any[i] <= slack * found.margin[i]);
    CHECK(found.target[i] <= slack * found.target_margin[i]);
    CHECK(found.any[i] <= slack * found.second[i]);
    CHECK(found.any[i] <= slack * found.sure[i]);
    CHECK(found.target[i] <= 1.05 * found.both[i]);
  }
}

/// A sample's bits do not depend on its neighbours, one among which the model does not answer.
template <class Attack>
void check_alone_as_together(const Attack& attack) {
  const auto p = affine_problem<MinimalRows>(3, 10, 8, 5);
  Tampered<Affine<MinimalRows>> model(p.model);
  MinimalRows inputs = p.inputs;
  inputs(2, 0) = 0.25;  // where that is the first feature's value, the answer is NaN
  model.answer = [](std::int64_t, const auto& x, auto& z) {
    for (Index i = 0; i < x.dimension(0); ++i)
      if (x(i, 0) == 0.25) z.row(i).setConstant(std::nan(""));
  };
  const auto together = attack(model, inputs, p.labels);
  CHECK_FALSE(together.success[2]);
  CHECK(sample(together.adversarials, 2) == sample(inputs, 2));
  for (const Index i : {0, 1, 7}) {
    const std::vector<Index> row{i};
    const auto alone = attack(model, gather(inputs, row), Labels(p.labels.segment(i, 1)),
                              {.sample_ids = std::vector<std::int64_t>{i}});
    CHECK(alone.success.all());
    CHECK(same_bits(alone, select(together, row)));
  }
}

/// Without a gradient it asks so often, and at most so often where the boundary is out of the box.
template <class Attack>
void check_gives_up(const Attack& attack, std::int64_t without, std::int64_t most) {
  CAPTURE(attack.name());
  MinimalRows inputs(2, 5);
  inputs.setConstant(0.5);
  const Labels labels = Labels::Constant(2, 1);
  const Affine<MinimalRows> flat(Eigen::MatrixXd::Zero(2, 5), Eigen::Vector2d(0, 1));
  const auto nothing = attack(flat, inputs, labels);
  CHECK(nothing.success.count() == 0);
  CHECK((nothing.queries.array() == without).all());
  CHECK(same_rows(nothing.adversarials, inputs));

  Eigen::MatrixXd weights = Eigen::MatrixXd::Ones(2, 5);
  weights.row(1) *= 2;
  const Affine<MinimalRows> far(weights, Eigen::Vector2d(0, 10));
  const auto outside = attack(far, inputs, labels);
  CHECK(outside.success.count() == 0);
  CHECK((outside.queries.array() <= most).all());
  CHECK(same_rows(outside.adversarials, inputs));
}

/// What a mask freezes stays, and inputs on a lattice of so many steps are attacked on it.
template <class Attack>
void check_mask_and_lattice(const Attack& attack, double steps) {
  CAPTURE(attack.name());
  const auto p = affine_problem<MinimalRows>(4, 30, 10, 5);
  MinimalRows mask(1, 30);
  for (Index i = 0; i < 30; ++i) mask(0, i) = i % 3 != 0;
  const auto masked = attack(p.model, p.inputs, p.labels, {.mask = mask});
  CHECK(masked.success.all());
  for (Index row = 0; row < 10; ++row)
    for (Index i = 0; i < 30; i += 3) CHECK(masked.adversarials(row, i) == p.inputs(row, i));
  MinimalRows rounded = p.inputs;
  as_matrix(rounded) = (steps * as_matrix(rounded)).array().round() / steps;
  const auto coarse = attack(p.model, rounded, predict(p.model, rounded), {.lattice = Lattice{0, 1, steps}});
  CHECK(coarse.success.all());
}

/// No more than so many questions where there is a gradient at the input alone; and with one feature, logits
/// that are all but level are told apart.
template <class Attack>
void check_bare_gradients(const Attack& attack, std::int64_t most) {
  CAPTURE(attack.name());
  MinimalRows inputs(2, 5);
  inputs.setConstant(0.5);
  Eigen::MatrixXd slopes(2, 5);
  slopes << 0.7, -0.2, 0.6, 0.6, 0.8, -0.6, -0.3, 0.5, -0.4, 0.1;
  Affine<MinimalRows> model(slopes, Eigen::Vector2d(0, 5));
  Tampered<Affine<MinimalRows>> once(model);
  once.gradient = [](const auto& x, auto& gradient) {
    if (x(0, 0) != 0.5) gradient.setZero();
  };
  CHECK((attack(once, inputs, Labels::Constant(2, 1)).queries.array() <= most).all());

  Eigen::MatrixXd weights(2, 1);
  weights << 1, -1;
  const Affine<MinimalRows> line(weights, Eigen::Vector2d(0, 1));
  MinimalRows x(2, 1);
  x.setValues({{0.4}, {0.5 - 1e-12}});
  const auto result = attack(line, x, Labels::Constant(2, 1));
  CHECK(result.success.all());
  CHECK(result.distances[0] >= (std::is_same_v<typename Attack::norm, L0> ? 1 : 0.1 - 1e-12));
}

}  // namespace foil::test
