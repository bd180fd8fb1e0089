// SPDX-License-Identifier: MIT
#include "foil/run/attack.hpp"

#include <cstdint>
#include <memory>
#include <vector>

#include "foil/attacks/decision/additive_noise.hpp"
#include "foil/attacks/gradient/fast_gradient.hpp"
#include "foil/attacks/gradient/projected_gradient/projected_gradient.hpp"
#include "foil/attacks/parts/minimal.hpp"
#include "foil/models/lambdas.hpp"
#include "foil/run/any_attack.hpp"
#include "foil/run/pool.hpp"
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

TEST_CASE("an attack chosen at run time needs a radius exactly if it does not look for one") {
  const auto p = affine_problem<Rows>(2, 20, 5, 2);
  const AnyAttack pgd = LinfPGD(), minimal = Minimal<FGSM>();
  CHECK_THROWS_WITH(pgd(p.model, p.inputs, p.labels),
                    ContainsSubstring("linf-pgd: expected a radius, epsilon, got none"));
  CHECK_THROWS_WITH(pgd(p.model, p.inputs, p.labels, {.seed = 3}), ContainsSubstring("got none"));
  CHECK(minimal(p.model, p.inputs, p.labels).success.all());
  CHECK(minimal(p.model, p.inputs, p.labels, {.query_budget = 1}).queries == Counts::Ones(5));
}

TEST_CASE("what can only be meant in one way does the same as in foil's own types") {
  const auto p = affine_problem<Rows>(3, 20, 20, 4);
  const LinfPGD pgd({.steps = 9});
  const auto reference = pgd(p.model, p.inputs, p.labels, 0.2);
  const Eigen::MatrixXf columns = as_matrix(p.inputs);
  const std::vector<std::int64_t> labels(p.labels.begin(), p.labels.end());
  const auto same = [&](const Result<Rows>& result) {
    return same_rows(result.adversarials, reference.adversarials) && result.queries == reference.queries;
  };
  CHECK(same(pgd(p.model, columns, labels, 0.2)));
  CHECK(same(AnyAttack(pgd)(p.model, columns, p.labels.cast<long>(), 0.2)));
  CHECK(same(pgd(p.model, p.inputs * 1.f, Misclassification(labels), 0.2)));

  // Starting points, masks and pools as well.
  const RunOptions<Rows> given{
      .starting_points = columns, .mask = columns.topRows(1), .pool = {columns, labels}};
  CHECK(same_rows<Rows>(given.starting_points, p.inputs));
  CHECK(samples<Rows>(given.mask) == 1);
  CHECK(same_rows(given.pool.inputs(), p.inputs));
  CHECK(given.pool.predictions() == p.labels);
  CHECK(same_rows(Pool(p.model, columns).inputs(), p.inputs));
  CHECK(Pool<Rows>(columns, as_matrix(p.inputs)).predictions() == argmax<float>(as_matrix(p.inputs)));
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
