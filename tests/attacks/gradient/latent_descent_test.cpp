// SPDX-License-Identifier: MIT
// On a model that takes an input for the nearest of fixed images, the way to the other one is a straight line
// whose end is known.
#include "foil/attacks/gradient/latent_descent.hpp"

#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "catalogue/runs.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Rows = Tensor<double, 2>;
constexpr Index pixels = 5;

/// The class of the nearest image; logits are minus the squared distances, perhaps of binary inputs.
struct NearestImage {
  using Input = Rows;
  Eigen::MatrixXd images;
  double threshold = 0;
  mutable std::atomic<std::int64_t> forward{0}, made{0};

  explicit NearestImage(Eigen::MatrixXd rows, double binary = 0)
      : images(std::move(rows)), threshold(binary) {}
  Bounds<double> bounds() const { return {}; }
  Logits<double> judge(const Rows& x) const {
    Logits<double> z(samples(x), images.rows());
    for (Index i = 0; i < z.rows(); ++i)
      for (Index c = 0; c < z.cols(); ++c) {
        z(i, c) = 0;
        for (Index j = 0; j < pixels; ++j) {
          const double value = sample(x, i)[j];
          const double seen = threshold == 0 ? value : value >= threshold ? 1 : 0;
          z(i, c) -= (seen - images(c, j)) * (seen - images(c, j));
        }
      }
    return z;
  }
  Logits<double> logits(const Rows& x) const {
    forward += samples(x);
    return judge(x);
  }
  Prototypes<double> reconstructions(const Rows& x) const {
    made += samples(x);
    Prototypes<double> out{judge(x), {}};
    for (Index c = 0; c < images.rows(); ++c) out.images.push_back(images.row(c).replicate(samples(x), 1));
    return out;
  }
  /// The share of the way from x to image `to` at which it is as near as image `from`.
  double share(const Eigen::VectorXd& x, Index from, Index to) const {
    const Eigen::VectorXd a = x - images.row(from).transpose(), w = images.row(to).transpose() - x;
    return (w.squaredNorm() - a.squaredNorm()) / (2 * (a.dot(w) + w.squaredNorm()));
  }
};

NearestImage three_images(double threshold = 0) {
  Eigen::MatrixXd images(3, pixels);
  images << 0.1, 0.2, 0.3, 0.2, 0.1, 0.9, 0.8, 0.7, 0.9, 0.8, 0.1, 0.9, 0.2, 0.9, 0.3;
  return NearestImage(images, threshold);
}
}  // namespace

TEST_CASE("latent descent: ends where the straight way to the other image crosses the boundary",
          "[attacks]") {
  static_assert(PrototypeModel<const NearestImage>);
  const NearestImage model = three_images();
  test::Random random(1);
  const Rows x = test::random_batch<Rows>(random, Rows::Dimensions(40, pixels));
  const Labels labels = foil::predict(model, x);
  const LatentDescentAttack attack({.steps = 200, .bisections = 30});
  model.forward = 0;
  const auto result = attack(model, x, labels);
  REQUIRE(result.success.all());
  CHECK(result.queries.sum() == model.forward - result.verification_queries.sum() + model.made);
  CHECK(result.gradient_queries.sum() == model.made);
  const Logits<double> z = model.judge(x);
  for (Index i = 0; i < samples(x); ++i) {
    const Eigen::VectorXd input = sample(x, i);
    Index other = -1;
    for (Index c = 0; c < 3; ++c)
      if (c != labels[i] && (other < 0 || z(i, c) > z(i, other))) other = c;
    const double exact =
        model.share(input, labels[i], other) * (model.images.row(other).transpose() - input).norm();
    CHECK(result.distances[i] <= exact * (1 + 1e-7) + 1e-12);  // or the third is met on the way
    if (result.predictions[i] == other) CHECK(result.distances[i] == Catch::Approx(exact).epsilon(1e-7));
    CHECK(result.queries[i] == result.gradient_queries[i] + 30);
  }

  // A class to be reached: towards that one.
  const Labels targets = labels.unaryExpr([](int label) { return (label + 1) % 3; });
  const auto targeted = attack(model, x, TargetedMisclassification(targets));
  REQUIRE(targeted.success.all());
  for (Index i = 0; i < samples(x); ++i) {
    CHECK(targeted.predictions[i] == targets[i]);
    const Eigen::VectorXd input = sample(x, i);
    const Eigen::VectorXd way = model.images.row(targets[i]).transpose() - input;
    const Eigen::VectorXd change = sample(targeted.adversarials, i) - input;
    CHECK((change - change.dot(way) / way.squaredNorm() * way).norm() < 1e-9);
  }
  // A criterion that names no class leaves that of the input.
  const auto left = attack(model, x, Misclassification(labels) && Misclassification(labels));
  CHECK(left.distances == result.distances);
}

TEST_CASE("latent descent: shares, bisections and budgets are those asked for", "[attacks]") {
  const NearestImage model = three_images();
  Rows x(1, pixels);
  x.setValues({{0.1, 0.13, 0.31, 0.13, 0.08}});
  Labels label(1);
  label << 0;
  // Image 2 is the next one, and the boundary at 6 / 11 of the way: of 4 shares the third is the first
  // beyond.
  CHECK(model.share(sample(x, 0), 0, 2) == Catch::Approx(6. / 11));
  const auto coarse = LatentDescentAttack({.steps = 4, .bisections = 0})(model, x, label);
  CHECK(coarse.predictions[0] == 2);
  const double whole = (model.images.row(2).transpose() - sample(x, 0)).norm();
  CHECK(coarse.distances[0] == Catch::Approx(0.75 * whole));
  CHECK(coarse.queries[0] == 4);  // the input and three shares
  const auto finer = LatentDescentAttack({.steps = 4, .bisections = 2})(model, x, label);
  CHECK(finer.distances[0] == Catch::Approx(0.5625 * whole));
  const auto poor = LatentDescentAttack({.steps = 4})(model, x, label, {.query_budget = 2});
  CHECK(!poor.success[0]);
  CHECK(poor.status[0] == Status::budget_exhausted);
  // A mask holds; the class is left all the same.
  Rows mask(1, pixels);
  mask.setValues({{1, 1, 0, 1, 1}});
  const auto masked = LatentDescentAttack()(model, x, label, {.mask = mask});
  REQUIRE(masked.success[0]);
  CHECK(masked.adversarials(0, 2) == x(0, 2));
}

TEST_CASE("latent descent: of a binary model only what changes sides moves, and no farther than it has to",
          "[attacks]") {
  const NearestImage model = three_images(0.5);
  test::Random random(2);
  const Rows x = test::random_batch<Rows>(random, Rows::Dimensions(30, pixels));
  const Labels labels = foil::predict(model, x);
  const auto plain = LatentDescentAttack()(model, x, labels);
  const auto binary = LatentDescentAttack({.threshold = 0.5})(model, x, labels);
  REQUIRE(binary.success.all());
  for (Index i = 0; i < samples(x); ++i) {
    for (Index j = 0; j < pixels; ++j) {
      const double before = x(i, j), after = binary.adversarials(i, j);
      if (before == after) continue;
      CHECK((before >= 0.5) != (after >= 0.5));
      CHECK(std::abs(after - 0.5) < 1e-12);
    }
    CHECK(binary.distances[i] <= plain.distances[i]);
  }
  CHECK(binary.distances.sum() < 0.9 * plain.distances.sum());
}

TEST_CASE("latent descent: reconstructions of another shape are refused", "[attacks]") {
  struct Wrong {
    using Input = Rows;
    Index classes, columns;
    Bounds<double> bounds() const { return {}; }
    Logits<double> logits(const Rows& x) const { return Logits<double>::Identity(samples(x), 3); }
    Prototypes<double> reconstructions(const Rows& x) const {
      return {logits(x), std::vector<Logits<double>>(static_cast<std::size_t>(classes),
                                                     Logits<double>::Zero(samples(x), columns))};
    }
  };
  const Labels label = Labels::Zero(1);
  const auto run = [&](const Wrong& model) {
    LatentDescentAttack()(model, Rows(Rows(1, pixels).setZero()), label);
  };
  CHECK_THROWS_WITH(run({2, pixels}), Catch::Matchers::ContainsSubstring("each of the 3 classes, got 2"));
  CHECK_THROWS_WITH(run({3, 4}), Catch::Matchers::ContainsSubstring("of shape 1 x 5, got 1 x 4"));
}
