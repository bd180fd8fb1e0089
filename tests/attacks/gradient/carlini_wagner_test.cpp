// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/carlini_wagner/carlini_wagner.hpp"

#include "support/minimal_checks.hpp"

using namespace foil;
using namespace foil::test;

namespace {

using Rows = MinimalRows;

template <Norm N>
void check_nearest(double median, double worst) {
  for (const Box box : all_boxes)
    for (const Index classes : {2, 5}) {
      const auto p = affine_problem<Rows>(classes, 30, 12, 20, box);
      CAPTURE(static_cast<int>(box), classes);
      const auto found = ratios_to_nearest<N>(CarliniWagnerAttack<N>()(p.model, p.inputs, p.labels), p);
      CHECK(found[found.size() / 2] <= median);
      CHECK(found.back() <= worst);
    }
}

}  // namespace

TEST_CASE("carlini-wagner: near the nearest adversarial of an affine model") {
  check_nearest<L0>(1, 2);
  check_nearest<L2>(1.002, 1.02);
  check_nearest<Linf>(1.002, 1.25);
}

TEST_CASE("carlini-wagner: neither the scale of the logits nor the input's units matter") {
  check_free_of_scale(L0CarliniWagnerAttack(), {0x1p-20, 0x1p20}, {0x1p-100, 0x1p8, 0x1p80});
  check_free_of_scale(L2CarliniWagnerAttack(), {0x1p-20, 0x1p20}, {0x1p-100, 0x1p8, 0x1p80});
  check_free_of_scale(LinfCarliniWagnerAttack(), {0x1p-20, 0x1p20}, {0x1p-100, 0x1p8, 0x1p80});
}

TEST_CASE("carlini-wagner: it asks what it says it asks, and more rounds come closer") {
  const Mlp<Rows> model(20, 30, 6, 1);
  Random random(2);
  const auto inputs = random_batch<Rows>(random, Rows::Dimensions(20, 20));
  const Labels labels = predict(model, inputs);
  const auto check = [&](auto attack) {
    CountingModel counting(model);
    const auto one = attack(counting, inputs, labels);
    CHECK((one.queries - one.gradient_queries).maxCoeff() <= 4);
    CHECK((one.gradient_queries.array() <= 40).all());
    CHECK(counting.forward == one.queries.sum() + one.verification_queries.sum());
    CHECK(counting.backward == one.gradient_queries.sum());
    return one;
  };
  const auto one = check(L2CarliniWagnerAttack({.rounds = 1, .steps = 40, .bisections = 4}));
  CHECK(one.success.all());
  CHECK((one.queries.array() == one.gradient_queries.array() + 4).any());
  check(L0CarliniWagnerAttack({.rounds = 2, .steps = 20, .bisections = 4}));
  check(LinfCarliniWagnerAttack({.rounds = 4, .steps = 10, .bisections = 4}));
  const auto many = L2CarliniWagnerAttack({.rounds = 10, .steps = 40})(model, inputs, labels);
  CHECK((many.distances.array() <= one.distances.array()).all());
  CHECK(many.distances.sum() < 0.99 * one.distances.sum());
}

TEST_CASE("carlini-wagner: criteria of every kind, at growing distances") {
  check_criteria(L2CarliniWagnerAttack(), 1.05);
}

TEST_CASE("carlini-wagner: a sample's bits do not depend on its neighbours, failures among them") {
  check_alone_as_together(L2CarliniWagnerAttack({.rounds = 4}));
}

TEST_CASE("carlini-wagner: where there is no way, it gives up") {
  check_gives_up(L0CarliniWagnerAttack(), 1, 900);
  check_gives_up(L2CarliniWagnerAttack(), 1, 900);
  check_gives_up(LinfCarliniWagnerAttack(), 1, 900);
  check_bare_gradients(L0CarliniWagnerAttack(), 900);
  check_bare_gradients(L2CarliniWagnerAttack(), 900);
  check_bare_gradients(LinfCarliniWagnerAttack(), 900);
}

TEST_CASE("carlini-wagner: masks and lattices are kept") {
  check_mask_and_lattice(L2CarliniWagnerAttack(), 16);
}

TEST_CASE("carlini-wagner: options out of range are named") {
  CHECK_THROWS_WITH(
      L2CarliniWagnerAttack({.constant = 0}),
      Catch::Matchers::ContainsSubstring("l2-carlini-wagner: expected constant in (0, 1e+09], got 0"));
}
