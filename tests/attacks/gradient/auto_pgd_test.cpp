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
    APGDOf<TestType>({.steps = steps, .maximize_loss = true})(recorder.model, x, label, epsilon,
                                                              {.seed = static_cast<std::uint64_t>(trial)});
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
