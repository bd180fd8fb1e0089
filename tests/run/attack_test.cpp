// SPDX-License-Identifier: MIT
#include "foil/run/attack.hpp"

#include "foil/attacks/decision/additive_noise.hpp"
#include "foil/attacks/gradient/fast_gradient.hpp"
#include "foil/attacks/gradient/projected_gradient/projected_gradient.hpp"
#include "foil/attacks/parts/minimal.hpp"
#include "foil/models/lambdas.hpp"
#include "support/affine_problem.hpp"
#include "support/catch.hpp"

using namespace foil;
using namespace foil::test;

namespace {

using Rows = Tensor<float, 2>;
using Catch::Matchers::ContainsSubstring;

}  // namespace

TEST_CASE("names are the field's, in kebab case") {
  CHECK(FGSM::name() == "fgsm");
  CHECK(L1FastGradientAttack::name() == "l1-fgm");
  CHECK(LinfPGD().name() == "linf-pgd");
  CHECK(L2AdamBasicIterativeAttack().name() == "l2-adam-bim");
  CHECK(L2ClippingAwareRepeatedAdditiveGaussianNoiseAttack().name() ==
        "l2-clipping-aware-repeated-additive-gaussian-noise");
  CHECK(Minimal<LinfPGD>().name() == "minimal-linf-pgd");
}

TEST_CASE("an attack whose type is forgotten does the same bit for bit") {
  const auto p = affine_problem<Rows>(3, 20, 20, 1);
  const auto check = [&](const auto& typed, const auto& plain) {
    const AnyAttack any = typed;
    CHECK(any.name() == typed.name());
    CHECK(any.minimal() == typed.minimal);
    CHECK(any.knowledge() == typed.knowledge);
    const auto erased = any(p.model, p.inputs, p.labels, 0.2, {.seed = 3});
    CHECK(same_rows(erased.adversarials, plain.adversarials));
    CHECK(erased.queries == plain.queries);
    CHECK(plain.success.any());
  };
  const LinfPGD pgd({.steps = 9});
  check(pgd, pgd(p.model, p.inputs, p.labels, 0.2, {.seed = 3}));
  const Minimal<L2FastGradientAttack> minimal;
  check(minimal, minimal(p.model, p.inputs, p.labels, {.seed = 3}));
  const LinfRepeatedAdditiveUniformNoiseAttack noise;
  check(noise, noise(p.model, p.inputs, p.labels, 0.2, {.seed = 3}));
}

TEST_CASE("an attack chosen at run time says what the model or the criterion lacks") {
  const auto p = affine_problem<Rows>(2, 20, 5, 2);
  const auto labels_only =
      make_model<Rows>(Bounds<float>{0, 1}, [&](const Rows& x) { return predict(p.model, x); });
  const auto scores_only =
      make_model<Rows>(Bounds<float>{0, 1}, [&](const Rows& x) { return p.model.logits(x); });
  const AnyAttack pgd = LinfPGD();
  CHECK_THROWS_WITH(pgd(labels_only, p.inputs, p.labels, 0.1),
                    ContainsSubstring("linf-pgd: needs more of the model"));
  CHECK_THROWS_WITH(pgd(scores_only, p.inputs, p.labels, 0.1), ContainsSubstring("(vjp)"));
  const auto decide = [&](const Decision& d) { return d.label != p.labels[d.sample]; };
  CHECK_THROWS_WITH(pgd(p.model, p.inputs, decide, 0.1), ContainsSubstring("criterion with a margin"));
  const AnyAttack noise = LinfAdditiveUniformNoiseAttack();
  CHECK_NOTHROW(noise(labels_only, p.inputs, decide, 0.1));
}

TEST_CASE("options stay with the attack, whose copies are independent of the original") {
  std::unique_ptr<LinfPGD> original = std::make_unique<LinfPGD>(LinfPGD::Options{.steps = 3});
  const LinfPGD copy = *original;
  const AnyAttack any = *original;
  original.reset();
  CHECK(copy.options().steps == 3);
  const auto p = affine_problem<Rows>(2, 20, 5, 3);
  CHECK((any(p.model, p.inputs, p.labels, 1e-6).gradient_queries.array() == 3).all());
}
