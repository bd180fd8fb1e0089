// SPDX-License-Identifier: MIT
#include "foil/attacks/decision/spatial/spatial.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <utility>
#include <vector>

#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

using namespace foil;
using Image = Tensor<float, 4>;

namespace {

Image noise(Index count, Index c, Index h, Index w) {
  test::Random random(3);
  return test::random_batch<Image>(random, Image::Dimensions(count, c, h, w), 0.1, 1);
}

/// Class 1 once a point of the image is black.
auto black_at(Index row, Index column) {
  return make_model<Image>(Bounds<float>(0, 1), [=](const Image& x) {
    Labels labels(samples(x));
    for (Index n = 0; n < labels.size(); ++n) labels[n] = x(n, 0, row, column) == 0;
    return labels;
  });
}

const auto never =
    make_model<Image>(Bounds<float>(0, 1), [](const Image& x) { return Labels(Labels::Zero(samples(x))); });

}  // namespace

TEST_CASE("spatial: the grid has every combination once, the mildest first", "[spatial]") {
  const spatial::Grid grid(30, 31, 3, 5);
  REQUIRE(grid.size() == 775);
  CHECK(grid[0] == geometry::RigidMotion{});
  const auto shift = [](const geometry::RigidMotion& m) { return std::hypot(m.down, m.right); };
  int twice = 0;
  for (std::size_t k = 1; k < grid.size(); ++k) {
    const auto before = grid[k - 1], here = grid[k];
    REQUIRE(std::abs(before.rotation) <= std::abs(here.rotation));
    if (before.rotation == here.rotation) REQUIRE(shift(before) <= shift(here) + 1e-12);
    for (std::size_t other = 0; other < k; ++other) twice += grid[other] == here;
  }
  CHECK(twice == 0);
  CHECK(std::abs(grid[774].rotation) == 30);
  CHECK(shift(grid[774]) == Catch::Approx(std::hypot(3, 3)));
  CHECK(spatial::Grid(30, 1, 3, 1)[0] == geometry::RigidMotion{});
}

TEST_CASE("spatial: the first adversarial motion is found, exactly in pixels", "[spatial]") {
  // In the third row from the top it is black once all is shifted down by three pixels.
  const Image inputs = noise(1, 2, 9, 14);
  const auto result = SpatialAttack({.rotation = 0, .rotations = 1, .translations = 7})(
      black_at(2, 7), inputs, Labels(Labels::Zero(1)));
  REQUIRE(result.success[0]);
  const Image& found = result.adversarials;
  for (Index c = 0; c < 2; ++c)
    for (Index i = 0; i < 9; ++i)
      for (Index j = 0; j < 14; ++j) CHECK(found(0, c, i, j) == (i < 3 ? 0 : inputs(0, c, i - 3, j)));
  // With (0, 0), which is not asked about, 29 of the 49 shifts are at most 3 pixels long.
  CHECK(result.queries[0] <= 29);
  CHECK(result.queries[0] > 25);
}

TEST_CASE("spatial: costs a query per combination or draw, none for the identity", "[spatial]") {
  const Image inputs = noise(1, 1, 5, 6);
  const Labels zero = Labels::Zero(1);
  CHECK(SpatialAttack({.rotations = 3, .translations = 3})(never, inputs, zero).queries[0] == 3 * 9);
  CHECK(SpatialAttack({.draws = 10})(never, inputs, zero).queries[0] == 1 + 10);
  CHECK(SpatialAttack({.rotations = 1, .translations = 1})(never, inputs, zero).queries[0] == 1);
  CHECK(SpatialAttack()(never, inputs, zero, {.query_budget = 8}).queries[0] == 8);
  CHECK(SpatialAttack()(never, inputs, zero).status[0] == Status::not_found);
}

TEST_CASE("spatial: draws keep to the ranges, and differ from sample to sample", "[spatial]") {
  // A bright point in the middle of darkness: where it goes tells the motion.
  Image inputs(6, 1, 31, 31);
  inputs.setZero();
  for (Index n = 0; n < 6; ++n) inputs(n, 0, 15, 15) = 1;
  std::vector<std::pair<double, double>> seen;
  std::mutex mutex;
  const auto watched = make_model<Image>(Bounds<float>(0, 1), [&](const Image& x) {
    const std::lock_guard lock(mutex);
    for (Index n = 0; n < samples(x); ++n) {
      double down = 0, right = 0, sum = 0;
      for (Index i = 0; i < 31; ++i)
        for (Index j = 0; j < 31; ++j) {
          const double value = static_cast<double>(x(n, 0, i, j));
          sum += value, down += value * static_cast<double>(i - 15),
              right += value * static_cast<double>(j - 15);
        }
      if (x(n, 0, 15, 15) != 1) seen.emplace_back(down / sum, right / sum);
    }
    return Labels(Labels::Zero(samples(x)));
  });
  const SpatialAttack attack({.rotation = 0, .translation = 4, .draws = 20});
  attack(watched, inputs, Labels(Labels::Zero(6)));
  REQUIRE(seen.size() == 120);
  double most = 0;
  int twice = 0;
  for (std::size_t k = 0; k < seen.size(); ++k) {
    most = std::max({most, std::abs(seen[k].first), std::abs(seen[k].second)});
    for (std::size_t other = 0; other < k; ++other) twice += seen[k] == seen[other];
  }
  CHECK(twice == 0);
  CHECK(most <= 4 + 1e-5);
  CHECK(most > 3.8);
}

TEST_CASE("spatial: padding by the edges adds no black, and an open box has no black", "[spatial]") {
  const Image inputs = noise(1, 1, 5, 6);
  const Labels zero = Labels::Zero(1);
  CHECK(SpatialAttack()(black_at(0, 0), inputs, zero).success[0]);
  CHECK_FALSE(SpatialAttack({.padding = Padding::edge})(black_at(0, 0), inputs, zero).success[0]);
  const float infinity = std::numeric_limits<float>::infinity();
  const auto open = make_model<Image>(Bounds<float>(-infinity, infinity),
                                      [](const Image& x) { return Labels(Labels::Zero(samples(x))); });
  CHECK(SpatialAttack()(open, inputs, zero).status[0] == Status::start_failed);
  CHECK(SpatialAttack({.draws = 4, .padding = Padding::edge})(open, inputs, zero).queries[0] == 5);
}

TEST_CASE("spatial: the same bits in any batch", "[spatial][reproducible]") {
  const Image inputs = noise(9, 1, 6, 5);
  const SpatialAttack attack({.draws = 30});
  const Labels labels = Labels::Zero(9);
  const auto result = attack(black_at(1, 1), inputs, labels, {.trace = true});
  CHECK(result.success.any());
  for (const Index batch : {1, 4})
    CHECK(test::same_bits(result,
                          attack(black_at(1, 1), inputs, labels, {.batch_size = batch, .trace = true})));
}

TEST_CASE("spatial: options that make no sense are refused", "[spatial]") {
  CHECK_THROWS_WITH(SpatialAttack({.rotation = 200}),
                    Catch::Matchers::ContainsSubstring("expected rotation in [0, 180], got 200"));
}
