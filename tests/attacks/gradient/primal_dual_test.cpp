// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/primal_dual/primal_dual.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/scripted.hpp"

using namespace foil;
using namespace foil::test;

namespace {

using Rows = Tensor<double, 2>;

/// The fewest features whose change makes a sample leave its class.
double fewest_features(const AffineProblem<Rows>& p, Index row) {
  double fewest = std::numeric_limits<double>::infinity();
  for (Index other = 0; other < p.model.offsets().size(); ++other) {
    if (other == p.labels[row]) continue;
    if (const auto change = p.model.template nearest_tie<L0>(sample(p.inputs, row), p.labels[row], other))
      fewest = std::min(fewest, static_cast<double>((change->array().abs() > 1e-9).count()));
  }
  return fewest;
}

/// Distances over the shortest ones there are, sorted; none is shorter.
template <Norm N>
std::vector<double> ratios(const PrimalDualAttack<N>& attack, const AffineProblem<Rows>& p) {
  const auto result = attack(p.model, p.inputs, p.labels);
  std::vector<double> out;
  for (Index i = 0; i < result.size(); ++i) {
    CAPTURE(i);
    REQUIRE(result.success[i]);
    const double nearest =
        N::p == 0 ? fewest_features(p, i) : p.model.template distance_to_leave<N>(p.inputs, i, p.labels[i]);
    out.push_back(result.distances[i] / nearest);
    REQUIRE(out.back() >= 1 - 2e-5);
  }
  std::sort(out.begin(), out.end());
  return out;
}

template <Norm N>
void check_nearest(const PrimalDualAttack<N>& attack, double median, double worst) {  // of two classes
  for (const Box box : all_boxes)
    for (const Index classes : {2, 5}) {
      const auto p = affine_problem<Rows>(classes, 30, 12, 20, box);
      CAPTURE(attack.name(), static_cast<int>(box), classes);
      const auto found = ratios(attack, p);
      CHECK(found[found.size() / 2] <= (classes == 2 ? median : 1.03));
      if (classes == 2) CHECK(found.back() <= worst);  // of more, the nearest is not always the one found
    }
}

void for_each_attack(const auto& check) {
  check(PrimalDualAttack<L2>(L2PDGD()));
  check(L0PDPGD());
  check(L1PDPGD());
  check(L2PDPGD());
  check(LinfPDPGD());
}

/// What a proximal operator minimises.
template <Norm N>
double proximal_value(const Eigen::VectorXd& z, const Eigen::VectorXd& w, const Eigen::VectorXd& metric,
                      double weight) {
  const double size = N::p == 0 ? z.array().abs().pow(2.0 / 3).sum() : N::size(z);
  return (metric.array() * (z - w).array().square()).sum() / 2 + weight * size;
}

template <Norm N>
void check_proximal() {
  Random random(3);
  for (int repeat = 0; repeat < 60; ++repeat) {
    const Index n = 1 + repeat % 7;
    Eigen::VectorXd w(n), metric(n);
    for (Index i = 0; i < n; ++i) {
      w[i] = random.uniform(-2, 2);
      metric[i] = std::exp(random.uniform(-4, 4));
    }
    const double weight = std::exp(random.uniform(-6, 3));
    Eigen::VectorXd z = w;
    apply_proximal<N>(z, metric, weight);
    const double best = proximal_value<N>(z, w, metric, weight), slack = 1e-9 * (1 + best);
    // No point nearby is better, nor one on the way to the input or without one entry.
    Eigen::VectorXd other = Eigen::VectorXd::Zero(n);
    CHECK(best <= proximal_value<N>(other, w, metric, weight) + slack);
    CHECK(best <= proximal_value<N>(w, w, metric, weight) + slack);
    for (const double size : {1e-3, 1e-1})
      for (int k = 0; k < 20; ++k) {
        other = z;
        for (Index i = 0; i < n; ++i) other[i] += size * random.uniform(-1, 1);
        CHECK(best <= proximal_value<N>(other, w, metric, weight) + slack);
      }
    for (Index i = 0; i < n; ++i) {
      other = z;
      other[i] = z[i] == 0 ? w[i] : 0;
      CHECK(best <= proximal_value<N>(other, w, metric, weight) + slack);
    }
  }
}

}  // namespace

TEST_CASE("primal-dual: the proximal steps minimise what they are to minimise") {
  check_proximal<L0>();
  check_proximal<L1>();
  check_proximal<L2>();
  check_proximal<Linf>();
  // Where the cube root is real but no better than zero: usual implementations keep the entry.
  CHECK(two_thirds_shrunk(1, 0.7) == 0);
  CHECK(two_thirds_shrunk(0, 0.7) == 0);
  CHECK(two_thirds_shrunk(-8, 1e-12) == Catch::Approx(-8));
}

TEST_CASE("primal-dual: near the nearest adversarial of an affine model") {
  check_nearest<L2>(L2PDGD(), 1.01, 1.03);
  check_nearest(L0PDPGD(), 1, 2);
  check_nearest(L1PDPGD(), 1.01, 1.03);
  check_nearest(L2PDPGD(), 1.01, 1.03);
  check_nearest(LinfPDPGD(), 1.01, 1.03);
}

TEST_CASE("primal-dual: neither the scale of the logits nor the input's units matter") {
  const auto p = affine_problem<Rows>(4, 30, 10, 21, Box::wide);
  for_each_attack([&](const auto& attack) {
    CAPTURE(attack.name());
    const auto reference = attack(p.model, p.inputs, p.labels);
    for (const double scale : {0x1p-20, 0x1p20}) {
      const Affine<Rows> scaled(scale * p.model.weights(), scale * p.model.offsets(), p.model.bounds());
      const auto result = attack(scaled, p.inputs, p.labels);
      CHECK((result.distances - reference.distances).cwiseAbs().maxCoeff() <= 1e-6);
    }
    for (const double unit : {0x1p-100, 0x1p8, 0x1p100}) {
      CAPTURE(unit);
      const Affine<Rows> scaled(p.model.weights() / unit, p.model.offsets(), Bounds<double>(-unit, 2 * unit));
      Rows inputs = p.inputs;
      as_matrix(inputs) *= unit;
      const auto result = attack(scaled, inputs, p.labels);
      const double length = attack.name() == "l0-pdpgd" ? 1 : unit;
      CHECK((result.distances / length - reference.distances).cwiseAbs().maxCoeff() <= 1e-6);
    }
  });
}

TEST_CASE("primal-dual: a forward and a backward pass a step, and a forward pass for the last point") {
  const auto p = affine_problem<Rows>(3, 20, 10, 7);
  for_each_attack([&](auto attack) {
    CountingModel counting(p.model);
    using Attack = decltype(attack);
    const auto result = Attack({.steps = 17})(counting, p.inputs, p.labels);
    CHECK((result.queries.array() == 18).all());
    CHECK((result.gradient_queries.array() == 17).all());
    CHECK(counting.forward == result.queries.sum() + result.verification_queries.sum());
    CHECK(counting.backward == result.gradient_queries.sum());
    // Few steps hurry.
    CHECK(Attack({.steps = 10})(p.model, p.inputs, p.labels).success.all());
  });
}

TEST_CASE("primal-dual: criteria of every kind, at growing distances") {
  const auto p = affine_problem<Rows>(5, 40, 10, 31);
  const Labels targets = p.labels.unaryExpr([](int y) { return (y + 1) % 5; });
  for_each_attack([&](const auto& attack) {
    CAPTURE(attack.name());
    const auto found = [&](const auto& criterion) {
      const auto result = attack(p.model, p.inputs, criterion);
      CHECK(result.success.all());
      return result.distances;
    };
    const Eigen::VectorXd any = found(p.labels), target = found(TargetedMisclassification(targets)),
                          margin = found(MarginAbove(p.labels, 0.5)),
                          second = found(TopKMisclassification(p.labels, 2)),
                          sure = found(ConfidentMisclassification(p.labels, 0.9)),
                          both = found(TargetedMisclassification(targets) && MarginAbove(p.labels, 0.5));
    CHECK(any.sum() <= 1.02 * target.sum());
    CHECK(any.sum() <= 1.02 * margin.sum());
    CHECK(any.sum() <= 1.02 * second.sum());
    CHECK(any.sum() <= 1.02 * sure.sum());
    CHECK(target.sum() <= 1.02 * both.sum());
  });
}

TEST_CASE("primal-dual: where there is no way, it gives up") {
  Rows inputs(2, 5);
  inputs.setConstant(0.5);
  const Labels labels = Labels::Constant(2, 1);
  for_each_attack([&](const auto& attack) {
    CAPTURE(attack.name());
    const Affine<Rows> flat(Eigen::MatrixXd::Zero(2, 5), Eigen::Vector2d(0, 1));
    const auto nothing = attack(flat, inputs, labels);
    CHECK(nothing.success.count() == 0);
    CHECK((nothing.queries.array() == 1).all());
    CHECK(same_rows(nothing.adversarials, inputs));

    Eigen::MatrixXd weights = Eigen::MatrixXd::Ones(2, 5);
    weights.row(1) *= 2;
    const Affine<Rows> far(weights, Eigen::Vector2d(0, 10));
    const auto outside = attack(far, inputs, labels);
    CHECK(outside.success.count() == 0);
    CHECK((outside.queries.array() == 101).all());
    CHECK(same_rows(outside.adversarials, inputs));
  });
}

TEST_CASE("primal-dual: where the model stops answering, it goes back and on with shorter steps") {
  const auto p = affine_problem<Rows>(2, 8, 6, 4, Box::wide);
  const Eigen::VectorXd nearest = p.distances<L2>();
  for (Index i = 0; i < 6; ++i) {
    Tampered<Affine<Rows>> model(p.model);
    model.answer = [&](std::int64_t, const auto& x, auto& z) {
      for (Index row = 0; row < x.dimension(0); ++row)
        if ((sample(x, row) - sample(p.inputs, i)).norm() > 1.3 * nearest[i])
          z.row(row).setConstant(std::nan(""));
    };
    const std::vector<Index> alone{i};
    const L2PDPGD attack({.learning_rate = 4, .last_learning_rate = 0.5});
    const auto result = attack(model, gather(p.inputs, alone), Labels(p.labels.segment(i, 1)));
    CAPTURE(i);
    CHECK(result.success[0]);
  }
}

TEST_CASE("primal-dual: a sample's bits do not depend on its neighbours, one without an answer among them") {
  const auto p = affine_problem<Rows>(3, 10, 8, 5);
  Tampered<Affine<Rows>> model(p.model);
  Rows inputs = p.inputs;
  inputs(2, 0) = 0.25;
  model.answer = [](std::int64_t, const auto& x, auto& z) {
    for (Index i = 0; i < x.dimension(0); ++i)
      if (x(i, 0) == 0.25) z.row(i).setConstant(std::nan(""));
  };
  const L1PDPGD attack;
  const auto together = attack(model, inputs, p.labels);
  CHECK_FALSE(together.success[2]);
  for (const Index i : {0, 1, 7}) {
    const std::vector<Index> row{i};
    const auto alone = attack(model, gather(inputs, row), Labels(p.labels.segment(i, 1)),
                              {.sample_ids = std::vector<std::int64_t>{i}});
    CHECK(alone.success.all());
    CHECK(same_bits(alone, select(together, row)));
  }
}

TEST_CASE("primal-dual: options out of range are named") {
  CHECK_THROWS_WITH(L1PDPGD({.ratio = 0}),
                    Catch::Matchers::ContainsSubstring("l1-pdpgd: expected ratio in [1e-06, 1e+06], got 0"));
}
