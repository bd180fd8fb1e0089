// SPDX-License-Identifier: MIT
#include "foil/attacks/score/square/square.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/watched.hpp"

using namespace foil;
using Images = test::DoubleImages;
using geometry::ImageLayout;
using test::two_classes;
using test::watch;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

RandomDraw draw(std::uint32_t number) {
  return {random_key(7, "test"), 3, Purpose::window, number};
}

}  // namespace

TEST_CASE("square: windows cover less and less of the image, on the schedule of the paper") {
  for (const auto& [step, halvings] : {std::pair{0, 0},
                                       {10, 0},
                                       {11, 1},
                                       {50, 1},
                                       {51, 2},
                                       {200, 2},
                                       {500, 3},
                                       {1000, 4},
                                       {1001, 5},
                                       {2000, 5},
                                       {4000, 6},
                                       {6000, 7},
                                       {8000, 8},
                                       {8001, 9},
                                       {1000000, 9}})
    CHECK(square::covered(0.8, step) == 0.8 / std::pow(2.0, halvings));
  const auto sides = [](const ImageLayout& image, double share, bool bumps) {
    const square::Window window = square::window_of(image, share, bumps);
    return std::pair(window.height, window.width);
  };
  const ImageLayout digit{1, 28, 28}, wide{3, 4, 25}, row{1, 1, 100}, point{1, 1, 1};
  CHECK(sides(digit, 0.8, false) == std::pair<Index, Index>(25, 25));
  CHECK(sides(digit, 0.05, false) == std::pair<Index, Index>(6, 6));
  CHECK(sides(digit, 0.05, true) == std::pair<Index, Index>(7, 7));
  CHECK(sides(digit, 1e-4, false) == std::pair<Index, Index>(1, 1));
  CHECK(sides(digit, 1e-4, true) == std::pair<Index, Index>(3, 3));
  CHECK(sides(digit, 1, true) == std::pair<Index, Index>(28, 28));
  CHECK(sides(wide, 0.8, false) == std::pair<Index, Index>(4, 20));  // 80 of 100 pixels, as 9 x 9 would be
  CHECK(sides(row, 0.8, false) == std::pair<Index, Index>(1, 80));
  CHECK(sides(row, 0.05, true) == std::pair<Index, Index>(1, 5));
  CHECK(sides(point, 0.8, true) == std::pair<Index, Index>(1, 1));
}

TEST_CASE("square: a window lies anywhere in the image, last row and column included") {
  const ImageLayout image{1, 5, 7};
  std::set<Index> tops, lefts;
  square::Window window{0, 0, 3, 2};
  RandomDraw random = draw(0);
  for (int i = 0; i < 300; ++i) {
    square::place(window, image, random);
    tops.insert(window.top);
    lefts.insert(window.left);
  }
  CHECK(tops == std::set<Index>{0, 1, 2});
  CHECK(lefts == std::set<Index>{0, 1, 2, 3, 4, 5});
}

TEST_CASE(
    "square: a bump is of size 1 and has two halves of opposite signs that fall off from their middles") {
  for (const double p : {1.0, 2.0})
    for (const auto& [height, width] :
         {std::pair<Index, Index>{5, 5}, {3, 3}, {4, 6}, {1, 4}, {3, 1}, {1, 1}}) {
      CAPTURE(p, height, width);
      RandomDraw random = draw(static_cast<std::uint32_t>(height * 10 + width));
      const auto content = square::bump(height, width, {p}, random);
      double size = 0;
      for (const double x : content) size += p == 1 ? std::abs(x) : x * x;
      CHECK(size == Catch::Approx(1));
      if (content.size() == 1) continue;
      const auto positive = std::count_if(content.begin(), content.end(), [](double x) { return x > 0; });
      const auto negative = std::count_if(content.begin(), content.end(), [](double x) { return x < 0; });
      CHECK(positive + negative == static_cast<std::ptrdiff_t>(content.size()));
      CHECK((positive == (height / 2) * width || positive == height * (width / 2)));
    }
  // Three by three: a half of one line, 1 + 1/4 in its middle and 1/4 beside it, and one of two lines.
  RandomDraw random = draw(1);
  const auto content = square::bump(3, 3, {2}, random);
  const bool rows = content[1] > 0 && content[2] > 0;
  const auto at = [&](std::size_t line, std::size_t place) {
    return rows ? content[3 * line + place] : content[3 * place + line];
  };
  CHECK(at(0, 1) / at(0, 0) == Catch::Approx(5));
  CHECK(at(0, 2) == at(0, 0));
  CHECK(at(2, 1) / at(2, 0) == Catch::Approx(5));
  CHECK(at(1, 1) / at(2, 1) == Catch::Approx(0.2));
  CHECK(at(2, 1) < 0);
}

TEST_CASE("square: Linf changes whole windows by epsilon, and comes to the optimum of a linear model") {
  test::Random random(1);
  const Images::Dimensions shape(1, 2, 4, 4);
  const Eigen::VectorXd w = random.normals(32);
  const double epsilon = 0.25, most = epsilon * w.cwiseAbs().sum();
  const auto seen =
      watch(LinfSquareAttack({.steps = 3000}), two_classes(w, most + 1, infinity), shape, {}, epsilon);
  CHECK_FALSE(seen.result.success[0]);
  for (std::size_t k = 1; k < seen.asked.size(); ++k) CHECK((seen.asked[k].array().abs() == epsilon).all());
  // Stripes: a sign for each column of each channel.
  for (Index c = 0; c < 2; ++c)
    for (Index j = 0; j < 4; ++j)
      for (Index i = 1; i < 4; ++i) CHECK(seen.asked[1][16 * c + 4 * i + j] == seen.asked[1][16 * c + j]);
  CHECK(*std::max_element(seen.margins.begin(), seen.margins.end()) == Catch::Approx(-1).margin(1e-12));
  // What is kept is never worse: each question differs from the best before it in one window only.
  std::size_t best = 1;
  for (std::size_t k = 2; k < seen.asked.size(); ++k) {
    const Eigen::ArrayXd moved = (seen.asked[k] - seen.asked[best]).array();
    REQUIRE((moved != 0).any());
    Index top = 4, bottom = -1, left = 4, right = -1;
    for (Index i = 0; i < 32; ++i)
      if (moved[i] != 0) {
        top = std::min(top, i % 16 / 4), bottom = std::max(bottom, i % 16 / 4);
        left = std::min(left, i % 4), right = std::max(right, i % 4);
      }
    const auto side =
        square::window_of({2, 4, 4}, square::covered(0.8, static_cast<std::int64_t>(k) - 2), false);
    CHECK(bottom - top < side.height);
    CHECK(right - left < side.width);
    if (seen.margins[k] > seen.margins[best]) best = k;
  }
}

TEST_CASE("square: L2 and L1 spend the whole radius, and come close to the optimum of a linear model") {
  test::Random random(2);
  const Images::Dimensions shape(1, 1, 6, 6);
  const Eigen::VectorXd w = random.normals(36);
  const auto run = [&](const auto& attack, auto norm, double epsilon, double most) {
    using N = decltype(norm);
    const auto seen = watch(attack, two_classes(w, most + 1, infinity), shape, {}, epsilon);
    CHECK_FALSE(seen.result.success[0]);
    CHECK(seen.result.queries[0] == 2002);
    for (std::size_t k = 1; k < seen.asked.size(); ++k)
      CHECK(N::size(seen.asked[k]) == Catch::Approx(epsilon).epsilon(1e-9));
    return (*std::max_element(seen.margins.begin(), seen.margins.end()) + most + 1) / most;
  };
  CHECK(run(L2SquareAttack({.steps = 2000}), L2{}, 3, 3 * w.norm()) > 0.7);
  CHECK(run(L1SquareAttack({.steps = 2000}), L1{}, 3, 3 * w.cwiseAbs().maxCoeff()) > 0.6);
}

TEST_CASE(
    "square: every point lies within the radius and the box, on the lattice, and spares frozen features") {
  test::Random random(3);
  const Images::Dimensions shape(1, 3, 7, 5);
  const Eigen::VectorXd w = random.normals(105);
  const auto model = two_classes(w, 1e6, 2);
  RunOptions<Images> options;
  options.mask = Images(shape);
  for (Index i = 0; i < 105; ++i) options.mask.data()[i] = i % 4 != 0;
  options.lattice = Lattice(-2, 4, 16);
  const auto run = [&](const auto& attack, Lp norm, double epsilon) {
    CAPTURE(norm.name());
    const auto seen = watch(attack, model, shape, options, epsilon);
    std::size_t moved = 0;
    for (const Eigen::VectorXd& x : seen.asked) {
      REQUIRE(norm.size(x) <= epsilon);
      REQUIRE(x.cwiseAbs().maxCoeff() <= 2);
      for (Index i = 0; i < 105; ++i) {
        REQUIRE((i % 4 != 0 || x[i] == 0));
        REQUIRE(std::abs(x[i] * 4 - std::round(x[i] * 4)) < 1e-9);
        moved += x[i] != 0;
      }
    }
    CHECK(moved > seen.asked.size());
    CHECK(seen.result.queries[0] <= 202);
    CHECK(seen.result.queries[0] > 100);
  };
  run(LinfSquareAttack({.steps = 200}), Linf{}, 0.6);
  run(L2SquareAttack({.steps = 200, .channels_last = true}), L2{}, 9);
  run(L1SquareAttack({.steps = 200}), L1{}, 60);
}

TEST_CASE("square: counts one forward pass for the input, one for each start and each step") {
  const auto model = two_classes(Eigen::VectorXd::Zero(9), 1, 1);  // no loss to raise
  const test::CountingModel counted(model);
  Images inputs(2, 1, 3, 3);
  inputs.setZero();
  const auto result =
      L2SquareAttack({.steps = 20, .restarts = 3})(counted, inputs, Labels(Labels::Zero(2)), 0.5);
  CHECK_FALSE(result.success.any());
  CHECK(result.queries == Counts::Constant(2, 1 + 3 * 21));
  CHECK(counted.forward == result.queries.sum());
  CHECK(counted.backward == 0);
}

TEST_CASE("square: reaches targets and ends at its first success") {
  test::Random random(5);
  const auto model = test::random_affine<Images>(4, 48, 6);
  const Images inputs = test::random_batch<Images>(random, Images::Dimensions(8, 3, 4, 4));
  const Labels own = predict(model, inputs);
  const Labels targets = own.unaryExpr([](int label) { return (label + 1) % 4; });
  const TargetedMisclassification criterion(targets);
  const auto result = LinfSquareAttack({.steps = 1000})(model, inputs, criterion, 0.3);
  CHECK(result.success.all());
  CHECK(predict(model, result.adversarials) == targets);
  CHECK(result.queries.maxCoeff() < 1000);
}

TEST_CASE("square: degenerate samples end, and answers that are not finite do no harm") {
  const auto one = two_classes(Eigen::VectorXd::Constant(1, 1), 0.5, 1);
  Images point(1, 1, 1, 1);
  point.setZero();
  CHECK(L1SquareAttack()(one, point, Labels(Labels::Zero(1)), 0.6).success[0]);
  CHECK(L2SquareAttack()(one, point, Labels(Labels::Zero(1)), 0.6).success[0]);
  CHECK(LinfSquareAttack()(one, point, Labels(Labels::Zero(1)), 0.6).success[0]);
  CHECK_FALSE(LinfSquareAttack({.steps = 50})(one, point, Labels(Labels::Zero(1)), 0.4).success[0]);

  // Where all is frozen only the input itself is asked about.
  RunOptions<Images> frozen;
  frozen.mask = point;
  CHECK(L2SquareAttack({.steps = 50})(one, point, Labels(Labels::Zero(1)), 5, frozen).queries[0] <= 2);

  test::Random random(8);
  const auto plain = two_classes(random.normals(16), 2, 1);
  test::Tampered odd(plain);
  odd.answer = [](std::int64_t call, const Images&, Logits<double>& z) {
    if (call % 3 == 1) z.setConstant(std::numeric_limits<double>::quiet_NaN());
  };
  Images image(1, 1, 4, 4);
  image.setZero();
  const auto result = LinfSquareAttack({.steps = 300})(odd, image, Labels(Labels::Zero(1)), 0.5);
  CHECK(result.success[0]);
  CHECK(result.bad_rows[0] > 0);
}
