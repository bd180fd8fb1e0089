// SPDX-License-Identifier: MIT
#include "foil/models/quantised.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "foil/models/label_only.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Input = Tensor<float, 2>;
using Catch::Matchers::ContainsSubstring;

}  // namespace

TEST_CASE("quantised: levels, scores and labels are those of rounded inputs, gradients go straight through",
          "[models]") {
  const auto affine = test::random_affine<Input>(3, 4, 2, {-1, 2});
  const test::CountingModel counting(affine);
  const Quantised coarse(counting, 4);  // at -1, 0, 1 and 2
  static_assert(DifferentiableModel<decltype(coarse)> && shareable<decltype(coarse)>);
  Input x(2, 4), rounded(2, 4);
  x.setValues({{-1, -0.51f, -0.5f, -0.49f}, {0.1f, 1.49f, 1.5f, 2}});
  rounded.setValues({{-1, -1, 0, 0}, {0, 1, 2, 2}});
  CHECK(as_matrix(coarse.given(x)) == as_matrix(rounded));
  CHECK(coarse.logits(x) == affine.logits(rounded));
  const auto pass = coarse.vjp(x);
  CHECK(pass.logits == affine.logits(rounded));
  const Logits<float> g = Logits<float>::Random(2, 3);
  CHECK(as_matrix(pass.pullback(g)) == as_matrix(affine.vjp(rounded).pullback(g)));
  CHECK(counting.forward == 4);
  const LabelOnly labels(affine);
  const Quantised coarse_labels(labels, 4);
  static_assert(!ScoreModel<decltype(coarse_labels)>);
  CHECK(coarse_labels.predict(x) == argmax<float>(affine.logits(rounded)));
}

TEST_CASE("quantised: what lies on a level stays there to the bit, what does not goes to the nearest",
          "[models]") {
  const auto check = [](auto zero, double lower, double upper, Index levels) {
    using Scalar = decltype(zero);
    using Rows = Tensor<Scalar, 2>;
    const Quantise<Rows> quantise(Bounds<Scalar>(static_cast<Scalar>(lower), static_cast<Scalar>(upper)),
                                  levels);
    const double low = static_cast<double>(static_cast<Scalar>(lower)),
                 step = (static_cast<double>(static_cast<Scalar>(upper)) - low) /
                        static_cast<double>(levels - 1);
    Rows on(1, levels), between(1, 1000);
    for (Index k = 0; k < levels; ++k) on(0, k) = static_cast<Scalar>(low + static_cast<double>(k) * step);
    const Rows once = quantise(on);
    for (Index k = 0; k < levels; ++k) {
      CHECK(std::abs(static_cast<double>(once(0, k) - on(0, k))) <= 1e-6 * step);
      CHECK(once(0, k) <= static_cast<Scalar>(upper));
    }
    CHECK(as_matrix(quantise(once)) == as_matrix(once));
    CHECK(once(0, 0) == static_cast<Scalar>(lower));
    CHECK(once(0, levels - 1) == static_cast<Scalar>(upper));
    test::Random random(5);
    for (Index k = 0; k < 1000; ++k)
      between(0, k) =
          static_cast<Scalar>(random.uniform(low, static_cast<double>(static_cast<Scalar>(upper))));
    const Rows rounded = quantise(between);
    for (Index k = 0; k < 1000; ++k)
      CHECK(std::abs(static_cast<double>(rounded(0, k) - between(0, k))) <= 0.5001 * step);
  };
  for (const Index levels : {2, 3, 8, 255, 256}) {
    check(0.f, 0, 1, levels);
    check(0.f, 0, 255, levels);
    check(0.f, -2.117904, 2.64, levels);
    check(0.0, -0.3, 0.9, levels);
  }
  Input bytes(1, 256);
  for (Index k = 0; k < 256; ++k) bytes(0, k) = static_cast<float>(k);
  CHECK(as_matrix(Quantise<Input>({0, 255}, 256)(bytes)) == as_matrix(bytes));
}

TEST_CASE("quantised: bounds of single features, and what cannot be rounded", "[models]") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  Eigen::VectorXf lower(3), upper(3);
  lower << 0, -1, 0.5f;
  upper << 1, 3, 0.5f;
  const Quantise<Input> quantise({lower, upper}, 3);
  Input x(1, 3);
  x.setValues({{0.3f, 1.9f, 0.5f}});
  const Input rounded = quantise(x);
  CHECK(rounded(0, 0) == 0.5f);
  CHECK(rounded(0, 1) == 1);
  CHECK(rounded(0, 2) == 0.5f);  // frozen
  x(0, 1) = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(quantise(x)(0, 1)));
  CHECK_THROWS_WITH(quantise(Input(1, 4)), ContainsSubstring("3 features, but the input has 4"));
  CHECK_THROWS_WITH(Quantise<Input>({0, infinity}, 8), ContainsSubstring("finite bounds, got [0, inf]"));
  for (const Index levels : {Index{-1}, Index{1}, (Index{1} << 24) + 1})
    CHECK_THROWS_WITH(Quantise<Input>({0, 1}, levels), ContainsSubstring(text("2^24 levels, got ", levels)));
}
