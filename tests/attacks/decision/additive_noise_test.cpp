// SPDX-License-Identifier: MIT
#include "foil/attacks/decision/additive_noise.hpp"

#include "foil/models/lambdas.hpp"
#include "support/affine_problem.hpp"
#include "support/catch.hpp"

using namespace foil;
using namespace foil::test;

namespace {

template <class Scalar>
using Rows = Tensor<Scalar, 2>;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Adversarial is whatever differs from the clean image: shows the noise itself.
struct Anything {
  bool operator()(const Decision& d) const { return d.label == 1; }
};

/// Labels 1 for all that is not `clean` bit by bit.
template <class Scalar>
auto differs_from(const Rows<Scalar>& clean, const Bounds<Scalar>& bounds) {
  return make_model<Rows<Scalar>>(bounds, [clean](const Rows<Scalar>& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) labels[i] = sample(x, i) != sample(clean, 0);
    return labels;
  });
}

/// `count` times the same point.
template <class Scalar>
Rows<Scalar> copies(Index count, const Eigen::VectorXd& x) {
  Rows<Scalar> out(count, x.size());
  for (Index i = 0; i < count; ++i) sample(out, i) = x.cast<Scalar>();
  return out;
}

/// P(first coordinate of a uniform direction in n dimensions exceeds t): by integrating the density
/// (1 - s^2)^((n - 3) / 2), substituted s = sin(angle), with Simpson's rule. This is
/// I_{1 - t^2}((n - 1) / 2, 1 / 2) / 2.
double cap_share(Index n, double t) {
  const auto integral = [&](double from) {
    const int pieces = 2000;
    const double to = std::acos(-1.0) / 2, h = (to - from) / pieces;
    double total = 0;
    for (int k = 0; k <= pieces; ++k)
      total += (k == 0 || k == pieces ? 1
                : k % 2               ? 4
                                      : 2) *
               std::pow(std::cos(from + k * h), static_cast<double>(n - 2));
    return total * h / 3;
  };
  return integral(std::asin(t)) / integral(0) / 2;
}

/// Whether a share of `count` trials is within four standard deviations of a probability.
void check_share(Index hits, Index count, double probability) {
  const auto n = static_cast<double>(count);
  INFO(hits << " of " << count << ", expected a share of " << probability);
  CHECK(std::abs(static_cast<double>(hits) - n * probability) <=
        4 * std::sqrt(n * probability * (1 - probability)));
}

}  // namespace

TEMPLATE_TEST_CASE("where the bounds are far, the noise has the size asked for", "",
                   L2AdditiveGaussianNoiseAttack, L2AdditiveUniformNoiseAttack,
                   LinfAdditiveUniformNoiseAttack, L2ClippingAwareAdditiveGaussianNoiseAttack,
                   L2ClippingAwareAdditiveUniformNoiseAttack) {
  const auto check = [](auto scalar, double precision) {
    using Scalar = decltype(scalar);
    Random random(1);
    const Eigen::VectorXd x = random.uniforms(50);
    const auto inputs = copies<Scalar>(200, x);
    const auto model = differs_from<Scalar>(inputs, {-100, 100});
    const auto result = TestType()(model, inputs, Anything{}, 0.7);
    REQUIRE(result.success.all());
    CHECK(result.distances.maxCoeff() <= 0.7);
    CHECK(result.distances.minCoeff() >= 0.7 * (1 - precision));
  };
  check(0.0, 1e-12);
  check(0.0f, 1e-5);
}

TEMPLATE_TEST_CASE("clipping takes from plain noise what clipping-aware noise makes up for", "",
                   L2ClippingAwareAdditiveGaussianNoiseAttack, L2ClippingAwareAdditiveUniformNoiseAttack) {
  const auto kind =
      std::is_same_v<TestType, L2ClippingAwareAdditiveGaussianNoiseAttack> ? Noise::gaussian : Noise::uniform;
  const auto inputs = copies<float>(200, Random(2).uniforms(50));
  const auto model = differs_from<float>(inputs, {0, 1});
  const double epsilon = 2;
  const auto aware = TestType()(model, inputs, Anything{}, epsilon);
  const auto plain = AdditiveNoiseAttack<L2>({.noise = kind})(model, inputs, Anything{}, epsilon);
  CHECK(aware.distances.minCoeff() >= epsilon * (1 - 1e-5));
  CHECK(aware.distances.maxCoeff() <= epsilon);
  CHECK(plain.distances.maxCoeff() < epsilon * (1 - 1e-5));
  // More than the box has room for: every feature goes to a bound.
  const auto most = TestType()(model, inputs, Anything{}, 100);
  const auto x = as_matrix(most.adversarials).array();
  CHECK(x.min(1 - x).maxCoeff() < 1e-6f);
}

TEST_CASE("Linf noise is uniform, its largest entry at the radius and of either sign") {
  const Index n = 8, count = 4000;
  const auto inputs = copies<double>(count, Eigen::VectorXd::Zero(n));
  const auto model = differs_from<double>(inputs, {-1, 1});
  const auto result = LinfAdditiveUniformNoiseAttack()(model, inputs, Anything{}, 0.5);
  Index positive = 0, inner = 0;
  for (Index i = 0; i < count; ++i) {
    const auto w = sample(result.adversarials, i);
    REQUIRE(w.cwiseAbs().maxCoeff() <= 0.5);
    Index largest = 0;
    w.cwiseAbs().maxCoeff(&largest);
    positive += w[largest] > 0;
    for (Index k = 0; k < n; ++k) inner += k != largest && std::abs(w[k]) < 0.25;
  }
  check_share(positive, count, 0.5);
  check_share(inner, count * (n - 1), 0.5);
}

TEMPLATE_TEST_CASE("on a half-space it succeeds as often as the size of the cap says", "",
                   L2AdditiveGaussianNoiseAttack, L2ClippingAwareAdditiveGaussianNoiseAttack) {
  CHECK(cap_share(3, 0.5) == Catch::Approx(0.25).epsilon(1e-9));     // Archimedes' hat box
  CHECK(cap_share(2, 0.5) == Catch::Approx(1.0 / 3).epsilon(1e-9));  // a third of the circle
  const Index count = 20'000;
  for (const Index n : {2, 3, 10, 40}) {
    Random random(static_cast<std::uint64_t>(n));
    const Eigen::VectorXd x = random.normals(n);
    Eigen::MatrixXd weights(2, n);
    weights.row(0).setZero();
    weights.row(1) = random.normals(n).normalized().transpose();
    const double distance = 0.3, epsilon = 1.2;
    const Affine<Rows<double>> model(weights, Eigen::Vector2d(weights.row(1).dot(x) + distance, 0),
                                     {-infinity, infinity});
    const auto result = TestType()(model, copies<double>(count, x), Labels::Zero(count), epsilon);
    INFO("n = " << n);
    check_share(result.success.count(), count, cap_share(n, distance / epsilon));
  }
}

TEST_CASE("repeated noise succeeds as often as one of its draws does") {
  const Index n = 20, count = 20'000;
  Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(2, n);
  weights(1, 0) = 1;
  const Affine<Rows<float>> model(weights, Eigen::Vector2d(0.5, 0), {-10, 10});
  const auto inputs = copies<float>(count, Eigen::VectorXd::Zero(n));
  const double once = cap_share(n, 0.5);
  for (const int repeats : {1, 5, 20}) {
    const auto result =
        L2RepeatedAdditiveGaussianNoiseAttack({.repeats = repeats})(model, inputs, Labels::Zero(count), 1);
    check_share(result.success.count(), count, 1 - std::pow(1 - once, repeats));
    for (Index i = 0; i < count; ++i) {  // it stops at the first success, else asks to the end
      REQUIRE(result.queries[i] <= 1 + repeats);
      if (!result.success[i]) REQUIRE(result.queries[i] == 1 + repeats);
    }
    CHECK(result.gradient_queries.sum() == 0);
  }
}

TEST_CASE("labels are enough") {
  const auto affine = affine_problem<Rows<float>>(2, 10, 50, 3);
  const auto labels_only = make_model<Rows<float>>(
      Bounds<float>{0, 1}, [&](const Rows<float>& x) { return predict(affine.model, x); });
  static_assert(!ScoreModel<decltype(labels_only)>);
  const LinfRepeatedAdditiveUniformNoiseAttack attack;
  const auto result = attack(labels_only, affine.inputs, affine.labels, 0.5);
  const auto scored = attack(affine.model, affine.inputs, affine.labels, 0.5);
  CHECK(result.success.count() > 10);
  CHECK(same_rows(result.adversarials, scored.adversarials));
}

TEST_CASE("without radius only the input is asked about, and one noise vector costs one query") {
  const auto p = affine_problem<Rows<float>>(2, 10, 20, 4);
  const auto check = [&](double epsilon, std::int64_t queries) {
    CountingModel counting(p.model);
    const auto result = LinfAdditiveUniformNoiseAttack()(counting, p.inputs, p.labels, epsilon);
    CHECK((result.queries.array() == queries).all());
    CHECK(counting.forward == result.queries.sum() + result.verification_queries.sum());
    CHECK(counting.backward == 0);
  };
  check(0, 1);
  check(0.01, 2);
  const auto none = L2RepeatedAdditiveGaussianNoiseAttack()(p.model, p.inputs, p.labels, 0);
  CHECK((none.queries.array() == 1).all());
  CHECK_THROWS_AS(L2RepeatedAdditiveGaussianNoiseAttack({.repeats = 0}), Error);
}

TEST_CASE("noise depends on seed, sample and draw, not on the batch") {
  const auto inputs = copies<float>(12, Eigen::VectorXd::Constant(6, 0.5));
  const auto model = differs_from<float>(inputs, {0, 1});
  const L2AdditiveGaussianNoiseAttack attack;
  const auto all = attack(model, inputs, Anything{}, 0.1, {.seed = 1});
  const auto split = attack(model, inputs, Anything{}, 0.1, {.seed = 1, .threads = 2, .batch_size = 1});
  CHECK(same_rows(all.adversarials, split.adversarials));
  CHECK_FALSE(same_rows(all.adversarials, attack(model, inputs, Anything{}, 0.1, {.seed = 2}).adversarials));
  for (Index i = 1; i < 12; ++i) CHECK(sample(all.adversarials, i) != sample(all.adversarials, 0));
}
