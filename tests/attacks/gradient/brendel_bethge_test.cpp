// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/brendel_bethge/brendel_bethge.hpp"

#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/scripted.hpp"

using namespace foil;
using namespace foil::test;

namespace {

template <class Scalar>
using Rows = Tensor<Scalar, 2>;

template <class N, class S>
struct In {
  using norm = N;
  using Scalar = S;
};

/// A pool with points of every class.
template <Batch T>
Pool<T> pool_for(const AffineProblem<T>& p, std::uint64_t seed) {
  Random random(seed);
  const Index n = features(p.inputs);
  T points(300, n);
  const auto bounds = p.model.bounds();
  for (Index row = 0; row < 300; ++row)
    for (Index i = 0; i < n; ++i) {
      using Scalar = typename T::Scalar;
      const Scalar low = bounds.lower(i), high = std::min(bounds.upper(i), low + 1);
      sample(points, row)[i] = random.uniform() < 0.5 ? low : high;
    }
  return Pool<T>(p.model, points);
}

}  // namespace

TEMPLATE_TEST_CASE("from a start in every class, the nearest adversarial of an affine model is found", "",
                   (In<L0, float>), (In<L1, float>), (In<L2, float>), (In<Linf, float>), (In<L0, double>),
                   (In<L1, double>), (In<L2, double>), (In<Linf, double>)) {
  using N = typename TestType::norm;
  using T = Rows<typename TestType::Scalar>;
  const BrendelBethgeAttack<N> attack({.steps = 400});
  for (const Box box : all_boxes)
    for (const bool scaled : {false, true}) {
      const auto p = affine_problem<T>(4, 30, 12, 20, box, scaled ? 1e-6 : 1);
      RunOptions<T> options;
      options.pool = pool_for(p, 3);
      const auto found = attack(p.model, p.inputs, p.labels, options);
      const Eigen::VectorXd nearest = N::p == 0 ? fewest_entries(p) : p.template distances<N>();
      for (Index i = 0; i < found.size(); ++i) {
        INFO("box " << static_cast<int>(box) << ", scaled " << scaled << ", sample " << i << ": "
                    << found.distances[i] << " instead of " << nearest[i]);
        REQUIRE(found.success[i]);
        REQUIRE(found.gradient_queries[i] <= 400);
        CHECK(found.distances[i] >= nearest[i] * (1 - 2e-5));
        if (N::p == 0)
          CHECK(found.distances[i] == nearest[i]);
        else
          CHECK(found.distances[i] <= nearest[i] * 1.0003);
      }
    }
}

TEMPLATE_TEST_CASE("targets, margins, probabilities, top-k and combinations are all met", "", L0, L1, L2,
                   Linf) {
  using T = Rows<float>;
  const auto p = affine_problem<T>(5, 40, 10, 31);
  RunOptions<T> options;
  options.pool = pool_for(p, 4);
  const BrendelBethgeAttack<TestType> attack({.steps = 800});
  const Labels targets = p.labels.unaryExpr([](int y) { return (y + 1) % 5; });
  const Labels others = p.labels.unaryExpr([](int y) { return (y + 2) % 5; });
  const auto check = [&](const auto& criterion) {
    const auto found = attack(p.model, p.inputs, criterion, options);
    for (Index i = 0; i < found.size(); ++i) {
      REQUIRE(found.success[i]);
      const Eigen::VectorXd z = p.model.logits(found.adversarials).row(i).transpose().template cast<double>();
      REQUIRE(criterion(Scores{i, z}));
    }
    return found.distances;
  };
  const Eigen::VectorXd any = check(Misclassification(p.labels));
  const Eigen::VectorXd target = check(TargetedMisclassification(targets));
  const Eigen::VectorXd margin = check(MarginAbove(p.labels, 0.5));
  const Eigen::VectorXd second = check(TopKMisclassification(p.labels, 2));
  const Eigen::VectorXd sure = check(ConfidentMisclassification(p.labels, 0.9));
  const Eigen::VectorXd doubt = check(OriginalClassProbability(p.labels, 0.1));
  const Eigen::VectorXd both = check(TargetedMisclassification(targets) && MarginAbove(p.labels, 0.5));
  const Eigen::VectorXd either =
      check(TargetedMisclassification(targets) || TargetedMisclassification(others));
  const Eigen::VectorXd user = check(!Misclassification(others) || TargetedMisclassification(targets));
  const double slack = 1.001;
  for (Index i = 0; i < any.size(); ++i) {
    CHECK(any[i] <= target[i] * slack);
    CHECK(any[i] <= margin[i] * slack);
    CHECK(any[i] <= second[i] * slack);
    CHECK(margin[i] <= sure[i] * slack);
    CHECK(any[i] <= doubt[i] * slack);
    CHECK(target[i] <= both[i] * slack);
    CHECK(either[i] <= target[i] * slack);
    CHECK(user[i] <= either[i] * slack);
  }
}

TEST_CASE("a user's start is all that a walk needs, and a bad one fails alone") {
  using T = Rows<float>;
  const auto p = affine_problem<T>(3, 20, 4, 5);
  const auto pool = pool_for(p, 6);
  RunOptions<T> options;
  options.starting_points = p.inputs;  // not adversarial, but for the rows replaced
  for (const Index i : {0, 2, 3}) {
    Index row = 0;
    while (pool.predictions()[row] == p.labels[i]) ++row;
    sample<T>(options.starting_points, i) = sample(pool.inputs(), row);
  }
  const auto found = L2BrendelBethgeAttack({.steps = 60, .starts = 1})(p.model, p.inputs, p.labels, options);
  for (const Index i : {0, 2, 3}) CHECK(found.success[i]);
  CHECK(found.status[1] == Status::start_failed);
  CHECK(found.queries[1] == 1);  // the start is the input
  CHECK(found.gradient_queries[1] == 0);
}

TEST_CASE("what is asked is what the documentation says") {
  using T = Rows<double>;
  const auto p = affine_problem<T>(3, 50, 5, 7);
  RunOptions<T> options;
  options.pool = pool_for(p, 8);
  const CountingModel counting(p.model);
  SECTION("one walk that does not converge") {
    const L2BrendelBethgeAttack attack({.steps = 10, .starts = 1, .start = {.bisections = 4}});
    const auto found = attack(counting, p.inputs, p.labels, options);
    CHECK((found.queries.array() == 1 + 4 + 10 + 1).all());  // input, bisection, steps, last point
    CHECK((found.gradient_queries.array() == 10).all());
    CHECK(counting.forward == (found.queries + found.verification_queries).sum());
    CHECK(counting.backward == found.gradient_queries.sum());
  }
  SECTION("walks share the steps") {
    const L2BrendelBethgeAttack attack({.steps = 11, .starts = 3, .start = {.bisections = 2}});
    const auto found = attack(counting, p.inputs, p.labels, options);
    CHECK((found.queries.array() == 1 + 3 * 2 + 11 + 3).all());
    CHECK((found.gradient_queries.array() == 11).all());
  }
  SECTION("converged walks stop asking") {
    const auto found = L2BrendelBethgeAttack({.steps = 100'000})(counting, p.inputs, p.labels, options);
    for (Index i = 0; i < found.size(); ++i) {
      CHECK(found.status[static_cast<std::size_t>(i)] == Status::converged);
      CHECK(found.gradient_queries[i] < 16 * 200);
    }
  }
  SECTION("no steps: the start is bisected") {
    const auto found = L2BrendelBethgeAttack({.steps = 0})(counting, p.inputs, p.labels, options);
    CHECK(found.success.all());
    CHECK(found.gradient_queries.sum() == 0);
  }
  SECTION("a last bisection does not make it worse") {
    const auto plain = L2BrendelBethgeAttack({.steps = 10})(p.model, p.inputs, p.labels, options);
    const auto refined =
        L2BrendelBethgeAttack({.steps = 10, .last_bisections = 10})(p.model, p.inputs, p.labels, options);
    CHECK((refined.distances.array() <= plain.distances.array()).all());
  }
}

TEMPLATE_TEST_CASE("the published schedule walks, too", "", L0, L1, L2, Linf) {
  using T = Rows<float>;
  const auto p = affine_problem<T>(2, 30, 8, 9);
  RunOptions<T> options;
  options.pool = pool_for(p, 10);
  const BrendelBethgeAttack<TestType> attack(
      {.mode = BrendelBethgeMode::paper, .steps = 200, .starts = 1, .momentum = 0.8, .learning_rate = 0.1});
  const auto found = attack(p.model, p.inputs, p.labels, options);
  const Eigen::VectorXd nearest = p.template distances<TestType>();
  for (Index i = 0; i < found.size(); ++i) {
    REQUIRE(found.success[i]);
    CHECK(found.gradient_queries[i] == 200);
    CHECK(found.distances[i] <= nearest[i] * 1.01);
  }
}

TEMPLATE_TEST_CASE("curved boundaries: results do not depend on the other samples", "", L0, L1, L2, Linf) {
  using T = Rows<float>;
  const Mlp<T> model(24, 16, 4, 1);
  Random random(2);
  const auto inputs = random_batch<T>(random, typename T::Dimensions(6, 24));
  const Labels labels = predict(model, inputs);
  RunOptions<T> options;
  options.pool = Pool<T>(model, random_batch<T>(random, typename T::Dimensions(60, 24)));
  const BrendelBethgeAttack<TestType> attack({.steps = 120, .starts = 4});
  const auto together = attack(model, inputs, labels, options);
  CHECK(together.success.all());
  for (Index i = 0; i < 6; ++i) {
    auto alone_options = options;
    alone_options.sample_ids = {i};
    const auto alone =
        attack(model, gather(inputs, std::vector<Index>{i}), Labels(labels.segment(i, 1)), alone_options);
    CHECK(alone.distances[0] == together.distances[i]);
    CHECK(alone.queries[0] == together.queries[i]);
  }
}

TEMPLATE_TEST_CASE("hostile models end with a status, in bounded steps", "", L0, L1, L2, Linf) {
  using T = Rows<float>;
  const Mlp<T> model(20, 12, 3, 4);
  Random random(5);
  const auto inputs = random_batch<T>(random, typename T::Dimensions(5, 20));
  const Labels labels = predict(model, inputs);
  RunOptions<T> options;
  options.pool = Pool<T>(model, random_batch<T>(random, typename T::Dimensions(50, 20)));
  const BrendelBethgeAttack<TestType> attack({.steps = 5000, .starts = 3});
  Tampered tampered(model);
  const auto check = [&](bool success) {
    const auto found = attack(tampered, inputs, labels, options);
    for (Index i = 0; i < found.size(); ++i) {
      CHECK(found.success[i] == success);
      CHECK(found.gradient_queries[i] <= 3 * 400);
      CHECK(found.status[static_cast<std::size_t>(i)] != Status::not_run);
    }
  };
  SECTION("gradients that vanish") {
    tampered.gradient = [](const T&, T& gradient) { gradient.setZero(); };
    check(true);
  }
  SECTION("gradients that vanish now and then") {
    int call = 0;
    tampered.gradient = [&](const T&, T& gradient) {
      if (++call % 2 == 0) gradient.setZero();
    };
    check(true);
  }
  SECTION("gradients of the wrong sign") {
    tampered.gradient = [](const T&, T& gradient) { gradient = -gradient; };
    check(true);
  }
  SECTION("gradients that are not finite") {
    tampered.gradient = [](const T&, T& gradient) {
      gradient.setConstant(std::numeric_limits<float>::quiet_NaN());
    };
    check(true);
  }
  SECTION("tiny and huge gradients in turn") {
    int call = 0;
    tampered.gradient = [&](const T&, T& gradient) {
      gradient = gradient * (++call % 2 == 0 ? 1e-38f : 1e30f);
    };
    check(true);
  }
  SECTION("logits that are NaN outside of a few points") {
    tampered.answer = [](std::int64_t call, const T&, Logits<float>& z) {
      if (call > 12) z.setConstant(std::numeric_limits<float>::quiet_NaN());
    };
    const auto found = attack(tampered, inputs, labels, options);
    CHECK_FALSE(found.success.any());  // not even the verification is answered
    CHECK(found.gradient_queries.maxCoeff() <= 3 * 100);
  }
  SECTION("huge logits") {
    tampered.answer = [](std::int64_t, const T&, Logits<float>& z) { z *= 1e30f; };
    check(true);
  }
  SECTION("tiny logits") {
    tampered.answer = [](std::int64_t, const T&, Logits<float>& z) { z *= 1e-30f; };
    check(true);
  }
}

TEST_CASE("without a start there is no walk") {
  using T = Rows<float>;
  const auto p = affine_problem<T>(2, 10, 3, 11);
  const L2BrendelBethgeAttack attack({.start = {.noise_draws = 20}});
  // A class far out of reach.
  Eigen::VectorXd offsets = p.model.offsets();
  const Affine<T> never(0 * p.model.weights(), Eigen::VectorXd{{10.0, 0.0}}, p.model.bounds());
  const auto found = attack(never, p.inputs, Labels(Labels::Zero(3)));
  CHECK_FALSE(found.success.any());
  for (const Status status : found.status) CHECK(status == Status::start_failed);
  CHECK(found.queries.maxCoeff() <= 1 + 20 + 4 + 1);  // the last for a gradient, which is zero
  CHECK(found.zero_gradients == Counts::Ones(3));
  // A class that every input has.
  const auto already = attack(never, p.inputs, Labels(Labels::Ones(3)));
  for (const Status status : already.status) CHECK(status == Status::already_adversarial);
  CHECK((already.queries.array() == 1).all());
}

TEST_CASE("a single feature is bisected to the boundary") {
  using T = Rows<float>;
  const Affine<T> model(Eigen::MatrixXd{{1.0}, {-1.0}}, Eigen::VectorXd{{0.0, 0.8}});
  T inputs(1, 1);
  inputs.setConstant(0.7f);
  const auto found = L1BrendelBethgeAttack()(model, inputs, Labels(Labels::Zero(1)));
  CHECK(found.success[0]);
  CHECK(found.distances[0] == Catch::Approx(0.3).epsilon(1e-6));
}

TEST_CASE("ways to a start begin and end exactly where they should") {
  Random random(12);
  const Eigen::VectorXd from = random.uniforms(50), to = random.uniforms(50);
  const auto check = [&](auto norm) {
    using N = decltype(norm);
    CHECK(geometry::on_the_way<N>(from, to, 0) == from);
    CHECK(geometry::on_the_way<N>(from, to, 1) == to);
    double before = 0;
    for (const double e : {0.1, 0.3, 0.5, 0.9, 0.999}) {
      const double length = N::size(geometry::on_the_way<N>(from, to, e) - from);
      CHECK(length > before);
      CHECK(length <= N::size(to - from));
      before = length;
    }
  };
  check(L0{});
  check(L1{});
  check(L2{});
  check(Linf{});
  CHECK(L0::size(geometry::on_the_way<L0>(from, to, 0.5) - from) == 25);
}

TEST_CASE("options that make no sense are refused") {
  const auto refuses = [](BrendelBethgeOptions options, const char* message) {
    CHECK_THROWS_WITH(L2BrendelBethgeAttack(options), Catch::Matchers::ContainsSubstring(message));
  };
  refuses({.steps = -1}, "steps >= 0, got -1");
  refuses({.starts = 0}, "starts in [1, 256], got 0");
  refuses({.momentum = 1}, "momentum in [0, 1), got 1");
  refuses({.overshoot = 0.5}, "overshoot in [1, 2], got 0.5");
  refuses({.shrink = 1}, "shrink in (0, 1), got 1");
  refuses({.patience = 0}, "patience in [1, 1e+06], got 0");
  refuses({.tolerance = 1}, "tolerance in [0, 1), got 1");
  refuses({.smallest_radius = 0}, "smallest_radius in (0, 1), got 0");
  refuses({.learning_rate = 0}, "learning_rate in (0, 1e+06], got 0");
  refuses({.halvings = -1}, "halvings >= 0, got -1");
  refuses({.last_bisections = -1}, "last_bisections >= 0, got -1");
}
