// SPDX-License-Identifier: MIT
#include "foil/models/cached.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "foil/attacks/decision/additive_noise.hpp"
#include "foil/attacks/gradient/projected_gradient/projected_gradient.hpp"
#include "foil/models/label_only.hpp"
#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

namespace {
using namespace foil;
using Input = Tensor<float, 2>;
using Catch::Matchers::ContainsSubstring;

Input points(Index count, std::uint64_t seed = 1) {
  test::Random random(seed);
  return test::random_batch<Input>(random, Input::Dimensions(count, 4));
}

/// What a row of `n` floats with `answers` numbers takes, measured.
std::size_t bytes_of_one(const auto& model, const Input& x) {
  const Cached cached(model);
  predict(cached, gather(x, std::vector<Index>{0}));
  return cached.bytes();
}

}  // namespace

TEST_CASE("cached: a row that is known costs nothing, and its answer is the same", "[models]") {
  const auto affine = test::random_affine<Input>(3, 4, 2);
  const test::CountingModel counting(affine);
  const Cached cached(counting);
  static_assert(DifferentiableModel<decltype(cached)> && shareable<decltype(cached)>);
  const Input x = points(6);
  CHECK(cached.logits(x) == affine.logits(x));
  CHECK(cached.logits(x) == affine.logits(x));
  CHECK(counting.forward == 6);
  CHECK(cached.asked() == 6);
  CHECK(cached.hits() == 6);
  // Known and new ones in any order, some of them twice in the batch.
  const std::vector<Index> order{7, 3, 9, 7, 0, 0, 9, 8};
  const Input more = points(10), mixed = gather(more, order);
  CHECK(as_matrix(more).topRows(6) == as_matrix(x));
  CHECK(cached.logits(mixed) == affine.logits(mixed));
  CHECK(counting.forward == 9);
  CHECK(cached.hits() == 11);
  CHECK(cached.entries() == 9);

  const LabelOnly labels(counting);
  const Cached of_labels(labels);
  static_assert(DecisionModel<decltype(of_labels)> && !ScoreModel<decltype(of_labels)>);
  for (int repeat = 0; repeat < 2; ++repeat) CHECK(of_labels.predict(mixed) == predict(affine, mixed));
  CHECK(counting.forward == 9 + 5);
  CHECK(cached.logits(Input(0, 4)).rows() == 0);
}

TEST_CASE("cached: passes with gradients ask the model, and their logits are remembered", "[models]") {
  const auto affine = test::random_affine<Input>(3, 4, 2);
  const test::CountingModel counting(affine);
  const Cached cached(counting);
  const Input x = points(6);
  const Logits<float> g = Logits<float>::Constant(6, 3, 0.5f);
  for (int repeat = 0; repeat < 2; ++repeat) {
    const auto pass = cached.vjp(x);
    CHECK(pass.logits == affine.logits(x));
    CHECK(as_matrix(pass.pullback(g)) == as_matrix(affine.vjp(x).pullback(g)));
  }
  CHECK(counting.forward == 12);
  CHECK(cached.asked() == 12);
  CHECK(cached.logits(x) == affine.logits(x));
  CHECK(counting.forward == 12);
  CHECK(cached.hits() == 6);
}

TEST_CASE("cached: rows are told apart by every bit, not by their hash", "[models]") {
  // Rows whose last feature is -0 in place of 0, NaN, or a bit away.
  Input x(5, 4);
  x.setConstant(0.5f);
  x(0, 3) = 0.f;
  x(1, 3) = -0.f;
  x(2, 3) = std::numeric_limits<float>::quiet_NaN();
  x(3, 3) = std::nextafter(0.5f, 1.f);
  int asked = 0;
  const auto counter = make_model<Input>(Bounds<float>(), [&](const Input& rows) {
    Labels out(samples(rows));
    for (Index i = 0; i < out.size(); ++i) out[i] = asked++;
    return out;
  });
  const Cached cached(counter);
  for (int repeat = 0; repeat < 2; ++repeat) CHECK(predict(cached, x) == Labels::LinSpaced(5, 0, 4));
  CHECK(asked == 5);

  // Two rows of one hash are two rows: of FNV-1a, 32 bits of one number can undo what those before did.
  detail::Cache<float, std::vector<int>> cache(1 << 20);
  const Eigen::VectorXf one = Eigen::VectorXf::Constant(3, 1), two = Eigen::VectorXf::Constant(3, 2);
  const auto view = [](const Eigen::VectorXf& row) { return ConstSampleView<float>(row.data(), row.size()); };
  cache.keep(7, view(one), {1});
  CHECK(cache.find(7, view(two)) == nullptr);
  cache.keep(7, view(two), {2});
  REQUIRE(cache.find(7, view(one)) != nullptr);
  CHECK(cache.find(7, view(one))->front() == 1);
  CHECK(cache.find(7, view(two))->front() == 2);
  CHECK(cache.entries() == 2);
}

TEST_CASE("cached: memory is bounded, and what was used last stays", "[models]") {
  const auto affine = test::random_affine<Input>(3, 4, 2);
  const test::CountingModel counting(affine);
  const Input x = points(50);
  const std::size_t one = bytes_of_one(affine, x);
  CHECK(one > (4 + 3) * sizeof(float));
  const Cached cached(counting, {.bytes = 10 * one + one / 2});
  const auto row = [&](Index i) { return gather(x, std::vector<Index>{i}); };
  for (Index i = 0; i < 10; ++i) cached.logits(row(i));
  CHECK(cached.entries() == 10);
  cached.logits(row(0));  // used again, so that row 1 is the one to go
  cached.logits(row(10));
  CHECK(cached.entries() == 10);
  CHECK(cached.bytes() == 10 * one);
  CHECK(counting.forward == 11);
  cached.logits(row(0));
  CHECK(counting.forward == 11);
  CHECK(cached.logits(row(1)) == affine.logits(row(1)));
  CHECK(counting.forward == 12);
  // A batch of more rows than there is room for is answered all the same.
  CHECK(cached.logits(x) == affine.logits(x));
  CHECK(cached.entries() == 10);
  const Cached none(counting, {.bytes = one - 1});
  const std::int64_t before = counting.forward;
  for (int repeat = 0; repeat < 2; ++repeat) CHECK(none.logits(x) == affine.logits(x));
  CHECK(counting.forward - before == 100);
  CHECK(none.entries() == 0);
}

TEST_CASE("cached: attacks find the same, whatever is remembered, with any threads", "[models]") {
  const auto affine = test::random_affine<Input>(3, 4, 2);
  const Input x = points(12);
  const Labels y = predict(affine, x);
  const L2RepeatedAdditiveGaussianNoiseAttack noise({.repeats = 30});
  const LinfPGD pgd({.steps = 5, .maximize_loss = true});
  const auto by_noise = noise(affine, x, y, 1.0);
  const auto by_pgd = pgd(affine, x, y, 0.1);
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{2000}, std::size_t{1} << 28}) {
    const test::CountingModel counting(affine);
    const Cached cached(counting, {.bytes = bytes});
    for (int repeat = 0; repeat < 2; ++repeat) {
      CHECK(test::same_bits(noise(cached, x, y, 1.0), by_noise));
      CHECK(test::same_bits(noise(cached, x, y, 1.0, {.threads = 3}), by_noise));
      CHECK(test::same_bits(pgd(cached, x, y, 0.1), by_pgd));
    }
    CHECK(counting.forward == cached.asked());
    if (bytes < 1 << 28) continue;
    const std::int64_t before = counting.forward;
    noise(cached, x, y, 1.0);
    CHECK(counting.forward == before);
  }
}

TEST_CASE("cached: another shape, another number of classes, a model that throws", "[models]") {
  using Images = Tensor<float, 3>;
  const auto shape_of = make_model<Images>(Bounds<float>(), [](const Images& x) {
    return Labels(Labels::Constant(samples(x), static_cast<int>(x.dimension(1))));
  });
  const Cached cached(shape_of);
  Images wide(1, 2, 3), high(1, 3, 2);
  wide.setConstant(0.5f);
  high.setConstant(0.5f);
  CHECK(predict(cached, wide)[0] == 2);
  CHECK(predict(cached, high)[0] == 3);  // the same numbers
  CHECK(predict(cached, wide)[0] == 2);

  const auto affine = test::random_affine<Input>(3, 4, 2);
  test::Tampered tampered(affine);
  tampered.answer = [](std::int64_t call, const Input&, Logits<float>& z) {
    if (call == 1) z = Logits<float>::Zero(z.rows(), 4);
    if (call == 2) z = Logits<float>::Zero(z.rows() + 1, 3);
    if (call == 3) throw Error("it throws");
  };
  const Cached of_tampered(tampered);
  of_tampered.logits(points(2));
  CHECK_THROWS_WITH(of_tampered.logits(points(2, 2)), ContainsSubstring("classes changed from 3 to 4"));
  CHECK_THROWS_WITH(of_tampered.vjp(points(2, 2)), ContainsSubstring("each of 2 samples, got 3"));
  CHECK_THROWS_WITH(of_tampered.logits(points(2, 2)), ContainsSubstring("it throws"));
  CHECK(of_tampered.logits(points(2, 2)) == affine.logits(points(2, 2)));
  CHECK(of_tampered.entries() == 4);

  auto changing = make_model<Input>(Bounds<float>(), [calls = 0](const Input& x) mutable {
    return Labels(Labels::Constant(samples(x), ++calls));
  });
  Cached unshared(changing);
  static_assert(DecisionModel<decltype(unshared)> && !shareable<decltype(unshared)>);
  CHECK(predict(unshared, points(1))[0] == 1);
  CHECK(predict(unshared, points(1))[0] == 1);
}
