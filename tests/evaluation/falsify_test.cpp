// SPDX-License-Identifier: MIT
#include "foil/evaluation/falsify.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Catch::Matchers::ContainsSubstring;
using Rows = Tensor<float, 2>;
using Vector = Eigen::VectorXd;

/// A model of a function and its pullback, none where it says nothing of it; counts the rows.
struct Model {
  using Input = Rows;
  std::function<Vector(const Vector& x)> answer;
  std::function<Vector(const Vector& x, const Vector& cotangent)> pull{};
  mutable std::int64_t forward = 0, backward = 0;

  Bounds<float> bounds() const { return {}; }
  Logits<float> logits(const Rows& x) const {
    forward += samples(x);
    Logits<float> y(samples(x), answer(row(x, 0)).size());
    for (Index i = 0; i < y.rows(); ++i) y.row(i) = answer(row(x, i)).cast<float>().transpose();
    return y;
  }
  auto vjp(const Rows& x) const {
    return Vjp{logits(x), [this, x](const Logits<float>& cotangent) {
                 backward += samples(x);
                 Rows out(x.dimensions());
                 out.setZero();
                 for (Index i = 0; i < samples(x) && pull; ++i)
                   sample(out, i) =
                       pull(row(x, i), cotangent.row(i).transpose().cast<double>()).cast<float>();
                 return out;
               }};
  }
  static Vector row(const Rows& x, Index i) { return sample(x, i).cast<double>(); }
};

Model affine(const Eigen::MatrixXd& weights, const Vector& offsets) {
  return {[=](const Vector& x) -> Vector { return weights * x + offsets; },
          [=](const Vector&, const Vector& c) -> Vector { return weights.transpose() * c; }};
}

FalsifyCase case_of(Index features, double low, double high, OutputProperty condition = {}) {
  return {Vector::Constant(features, low), Vector::Constant(features, high), std::move(condition)};
}
Falsification<Rows> ask(const Model& model, Index features, const std::vector<FalsifyCase>& cases,
                        const FalsifyOptions& options = {}) {
  return falsify(model, Rows::Dimensions(1, features), cases, options);
}

/// One output, 1 everywhere but where `dip` of an input says -1, and no gradient at all.
template <class Dip>
Model flat_but(Dip dip) {
  return {[=](const Vector& x) -> Vector { return Vector::Constant(1, dip(x) ? -1 : 1); }};
}
Model constant() {
  return flat_but([](const Vector&) { return false; });
}
const OutputProperty below_zero{{{{Vector::Ones(1), 0}}}};

TEST_CASE("falsify: an affine model's property is met exactly if its least value over the box meets it",
          "[evaluation]") {
  test::Random random(3);
  for (int repeat = 0; repeat < 40; ++repeat) {
    const Index features = 1 + random.integer(30), outputs = 1 + random.integer(4);
    Eigen::MatrixXd weights(outputs, features);
    for (double& w : weights.reshaped()) w = random.normal();
    const Vector offsets = random.normals(outputs);
    const Model model = affine(weights, offsets);
    FalsifyCase box{10 * random.normals(features), {}, {}};
    box.upper = box.lower + random.uniforms(features, 0, 3);
    const Vector c = random.normals(outputs), slope = weights.transpose() * c;
    double least = c.dot(offsets), size = 1;
    for (Index i = 0; i < features; ++i) {
      least += std::min(slope[i] * box.lower[i], slope[i] * box.upper[i]);
      size += std::abs(slope[i]) * std::abs(box.lower[i]);
    }
    const double room = 1e-4 * size;
    const OutputInequality never{Vector::Zero(outputs), -1};
    for (const bool met : {true, false}) {
      CAPTURE(repeat, features, outputs, met);
      box.condition.clauses = {{never}, {{c, least + (met ? room : -room), repeat % 2 == 0}}};
      const auto found = ask(model, features, {box}, {.calls = 20'000});
      REQUIRE(found.found == met);
      CHECK(found.sure == met);
      CHECK(found.margin == box.condition.margin(Scores{0, found.outputs}));
      CHECK(model.logits(found.input).row(0).transpose().cast<double>() == found.outputs);
      for (Index i = 0; i < features; ++i) {
        const double x = static_cast<double>(found.input(0, i));
        CHECK((x >= box.lower[i] && x <= box.upper[i]));
      }
      if (met) CHECK((found.which_case == 0 && found.clause == 1));
    }
  }
}

TEST_CASE("falsify: what holds together is met together, in whichever case it can be", "[evaluation]") {
  test::Random random(5);
  for (int repeat = 0; repeat < 10; ++repeat) {
    const Index features = 3 + random.integer(20);
    Eigen::MatrixXd weights(4, features);
    for (double& w : weights.reshaped()) w = random.normal();
    const Model model = affine(weights, Vector::Zero(4));
    const Vector planted = random.uniforms(features, 0.1, 0.9), y = weights * planted;
    OutputClause clause;
    for (Index k = 0; k < 4; ++k) {
      clause.push_back({Vector::Unit(4, k), y[k] + 0.05});
      clause.push_back({-Vector::Unit(4, k), 0.05 - y[k]});
    }
    std::vector<FalsifyCase> cases{case_of(features, 2, 3, {{clause}}), case_of(features, 0, 1, {{clause}})};
    cases[0].condition.clauses[0].push_back({Vector::Zero(4), -1});
    const auto found = ask(model, features, cases, {.calls = 400'000});
    CAPTURE(repeat, features, found.margin, found.calls);
    CHECK(found.sure);
    CHECK(found.which_case == 1);
    CHECK(holds(clause, found.outputs));
  }
}

TEST_CASE("falsify: walks to where many narrow inequalities hold together", "[evaluation]") {
  test::Random random(6);
  const Index features = 40, outputs = 10;
  for (int repeat = 0; repeat < 5; ++repeat) {
    Eigen::MatrixXd weights(outputs, features);
    for (double& w : weights.reshaped()) w = random.normal() / std::sqrt(40.0);
    const Model bent{[=](const Vector& x) -> Vector { return (weights * x).array().sinh(); },
                     [=](const Vector& x, const Vector& c) -> Vector {
                       return weights.transpose() * (c.array() * (weights * x).array().cosh()).matrix();
                     }};
    const Vector y = bent.answer(random.uniforms(features, 0.2, 0.8));
    OutputClause clause;
    for (Index k = 0; k < outputs; ++k) {
      clause.push_back({Vector::Unit(outputs, k), y[k] + 1e-4});
      clause.push_back({-Vector::Unit(outputs, k), 1e-4 - y[k]});
    }
    const auto found = ask(bent, features, {case_of(features, 0, 1, {{clause}})}, {.calls = 8'000});
    CAPTURE(repeat, found.margin, found.calls);
    CHECK(found.sure);
  }
}

TEST_CASE("falsify: the slope of a clause is a number whatever its inequalities are multiplied by",
          "[evaluation]") {
  const Vector one = Vector::Ones(1);
  const OutputProperty wide{{{{1e308 * one, 1e308}, {-1e308 * one, 1e308}, {one, 0}}}};
  std::vector<double> nearest{std::numeric_limits<double>::infinity()};
  Vector gradient;
  const double largest = detail::Aim{wide, {0}, nearest}.margin(Scores{0, 1.5 * one}, &gradient);
  CHECK((largest == wide.clauses[0][0].excess(1.5 * one) && nearest[0] == largest));
  CHECK((gradient[0] > 0 && gradient[0] <= 1e308));
}

TEST_CASE("falsify: its criterion serves attacks on a network of one output, which is no class",
          "[evaluation]") {
  test::Random random(8);
  const Index features = 12;
  const Vector slope = random.normals(features);
  const Model model = affine(slope.transpose(), Vector::Constant(1, 0.5));
  Rows x(2, features);
  x.setConstant(0.5f);
  // From 0.5 the output falls by the L1 size of the slopes times the radius, as far as the bounds go.
  const double y = 0.5 + 0.5 * slope.sum(), fall = 0.3 * slope.lpNorm<1>();
  const Vector unit = Vector::Ones(1);
  const OutputProperty low{{{{unit, y - fall}}}};
  const auto attack = [&](const auto& criterion, double radius) {
    return LinfAPGD({.steps = 10})(model, x, criterion, radius).success.all();
  };
  CHECK(attack(low, 0.301));
  CHECK_FALSE(attack(low, 0.299));
  CHECK(attack(!OutputProperty{{{{-unit, fall - y}}}}, 0.301));
  CHECK_FALSE(attack(low && OutputProperty{{{{unit, y - 2 * fall}}}}, 0.301));
  CHECK_THROWS_WITH(attack(Labels(Labels::Zero(2)), 0.1), ContainsSubstring("at least 2 classes, got 1"));
}

TEST_CASE("falsify: finds what no gradient leads to: a corner, a common level, a small part of a square",
          "[evaluation]") {
  const auto met = [](Index features, auto dip, std::int64_t calls) {
    return ask(flat_but(dip), features, {case_of(features, -1, 1, below_zero)}, {.calls = calls}).found;
  };
  CHECK(met(6, [](const Vector& x) { return x.minCoeff() == -1 && x[1] == 1 && x.sum() == -4; }, 128));
  CHECK(met(300, [](const Vector& x) { return std::abs(x.mean() - 0.8) < 0.02f; }, 20'000));
  CHECK(met(300, [](const Vector& x) { return x.maxCoeff() == -1; }, 128));
  CHECK(met(300, [](const Vector& x) { return x.cwiseAbs().maxCoeff() == 0; }, 128));
  CHECK(met(2, [](const Vector& x) { return std::hypot(x[0] - 0.37, x[1] + 0.61) < 0.01f; }, 200'000));
}

TEST_CASE("falsify: what is met, but not surely, does not end the search for what is", "[evaluation]") {
  const Model peak{[](const Vector& x) -> Vector {
    return Vector{{0.0, std::hypot(x[0] - 0.37, x[1] + 0.61) < 0.03f ? 1.0 : 0.0}};
  }};
  const FalsifyCase box = case_of(2, -1, 1, {{{{Vector{{1, 0}}, 0}}, {{Vector{{0, -1}}, -0.5}}}});
  const auto answer = ask(peak, 2, {box}, {.calls = 200'000});
  CHECK((answer.sure && answer.clause == 1));
}

TEST_CASE("falsify: inputs are floats inside the ends, the nearest where there is none", "[evaluation]") {
  const Model sum = affine(Eigen::MatrixXd::Ones(1, 3), Vector::Zero(1));
  FalsifyCase box{Vector{{0.1, 0.7, 0.3}}, Vector{{0.1, 0.9, 0.300000001}}, below_zero};
  box.condition.clauses[0][0].bound = 2;
  const auto high = ask(sum, 3, {box}, {.calls = 1000});
  CHECK(high.found);
  CHECK(high.input(0, 0) == 0.1f);
  CHECK(high.input(0, 2) == 0.3f);
  box.condition.clauses[0][0] = {Vector::Ones(1), 0};
  const auto low = ask(sum, 3, {box}, {.calls = 1000});
  CHECK_FALSE(low.found);
  CHECK(high.input(0, 1) <= 0.9f);
  CHECK(low.input(0, 1) == std::nextafter(0.7f, 1.0f));  // 0.7f is below 0.7
}

TEST_CASE("falsify: looks at every box, however many there are, before it goes on in any", "[evaluation]") {
  const Model near_five = flat_but([](const Vector& x) { return std::abs(x[0] - 5) < 0.25; });
  std::vector<FalsifyCase> cases(1000, case_of(1, 0, 1, below_zero));
  cases.back() = case_of(1, 4.9, 5.1, below_zero);
  const auto found = ask(near_five, 1, cases, {.calls = 1000});
  CHECK(found.sure);
  CHECK(found.which_case == 999);
  const Model one = constant();
  CHECK(ask(one, 1, std::vector<FalsifyCase>(20, case_of(1, 2, 2, below_zero))).calls ==
        20);  // points, once each
}

TEST_CASE("falsify: boxes that are wider than the largest number have numbers in them", "[evaluation]") {
  struct Doubles {
    using Input = Tensor<double, 2>;
    Bounds<double> bounds() const { return {}; }
    Logits<double> logits(const Input& x) const {  // below zero for what is no number
      Logits<double> y(samples(x), 1);
      for (Index i = 0; i < samples(x); ++i) y(i, 0) = std::isnan(x(i, 0)) ? -1 : 1;
      return y;
    }
    auto vjp(const Input& x) const {
      return Vjp{logits(x), [shape = x.dimensions()](const Logits<double>&) {
                   Input zero(shape);
                   zero.setConstant(1);
                   return zero;
                 }};
    }
  };
  const Doubles model;
  const auto found = falsify(model, Tensor<double, 2>::Dimensions(1, 1),
                             {case_of(1, -1.7e308, 1.7e308, below_zero)}, {.calls = 2000});
  CHECK_FALSE(found.found);
}

TEST_CASE("falsify: asks about a single point once, and about nothing if nothing can be met",
          "[evaluation]") {
  const Model one = constant();
  FalsifyCase point = case_of(4, 0.5, 0.5, below_zero);
  auto answer = ask(one, 4, {point});
  CHECK_FALSE(answer.found);
  CHECK((answer.calls == 1 && one.forward == 1 && one.backward == 0));
  CHECK((answer.margin == 1 && answer.which_case == 0 && answer.clause == 0));
  point.condition.clauses[0][0].bound = 1;
  answer = ask(one, 4, {point, point});
  CHECK((answer.found && !answer.sure && answer.margin == 0));  // by equality alone
  point.condition.clauses[0][0].strict = true;
  CHECK_FALSE(ask(one, 4, {point}).found);

  const OutputInequality wide_but_unsure{Vector::Constant(1, 1e6), 1e6 + 1}, sure{Vector::Ones(1), 1.5};
  point.condition.clauses = {{wide_but_unsure}, {sure}};
  answer = ask(one, 4, {point});
  CHECK((answer.sure && answer.clause == 1 && answer.margin == -0.5));

  one.forward = 0;
  answer = ask(one, 4, {case_of(4, 0, 1)});
  CHECK((!answer.found && answer.calls == 0 && one.forward == 0 && answer.which_case == -1));
  answer = ask(one, 4, {});
  CHECK((!answer.found && answer.calls == 0));
  answer = ask(one, 4, {case_of(4, 0, 1, {{{}}})});
  CHECK((answer.found && answer.sure && answer.which_case == 0));
}

TEST_CASE("falsify: what is met and what is sure is exact, where sums of doubles are not", "[evaluation]") {
  const auto answer = [](const Vector& outputs, const OutputInequality& inequality, double rounding) {
    return ask({[=](const Vector&) { return outputs; }}, 1, {case_of(1, 0, 1, {{{inequality}}})},
               {.calls = 1'000, .rounding = rounding});
  };
  const Vector tiny = Vector::Constant(3, 4.175e-13), cancelling{{1, -1.4f, 1}};
  for (const double rounding : {1e-5, 0.0}) {
    CAPTURE(rounding);
    // 1.2525e-322, of products that are 4e-323 as doubles.
    CHECK_FALSE(answer(tiny, {Vector::Constant(3, 1e-310), 1.236e-322}, rounding).found);
    CHECK_FALSE(answer(cancelling, {Vector{{1e16, 1, -1e16}}, -1.5}, rounding).found);
    const auto large = answer(Vector::Constant(2, 0.4), {Vector::Constant(2, -1e308), -1}, rounding);
    CHECK((large.sure && large.margin < -7e307));
    CHECK(answer(Vector::Constant(2, 0.75), {Vector::Constant(2, -1.5e308), -1}, rounding).sure);
    CHECK(answer(tiny, {Vector::Constant(3, 1e-310), 1.3e-322}, rounding).sure);  // by 4 %
  }
  CHECK(answer(Vector::Ones(1), {Vector::Ones(1), 1}, 0).sure);
  for (const double size : {1.0, 0.0}) {
    const auto equal = answer(Vector::Constant(1, size), {Vector::Ones(1), size}, 1e-5);
    CHECK((equal.found && !equal.sure));
  }
  CHECK_FALSE(answer(Vector::Ones(1), {Vector::Ones(1), 1 + 0.9e-5}, 1e-5).sure);
  CHECK(answer(Vector::Ones(1), {Vector::Ones(1), 1 + 1.1e-5}, 1e-5).sure);
}

TEST_CASE("falsify: counts every call, spends no more than allowed, and repeats its bits", "[evaluation]") {
  test::Random random(11);
  Eigen::MatrixXd w(3, 20);
  for (double& entry : w.reshaped()) entry = random.normal();
  const Model waves{[=](const Vector& x) -> Vector { return (w * x).array().sin(); },
                    [=](const Vector& x, const Vector& c) -> Vector {
                      return w.transpose() * (c.array() * (w * x).array().cos()).matrix();
                    }};
  OutputProperty out_of_reach{{{{Vector{{1, -1, 0}}, -1e6}}, {{Vector{{0, 1, -1}}, -1e6}}}};
  const std::vector<FalsifyCase> cases{case_of(20, 0, 1, out_of_reach), case_of(20, 0.2, 0.4, out_of_reach)};
  for (const std::int64_t calls : {1, 100, 5'000, 40'000}) {
    waves.forward = waves.backward = 0;
    const auto one = ask(waves, 20, cases, {.calls = calls, .seed = 9});
    CHECK(one.calls <= calls);
    CHECK(one.calls == waves.forward + waves.backward);
    const auto same = ask(waves, 20, cases, {.calls = calls, .seed = 9});
    CHECK((same.calls == one.calls && same.margin == one.margin && same.outputs == one.outputs));
    CHECK(one.calls > calls / 2);
    CHECK(as_matrix(same.input) == as_matrix(one.input));
    CHECK_FALSE(one.found);
  }
  CHECK(ask(waves, 20, cases, {.seconds = 0}).calls == 0);
  waves.forward = waves.backward = 0;
  const auto timed = ask(waves, 20, cases, {.calls = 5'000, .seconds = 1e9});
  CHECK((timed.calls <= 5'000 && timed.calls == waves.forward + waves.backward));
}

TEST_CASE("falsify: answers that are no numbers meet nothing", "[evaluation]") {
  const std::vector<FalsifyCase> box{case_of(3, 0, 1, below_zero)};
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()}) {
    const auto answer =
        ask({[=](const Vector&) { return Vector::Constant(1, bad); }}, 3, box, {.calls = 5'000});
    CHECK_FALSE(answer.found);
    CHECK(answer.calls <= 5'000);
    CHECK(answer.which_case == -1);
    const auto none = case_of(3, 0, 1, {{{}, below_zero.clauses[0]}});  // a clause of nothing, and another
    CHECK_FALSE(
        ask({[=](const Vector&) { return Vector::Constant(1, bad); }}, 3, {none}, {.calls = 20'000}).found);
  }
  const auto in_half = [](const Vector& x) -> Vector {
    return Vector::Constant(1, x[0] < 0.5 ? NAN : x[0] - 0.75);
  };
  CHECK(ask({in_half}, 3, box, {.calls = 5'000}).sure);
  const auto dead = [](const Vector&) -> Vector { throw Error("the line is dead"); };
  CHECK_THROWS_WITH(ask({dead}, 3, box), ContainsSubstring("the line is dead"));
}

TEST_CASE("falsify: refuses what makes no sense", "[evaluation]") {
  const Model one = constant();
  const auto refusal = [&](FalsifyCase box, const FalsifyOptions& options = {}) {
    return ask(one, 2, {std::move(box)}, options).found;
  };
  CHECK_THROWS_WITH(refusal(case_of(3, 0, 1, below_zero)), ContainsSubstring("case 0 has 3 lower"));
  CHECK_THROWS_WITH(refusal(case_of(2, 1, 0, below_zero)), ContainsSubstring("feature 0 has [1, 0]"));
  CHECK_THROWS_WITH(refusal(case_of(2, 0, INFINITY, below_zero)), ContainsSubstring("finite ends"));
  CHECK_THROWS_WITH(refusal(case_of(2, 1e300, 1e301, below_zero)),
                    ContainsSubstring("beyond the model's numbers"));
  CHECK_THROWS_WITH(refusal(case_of(2, 0, 1, {{{{Vector::Ones(2), 0}}}})),
                    ContainsSubstring("2 coefficients, the model has 1 outputs"));
  CHECK_THROWS_WITH(refusal(case_of(2, 0, 1, below_zero), {.calls = 0}), ContainsSubstring("calls >= 1"));
  CHECK_THROWS_WITH(refusal(case_of(2, 0, 1, below_zero), {.seconds = -1}),
                    ContainsSubstring("seconds >= 0"));
  CHECK_THROWS_WITH(refusal(case_of(2, 0, 1, below_zero), {.rounding = NAN}), ContainsSubstring("rounding"));
  CHECK_THROWS_WITH(refusal(case_of(2, 0, 1, below_zero), {.batch_size = 0}),
                    ContainsSubstring("batch size"));
}

}  // namespace
