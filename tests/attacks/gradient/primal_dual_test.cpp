// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/primal_dual/primal_dual.hpp"

#include <cmath>
#include <vector>

#include "support/minimal_checks.hpp"

using namespace foil;
using namespace foil::test;

namespace {

using Rows = MinimalRows;

template <Norm N>
void check_nearest(const PrimalDualAttack<N>& attack, double median, double worst) {  // of two classes
  for (const Box box : all_boxes)
    for (const Index classes : {2, 5}) {
      const auto p = affine_problem<Rows>(classes, 30, 12, 20, box);
      CAPTURE(attack.name(), static_cast<int>(box), classes);
      const auto found = ratios_to_nearest<N>(attack(p.model, p.inputs, p.labels), p);
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
  for_each_attack(
      [](const auto& attack) { check_free_of_scale(attack, {0x1p-20, 0x1p20}, {0x1p-100, 0x1p8, 0x1p100}); });
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
  for_each_attack([](const auto& attack) {
    const ByCriterion found = distances_by_criterion(attack);
    CAPTURE(attack.name());
    CHECK(found.any.sum() <= 1.02 * found.target.sum());
    CHECK(found.any.sum() <= 1.02 * found.margin.sum());
    CHECK(found.any.sum() <= 1.02 * found.second.sum());
    CHECK(found.any.sum() <= 1.02 * found.sure.sum());
    CHECK(found.target.sum() <= 1.02 * found.both.sum());
  });
}

TEST_CASE("primal-dual: where there is no way, it gives up") {
  for_each_attack([](const auto& attack) { check_gives_up(attack, 1, 101); });
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
  check_alone_as_together(L1PDPGD());
}

TEST_CASE("primal-dual: options out of range are named") {
  CHECK_THROWS_WITH(L1PDPGD({.ratio = 0}),
                    Catch::Matchers::ContainsSubstring("l1-pdpgd: expected ratio in [1e-06, 1e+06], got 0"));
}
