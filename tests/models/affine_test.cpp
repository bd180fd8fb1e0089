// SPDX-License-Identifier: MIT
#include "foil/models/affine.hpp"

#include <limits>

#include "foil/attacks/gradient/fast_gradient.hpp"
#include "foil/models/label_only.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Catch::Matchers::ContainsSubstring;
using Input = Tensor<float, 4>;
using Numbers = Eigen::VectorXf;

/// Two images of 2 x 1 x 3.
Input two_images() {
  Input x(2, 2, 1, 3);
  for (Index i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>((7 * i) % 12) / 12;
  return x;
}

Numbers numbers(std::initializer_list<float> values) {
  return Eigen::Map<const Numbers>(values.begin(), static_cast<Index>(values.size()));
}

TEST_CASE("affine: the model is given (x - mean) / deviation, per batch, channel or feature", "[affine]") {
  const auto model = test::random_affine<Input>(3, 6, 1);
  const auto x = two_images();
  struct Case {
    Numbers mean, deviation;
  };
  for (const auto& [mean, deviation] :
       {Case{numbers({0.5f}), numbers({0.25f})}, Case{numbers({0.1f, 0.4f}), numbers({2.f, 0.3f})},
        Case{numbers({0, 1, 2, 3, 4, 5}), numbers({1, 2, 3, 4, 5, 6})},
        Case{numbers({0.1f, 0.4f}), numbers({1, 2, 3, 4, 5, 6})}}) {
    const Affine standardised(model, mean, deviation);
    static_assert(DifferentiableModel<decltype(standardised)> && shareable<decltype(standardised)>);
    Input given = x;
    for (Index i = 0; i < 2; ++i)
      for (Index k = 0; k < 6; ++k) {
        const auto of = [&](const Numbers& all) {
          return all[all.size() == 1 ? 0 : all.size() == 2 ? k / 3 : k];
        };
        sample(given, i)[k] = (sample(x, i)[k] - of(mean)) / of(deviation);
      }
    CHECK(standardised.logits(x) == model.logits(given));
    CHECK(standardised.vjp(x).logits == model.logits(given));

    // The gradient is that of the logits with respect to x.
    const Logits<float> cotangent = Logits<float>::Random(2, 3);
    const Input gradient = standardised.vjp(x).pullback(cotangent);
    for (Index i = 0; i < x.size(); ++i) {
      Input up = x, down = x;
      up.data()[i] += 0.5f;
      down.data()[i] -= 0.5f;
      const double slope =
          (cotangent.array() * (standardised.logits(up) - standardised.logits(down)).array()).sum();
      CHECK(gradient.data()[i] == Catch::Approx(slope).margin(1e-4));
    }
  }
}

TEST_CASE("affine: bounds and epsilon stay in the units of the data", "[affine]") {
  const auto model = test::random_affine<Input>(3, 6, 1);
  const Affine standardised(model, numbers({0.5f}), numbers({0.1f}));
  CHECK(standardised.bounds().lower(0) == model.bounds().lower(0));
  CHECK(standardised.bounds().upper(0) == model.bounds().upper(0));
  const auto x = two_images();
  const auto result = FGSM{}(standardised, x, predict(standardised, x), 0.05f);
  for (Index i = 0; i < 2; ++i)
    CHECK((sample(result.adversarials, i) - sample(x, i)).cwiseAbs().maxCoeff() <= 0.05f);
}

TEST_CASE("affine: offers as much as its model", "[affine]") {
  const auto model = test::random_affine<Input>(3, 6, 1);
  const LabelOnly labels(model);
  const Affine standardised(labels, numbers({0.5f}), numbers({0.1f}));
  static_assert(DecisionModel<decltype(standardised)> && !ScoreModel<decltype(standardised)>);
  const Affine of_scores(model, numbers({0.5f}), numbers({0.1f}));
  CHECK(predict(standardised, two_images()) == predict(of_scores, two_images()));
}

TEST_CASE("affine: numbers that do not do are named", "[affine]") {
  const auto model = test::random_affine<Input>(3, 6, 1);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH(Affine(model, numbers({}), numbers({1})), ContainsSubstring("got 0 and 1"));
  CHECK_THROWS_WITH(Affine(model, numbers({0, nan}), numbers({1})), ContainsSubstring("got nan at index 1"));
  CHECK_THROWS_WITH(Affine(model, numbers({0}), numbers({0})),
                    ContainsSubstring("above 0, got 0 at index 0"));
  CHECK_THROWS_WITH(Affine(model, numbers({0, 0, 0}), numbers({1})).logits(two_images()),
                    ContainsSubstring("expected 1, 2 or 6 means and deviations for these inputs, got 3"));
}

}  // namespace
