// SPDX-License-Identifier: MIT
#include "foil/attacks/gradient/auto_pgd/auto_pgd.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "foil/attacks/parts/minimal.hpp"
#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/scripted.hpp"

using namespace foil;
using namespace foil::test;

namespace {

template <class Scalar>
using Rows = Tensor<Scalar, 2>;

template <class N>
using APGDOf = AutoProjectedGradientDescent<N>;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// The points that a model is asked about, one after the other.
template <class Model>
struct Recorder {
  Tampered<Model> model;
  std::vector<Eigen::VectorXd> asked{};
  explicit Recorder(const Model& recorded) : model(recorded) {
    model.answer = [this](std::int64_t, const auto& x, auto&) {
      for (Index i = 0; i < samples(x); ++i) asked.push_back(sample(x, i).template cast<double>());
    };
  }
};

/// What the published schedule makes of a start, written down once more: in a ball without a box, steps along
/// signs (p = infinity) or gradients (p = 2), the loss that of class `label`. Points that are met again at
/// once are listed once.
template <class Model>
std::vector<Eigen::VectorXd> published(const Model& model, const Eigen::VectorXd& original, Eigen::VectorXd x,
                                       int label, double p, double epsilon, int steps) {
  const auto ask = [&](const Eigen::VectorXd& at, Eigen::VectorXd& gradient) {
    typename Model::Input row(1, at.size());
    sample(row, 0) = at;
    const auto pass = model.vjp(row);
    const Eigen::VectorXd z = pass.logits.row(0).transpose();
    Eigen::VectorXd cotangent(z.size());
    const double loss = losses::lsem(z, label, &cotangent);
    const typename Model::Input back = pass.pullback(cotangent.transpose());
    gradient = sample(back, 0);
    return loss;
  };
  const auto project = [&](const Eigen::VectorXd& to) -> Eigen::VectorXd {
    const Eigen::VectorXd w = to - original;
    if (p == 2) return original + w * std::min(1.0, epsilon / w.norm());
    return original + w.cwiseMax(-epsilon).cwiseMin(epsilon);
  };
  Eigen::VectorXd g, last = x;
  double f = ask(x, g), f_last = f, f_best = f, f_check = f, eta = 2 * epsilon;
  Eigen::VectorXd best = x, g_best = g;
  std::vector<Eigen::VectorXd> path{x};
  int window = std::max(static_cast<int>(0.22 * steps), 1), since = 0, raised = 0;
  bool reduced = true;
  for (int step = 0; step < steps; ++step) {
    const Eigen::VectorXd direction = p == 2 ? Eigen::VectorXd(g / g.norm()) : Eigen::VectorXd(g.cwiseSign());
    Eigen::VectorXd next = project(x + eta * direction);
    if (step > 0) next = project(x + 0.75 * (next - x) + 0.25 * (x - last));
    last = x;
    x = next;
    f = ask(x, g);
    if ((x - path.back()).cwiseAbs().maxCoeff() > 1e-12) path.push_back(x);
    raised += f > f_last;
    f_last = f;
    if (f > f_best) f_best = f, best = x, g_best = g;
    if (++since < window) continue;
    const bool halve = raised <= 0.75 * window || (!reduced && f_check >= f_best);
    if (halve) eta /= 2, x = last = best, g = g_best;
    reduced = halve;
    f_check = f_best;
    since = raised = 0;
    window = std::max(window - std::max(static_cast<int>(0.03 * steps), 1),
                      std::max(static_cast<int>(0.06 * steps), 1));
  }
  return path;
}

}  // namespace

TEMPLATE_TEST_CASE("apgd: it walks as the published schedule has it", "", L2, Linf) {
  const Bounds<double> open{-infinity, infinity};
  const Mlp<Rows<double>> model(12, 30, 5, 1, open);
  Random random(2);
  for (int trial = 0; trial < 6; ++trial) {
    Rows<double> x(1, 12);
    sample(x, 0) = random.uniforms(12);
    const Labels label = predict(model, x);
    const double epsilon = TestType::p == 2 ? 0.6 : 0.2;
    Recorder recorder(model);
    const int steps = trial % 2 == 0 ? 100 : 25;
    APGDOf<TestType>({.steps = steps, .restarts = 1, .maximize_loss = true})(
        recorder.model, x, label, epsilon, {.seed = static_cast<std::uint64_t>(trial)});
    recorder.asked.erase(recorder.asked.begin());  // the input
    const Eigen::VectorXd original = sample(x, 0);
    const auto expected =
        published(model, original, recorder.asked.front(), label[0], TestType::p, epsilon, steps);
    CHECK(TestType::size(expected.front() - original) == Catch::Approx(epsilon));
    REQUIRE(recorder.asked.size() >= expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CAPTURE(trial, i);
      REQUIRE((recorder.asked[i] - expected[i]).cwiseAbs().maxCoeff() < 1e-7);
    }
  }
}

TEST_CASE("apgd: steps are halved when too few raise the loss, or when nothing comes of them") {
  const auto lengths = [](int steps, const std::function<double(int)>& loss) {
    auto_pgd::StepControl control(steps, 2, 0.75, false);
    control.begin(loss(0), 0, 0);
    std::vector<int> halved;
    double best = loss(0);
    for (int step = 1; step <= steps; ++step) {
      const double before = control.length();
      best = std::max(best, loss(step));
      if (control.returns(loss(step), best, 0)) {
        CHECK(control.length() == before / 2);
        halved.push_back(step);
      } else {
        CHECK(control.length() == before);
      }
    }
    return halved;
  };
  // Checks at the steps 22, 41, 57, 70, 80, 87, 93 and 99.
  const std::vector<int> all{22, 41, 57, 70, 80, 87, 93, 99};
  CHECK(lengths(100, [](int step) { return -step; }) == all);
  CHECK(lengths(100, [](int step) { return step; }).empty());
  // The first step counts from the loss of the start, negative as it is.
  CHECK(lengths(20, [](int step) { return -100 + step; }).empty());
  // Two of three raise it, which is not enough.
  CHECK(lengths(100, [](int step) { return step % 3 == 0 ? -100 : step; }) == all);
  // Every step but the first of ten raises it, without ever reaching what was reached before: halved at every
  // other check, as halving is given a chance.
  const std::vector<int> every_other{41, 70, 87, 99};
  CHECK(lengths(100, [](int step) {
          return step == 0 ? 1e3 : step % 10 == 0 ? -100.0 : step;
        }) == every_other);
  CHECK(lengths(1, [](int step) { return -step; }) == std::vector<int>{1});
}

TEST_CASE("apgd: in L1 steps become shorter, and begin anew where the best point has become sparser") {
  auto_pgd::StepControl control(50, 3, 0.75, true);
  control.begin(0, 20, 100);
  CHECK(control.moved() == 20);
  CHECK_FALSE(control.returns(1, 1, 97));
  CHECK(control.moved() == 20);
  CHECK_FALSE(control.returns(1, 1, 96));
  CHECK(control.length() == 2);
  CHECK(control.moved() == 64);
  CHECK_FALSE(control.returns(1, 1, 90));
  CHECK(control.returns(1, 1, 90));
  CHECK(control.length() == 3);
  CHECK(control.moved() == 60);
  for (int step = 0; step < 20; ++step) CHECK_FALSE(control.returns(1, 1, 90));
  CHECK(control.length() == Catch::Approx(0.3));
}

TEST_CASE("acg: on a quadratic loss, with exact line searches, its directions are conjugate") {
  Random random(3);
  const Index n = 8;
  Eigen::MatrixXd root(n, n);
  for (Index i = 0; i < n; ++i) root.row(i) = random.normals(n).transpose();
  const Eigen::MatrixXd bend = root * root.transpose();  // the loss is b.x - x.bend.x / 2
  const Eigen::VectorXd b = random.normals(n);
  Eigen::VectorXd x = Eigen::VectorXd::Zero(n), gradient = b;
  auto_pgd::ConjugateDirection conjugate;
  Eigen::VectorXd direction = conjugate.turn(gradient);
  CHECK(direction == b);
  for (int step = 0; step < 5; ++step) {
    x += gradient.dot(direction) / direction.dot(bend * direction) * direction;
    gradient = b - bend * x;
    const Eigen::VectorXd last = direction;
    direction = conjugate.turn(gradient);
    CHECK(gradient.dot(direction) > 0);
    CHECK(std::abs(direction.dot(bend * last)) < 1e-9 * bend.norm() * direction.norm() * last.norm());
  }
  // Nothing to go by: the gradient itself.
  CHECK(conjugate.turn(gradient) == gradient);
  CHECK(conjugate.turn(0 * gradient) == 0 * gradient);
}

TEMPLATE_TEST_CASE("apgd: with two affine classes it comes close to the nearest adversarial", "", L1, L2,
                   Linf) {
  for (const Box box : all_boxes) {
    const auto check = [&](const auto& p, const auto& attack) {
      const Eigen::VectorXd distances = p.template distances<TestType>(), below = (1 - 1e-4) * distances,
                            above = (TestType::p == 1 ? 1.05 : 1.01) * distances;
      INFO(attack.name() << ", box " << static_cast<int>(box));
      const auto hit = attack(p.model, p.inputs, p.labels, above);
      CHECK(hit.success.all());
      CHECK((hit.distances.array() <= above.array()).all());
      CHECK(attack(p.model, p.inputs, p.labels, below).success.count() == 0);
      const Labels targets = 1 - p.labels.array();
      CHECK(attack(p.model, p.inputs, TargetedMisclassification(targets), above).success.all());
    };
    const auto p = affine_problem<Rows<float>>(2, 30, 20, 1, box);
    check(p, APGDOf<TestType>());
    check(p, APGDOf<TestType>({.targets = 9, .loss = Loss::dlr}));
    check(p, AutoConjugateGradient<TestType>());
  }
}

TEMPLATE_TEST_CASE(
    "apgd: it costs what its documentation says, and every point lies in the ball of its stage", "", L1, L2,
    Linf) {
  const Mlp<Rows<float>> model(20, 30, 5, 4);
  Random random(5);
  const auto inputs = random_batch<Rows<float>>(random, Rows<float>::Dimensions(20, 20));
  const Labels labels = predict(model, inputs);
  const double epsilon = 1e-3;  // nothing is found
  const auto expect = [&](const auto& attack, int forward, int backward) {
    INFO(attack.name() << ", " << attack.options().steps << " steps");
    CountingModel counting(model);
    Tampered restless(counting);  // gradients that lead back and forth
    int calls = 0;
    restless.gradient = [&](const auto&, auto& gradient) {
      ++calls;
      for (Index i = 0; i < gradient.size(); ++i)
        gradient.data()[i] = std::sin(static_cast<float>(calls * (i + 1)));
    };
    const auto result = attack(restless, inputs, labels, epsilon, {.batch_size = 7});
    CHECK(counting.forward == result.queries.sum());
    CHECK(counting.backward == result.gradient_queries.sum());
    CHECK(result.queries.maxCoeff() == forward);
    CHECK(result.gradient_queries.maxCoeff() == backward);
  };
  const int radii = TestType::p == 1 ? 3 : 1;
  const typename APGDOf<TestType>::Options few{.steps = 10, .restarts = 1};
  expect(APGDOf<TestType>(few), 1 + 10 + radii, 10);
  expect(APGDOf<TestType>({.steps = 10, .restarts = 1, .random_start = false}), 10 + radii, 10);
  expect(APGDOf<TestType>({.steps = 10, .restarts = 1, .radii = 2}), 1 + 10 + 2, 10);
  expect(APGDOf<TestType>({.steps = 1, .restarts = 1, .radii = 3}), 1 + 1 + 1, 1);
  expect(APGDOf<TestType>({.steps = 7, .restarts = 3}), 1 + 3 * (7 + radii), 21);
  if constexpr (TestType::p == 1) expect(L1APGD(), 1 + 5 * (100 + 3), 500);  // as AutoAttack has it
  expect(TargetedApgd<TestType>({.steps = 10, .restarts = 1}), 1 + 4 * (10 + radii), 40);
  expect(TargetedApgd<TestType>({.steps = 10, .restarts = 2, .targets = 3}), 1 + 6 * (10 + radii), 60);

  // 3, 2 and 1 epsilon, with 3, 3 and 4 of 10 steps.
  Recorder recorder(model);
  const std::vector<Index> one{0};
  APGDOf<TestType>({.steps = 10, .restarts = 1, .radii = 3})(recorder.model, gather(inputs, one),
                                                             Labels(labels.head(1)), epsilon);
  const Eigen::VectorXd original = recorder.asked.front();
  REQUIRE(recorder.asked.size() <= 14);
  for (std::size_t i = 0; i < recorder.asked.size(); ++i) {
    const double distance = TestType::size(recorder.asked[i] - original) / epsilon;
    CAPTURE(i, distance);
    CHECK(distance <= (i < 5 ? 3 : i < 9 ? 2 : 1));
    if (i == 1) CHECK(distance > 2.9);
  }
}

TEST_CASE("apgd: several classes are aimed at where the nearest by its logit cannot be reached") {
  // Class 1 is second, and at most level with class 0 within the box; class 2 wins where class 1 is far
  // behind.
  Eigen::MatrixXd weights(5, 2);
  weights << 0, 0, 1, 0, -2, 0, -1, 0, -1, 0;
  const Affine<Rows<double>> model(weights, Eigen::VectorXd{{0, -1.0, -0.2, -3, -3}});
  Rows<double> x(1, 2);
  x.setConstant(0.5);
  const Labels label = Labels::Zero(1);
  CHECK(predict(model, x) == label);
  const auto far = Affine<Rows<double>>(weights, Eigen::VectorXd{{0, -1.0, 0.5, -3, -3}}, {0, 1});
  for (const Loss loss : {Loss::dlr, Loss::margin, Loss::lsem, Loss::cross_entropy}) {
    INFO("loss " << static_cast<int>(loss));
    const auto attack = [&](int targets) {
      return LinfAPGD({.restarts = 1, .targets = targets, .loss = loss, .random_start = false})(far, x, label,
                                                                                                0.5);
    };
    CHECK_FALSE(attack(1).success[0]);
    CHECK(attack(2).success[0]);
    CHECK(attack(2).predictions[0] == 2);
    CHECK(attack(100).success[0]);
  }
  CHECK_FALSE(
      LinfAPGD({.restarts = 1, .loss = Loss::margin, .random_start = false})(far, x, label, 0.5).success[0]);
}

TEST_CASE("apgd: cross-entropy takes LSEM's way, until confidence makes it vanish") {
  const auto modest = affine_problem<Rows<float>>(3, 20, 20, 17);
  const auto confident = affine_problem<Rows<float>>(3, 20, 20, 17, Box::unit, 1000);
  const LinfAPGD lsem({.maximize_loss = true}), entropy({.loss = Loss::cross_entropy, .maximize_loss = true});
  const auto a = lsem(modest.model, modest.inputs, modest.labels, 0.1),
             b = entropy(modest.model, modest.inputs, modest.labels, 0.1);
  CHECK(a.success.count() > 3);
  CHECK((a.success == b.success).all());
  const Eigen::VectorXd radii = 1.2 * confident.distances<Linf>();
  CHECK(LinfAPGD()(confident.model, confident.inputs, confident.labels, radii).success.all());
  CHECK(LinfAPGD({.loss = Loss::cross_entropy})(confident.model, confident.inputs, confident.labels, radii)
            .success.count() < 20);
}

TEMPLATE_TEST_CASE("apgd: criteria of every kind are met", "", L1, L2, Linf) {
  const auto p = affine_problem<Rows<double>>(5, 30, 20, 7);
  const double epsilon = TestType::p == 1 ? 4 : TestType::p == 2 ? 1.2 : 0.3;
  const Labels other = p.labels.unaryExpr([](int label) { return (label + 1) % 5; });
  const auto check = [&](const auto& attack) {
    const auto found = [&](const auto& criterion) {
      return attack(p.model, p.inputs, criterion, epsilon).success.count();
    };
    INFO(attack.name());
    CHECK(found(p.labels) == 20);
    CHECK(found(TargetedMisclassification(other)) >= 15);
    CHECK(found(MarginAbove(p.labels, 0.5)) >= 18);
    CHECK(found(TopKMisclassification(p.labels, 2)) >= 15);
    CHECK(found(ConfidentMisclassification(p.labels, 0.6)) >= 15);
    CHECK(found(Misclassification(p.labels) && MarginAbove(p.labels, 0.5)) >= 18);
    CHECK(found(Misclassification(p.labels) && !TargetedMisclassification(other)) >= 18);
  };
  check(APGDOf<TestType>());
  check(TargetedApgd<TestType>());
  check(AutoConjugateGradient<TestType>());
}

TEMPLATE_TEST_CASE("apgd: where there is nothing to go by, it ends", "", L1, L2, Linf) {
  Rows<double> x(3, 5);
  x.setConstant(0.5);
  const Labels labels = Labels::Constant(3, 1);
  const auto left = [&](const auto& model, const Labels& y, const RunOptions<Rows<double>>& options = {}) {
    for (const bool conjugate : {false, true}) {
      const auto result = APGDOf<TestType>(
          {.steps = 20, .restarts = 1, .targets = conjugate ? 9 : 0, .conjugate = conjugate})(model, x, y,
                                                                                              0.3, options);
      CHECK(result.success.count() == 0);
      CHECK(same_rows(result.adversarials, x));
      CHECK((result.queries.array() <= 1 + (conjugate ? 2 : 1) * 23).all());
    }
  };
  SECTION("no gradient") {
    left(Affine<Rows<double>>(Eigen::MatrixXd::Zero(2, 5), Eigen::Vector2d(0, 1)), labels);
  }
  SECTION("a corner that is not far enough is asked about once") {
    Eigen::MatrixXd weights = Eigen::MatrixXd::Ones(2, 5);
    weights.row(1) *= 2;
    const Affine<Rows<double>> far(weights, Eigen::Vector2d(0, 10));
    left(far, labels);
    if (TestType::p == infinity)
      CHECK(LinfAPGD({.restarts = 1})(far, x, labels, 0.3).queries.maxCoeff() <= 6);
  }
  SECTION("every feature frozen") {
    Rows<double> mask(1, 5);
    mask.setZero();
    Rows<double> off = x;
    off(0, 0) = off(1, 1) = off(2, 2) = 0.9;
    const auto model = random_affine<Rows<double>>(2, 5, 1);
    const APGDOf<TestType> attack;
    const auto result = attack(model, off, predict(model, off), 0.3, {.mask = mask});
    CHECK(result.success.count() == 0);
    CHECK((result.queries.array() <= 1 + attack.options().restarts * 3).all());
  }
  SECTION("answers and gradients that are not finite") {
    const auto p = affine_problem<Rows<double>>(3, 5, 3, 7);
    Tampered<Affine<Rows<double>>> model(p.model);
    model.gradient = [](const auto&, auto& gradient) { gradient.setConstant(std::nan("")); };
    CHECK(APGDOf<TestType>()(model, p.inputs, p.labels, 1e-3).success.count() == 0);
    model.gradient = {};
    model.answer = [](std::int64_t call, const auto&, auto& z) {
      if (call > 0) z.col(1).setConstant(std::nan(""));
    };
    CHECK(APGDOf<TestType>()(model, p.inputs, p.labels, 0.3).success.count() == 0);
  }
}

TEMPLATE_TEST_CASE("apgd: it gets past points where the model says nothing", "", L1, L2, Linf) {
  // Beyond half of the way the answers are not finite, or without a gradient: shorter steps do without.
  const auto p = affine_problem<Rows<double>>(2, 20, 10, 8);
  const Eigen::VectorXd distances = p.template distances<TestType>(), radii = 4 * distances;
  for (const bool finite : {false, true}) {
    Tampered<Affine<Rows<double>>> model(p.model);
    const auto silent = [&](const Rows<double>& x, Index row) {
      double nearest = infinity;
      for (Index i = 0; i < 10; ++i) {
        const Eigen::VectorXd w = sample(x, row) - sample(p.inputs, i);
        nearest = std::min(nearest, TestType::size(w) / distances[i]);
      }
      return nearest > 2;
    };
    model.answer = [&](std::int64_t, const Rows<double>& x, Logits<double>& z) {
      for (Index row = 0; row < samples(x); ++row)
        if (silent(x, row) && !finite)
          z.row(row).setConstant(std::nan(""));
        else if (silent(x, row))
          z.row(row).setConstant(1);
    };
    model.gradient = [&](const Rows<double>& x, Rows<double>& gradient) {
      for (Index row = 0; row < samples(x); ++row)
        if (silent(x, row)) sample(gradient, row).setZero();
    };
    const auto result =
        APGDOf<TestType>({.random_start = false, .radii = 1})(model, p.inputs, p.labels, radii);
    INFO("finite " << finite);
    CHECK(result.success.count() >= (TestType::p == 1 ? 7 : 10));
  }
}

TEMPLATE_TEST_CASE("apgd: other units of the input give the same attack in those units", "", L1, L2, Linf) {
  constexpr float unit = 1024;  // a power of two, so that every rounding is the same
  const auto p = affine_problem<Rows<float>>(5, 30, 20, 15);
  const Affine<Rows<float>> other(p.model.weights() / unit, p.model.offsets(), {0, unit});
  Rows<float> inputs = p.inputs;
  for (Index i = 0; i < inputs.size(); ++i) inputs.data()[i] *= unit;
  const Eigen::VectorXd radii = 1.1 * p.template distances<TestType>(), other_radii = unit * radii;
  for (const bool conjugate : {false, true}) {
    const APGDOf<TestType> attack({.conjugate = conjugate});
    const auto result = attack(p.model, p.inputs, p.labels, radii);
    const auto scaled = attack(other, inputs, p.labels, other_radii);
    CHECK(result.success.count() > 5);
    CHECK(scaled.queries == result.queries);
    CHECK((as_matrix(scaled.adversarials).array() / unit - as_matrix(result.adversarials).array())
              .abs()
              .maxCoeff() <= 1e-6f);
  }
}

TEST_CASE("apgd: the scale of the logits changes nothing of margin and DLR") {
  const auto p = affine_problem<Rows<double>>(5, 20, 20, 9);
  for (const Loss loss : {Loss::margin, Loss::dlr})
    for (const int targets : {0, 3}) {
      const L2APGD attack({.targets = targets, .loss = loss});
      const auto reference = attack(p.model, p.inputs, p.labels, 0.4);
      CHECK(reference.success.count() > 3);
      for (const double scale : {0x1p-20, 0x1p20}) {
        const Affine<Rows<double>> scaled(scale * p.model.weights(), scale * p.model.offsets());
        CHECK((attack(scaled, p.inputs, p.labels, 0.4).success == reference.success).all());
      }
    }
}

TEST_CASE("apgd: one feature, and a thousand classes") {
  const Affine<Rows<float>> narrow(Eigen::MatrixXd{{1}, {-1}}, Eigen::Vector2d(-0.5, 0.5));
  Rows<float> x(1, 1);
  x(0, 0) = 0.3f;
  const auto wide = affine_problem<Rows<float>>(1000, 20, 3, 10);
  const auto check = [&](const auto& attack) {
    INFO(attack.name());
    CHECK(attack(narrow, x, Labels::Constant(1, 1), 0.21).success[0]);
    CHECK_FALSE(attack(narrow, x, Labels::Constant(1, 1), 0.19).success[0]);
    CHECK(attack(wide.model, wide.inputs, wide.labels, 1.5).success.all());
  };
  check(L1APGD());
  check(L2TargetedAPGD());
  check(LinfACG());
}

TEMPLATE_TEST_CASE("apgd: a sample's result depends neither on its batch nor on the threads", "", L1, L2,
                   Linf) {
  const Mlp<Rows<float>> model(20, 30, 5, 14);
  Random random(14);
  const auto inputs = random_batch<Rows<float>>(random, Rows<float>::Dimensions(17, 20));
  const Labels labels = predict(model, inputs);
  const double epsilon = TestType::p == 1 ? 1.0 : TestType::p == 2 ? 0.4 : 0.1;
  const APGDOf<TestType> attack({.steps = 20, .restarts = 2, .targets = 2, .conjugate = true});
  const auto reference = attack(model, inputs, labels, epsilon);
  CHECK(reference.success.count() > 3);
  CHECK(reference.success.count() < 17);
  for (const Index batch_size : {1, 4})
    CHECK(same_bits(attack(model, inputs, labels, epsilon, {.batch_size = batch_size}), reference));
  CHECK(same_bits(attack(model, inputs, labels, epsilon, {.threads = 3}), reference));
}

TEMPLATE_TEST_CASE("apgd: restarts, more radii and maximize_loss do what they say", "", L1, L2, Linf) {
  const Mlp<Rows<float>> model(20, 30, 5, 13);
  Random random(13);
  const auto inputs = random_batch<Rows<float>>(random, Rows<float>::Dimensions(60, 20));
  const Labels labels = predict(model, inputs);
  const double epsilon = TestType::p == 1 ? 0.8 : TestType::p == 2 ? 0.35 : 0.08;
  const auto run = [&](const typename APGDOf<TestType>::Options& options) {
    return APGDOf<TestType>(options)(model, inputs, labels, epsilon);
  };
  const auto one = run({.steps = 3, .restarts = 1, .radii = 1}),
             many = run({.steps = 3, .restarts = 20, .radii = 1}),
             most = run({.steps = 3, .restarts = 20, .radii = 1, .maximize_loss = true});
  CHECK(one.success.count() > 3);
  CHECK((many.success >= one.success).all());
  CHECK(many.success.count() > one.success.count());
  CHECK((most.success == many.success).all());
  const auto loss = [&](const Rows<float>& points, Index i) {
    const Eigen::VectorXd z = model.logits(points).row(i).transpose().template cast<double>();
    return losses::lsem(z, labels[i]);
  };
  int higher = 0;
  for (Index i = 0; i < 60; ++i) {
    if (one.success[i]) CHECK(sample(many.adversarials, i) == sample(one.adversarials, i));
    if (!many.success[i]) continue;
    CHECK(loss(most.adversarials, i) >= loss(many.adversarials, i));
    higher += loss(most.adversarials, i) > loss(many.adversarials, i);
  }
  CHECK(higher > 3);
}

TEST_CASE("apgd: its minimal form finds the nearest adversarial of affine models") {
  const auto check = [](const auto& attack, const auto& distances, const auto& p, double excess) {
    const auto result = attack(p.model, p.inputs, p.labels);
    CHECK(result.success.all());
    CHECK((result.distances.array() >= distances.array() * (1 - 1e-5)).all());
    CHECK((result.distances.array() <= distances.array() * excess).all());
  };
  const auto p = affine_problem<Rows<double>>(2, 30, 10, 21);
  check(Minimal<LinfAPGD>(), p.distances<Linf>(), p, 1.002);
  check(Minimal<L2APGD>(), p.distances<L2>(), p, 1.005);
  check(Minimal<L1APGD>(), p.distances<L1>(), p, 1.05);
}

TEST_CASE("apgd: options out of range are named") {
  using Catch::Matchers::ContainsSubstring;
  CHECK_THROWS_WITH(LinfAPGD({.rho = 1.5}), ContainsSubstring("linf-apgd: expected rho in [0, 1], got 1.5"));
  CHECK_THROWS_WITH(LinfACG({.momentum = 1}),
                    ContainsSubstring("linf-acg: expected momentum in [0, 1), got 1"));
  CHECK_THROWS_WITH(L1TargetedAPGD({.steps = 0}), ContainsSubstring("l1-apgd-t: expected steps >= 1, got 0"));
  CHECK_THROWS_AS(L2APGD({.targets = -1}), Error);
  CHECK_THROWS_AS(L2APGD({.radii = 11}), Error);
}
