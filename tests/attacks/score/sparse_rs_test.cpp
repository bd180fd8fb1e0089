// SPDX-License-Identifier: MIT
#include "foil/attacks/score/sparse_rs.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "foil/attacks/parts/minimal.hpp"
#include "support/catch.hpp"
#include "support/watched.hpp"

using namespace foil;
using Images = test::DoubleImages;
using test::two_classes;
using test::watch;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// The most that w . x can be where so many pixels of an image of zeros may go to +-1.
double most_of(const Eigen::VectorXd& w, Index pixels, Index count) {
  std::vector<double> gains(static_cast<std::size_t>(pixels));
  for (Index i = 0; i < w.size(); ++i) gains[static_cast<std::size_t>(i % pixels)] += std::abs(w[i]);
  std::sort(gains.rbegin(), gains.rend());
  double sum = 0;
  for (Index k = 0; k < count; ++k) sum += gains[static_cast<std::size_t>(k)];
  return sum;
}

}  // namespace

TEST_CASE("sparse-rs: fewer and fewer pixels are exchanged, on the schedule of the paper") {
  for (const auto& [step, part] : {std::pair{0, 1},
                                   {1, 2},
                                   {50, 2},
                                   {51, 4},
                                   {200, 4},
                                   {500, 5},
                                   {1000, 6},
                                   {2000, 8},
                                   {4000, 10},
                                   {6000, 12},
                                   {8000, 15},
                                   {8001, 20},
                                   {1000000, 20}})
    CHECK(sparse_rs::exchanged(0.3, step) == 0.3 / part);
}

TEST_CASE("sparse-rs: comes to the optimum of a linear model, by exchanges that are kept only if better") {
  test::Random random(1);
  const Index channels = GENERATE(1, 2), n = 30 * channels;
  const Images::Dimensions shape(1, channels, 5, 6);
  const Eigen::VectorXd w = random.normals(n);
  const double most = most_of(w, 30, 10), lead = most + 1;
  const SparseRsAttack attack({.steps = 4000});
  const auto seen = watch(attack, two_classes(w, lead, 1), shape, {}, 10.0 * static_cast<double>(channels));
  CHECK_FALSE(seen.result.success[0]);
  const double reached = *std::max_element(seen.margins.begin(), seen.margins.end());
  // A pixel of two channels with one of them wrong may be worth more than any other.
  CHECK(reached <= -1 + 1e-9);
  CHECK(reached >= -1 - (channels == 1 ? 1e-9 : 0.05 * most));
  std::size_t best = 1;
  for (std::size_t k = 1; k < seen.asked.size(); ++k) {
    // Ten pixels, each at a corner of its colours; three of them at most are others than in the best so far.
    std::set<Index> changed, exchanged;
    for (Index i = 0; i < n; ++i) {
      if (seen.asked[k][i] != 0) changed.insert(i % 30);
      if (seen.asked[k][i] != seen.asked[best][i]) exchanged.insert(i % 30);
      REQUIRE((seen.asked[k][i] == 0 || std::abs(seen.asked[k][i]) == 1));
      REQUIRE((seen.asked[k][i] == 0) == (seen.asked[k][(i + 30) % n] == 0));
    }
    REQUIRE(changed.size() == 10);
    if (k > 1) {
      const double share = sparse_rs::exchanged(0.3, (static_cast<std::int64_t>(k) - 1) * 10000 / 4000);
      REQUIRE(exchanged.size() == 2 * std::max<std::size_t>(static_cast<std::size_t>(10 * share), 1));
    }
    if (seen.margins[k] > seen.margins[best]) best = k;
  }
}

TEST_CASE(
    "sparse-rs: never more features than epsilon, on the lattice, in the layout, and none that is frozen") {
  test::Random random(3);
  const bool channels_last = GENERATE(false, true), across_channels = GENERATE(true, false);
  const Images::Dimensions shape =
      channels_last ? Images::Dimensions(1, 7, 5, 3) : Images::Dimensions(1, 3, 7, 5);
  const auto pixel = [&](Index i) { return channels_last ? i / 3 : i % 35; };
  RunOptions<Images> options;
  options.mask = Images(shape);
  for (Index i = 0; i < 105; ++i) options.mask.data()[i] = pixel(i) % 4 != 0;
  options.lattice = Lattice(-2, 4, 16);  // the ends of the box lie between two of its points
  const SparseRsAttack attack(
      {.steps = 300, .across_channels = across_channels, .channels_last = channels_last});
  for (const double epsilon : {0.5, 2.0, 7.9}) {
    const auto seen = watch(attack, two_classes(random.normals(105), 1e6, 1.9), shape, options, epsilon);
    std::size_t moved = 0;
    for (const Eigen::VectorXd& x : seen.asked) {
      REQUIRE(L0::size(x) <= epsilon);
      std::set<Index> pixels;
      for (Index i = 0; i < 105; ++i) {
        if (x[i] == 0) continue;
        ++moved;
        pixels.insert(pixel(i));
        REQUIRE(pixel(i) % 4 != 0);
        REQUIRE(std::abs(x[i]) == 1.75);
      }
      if (across_channels && epsilon > 3) REQUIRE(pixels.size() * 3 == static_cast<std::size_t>(L0::size(x)));
    }
    if (epsilon < 1) {
      CHECK(seen.asked.size() <= 1);
      continue;
    }
    // All of it is used: two pixels of three channels, or single features.
    CHECK(moved == (epsilon < 3 ? 2u : across_channels ? 6u : 7u) * (seen.asked.size() - 1));
    CHECK(seen.result.queries[0] > 200);
    CHECK(seen.result.queries[0] <= 302);
  }
}

TEST_CASE("sparse-rs: where all pixels may change they change their colours") {
  test::Random random(4);
  const Eigen::VectorXd w = random.normals(12);
  const auto seen = watch(SparseRsAttack({.steps = 2000}), two_classes(w, w.cwiseAbs().sum() + 1, 1),
                          Images::Dimensions(1, 1, 3, 4), {}, 100);
  CHECK(*std::max_element(seen.margins.begin(), seen.margins.end()) == Catch::Approx(-1).margin(1e-9));
}

TEST_CASE("sparse-rs: counts one forward pass for the input, one for the start and one per step") {
  const auto flat = two_classes(Eigen::VectorXd::Zero(9), 1, 1);
  Images inputs(2, 1, 3, 3);
  inputs.setZero();
  const Labels labels = Labels::Zero(2);
  const test::CountingModel counted(flat);
  const auto result = SparseRsAttack({.steps = 40})(counted, inputs, labels, 3);
  CHECK(result.queries == Counts::Constant(2, 1 + 1 + 40));
  CHECK(counted.forward == result.queries.sum());
  CHECK(counted.backward == 0);
  const auto cut = SparseRsAttack({.steps = 40})(counted, inputs, labels, 3, {.query_budget = 11});
  CHECK(cut.queries == Counts::Constant(2, 11));
}

TEST_CASE("sparse-rs: each sample exchanges pixels of its own") {
  // The authors' code draws once for the whole batch.
  const auto flat = two_classes(Eigen::VectorXd::Zero(100), 1, 1);
  std::vector<std::set<Index>> changed;
  for (const std::int64_t id : {0, 1}) {
    const auto seen =
        watch(SparseRsAttack({.steps = 1}), flat, Images::Dimensions(1, 1, 10, 10), {.sample_ids = {id}}, 10);
    changed.emplace_back();
    for (Index i = 0; i < 100; ++i)
      if (seen.asked.at(2)[i] != 0) changed.back().insert(i);
  }
  CHECK(changed[0] != changed[1]);
}

TEST_CASE("sparse-rs: reaches targets, and its minimal form the fewest pixels") {
  test::Random random(5);
  const auto model = test::random_affine<Images>(4, 36, 6);
  const Images inputs = test::random_batch<Images>(random, Images::Dimensions(6, 1, 6, 6));
  const Labels own = predict(model, inputs);
  const Labels targets = own.unaryExpr([](int label) { return (label + 1) % 4; });
  const auto result = SparseRsAttack({.steps = 1000})(model, inputs, TargetedMisclassification(targets), 15);
  CHECK(result.success.all());
  CHECK(predict(model, result.adversarials) == targets);
  CHECK(result.queries.maxCoeff() < 1000);
  const auto fewest = Minimal<SparseRsAttack>({.attack = {.steps = 500}})(model, inputs, own);
  REQUIRE(fewest.success.all());
  for (Index i = 0; i < 6; ++i) {
    double least = infinity;
    for (Index other = 0; other < 4; ++other) {
      if (other == own[i]) continue;
      const auto change = model.nearest_tie<L0>(sample(inputs, i), own[i], other);
      if (change) least = std::min(least, L0::size(*change));
    }
    CHECK(fewest.distances[i] == least);
  }
}

TEST_CASE("sparse-rs: ends without bounds, without room, without sense, and without finite answers") {
  const auto open = two_classes(Eigen::VectorXd::Ones(9), 100, infinity);
  const Images::Dimensions shape(1, 1, 3, 3);
  CHECK(watch(SparseRsAttack(), open, shape, {}, 3).result.status[0] == Status::start_failed);
  const auto model = two_classes(Eigen::VectorXd::Ones(9), 2.5, 1);
  RunOptions<Images> frozen;
  frozen.mask = Images(shape);
  frozen.mask.setZero();
  CHECK(watch(SparseRsAttack(), model, shape, frozen, 3).result.queries[0] <= 1);
  CHECK_THROWS_WITH(SparseRsAttack({.share = 0}), Catch::Matchers::ContainsSubstring("share in (0, 1]"));

  test::Tampered odd(model);
  odd.answer = [](std::int64_t call, const Images&, Logits<double>& z) {
    if (call % 3 == 1) z.setConstant(std::numeric_limits<double>::quiet_NaN());
  };
  Images image(shape);
  image.setZero();
  const auto result = SparseRsAttack({.steps = 500})(odd, image, Labels(Labels::Zero(1)), 3);
  CHECK(result.success[0]);
  CHECK(result.distances[0] == 3);
  CHECK(result.bad_rows[0] > 0);
}
