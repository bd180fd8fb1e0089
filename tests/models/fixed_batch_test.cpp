// SPDX-License-Identifier: MIT
#include "foil/models/fixed_batch.hpp"

#include <cstdint>
#include <vector>

#include "foil/attacks/gradient/projected_gradient/projected_gradient.hpp"
#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

namespace {
using namespace foil;
using Input = Tensor<float, 2>;
using Catch::Matchers::ContainsSubstring;

/// Rounds differently for every number of rows, as foreign engines do.
struct SizeDependent : test::Affine<Input> {
  SizeDependent() : Affine(test::random_affine<Input>(3, 4, 1)) {}
  Logits<float> logits(const Input& x) const {
    sizes.push_back(samples(x));
    return Affine::logits(x) * (1 + 1e-3f * static_cast<float>(samples(x)));
  }
  auto vjp(const Input& x) const { return Vjp{logits(x), Affine::vjp(x).pullback}; }
  mutable std::vector<Index> sizes{};
};

TEST_CASE("fixed batch: the model only ever sees batches of one size", "[fixed_batch]") {
  const SizeDependent model;
  const FixedBatch fixed(model, 4);
  static_assert(DifferentiableModel<decltype(fixed)>);
  test::Random random(1);
  const auto x = test::random_batch<Input>(random, Input::Dimensions(10, 4));
  const Logits<float> z = fixed.logits(x);
  const auto pass = fixed.vjp(x);
  CHECK(model.sizes == std::vector<Index>(6, 4));
  CHECK(pass.logits == z);
  CHECK(z == model.Affine::logits(x) * 1.004f);
  // Gradients of every row, pulled back more than once.
  Logits<float> cotangent = Logits<float>::Random(10, 3);
  for (int repeat = 0; repeat < 2; ++repeat, cotangent *= 2)
    CHECK(as_matrix(pass.pullback(cotangent)) == as_matrix(model.Affine::vjp(x).pullback(cotangent)));
}

TEST_CASE("fixed batch: makes a run reproducible whatever the size of its batches", "[fixed_batch]") {
  const SizeDependent model;
  const FixedBatch fixed(model, 3);
  test::Random random(2);
  const auto x = test::random_batch<Input>(random, Input::Dimensions(8, 4));
  const Labels y = predict(fixed, x);
  const auto run = [&](const auto& on, Index batch_size) {
    return LinfPGD({.steps = 5, .loss = Loss::cross_entropy, .maximize_loss = true})(
        on, x, y, 0.05, {.batch_size = batch_size});
  };
  const auto reference = run(fixed, 8);
  for (const Index batch_size : {1, 2, 5}) CHECK(test::same_bits(run(fixed, batch_size), reference));
}

TEST_CASE("fixed batch: answers of another shape are errors", "[fixed_batch]") {
  const auto affine = test::random_affine<Input>(3, 4, 1);
  Input x(9, 4);
  x.setConstant(0.5f);
  const auto refused = [&](auto spoil, const char* said) {
    test::Tampered broken(affine);
    broken.answer = [&](std::int64_t call, const Input&, Logits<float>& z) { spoil(call, z); };
    const FixedBatch fixed(broken, 4);
    CHECK_THROWS_WITH(fixed.logits(x), ContainsSubstring(said));
    CHECK_THROWS_WITH(fixed.vjp(x), ContainsSubstring(said));
  };
  refused([](auto, auto& z) { z.conservativeResize(1, 3); }, "each of 4 samples, got 1");
  refused([](auto, auto& z) { z.setZero(5, 3); }, "each of 4 samples, got 5");
  refused([](auto, auto& z) { z.resize(4, 0); }, "at least 2 classes, got 0");
  refused([](auto call, auto& z) { z.setZero(4, call % 2 ? 40 : 3); }, "the number of classes changed from");

  test::Tampered broken(affine);
  const FixedBatch fixed(broken, 4);
  for (const auto& shape : {Input::Dimensions(1, 4), Input::Dimensions(4, 1), Input::Dimensions(0, 0)}) {
    broken.gradient = [&](const Input&, Input& g) { g = Input(shape); };
    CHECK_THROWS_WITH(fixed.vjp(x).pullback(Logits<float>::Zero(9, 3)), ContainsSubstring("shape (4, 4)"));
  }
}

TEST_CASE("fixed batch: odds and ends", "[fixed_batch]") {
  const SizeDependent model;
  for (const foil::Index size : {foil::Index{0}, foil::Index{1} << 40})
    CHECK_THROWS_WITH(FixedBatch(model, size), ContainsSubstring(foil::text("from 1 to 2^20, got ", size)));
  CHECK(FixedBatch(model, 3).logits(Input(0, 4)).rows() == 0);
  const FixedBatch fixed(model, 3);
  static_assert(shareable<decltype(fixed)>);
  auto changing = make_model<Input>(Bounds<float>(), [calls = 0](const Input& x) mutable {
    return Logits<float>(Logits<float>::Constant(samples(x), 2, static_cast<float>(++calls)));
  });
  FixedBatch single(changing, 1);
  static_assert(ScoreModel<decltype(single)> && !shareable<decltype(single)>);
  CHECK(single.logits(Input(2, 4))(1, 0) == 2);
}
}  // namespace
