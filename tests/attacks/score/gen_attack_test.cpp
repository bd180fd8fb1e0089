// SPDX-License-Identifier: MIT
#include "foil/attacks/score/gen_attack/gen_attack.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "support/catch.hpp"
#include "support/watched.hpp"

using namespace foil;
using Images = test::DoubleImages;
using test::two_classes;
using test::watch;

namespace {

RandomDraw draw(Purpose purpose, std::uint32_t number) {
  return {random_key(7, "test"), 3, purpose, number};
}

/// How many entries of x are those of one of these points.
Index inherited(const Eigen::VectorXd& x, const std::vector<Eigen::VectorXd>& from, std::size_t first,
                std::size_t last) {
  Index count = 0;
  for (Index i = 0; i < x.size(); ++i) {
    bool found = false;
    for (std::size_t k = first; k < last; ++k) found = found || x[i] == from[k][i];
    count += found;
  }
  return count;
}

}  // namespace

TEST_CASE("gen-attack: the fitness is the target's log-odds") {
  // Foolbox subtracts the target's logit itself within the logarithm.
  const Eigen::Vector3d logits(5, 2, 1);
  CHECK(losses::targeted(Loss::lsem, logits, 0) ==
        Catch::Approx(5 - std::log(std::exp(2.0) + std::exp(1.0))));
}

TEST_CASE("gen-attack: genes are features, or a grid that is enlarged bilinearly") {
  test::Random random(1);
  for (const bool channels_last : {false, true}) {
    const geometry::ImageLayout image{2, 4, 6, channels_last};
    for (const int cells : {0, 6, 100}) {
      const gen_attack::Genes each(image, cells);
      REQUIRE(each.count() == 48);
      const Eigen::VectorXd genes = random.normals(48), change = each.express(genes);
      for (Index c = 0; c < 2; ++c)
        for (Index i = 0; i < 4; ++i)
          for (Index j = 0; j < 6; ++j) CHECK(change[image.at(c, i, j)] == genes[(c * 4 + i) * 6 + j]);
    }
    const gen_attack::Genes grid(image, 2);
    REQUIRE(grid.count() == 8);
    CHECK(grid.express(Eigen::VectorXd::Constant(8, 0.3)) == Eigen::VectorXd::Constant(48, 0.3));
    // Middles of pixels at -1/4, 1/4, 3/4, 5/4 of a cell, and at -1/3, 0, 1/3, 2/3, 1, 4/3.
    const double down[] = {0, 0.25, 0.75, 1}, right[] = {0, 0, 1.0 / 3, 2.0 / 3, 1, 1};
    Eigen::VectorXd genes = Eigen::VectorXd::Zero(8);
    genes.tail(4) = Eigen::Vector4d(1, 3, 11, 23);
    const Eigen::VectorXd change = grid.express(genes);
    for (Index i = 0; i < 4; ++i)
      for (Index j = 0; j < 6; ++j) {
        const double top = 1 + 2 * right[j], bottom = 11 + 12 * right[j];
        CHECK(change[image.at(0, i, j)] == 0);
        CHECK(change[image.at(1, i, j)] == Catch::Approx(top + down[i] * (bottom - top)));
      }
  }
}

TEST_CASE("gen-attack: parents by the softmax of their losses, children of both, some genes mutated") {
  const Eigen::VectorXd odds =
      gen_attack::parent_odds(Eigen::Vector3d(1, 1.3, -std::numeric_limits<double>::infinity()), 0.3);
  CHECK(odds[1] / odds[0] == Catch::Approx(std::exp(1.0)));
  CHECK(odds.sum() == Catch::Approx(1));
  CHECK(odds[2] == 0);
  CHECK(gen_attack::parent_odds(Eigen::VectorXd::Constant(4, -std::numeric_limits<double>::infinity()), 1) ==
        Eigen::VectorXd::Constant(4, 0.25));
  RandomDraw random = draw(Purpose::proposal, 0);
  int second = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::size_t parent = gen_attack::draw_parent(odds, random);
    REQUIRE(parent < 2);
    second += parent == 1;
  }
  CHECK(std::abs(second / 4000.0 - odds[1]) < 4 * std::sqrt(odds[0] * odds[1] / 4000));

  const Index n = 4000;
  const Eigen::VectorXd a = Eigen::VectorXd::Constant(n, 0.9), b = Eigen::VectorXd::Constant(n, -0.2);
  const auto breed = [&](double rate) {
    return gen_attack::child_of(a, b, 0.75, {rate, 0.4}, draw(Purpose::crossover, 1),
                                draw(Purpose::mutation, 1));
  };
  const auto of = [](const Eigen::VectorXd& child, double value) {
    return static_cast<double>((child.array() == value).count());
  };
  const Eigen::VectorXd pure = breed(0);
  CHECK(of(pure, 0.9) + of(pure, -0.2) == n);
  CHECK(std::abs(of(pure, 0.9) / n - 0.75) < 4 * std::sqrt(0.75 * 0.25 / n));
  const Eigen::VectorXd child = breed(0.5);
  double below = 0, above = 0;
  Index mutated = 0;
  for (Index i = 0; i < n; ++i) {
    CHECK(std::abs(child[i]) <= 1);
    const double by = child[i] - pure[i];
    mutated += by != 0;
    below = std::min(below, by), above = std::max(above, by);
  }
  CHECK(std::abs(static_cast<double>(mutated) / n - 0.5) < 4 * std::sqrt(0.25 / n));
  CHECK(below >= -0.4 - 1e-12);
  CHECK(below < -0.39);
  CHECK(above <= 0.4 + 1e-12);
  CHECK(above > 0.39);
}

TEST_CASE(
    "gen-attack: the best lives on and is not asked about again, and a linear model is led towards its end") {
  test::Random random(2);
  const Eigen::VectorXd w = random.normals(32);
  const double epsilon = 0.25, most = epsilon * w.cwiseAbs().sum();
  const GenAttack attack({.steps = 400, .population = 8});
  const auto seen = watch(attack, two_classes(w, most + 1, 1), Images::Dimensions(1, 2, 4, 4), {}, epsilon);
  CHECK_FALSE(seen.result.success[0]);
  CHECK(seen.asked.size() == 1 + 8 + 399 * 7);
  CHECK(seen.result.queries[0] == 1 + 8 + 399 * 7);
  for (const Eigen::VectorXd& x : seen.asked) REQUIRE(Linf::size(x) <= epsilon);
  CHECK((*std::max_element(seen.margins.begin(), seen.margins.end()) + most + 1) / most > 0.85);

  // Without mutations children have nothing that the first generation has not.
  const GenAttack pure({.steps = 30, .population = 8, .rate = 0, .least_rate = 0});
  const auto bred = watch(pure, two_classes(w, most + 1, 1), Images::Dimensions(1, 2, 4, 4), {}, epsilon);
  for (std::size_t k = 9; k < bred.asked.size(); ++k) CHECK(inherited(bred.asked[k], bred.asked, 1, 9) == 32);
  // Selection makes all alike in the end, and better than the best of the first generation.
  CHECK(*std::max_element(bred.margins.end() - 7, bred.margins.end()) >
        *std::max_element(bred.margins.begin() + 1, bred.margins.begin() + 9));
}

TEST_CASE("gen-attack: mutations are many from the first generation on, and fewer where nothing helps") {
  // Foolbox begins with the least.
  const auto flat = two_classes(Eigen::VectorXd::Zero(400), 1, 1);
  const GenAttack attack({.steps = 60,
                          .population = 4,
                          .rate = 1,
                          .range = 1,
                          .least_rate = 0,
                          .least_range = 0,
                          .patience = 1});
  const auto seen = watch(attack, flat, Images::Dimensions(1, 1, 20, 20), {}, 0.25);
  REQUIRE(seen.asked.size() == 1 + 4 + 59 * 3);
  const auto of_earlier = [&](std::size_t k) { return inherited(seen.asked[k], seen.asked, 1, k); };
  CHECK(of_earlier(5) < 100);  // at a rate of 1, but for those that are clipped
  CHECK(of_earlier(seen.asked.size() - 1) > 380);
}

TEST_CASE("gen-attack: within the radius, the box and the lattice, sparing what is frozen, at any grid") {
  test::Random random(3);
  const Images::Dimensions shape(1, 3, 7, 5);
  const auto model = two_classes(random.normals(105), 1e6, 2);
  RunOptions<Images> options{.query_budget = 100};
  options.mask = Images(shape);
  for (Index i = 0; i < 105; ++i) options.mask.data()[i] = i % 4 != 0;
  options.lattice = Lattice(-2, 4, 16);
  for (const int cells : {0, 3}) {
    const auto seen = watch(GenAttack({.cells = cells}), model, shape, options, 0.6);
    CHECK(seen.result.queries[0] == 100);
    std::size_t moved = 0;
    for (const Eigen::VectorXd& x : seen.asked)
      for (Index i = 0; i < 105; ++i) {
        REQUIRE((x[i] == 0 || (i % 4 != 0 && (std::abs(x[i]) == 0.25 || std::abs(x[i]) == 0.5))));
        moved += x[i] != 0;
      }
    CHECK(moved > 20 * seen.asked.size());
  }
}

TEST_CASE("gen-attack: reaches targets, and ends without room and without finite answers") {
  test::Random random(5);
  const auto model = test::random_affine<Images>(4, 48, 6);
  const Images inputs = test::random_batch<Images>(random, Images::Dimensions(8, 3, 4, 4));
  const Labels own = predict(model, inputs);
  const Labels targets = own.unaryExpr([](int label) { return (label + 1) % 4; });
  const auto result = GenAttack({.steps = 300})(model, inputs, TargetedMisclassification(targets), 0.4);
  CHECK(result.success.all());
  CHECK(predict(model, result.adversarials) == targets);

  test::Tampered odd(model);
  odd.answer = [](std::int64_t call, const Images&, Logits<double>& z) {
    if (call > 0) z.setConstant(std::numeric_limits<double>::quiet_NaN());
  };
  const auto none = GenAttack({.steps = 20})(odd, inputs, own, 0.4, {.threads = 1});
  CHECK_FALSE(none.success.any());
  CHECK(none.status[0] == Status::non_finite);
  CHECK(none.queries == Counts::Constant(8, 1 + 6 + 19 * 5));
  RunOptions<Images> frozen;
  frozen.mask = Images(inputs.dimensions());
  frozen.mask.setZero();
  CHECK(GenAttack()(model, inputs, own, 0.4, frozen).queries.maxCoeff() <= 1);
  CHECK_THROWS_WITH(GenAttack({.population = 1}),
                    Catch::Matchers::ContainsSubstring("population in [2, 1000]"));
}
