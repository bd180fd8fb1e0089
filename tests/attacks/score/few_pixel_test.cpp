// SPDX-License-Identifier: MIT
#include "foil/attacks/score/few_pixel.hpp"

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

TEST_CASE("few-pixel: finds the pixel and the colour that are best in a linear model") {
  test::Random random(1);
  const Eigen::VectorXd w = random.normals(72);
  double most = 0;
  for (Index pixel = 0; pixel < 36; ++pixel)
    most = std::max(most, std::abs(w[pixel]) + std::abs(w[36 + pixel]));
  const FewPixelAttack attack({.steps = 100, .population = 80});
  const auto seen = watch(attack, two_classes(w, most + 1, 1), Images::Dimensions(1, 2, 6, 6), {}, 2);
  CHECK_FALSE(seen.result.success[0]);
  CHECK(*std::max_element(seen.margins.begin(), seen.margins.end()) == Catch::Approx(-1).margin(1e-9));
  // And where that is enough it ends there.
  const auto found = watch(attack, two_classes(w, 0.98 * most, 1), Images::Dimensions(1, 2, 6, 6), {}, 2);
  CHECK(found.result.success[0]);
  CHECK(found.result.distances[0] == 2);
}

TEST_CASE("few-pixel: three others, each different") {
  std::set<std::vector<std::size_t>> all;
  for (std::uint32_t k = 0; k < 2000; ++k) {
    const auto others = few_pixel::draw_others(k % 5, 5, {random_key(7, "test"), 3, Purpose::proposal, k});
    const std::set<std::size_t> distinct{others[0], others[1], others[2], k % 5};
    REQUIRE(distinct.size() == 4);
    REQUIRE(*distinct.rbegin() < 5);
    if (k % 5 == 2) all.insert({others[0], others[1], others[2]});
  }
  CHECK(all.size() == 24);  // all orders of three of the four others, of 400 draws
}

TEST_CASE("few-pixel: a recipe's places and values") {
  test::OneSample one(Eigen::VectorXd::Constant(24, 0.5), Eigen::VectorXd::Constant(24, -1),
                      Eigen::VectorXd::Constant(24, 3), {.norm = L0{}, .shape = {2, 3, 4}});
  const Pixels pixels(one.oracle(), 5, true, false);
  REQUIRE(pixels.within() == 2);
  const few_pixel::Recipe recipe(one.oracle(), pixels);
  REQUIRE(recipe.numbers() == 8);
  // The last row and column at 1 itself, where torchattacks leaves the image; and a corner.
  Eigen::VectorXd numbers(8);
  numbers << 1, 1, 0.25, 1, 0, 0, 0, 0.75;
  Eigen::VectorXd expected = Eigen::VectorXd::Constant(24, 0.5);
  expected[11] = 0, expected[23] = 3, expected[0] = -1, expected[12] = 2;
  CHECK(recipe.point(numbers) == expected);
  // A child: places mirrored at the edges, values clipped.
  const Eigen::VectorXd high = Eigen::VectorXd::Constant(8, 0.9), low = Eigen::VectorXd::Constant(8, 0.1);
  const Eigen::VectorXd up = recipe.child(high, high, high, low, 0.5);  // 0.9 + (0.9 - 0.1) / 2
  CHECK(up[0] == Catch::Approx(0.7));
  CHECK(up[2] == 1);
  const Eigen::VectorXd down = recipe.child(low, low, low, high, 0.5);
  CHECK(down[5] == Catch::Approx(0.3));
  CHECK(down[7] == 0);
}

TEST_CASE(
    "few-pixel: never more features than epsilon, in the layout, on the lattice, and none that is frozen") {
  test::Random random(3);
  const bool channels_last = GENERATE(false, true);
  const Images::Dimensions shape =
      channels_last ? Images::Dimensions(1, 7, 5, 3) : Images::Dimensions(1, 3, 7, 5);
  const auto pixel = [&](Index i) { return channels_last ? i / 3 : i % 35; };
  RunOptions<Images> options{.query_budget = 300};
  options.mask = Images(shape);
  for (Index i = 0; i < 105; ++i) options.mask.data()[i] = pixel(i) % 2 != 0;
  options.lattice = Lattice(-2, 4, 16);
  const FewPixelAttack attack({.steps = 20, .population = 20, .channels_last = channels_last});
  std::set<Index> touched;
  for (const double epsilon : {0.5, 2.0, 6.0, 8.0}) {
    const auto seen = watch(attack, two_classes(random.normals(105), 1e6, 2), shape, options, epsilon);
    for (const Eigen::VectorXd& x : seen.asked) {
      REQUIRE(L0::size(x) <= epsilon);
      std::set<Index> pixels;
      for (Index i = 0; i < 105; ++i) {
        if (x[i] == 0) continue;
        REQUIRE(pixel(i) % 2 != 0);
        REQUIRE(x[i] * 4 == std::round(x[i] * 4));
        pixels.insert(pixel(i));
        touched.insert(pixel(i));
      }
      REQUIRE(pixels.size() <= 2);  // single features below 3
    }
    CHECK((epsilon < 1 ? seen.result.queries[0] <= 1 : seen.result.queries[0] > 100));
  }
  CHECK(touched.size() == 17);
}

TEST_CASE("few-pixel: counts the input and every member of every generation, and keeps to a budget") {
  const auto flat = two_classes(Eigen::VectorXd::Zero(49), 1, 1);
  Images inputs(2, 1, 7, 7);
  inputs.setZero();
  const Labels labels = Labels::Zero(2);
  const test::CountingModel counted(flat);
  const FewPixelAttack attack({.steps = 4, .population = 30});
  const auto result = attack(counted, inputs, labels, 2);
  CHECK(result.queries == Counts::Constant(2, 1 + 5 * 30));
  CHECK(counted.forward == result.queries.sum());
  CHECK(counted.backward == 0);
  CHECK(attack(counted, inputs, labels, 2, {.query_budget = 44}).queries == Counts::Constant(2, 44));
}

TEST_CASE("few-pixel: reaches targets, and ends without bounds and without finite answers") {
  test::Random random(5);
  const auto model = test::random_affine<Images>(4, 36, 6);
  const Images inputs = test::random_batch<Images>(random, Images::Dimensions(6, 1, 6, 6));
  const Labels own = predict(model, inputs);
  const Labels targets = own.unaryExpr([](int label) { return (label + 1) % 4; });
  const FewPixelAttack attack({.steps = 60, .population = 60});
  const auto result = attack(model, inputs, TargetedMisclassification(targets), 12);
  CHECK(result.success.all());
  CHECK(predict(model, result.adversarials) == targets);

  test::Tampered odd(model);
  odd.answer = [](std::int64_t call, const Images&, Logits<double>& z) {
    if (call > 0) z.setConstant(std::numeric_limits<double>::quiet_NaN());
  };
  const auto none = attack(odd, inputs, own, 4, {.threads = 1});
  CHECK_FALSE(none.success.any());
  CHECK(none.queries.maxCoeff() <= 1 + 61 * 60);
  CHECK(none.status[0] == Status::non_finite);
  const auto open = two_classes(Eigen::VectorXd::Ones(9), 100, std::numeric_limits<double>::infinity());
  CHECK(watch(FewPixelAttack(), open, Images::Dimensions(1, 1, 3, 3), {}, 3).result.status[0] ==
        Status::start_failed);
  CHECK_THROWS_WITH(FewPixelAttack({.population = 3}),
                    Catch::Matchers::ContainsSubstring("population in [4, 1000]"));
}
