// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/fast_gradient.hpp"

#include "support/affine_problem.hpp"
#include "support/catch.hpp"

using namespace foil;
using namespace foil::test;

namespace {

template <class Scalar>
using Rows = Tensor<Scalar, 2>;

/// Norm and scalar type of a test.
template <class N, class S>
struct In {
  using norm = N;
  using Scalar = S;
};

/// Distances from the inputs to where the other one of two classes leads by `lead`.
template <Norm N, Batch T>
Eigen::VectorXd distances_to_lead(const AffineProblem<T>& p, double lead) {
  Eigen::VectorXd out(p.labels.size());
  for (Index row = 0; row < out.size(); ++row) {
    const Eigen::VectorXd x = sample(p.inputs, row).template cast<double>(), z = p.model.exact_logits(x);
    const int own = p.labels[row], other = 1 - own;
    Eigen::VectorXd lower(x.size()), upper(x.size());
    for (Index i = 0; i < x.size(); ++i) {
      lower[i] = static_cast<double>(p.model.bounds().lower(i));
      upper[i] = static_cast<double>(p.model.bounds().upper(i));
    }
    const auto change = nearest_in_half_space<N>(x, p.model.weights().row(other) - p.model.weights().row(own),
                                                 z[own] - z[other] + lead, lower, upper);
    REQUIRE(change);
    out[row] = N::size(*change);
  }
  return out;
}

/// All fall at a radius a little above these distances and none a little below.
template <class Attack, Batch T, class C>
void check_threshold(const Attack& attack, const AffineProblem<T>& p, const C& criterion,
                     const Eigen::VectorXd& distances) {
  const Eigen::VectorXd above = 1.0001 * distances, below = 0.9999 * distances;
  const auto hit = attack(p.model, p.inputs, criterion, above);
  const auto miss = attack(p.model, p.inputs, criterion, below);
  for (Index i = 0; i < distances.size(); ++i) {
    INFO("sample " << i << " at distance " << distances[i]);
    REQUIRE(hit.success[i]);
    REQUIRE(hit.status[static_cast<std::size_t>(i)] == Status::success);
    REQUIRE(hit.distances[i] <= above[i]);
    REQUIRE(hit.distances[i] >= distances[i] * (1 - 2e-5));
    REQUIRE_FALSE(miss.success[i]);
    REQUIRE(miss.status[static_cast<std::size_t>(i)] == Status::not_found);
    REQUIRE(std::isinf(miss.distances[i]));
  }
  CHECK(same_rows(miss.adversarials, p.inputs));
}

}  // namespace

TEMPLATE_TEST_CASE(
    "with two affine classes it succeeds exactly from the distance of the nearest adversarial on", "",
    (In<L1, float>), (In<L2, float>), (In<Linf, float>), (In<L1, double>), (In<L2, double>),
    (In<Linf, double>)) {
  using N = typename TestType::norm;
  using T = Rows<typename TestType::Scalar>;
  const FastGradientAttack<N> attack;
  for (const Box box : all_boxes)
    for (const Index n : {5, 40}) {
      const auto p = affine_problem<T>(2, n, 40, 10 + static_cast<std::uint64_t>(n), box);
      check_threshold(attack, p, p.labels, p.template distances<N>());
      const Labels targets = 1 - p.labels.array();
      check_threshold(attack, p, TargetedMisclassification(targets), p.template distances<N>());
    }
}

TEMPLATE_TEST_CASE("criteria that ask for a lead are met exactly from their own distance on", "", L1, L2,
                   Linf) {
  const auto p = affine_problem<Rows<double>>(2, 30, 40, 3);
  const FastGradientAttack<TestType> attack;
  const double confident = std::log(0.8 / 0.2);
  check_threshold(attack, p, ConfidentMisclassification(p.labels, 0.8),
                  distances_to_lead<TestType>(p, confident));
  check_threshold(attack, p, OriginalClassProbability(p.labels, 0.2),
                  distances_to_lead<TestType>(p, confident));
  check_threshold(attack, p, MarginAbove(p.labels, 0.7), distances_to_lead<TestType>(p, 0.7));
  check_threshold(attack, p, Misclassification(p.labels) && MarginAbove(p.labels, 0.7),
                  distances_to_lead<TestType>(p, 0.7));
  check_threshold(attack, p, Misclassification(p.labels) || MarginAbove(p.labels, 0.7),
                  p.template distances<TestType>());
}

TEST_CASE("a user's criterion with a margin serves as well") {
  struct Lead {
    Labels labels;
    bool operator()(const Scores& s) const { return margin(s, nullptr) < 0; }
    double margin(const Scores& s, Eigen::VectorXd* gradient) const {
      const int own = labels[s.sample], other = 1 - own;
      if (gradient) {
        (*gradient)[own] = 2;
        (*gradient)[other] = -2;
      }
      return 2 * (s.logits[own] - s.logits[other]) + 1;
    }
  };
  const auto p = affine_problem<Rows<double>>(2, 30, 40, 4);
  check_threshold(FGM(), p, Lead{p.labels}, distances_to_lead<L2>(p, 0.5));
}

TEMPLATE_TEST_CASE("with many classes nothing succeeds below the distance of the nearest adversarial", "", L1,
                   L2, Linf) {
  const auto p = affine_problem<Rows<double>>(10, 30, 100, 5);
  const Eigen::VectorXd distances = p.template distances<TestType>();
  for (const Loss loss : {Loss::lsem, Loss::cross_entropy, Loss::margin, Loss::dlr}) {
    const FastGradientAttack<TestType> attack({.loss = loss});
    const Eigen::VectorXd below = 0.99999 * distances, above = 2 * distances;
    CHECK(attack(p.model, p.inputs, p.labels, below).success.count() == 0);
    CHECK(attack(p.model, p.inputs, p.labels, above).success.count() > 60);
  }
}

TEMPLATE_TEST_CASE("the literal step is the textbook's", "", L1, L2, Linf) {
  const auto p = affine_problem<Rows<double>>(2, 30, 50, 6);
  const Eigen::VectorXd radii = 20 * p.template distances<TestType>();
  const auto result = FastGradientAttack<TestType>({.literal = true})(p.model, p.inputs, p.labels, radii);
  REQUIRE(result.success.count() > 40);
  int clipped = 0;
  for (Index row = 0; row < radii.size(); ++row) {
    if (!result.success[row]) continue;
    const Eigen::VectorXd g = p.model.weights().row(1 - p.labels[row]) - p.model.weights().row(p.labels[row]);
    Eigen::VectorXd x = sample(p.inputs, row);
    if constexpr (std::isinf(TestType::p))
      x += radii[row] * g.cwiseSign();
    else
      x += radii[row] / TestType::size(g) * g;
    clipped += (x.array() < 0).any() || (x.array() > 1).any();
    x = x.cwiseMax(0).cwiseMin(1);
    REQUIRE((sample(result.adversarials, row) - x).norm() <= 1e-12);
  }
  CHECK(clipped > 20);
}

TEST_CASE("the exact step spends what clipping takes from the literal one") {
  const auto p = affine_problem<Rows<double>>(2, 30, 50, 7);
  const auto exact = FGM()(p.model, p.inputs, p.labels, 1.5);
  const auto literal = FGM({.literal = true})(p.model, p.inputs, p.labels, 1.5);
  REQUIRE(exact.success.all());
  for (Index i = 0; i < exact.size(); ++i) {
    CHECK(exact.distances[i] == Catch::Approx(1.5).epsilon(1e-12));
    if (literal.success[i]) CHECK(literal.distances[i] < 1.5 - 1e-6);
  }
  CHECK(literal.success.count() <= exact.success.count());
}

TEST_CASE("it costs two forward passes and one backward pass, and no more than it needs") {
  const auto p = affine_problem<Rows<float>>(2, 20, 30, 8);
  const auto expect = [&](const FGSM& attack, const Epsilons& epsilon, int forward, int backward,
                          bool success) {
    CountingModel counting(p.model);
    const auto result = attack(counting, p.inputs, p.labels, epsilon);
    INFO("epsilon expects " << forward << " forward passes");
    CHECK((result.queries.array() == forward).all());
    CHECK((result.gradient_queries.array() == backward).all());
    CHECK((result.verification_queries.array() == (success ? 1 : 0)).all());
    CHECK((result.success == success).all());
    CHECK(counting.forward == result.queries.sum() + result.verification_queries.sum());
    CHECK(counting.backward == result.gradient_queries.sum());
  };
  const Eigen::VectorXd distances = p.distances<Linf>();
  expect(FGSM(), 1, 2, 1, true);
  expect(FGSM(), Eigen::VectorXd(0.9 * distances), 2, 1, false);
  expect(FGSM(), 0, 1, 0, false);
  expect(FGSM({.random_start = true}), Eigen::VectorXd(0.9 * distances), 3, 1, false);
  expect(FGSM({.literal = true}), 1, 2, 1, true);
}

TEST_CASE("a zero gradient does not move, and saves the second query") {
  Affine<Rows<double>> flat(Eigen::MatrixXd::Zero(2, 5), Eigen::Vector2d(0, 1));
  Rows<double> inputs(3, 5);
  inputs.setConstant(0.5);
  for (const bool literal : {false, true})
    for (const double epsilon : {0.1, 10.0}) {
      const auto result = FGM({.literal = literal})(flat, inputs, Labels::Constant(3, 1), epsilon);
      CHECK(result.success.count() == 0);
      CHECK((result.queries.array() == 1).all());
      CHECK(same_rows(result.adversarials, inputs));
    }
}

TEST_CASE("what is already misclassified is returned as it is") {
  const auto p = affine_problem<Rows<float>>(2, 20, 10, 9);
  const Labels wrong = 1 - p.labels.array();
  const auto result = FGSM()(p.model, p.inputs, wrong, 0.1);
  CHECK(result.success.all());
  CHECK((result.distances.array() == 0).all());
  CHECK((result.queries.array() == 1).all());
  CHECK(same_rows(result.adversarials, p.inputs));
}

TEST_CASE("with confident float models LSEM keeps its gradient where cross-entropy loses it") {
  const auto p = affine_problem<Rows<float>>(2, 20, 40, 10, Box::unit, 1000);
  const Eigen::VectorXd radii = 1.01 * p.distances<Linf>();
  CHECK(FGSM()(p.model, p.inputs, p.labels, radii).success.all());
  const auto vanished = FGSM({.loss = Loss::cross_entropy})(p.model, p.inputs, p.labels, radii);
  CHECK(vanished.success.count() == 0);  // exp(-300) is zero in float, hence so is every gradient
  CHECK((vanished.queries.array() == 1).all());
  const auto modest = affine_problem<Rows<float>>(2, 20, 40, 10);
  CHECK(FGSM({.loss = Loss::cross_entropy})(modest.model, modest.inputs, modest.labels, radii).success.all());
}

TEST_CASE("a loss that needs more classes says so") {
  const auto p = affine_problem<Rows<float>>(2, 5, 3, 11);
  CHECK_THROWS_WITH(FGSM({.loss = Loss::dlr})(p.model, p.inputs, p.labels, 0.1),
                    Catch::Matchers::ContainsSubstring("at least 3 classes, the model has 2"));
  const auto three = affine_problem<Rows<float>>(3, 5, 3, 11);
  const Labels targets = three.labels.unaryExpr([](int label) { return (label + 1) % 3; });
  CHECK_NOTHROW(FGSM({.loss = Loss::dlr})(three.model, three.inputs, three.labels, 0.1));
  CHECK_THROWS_WITH(
      FGSM({.loss = Loss::dlr})(three.model, three.inputs, TargetedMisclassification(targets), 0.1),
      Catch::Matchers::ContainsSubstring("at least 4 classes, the model has 3"));
}

TEST_CASE("a random start moves the gradient's point, not the ball") {
  const auto p = affine_problem<Rows<float>>(2, 20, 100, 12);
  const Eigen::VectorXd distances = p.distances<L1>(), above = 1.0001 * distances, below = 0.9999 * distances;
  const L1FastGradientAttack attack({.random_start = true});
  CHECK(attack(p.model, p.inputs, p.labels, above).success.all());
  CHECK(attack(p.model, p.inputs, p.labels, below).success.count() == 0);
}
