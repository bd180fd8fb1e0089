// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/projected_gradient/projected_gradient.hpp"

#include "foil/geometry/maximise.hpp"
#include "support/affine_problem.hpp"
#include "support/catch.hpp"

using namespace foil;
using namespace foil::test;

namespace {

template <class Scalar>
using Rows = Tensor<Scalar, 2>;

template <class N>
using BIM = BasicIterativeMethod<N>;
template <class N>
using PGDOf = ProjectedGradientDescent<N>;
template <class N>
using AdamPGDOf = AdamProjectedGradientDescent<N>;
template <class N>
using AdamBIMOf = AdamBasicIterativeMethod<N>;

/// Every sample falls at `factor` times its distance and none below it.
template <class Attack, Batch T>
void check_threshold(const Attack& attack, const AffineProblem<T>& p, const Eigen::VectorXd& distances,
                     double factor) {
  const double below = std::is_same_v<typename T::Scalar, float> ? 1 - 1e-4 : 1 - 1e-5;
  const Eigen::VectorXd hit_radii = factor * distances, miss_radii = below * distances;
  const auto hit = attack(p.model, p.inputs, p.labels, hit_radii);
  const auto miss = attack(p.model, p.inputs, p.labels, miss_radii);
  for (Index i = 0; i < distances.size(); ++i) {
    INFO(Attack().name() << ", sample " << i << " at distance " << distances[i]);
    CHECK(hit.success[i]);
    if (hit.success[i]) {
      CHECK(hit.distances[i] <= hit_radii[i]);
      CHECK(hit.distances[i] >= distances[i] * below);
    }
    CHECK_FALSE(miss.success[i]);
  }
}

/// The L2 radius from which on Adam wins with two affine classes: it divides a constant gradient by its own
/// size entry by entry, so that what it approaches is the maximiser for the gradient's signs.
template <Batch T>
Eigen::VectorXd adam_distances(const AffineProblem<T>& p) {
  Eigen::VectorXd out(p.labels.size());
  for (Index row = 0; row < out.size(); ++row) {
    const Eigen::VectorXd x = sample(p.inputs, row).template cast<double>(), z = p.model.exact_logits(x);
    const int own = p.labels[row], other = 1 - own;
    const Eigen::VectorXd g = p.model.weights().row(other) - p.model.weights().row(own);
    geometry::Box box{Eigen::VectorXd(x.size()), Eigen::VectorXd(x.size())};
    for (Index i = 0; i < x.size(); ++i) {
      box.lower[i] = static_cast<double>(p.model.bounds().lower(i));
      box.upper[i] = static_cast<double>(p.model.bounds().upper(i));
    }
    double low = 0, high = 100;
    for (int step = 0; step < 60; ++step) {
      const double middle = (low + high) / 2;
      const auto w = geometry::maximise(g.cwiseSign(), geometry::Region<L2>{x, box, middle});
      (g.dot(w) < z[own] - z[other] ? low : high) = middle;
    }
    out[row] = high;
  }
  return out;
}

}  // namespace

TEMPLATE_TEST_CASE("with two affine classes BIM and PGD come close to the nearest adversarial", "", L1, L2,
                   Linf) {
  for (const Box box : all_boxes) {
    const auto check = [&](const auto& p) {
      const Eigen::VectorXd distances = p.template distances<TestType>();
      check_threshold(BIM<TestType>(), p, distances, 1.01);
      check_threshold(PGDOf<TestType>(), p, distances, TestType::p == 1 ? 1.01 : 1.001);
    };
    check(affine_problem<Rows<double>>(2, 30, 30, 1, box));
    check(affine_problem<Rows<float>>(2, 30, 30, 2, box));
  }
}

TEMPLATE_TEST_CASE("so do the Adam variants, as far as their signs take them", "", L1, L2, Linf) {
  for (const Box box : all_boxes) {
    const auto check = [&](const auto& p) {
      Eigen::VectorXd distances = p.template distances<TestType>();
      const Eigen::VectorXd below = (1 - 1e-4) * distances;
      CHECK(AdamPGDOf<TestType>()(p.model, p.inputs, p.labels, below).success.count() == 0);
      CHECK(AdamBIMOf<TestType>()(p.model, p.inputs, p.labels, below).success.count() == 0);
      if (TestType::p == 2) distances = adam_distances(p);
      const Eigen::VectorXd above = 1.01 * distances;
      CHECK(AdamPGDOf<TestType>()(p.model, p.inputs, p.labels, above).success.all());
      // Adam's last L1 steps are as long as its first: BIM circles around the maximiser.
      const Eigen::VectorXd wide = (TestType::p == 1 ? 1.05 : 1.01) * distances;
      CHECK(AdamBIMOf<TestType>({.steps = 40})(p.model, p.inputs, p.labels, wide).success.all());
    };
    check(affine_problem<Rows<double>>(2, 30, 30, 3, box));
    check(affine_problem<Rows<float>>(2, 30, 30, 4, box));
  }
}

TEMPLATE_TEST_CASE("with many classes it is sound, and mostly finds the nearest one", "", L1, L2, Linf) {
  const auto p = affine_problem<Rows<double>>(10, 30, 60, 5);
  const Eigen::VectorXd distances = p.template distances<TestType>();
  const Eigen::VectorXd below = (1 - 1e-5) * distances;
  for (const Loss loss : {Loss::lsem, Loss::cross_entropy, Loss::margin, Loss::dlr}) {
    INFO("loss " << static_cast<int>(loss));
    // Near the boundary the softer losses head for all classes at once, the others for the closest.
    const bool soft = loss == Loss::lsem || loss == Loss::cross_entropy;
    const Eigen::VectorXd above = (soft ? 1.3 : 1.05) * distances;
    const PGDOf<TestType> attack({.loss = loss});
    CHECK(attack(p.model, p.inputs, p.labels, below).success.count() == 0);
    CHECK(attack(p.model, p.inputs, p.labels, above).success.count() >= 45);
  }
}

TEMPLATE_TEST_CASE("a targeted run reaches its target and never gains on the distance to it", "", L1, L2,
                   Linf) {
  const auto p = affine_problem<Rows<double>>(4, 30, 60, 6);
  const Labels targets = p.labels.unaryExpr([](int label) { return (label + 1) % 4; });
  Eigen::VectorXd ties(targets.size());
  for (Index i = 0; i < ties.size(); ++i) {
    const auto change = p.model.template nearest_tie<TestType>(sample(p.inputs, i), p.labels[i], targets[i]);
    REQUIRE(change);
    ties[i] = TestType::size(*change);
  }
  const Eigen::VectorXd below = (1 - 1e-5) * ties, above = 2 * ties;
  const TargetedMisclassification criterion(targets);
  CHECK(PGDOf<TestType>()(p.model, p.inputs, criterion, below).success.count() == 0);
  const auto result = PGDOf<TestType>()(p.model, p.inputs, criterion, above);
  CHECK(result.success.count() >= 55);
  for (Index i = 0; i < ties.size(); ++i)
    if (result.success[i]) CHECK(result.predictions[i] == targets[i]);
}

TEST_CASE("combined criteria hold for what is returned") {
  const auto p = affine_problem<Rows<double>>(5, 30, 40, 7);
  const Labels other = p.labels.unaryExpr([](int label) { return (label + 1) % 5; });
  const auto lead = Misclassification(p.labels) && MarginAbove(p.labels, 0.5);
  const auto avoid = Misclassification(p.labels) && !TargetedMisclassification(other);
  const auto far = LinfPGD()(p.model, p.inputs, lead, 0.3), away = LinfPGD()(p.model, p.inputs, avoid, 0.3);
  CHECK(far.success.count() > 30);
  CHECK(away.success.count() > 30);
  for (Index i = 0; i < 40; ++i) {
    const Eigen::VectorXd z = p.model.exact_logits(sample(far.adversarials, i));
    if (far.success[i]) CHECK(losses::margin(z, p.labels[i]) >= 0.5 - 1e-12);
    if (away.success[i]) CHECK((away.predictions[i] != p.labels[i] && away.predictions[i] != other[i]));
  }
}

TEMPLATE_TEST_CASE("every point asked about is within ball and box, to the bit", "", PGDOf<L1>, PGDOf<L2>,
                   PGDOf<Linf>, BIM<L1>, BIM<L2>, BIM<Linf>, AdamPGDOf<L1>, AdamPGDOf<L2>, AdamPGDOf<Linf>) {
  const auto p = affine_problem<Rows<float>>(3, 30, 1, 8);
  Random random(1);
  Tampered watched(p.model);
  int asked = 0;
  double epsilon = 0;
  watched.answer = [&](std::int64_t, const Rows<float>& x, Logits<float>&) {
    ++asked;
    for (Index row = 0; row < samples(x); ++row) {
      REQUIRE(distance(typename TestType::norm{}, sample(p.inputs, 0), sample(x, row)) <= epsilon);
      REQUIRE((sample(x, row).array() >= 0).all());
      REQUIRE((sample(x, row).array() <= 1).all());
    }
  };
  for (int trial = 0; trial < 20; ++trial) {
    epsilon = std::pow(10, random.uniform(-5, 1));
    TestType({.maximize_loss = true})(watched, p.inputs, p.labels, epsilon);
  }
  CHECK(asked > 200);
}

TEST_CASE("it costs what its documentation says") {
  const auto p = affine_problem<Rows<float>>(2, 20, 30, 9);
  const Eigen::VectorXd below = 0.9 * p.distances<Linf>(), above = 1.1 * p.distances<Linf>();
  const auto check = [&](const auto& attack, const Epsilons& epsilons, int forward, int backward) {
    CountingModel counting(p.model);
    const auto result = attack(counting, p.inputs, p.labels, epsilons, {.batch_size = 7});
    CHECK(counting.forward == result.queries.sum() + result.verification_queries.sum());
    CHECK(counting.backward == result.gradient_queries.sum());
    CHECK(result.verification_queries.sum() == result.success.count());
    if (forward > 0) {
      CHECK((result.queries.array() == forward).all());
      CHECK((result.gradient_queries.array() == backward).all());
    }
    return result;
  };
  check(LinfPGD({.steps = 7}), below, 1 + 7 + 1, 7);
  check(LinfPGD({.steps = 7, .restarts = 3}), below, 1 + 3 * (7 + 1), 3 * 7);
  check(LinfBasicIterativeAttack(), below, 10 + 1, 10);
  check(AdamPGD({.steps = 5, .maximize_loss = true}), above, 1 + 5 + 1, 5);
  check(LinfPGD({.steps = 5}), 0, 1, 0);
  // Success ends a sample at once: BIM with steps of 0.2 needs five of them at 1.1 times the distance.
  check(LinfBasicIterativeAttack(), above, 6, 6);
  const auto early = check(LinfPGD(), above, 0, 0);
  REQUIRE(early.success.all());
  CHECK(early.queries.maxCoeff() < 60);
}

TEMPLATE_TEST_CASE("with constant steps from the input, more of them only add to what fewer reach", "", L1,
                   L2, Linf) {
  const Mlp<Rows<float>> model(20, 30, 5, 10);
  Random random(11);
  const auto inputs = random_batch<Rows<float>>(random, Rows<float>::Dimensions(60, 20));
  const Labels labels = predict(model, inputs);
  const double epsilon = TestType::p == 1 ? 1.2 : TestType::p == 2 ? 0.4 : 0.1;
  Index last = 0, grown = 0;
  Result<Rows<float>> fewer(inputs);
  for (int steps = 1; steps <= 12; ++steps) {
    const BIM<TestType> attack({.steps = steps, .relative_step = 0.1});
    const auto result = attack(model, inputs, labels, epsilon);
    for (Index i = 0; i < result.size(); ++i) {
      if (!fewer.success[i]) continue;
      REQUIRE(result.success[i]);
      REQUIRE(result.queries[i] == fewer.queries[i]);
      REQUIRE(sample(result.adversarials, i) == sample(fewer.adversarials, i));
    }
    grown += result.success.count() > last;
    last = result.success.count();
    fewer = result;
  }
  CHECK(grown >= 3);
  CHECK(last < 60);
}

TEMPLATE_TEST_CASE("maximize_loss goes on to a higher loss than that of the first success", "", PGDOf<L1>,
                   PGDOf<L2>, PGDOf<Linf>, AdamPGDOf<Linf>, BIM<L2>) {
  const Mlp<Rows<float>> model(20, 30, 5, 10);
  Random random(12);
  const auto inputs = random_batch<Rows<float>>(random, Rows<float>::Dimensions(60, 20));
  const Labels labels = predict(model, inputs);
  const double p = TestType::norm::p, epsilon = p == 1 ? 2.5 : p == 2 ? 0.8 : 0.2;
  const auto first = TestType()(model, inputs, labels, epsilon);
  const auto most = TestType({.maximize_loss = true})(model, inputs, labels, epsilon);
  REQUIRE(first.success.count() > 20);
  CHECK((most.success == first.success).all());
  const auto loss = [&](const Rows<float>& points, Index i) {
    const Eigen::VectorXd z = model.logits(points).row(i).transpose().cast<double>();
    return losses::lsem(z, labels[i]);
  };
  int higher = 0;
  for (Index i = 0; i < first.size(); ++i) {
    if (!first.success[i]) continue;
    const double found = loss(first.adversarials, i), highest = loss(most.adversarials, i);
    REQUIRE(highest >= found);
    higher += highest > found;
  }
  CHECK(higher > 20);
}

TEMPLATE_TEST_CASE("steps that are not told begin with the radius, and end shorter the more there are", "",
                   L1, L2, Linf) {
  const Mlp<Rows<float>> model(20, 30, 5, 16);
  Random random(16);
  const auto inputs = random_batch<Rows<float>>(random, Rows<float>::Dimensions(40, 20));
  const Labels labels = predict(model, inputs);
  const double epsilon = TestType::p == 1 ? 1.2 : TestType::p == 2 ? 0.4 : 0.1;
  const auto run = [&](const ProjectedGradientOptions& options) {
    return PGDOf<TestType>(options)(model, inputs, labels, epsilon).adversarials;
  };
  for (const int steps : {1, 5, 10})
    CHECK(same_rows(run({.steps = steps}), run({.steps = steps, .relative_step = 1, .final_step = 0.1})));
  CHECK(
      same_rows(run({.steps = 40}), run({.steps = 40, .relative_step = 1, .final_step = 0.1 * (10.0 / 40)})));
  CHECK(same_rows(run({.steps = 5, .rule = StepRule::adam}),
                  run({.steps = 5, .relative_step = 2, .rule = StepRule::adam})));
  CHECK_FALSE(same_rows(run({.steps = 40, .maximize_loss = true}),
                        run({.steps = 40, .relative_step = 1, .maximize_loss = true})));
  // What is told is taken as it is.
  CHECK(same_rows(run({.steps = 40, .absolute_step = 0.1 * epsilon}),
                  run({.steps = 40, .relative_step = 0.1, .final_step = 0.1})));
}

TEMPLATE_TEST_CASE("with few steps and with many it is no worse than as many constant ones from the input",
                   "", L1, L2, Linf) {
  const Mlp<Rows<float>> model(20, 30, 5, 17);
  Random random(17);
  const auto inputs = random_batch<Rows<float>>(random, Rows<float>::Dimensions(300, 20));
  const Labels labels = predict(model, inputs);
  const double epsilon = TestType::p == 1 ? 0.5 : TestType::p == 2 ? 0.25 : 0.07;
  for (const int steps : {3, 5, 10, 20, 40}) {
    INFO(steps << " steps");
    const auto fooled = [&](const auto& attack) {
      return attack(model, inputs, labels, epsilon).success.count();
    };
    const Index constant = fooled(BIM<TestType>({.steps = steps}));
    CHECK(constant > 30);
    CHECK(fooled(PGDOf<TestType>({.steps = steps})) >= constant - 3);
    CHECK(fooled(AdamPGDOf<TestType>({.steps = steps})) >= constant - 3);
    CHECK(fooled(AdamBIMOf<TestType>({.steps = steps})) >= constant - 3);
  }
}

TEST_CASE("restarts only add successes, and start elsewhere") {
  const Mlp<Rows<float>> model(20, 30, 5, 13);
  Random random(13);
  const auto inputs = random_batch<Rows<float>>(random, Rows<float>::Dimensions(200, 20));
  const Labels labels = predict(model, inputs);
  const double epsilon = 0.09;
  const auto one = LinfPGD({.steps = 2})(model, inputs, labels, epsilon);
  const auto many = LinfPGD({.steps = 2, .restarts = 20})(model, inputs, labels, epsilon);
  for (Index i = 0; i < one.size(); ++i) {
    if (!one.success[i]) continue;
    REQUIRE(sample(many.adversarials, i) == sample(one.adversarials, i));
    REQUIRE(many.queries[i] == one.queries[i]);
  }
  CHECK(one.success.count() > 10);
  CHECK(many.success.count() > one.success.count());
}

TEMPLATE_TEST_CASE(
    "a sample's result depends neither on its batch nor on the threads, only on its radius and id", "",
    PGDOf<L1>, PGDOf<L2>, PGDOf<Linf>, AdamPGDOf<L1>, AdamPGDOf<L2>, AdamPGDOf<Linf>) {
  const Mlp<Rows<float>> model(20, 30, 5, 14);
  Random random(14);
  const auto inputs = random_batch<Rows<float>>(random, Rows<float>::Dimensions(23, 20));
  const Labels labels = predict(model, inputs);
  const double p = TestType::norm::p, scale = p == 1 ? 2.0 : p == 2 ? 0.6 : 0.15;
  const Eigen::VectorXd radii = random.uniforms(23, 0.2 * scale, 2 * scale);
  const TestType attack;
  const auto all = attack(model, inputs, labels, radii, {.seed = 5});
  REQUIRE(all.success.count() > 5);
  const auto split = attack(model, inputs, labels, radii, {.seed = 5, .threads = 3, .batch_size = 4});
  CHECK(same_rows(split.adversarials, all.adversarials));
  CHECK(split.queries == all.queries);
  for (Index i = 0; i < 23; i += 3) {
    const std::vector<Index> row{i};
    const auto alone = attack(model, gather(inputs, row), Labels::Constant(1, labels[i]), radii[i],
                              {.seed = 5, .first_sample = i});
    CHECK(sample(alone.adversarials, 0) == sample(all.adversarials, i));
    CHECK(alone.success[0] == all.success[i]);
    CHECK(alone.queries[0] == all.queries[i]);
  }
  const auto reseeded = attack(model, inputs, labels, radii, {.seed = 6});
  CHECK_FALSE(same_rows(reseeded.adversarials, all.adversarials));
}

TEMPLATE_TEST_CASE("other units of the input give the same attack in those units", "", PGDOf<L1>, PGDOf<L2>,
                   PGDOf<Linf>, BIM<L1>, BIM<L2>, BIM<Linf>, AdamPGDOf<L1>, AdamPGDOf<L2>, AdamPGDOf<Linf>) {
  constexpr float unit = 1024;  // a power of two, so that every rounding is the same
  const auto p = affine_problem<Rows<float>>(5, 30, 40, 15);
  const Affine<Rows<float>> other(p.model.weights() / unit, p.model.offsets(), {0, unit});
  Rows<float> inputs = p.inputs;
  for (Index i = 0; i < inputs.size(); ++i) inputs.data()[i] *= unit;
  const Eigen::VectorXd radii = 1.3 * p.template distances<typename TestType::norm>();
  const Eigen::VectorXd other_radii = unit * radii;
  const TestType attack;
  const auto result = attack(p.model, p.inputs, p.labels, radii);
  const auto scaled = attack(other, inputs, p.labels, other_radii);
  CHECK(result.success.count() > 10);
  CHECK(scaled.queries == result.queries);
  CHECK((as_matrix(scaled.adversarials).array() / unit - as_matrix(result.adversarials).array())
            .abs()
            .maxCoeff() <= 1e-6f);
}

TEST_CASE("an absolute step is a relative one in other words") {
  const auto p = affine_problem<Rows<float>>(5, 30, 40, 16);
  const auto relative = L2PGD({.relative_step = 0.25})(p.model, p.inputs, p.labels, 0.5);
  const auto absolute = L2PGD({.absolute_step = 0.125})(p.model, p.inputs, p.labels, 0.5);
  CHECK(same_rows(relative.adversarials, absolute.adversarials));
  CHECK(relative.queries == absolute.queries);
}

TEST_CASE("with confident float models LSEM keeps its success where cross-entropy loses it") {
  const auto modest = affine_problem<Rows<float>>(2, 20, 40, 17);
  const auto confident = affine_problem<Rows<float>>(2, 20, 40, 17, Box::unit, 1000);
  const Eigen::VectorXd radii = 1.01 * confident.distances<Linf>();
  const LinfBasicIterativeAttack lsem, entropy({.loss = Loss::cross_entropy});
  CHECK(lsem(confident.model, confident.inputs, confident.labels, radii).success.all());
  CHECK(entropy(confident.model, confident.inputs, confident.labels, radii).success.count() == 0);
  CHECK(lsem(modest.model, modest.inputs, modest.labels, radii).success.all());
  CHECK(entropy(modest.model, modest.inputs, modest.labels, radii).success.all());
}

TEST_CASE("options that make no sense are refused") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(PGD({.steps = 0}), Error);
  CHECK_THROWS_AS(PGD({.relative_step = -0.1}), Error);
  CHECK_THROWS_AS(PGD({.relative_step = 1e7}), Error);
  CHECK_THROWS_AS(PGD({.relative_step = nan}), Error);
  CHECK_THROWS_AS(PGD({.absolute_step = -1}), Error);
  CHECK_THROWS_AS(PGD({.final_step = 1.5}), Error);
  CHECK_THROWS_AS(PGD({.final_step = nan}), Error);
  CHECK_THROWS_AS(PGD({.restarts = 0}), Error);
  CHECK_THROWS_AS(L1PGD({.quantile = 1}), Error);
  CHECK_THROWS_WITH(PGD({.random_start = false, .restarts = 2}),
                    Catch::Matchers::ContainsSubstring("2 restarts are all the same without random_start"));
}
