// SPDX-License-Identifier: MIT
#include "foil/attacks/score/simba.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <vector>

#include "support/catch.hpp"
#include "support/one_sample.hpp"
#include "support/watched.hpp"

using namespace foil;
using Images = test::DoubleImages;
using test::two_classes;
using test::watch;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("simba: one pass over pixels of a linear model goes a step in each, with its sign") {
  test::Random random(1);
  const Eigen::VectorXd w = random.normals(60);
  const SimbaAttack attack({.steps = 60, .step = 0.1});
  const double end = GENERATE(1.0, 4.0);
  const auto seen = watch(attack, two_classes(w, 1e3, end), Images::Dimensions(1, 2, 5, 6), {});
  CHECK_FALSE(seen.result.success[0]);
  const Eigen::VectorXd best = seen.asked[static_cast<std::size_t>(
      std::max_element(seen.margins.begin(), seen.margins.end()) - seen.margins.begin())];
  for (Index i = 0; i < 60; ++i) CHECK(best[i] == Catch::Approx(std::copysign(0.1 * 2 * end, w[i])));
  // The step backwards is asked about first: two questions where the loss rises forwards.
  CHECK(seen.result.queries[0] == 1 + 60 + (w.array() > 0).count());
}

TEST_CASE("simba: ends at its first adversarial, at the length of the steps that it has kept") {
  test::Random random(2);
  const Eigen::VectorXd w = random.normals(100);
  for (const SimbaBasis basis : {SimbaBasis::pixel, SimbaBasis::dct}) {
    const SimbaAttack attack({.basis = basis, .step = 0.02});
    const auto seen = watch(attack, two_classes(w, 1, 1), Images::Dimensions(1, 1, 10, 10), {});
    REQUIRE(seen.result.success[0]);
    CHECK(seen.result.queries[0] == static_cast<std::int64_t>(seen.asked.size()) - 1);  // and one to verify
    double highest = seen.margins[0];
    int kept = 0;
    for (std::size_t k = 1; k + 1 < seen.margins.size(); ++k) {
      CHECK((seen.margins[k] > 0) == (k + 2 == seen.margins.size()));
      if (!(seen.margins[k] > highest)) continue;
      highest = seen.margins[k];
      ++kept;
    }
    CHECK(seen.result.distances[0] == Catch::Approx(0.04 * std::sqrt(kept)));
  }
}

TEST_CASE("simba: one pass over waves goes a step along each of them") {
  test::Random random(3);
  const bool channels_last = GENERATE(false, true);
  const Images::Dimensions shape =
      channels_last ? Images::Dimensions(1, 5, 4, 2) : Images::Dimensions(1, 2, 5, 4);
  const Eigen::VectorXd w = random.normals(40);
  const SimbaAttack attack(
      {.basis = SimbaBasis::dct, .steps = 40, .step = 0.01, .channels_last = channels_last});
  const auto seen = watch(attack, two_classes(w, 1e3, 1), shape, {});
  const Eigen::VectorXd best = seen.asked[static_cast<std::size_t>(
      std::max_element(seen.margins.begin(), seen.margins.end()) - seen.margins.begin())];
  const geometry::LowFrequency waves(2, 5, 4, 1, channels_last);
  Eigen::VectorXd signs(40), wave;
  for (Index i = 0; i < 40; ++i) {
    waves.synthesise(Eigen::VectorXd::Unit(40, i), wave);
    signs[i] = std::copysign(0.02, w.dot(wave));
    CHECK(best.dot(wave) == Catch::Approx(signs[i]));
    Eigen::VectorXd added = Eigen::VectorXd::Zero(40);
    waves.add(i, -2.5, added);
    CHECK((added + 2.5 * wave).norm() < 1e-12);
  }
  waves.synthesise(signs, wave);
  CHECK((best - wave).norm() < 1e-12);
}

TEST_CASE("simba: a pass takes every direction once, low frequencies first, and another order each time") {
  test::OneSample one(Eigen::VectorXd::Zero(2 * 12 * 8), Eigen::VectorXd::Constant(2 * 12 * 8, -1),
                      Eigen::VectorXd::Constant(2 * 12 * 8, 1), {.shape = {2, 12, 8}});
  const simba::Directions waves(one.oracle(), SimbaBasis::dct, 4, false);
  const std::vector<Index> order = waves.order(one.oracle(), 0);
  CHECK(std::set<Index>(order.begin(), order.end()).size() == 2 * 12 * 8);
  CHECK(order.size() == 2 * 12 * 8);
  const auto band = [](Index wave) {  // 3 x 2 of 12 x 8, 6 x 4, all
    const Index row = wave / 8 % 12, column = wave % 8;
    return row < 3 && column < 2 ? 0 : row < 6 && column < 4 ? 1 : 2;
  };
  for (std::size_t k = 0; k < order.size(); ++k) CHECK(band(order[k]) == (k < 12 ? 0 : k < 48 ? 1 : 2));
  CHECK(waves.order(one.oracle(), 1) != order);

  // A factor larger than the image keeps the constant wave for the beginning.
  const simba::Directions one_by_one(one.oracle(), SimbaBasis::dct, 1000, false);
  const std::vector<Index> first = one_by_one.order(one.oracle(), 0);
  CHECK(std::set<Index>{first[0], first[1]} == std::set<Index>{0, 96});

  const simba::Directions pixels(one.oracle(), SimbaBasis::pixel, 1, false);
  CHECK(pixels.order(one.oracle(), 0).size() == 2 * 12 * 8);
}

TEST_CASE("simba: what probabilities cannot tell apart log-odds can") {
  // The class's probability is 1 to the last bit of a double until shortly before the boundary.
  test::Random random(4);
  const Eigen::VectorXd w = 1e4 * random.normals(30);
  const auto seen = watch(SimbaAttack(), two_classes(w, 5e3, 1), Images::Dimensions(1, 1, 5, 6), {});
  CHECK(seen.result.success[0]);
}

TEST_CASE("simba: where nothing is of use it ends after one pass, and frozen features take no part") {
  const Images::Dimensions shape(1, 1, 4, 4);
  const auto flat = two_classes(Eigen::VectorXd::Zero(16), 1, 1);
  RunOptions<Images> half;
  half.mask = Images(shape);
  for (Index i = 0; i < 16; ++i) half.mask.data()[i] = i < 8;
  for (const SimbaBasis basis : {SimbaBasis::pixel, SimbaBasis::dct}) {
    const SimbaAttack attack({.basis = basis});
    CHECK(watch(attack, flat, shape, {}).result.queries[0] == 1 + 2 * 16);
    CHECK(watch(attack, flat, shape, {.query_budget = 8}).result.queries[0] == 8);
    const auto seen = watch(attack, flat, shape, half);
    CHECK(seen.result.queries[0] == 1 + 2 * (basis == SimbaBasis::pixel ? 8 : 16));
    for (const Eigen::VectorXd& x : seen.asked) CHECK(x.tail(8) == Eigen::VectorXd::Zero(8));
  }
}

TEST_CASE("simba: what clipping undoes is not asked about") {
  Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(2, 9);
  weights(1, 4) = 1;
  const test::Affine<Images> model{
      weights, Eigen::Vector2d(10, 0), {0, 1}};  // the input is at the lower bound
  const auto seen = watch(SimbaAttack({.steps = 9}), model, Images::Dimensions(1, 1, 3, 3), {});
  CHECK(seen.result.queries[0] == 1 + 9);
}

TEST_CASE("simba: steps that a lattice undoes become longer, so that no sample withstands for want of them") {
  const Eigen::VectorXd w = Eigen::VectorXd::LinSpaced(16, 1, 2);
  for (const SimbaBasis basis : {SimbaBasis::pixel, SimbaBasis::dct}) {
    RunOptions<Images> coarse;
    coarse.lattice = {0, 1, 4};
    const SimbaAttack attack({.basis = basis, .step = 0.01});
    const auto seen = watch(attack, two_classes(w, 6, 1), Images::Dimensions(1, 1, 4, 4), coarse);
    REQUIRE(seen.result.success[0]);
    const Eigen::VectorXd found = sample(seen.result.adversarials, 0);
    for (Index i = 0; i < 16; ++i) CHECK(4 * found[i] == std::round(4 * found[i]));
  }
}

TEST_CASE("simba: later passes go on where a step has not been enough, and steps do without bounds") {
  const Eigen::VectorXd w = Eigen::VectorXd::LinSpaced(6, 1, 2);
  const auto seen = watch(SimbaAttack(), two_classes(w, 10, infinity), Images::Dimensions(1, 1, 2, 3), {});
  REQUIRE(seen.result.success[0]);
  const Eigen::VectorXd found = sample(seen.result.adversarials, 0);
  for (Index i = 0; i < 6; ++i) CHECK(std::abs(found[i] / 0.2 - std::round(found[i] / 0.2)) < 1e-9);
  CHECK(found.minCoeff() > 0.9);  // 10 / 9 in each
  CHECK(found.maxCoeff() < 1.3);
}

TEST_CASE("simba: reaches targets, and answers that are not finite do no harm") {
  test::Random random(5);
  const auto model = test::random_affine<Images>(4, 48, 6);
  const Images inputs = test::random_batch<Images>(random, Images::Dimensions(8, 3, 4, 4));
  const Labels own = predict(model, inputs);
  const Labels targets = own.unaryExpr([](int label) { return (label + 1) % 4; });
  for (const SimbaBasis basis : {SimbaBasis::pixel, SimbaBasis::dct}) {
    const SimbaAttack attack({.basis = basis});
    const auto result = attack(model, inputs, TargetedMisclassification(targets));
    CHECK(result.success.all());
    CHECK(predict(model, result.adversarials) == targets);
    test::Tampered odd(model);
    odd.answer = [](std::int64_t call, const Images&, Logits<double>& z) {
      if (call % 3 == 1) z.setConstant(std::numeric_limits<double>::quiet_NaN());
    };
    const auto tampered = attack(odd, inputs, own, {.threads = 1});
    CHECK(tampered.success.any());
    CHECK(tampered.bad_rows.sum() > 0);
  }
  CHECK_THROWS_WITH(SimbaAttack({.step = 0}), Catch::Matchers::ContainsSubstring("step in (0, "));
}
