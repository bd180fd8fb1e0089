// SPDX-License-Identifier: MIT
// What an attack can ask, and what it costs: many points, own objectives, the gradients of single logits.
#include "foil/run/question.hpp"

#include <cmath>
#include <functional>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

namespace {
using namespace foil;
using Catch::Matchers::ContainsSubstring;
using Input = Tensor<double, 2>;
using test::Scripted;

/// One feature in [0, 10]; class 1 above 1.
const test::Affine<Input> line((Eigen::MatrixXd(2, 1) << 0, 1).finished(), Eigen::Vector2d(0, -1),
                               Bounds<double>(0, 10));

Input zeros(Index count) {
  Input x(count, 1);
  x.setZero();
  return x;
}
Labels label_zero(Index count) {
  return Labels::Zero(count);
}
std::vector<Eigen::VectorXd> points_at(const std::vector<double>& places) {
  std::vector<Eigen::VectorXd> points;
  for (const double place : places) points.push_back(Eigen::VectorXd::Constant(1, place));
  return points;
}

TEST_CASE("question: all of many points are answered, in calls as large as there is room", "[question]") {
  const std::vector<double> places{0.5, 3, 0.25, 2, 12, 0.75, 1.5};  // 12 is clipped to 10
  test::CountingModel counted(line);
  for (const Index batch_size : {1, 2, 3, 100}) {
    CAPTURE(batch_size);
    counted.forward = counted.calls = 0;
    int seen = 0;
    const Scripted<> attack([&](Oracle& oracle) -> Task<> {
      Eigen::VectorXd first = oracle.original();
      co_await oracle.query(first);
      auto points = points_at(places);
      const std::span<const Answer> decisions = co_await oracle.query_all(points);
      REQUIRE(decisions.size() == places.size());
      for (std::size_t i = 0; i < places.size(); ++i) {
        CHECK(decisions[i].adversarial == (places[i] > 1));
        CHECK(decisions[i].label == (places[i] > 1));
      }
      CHECK(points[4][0] == 10);
      const std::span<const Answer> scores = co_await oracle.scores(points, Loss::margin);
      for (std::size_t i = 0; i < places.size(); ++i) {
        CHECK(scores[i].loss == Catch::Approx(points[i][0] - 1));
        CHECK(scores[i].logits == Eigen::VectorXd(Eigen::Vector2d(0, points[i][0] - 1)));
      }
      const std::span<const Answer> gradients = co_await oracle.gradients(points, Loss::margin);
      for (std::size_t i = 0; i < places.size(); ++i) {
        CHECK(gradients[i].loss == Catch::Approx(points[i][0] - 1));
        CHECK(gradients[i].gradient == Eigen::VectorXd::Constant(1, 1));
      }
      ++seen;
    });
    const auto result = attack(counted, zeros(3), label_zero(3), {.batch_size = batch_size, .trace = true});
    CHECK(seen == 3);
    CHECK(result.queries == Counts::Constant(3, 1 + 3 * 7));
    CHECK(result.gradient_queries == Counts::Constant(3, 7));
    CHECK(result.surplus_queries == Counts::Zero(3));
    CHECK(result.distances == Eigen::VectorXd::Constant(3, 1.5));
    CHECK(result.traces[0].front().queries == 3);  // the clean query, 0.5 and 3
    CHECK(result.traces[0].back().queries == 8);
    CHECK(counted.forward == result.queries.sum() + result.verification_queries.sum());
    CHECK(counted.backward == result.gradient_queries.sum());
    counted.backward = 0;
    if (batch_size == 100) CHECK(counted.calls == 4 + 1);
  }
}

TEST_CASE("question: no points, no model call", "[question]") {
  const Scripted<> attack([](Oracle& oracle) -> Task<> {
    std::vector<Eigen::VectorXd> none;
    const auto answers = co_await oracle.query_all(none);
    CHECK(answers.empty());
  });
  CHECK(attack(line, zeros(2), label_zero(2)).queries == Counts::Constant(2, 1));
}

TEST_CASE("question: the budget ends a question of many points to the row, and what was found is kept",
          "[question]") {
  for (const std::int64_t budget : {1, 2, 3, 4, 5}) {
    for (const Index batch_size : {1, 3, 50}) {
      CAPTURE(budget, batch_size);
      test::CountingModel counted(line);
      const Scripted<> attack([](Oracle& oracle) -> Task<> {
        auto points = points_at({0.5, 3, 0.25, 2});
        co_await oracle.scores(points);
        co_await oracle.scores(points);
      });
      const auto result =
          attack(counted, zeros(2), label_zero(2), {.query_budget = budget, .batch_size = batch_size});
      CHECK(result.queries == Counts::Constant(2, budget));
      CHECK(counted.forward == result.queries.sum() + result.verification_queries.sum());
      CHECK(result.success[0] == (budget >= 3));
      if (budget >= 3) CHECK(result.distances[0] == (budget >= 5 ? 2 : 3));
    }
  }
}

TEST_CASE("question: a radius that is reached ends a question of many points there", "[question]") {
  bool reached = false;
  const auto inner = [](Oracle& oracle) -> Task<> {
    auto points = points_at({0.5, 3, 2, 1.5, 1.25});
    co_await oracle.query_all(points);
    FAIL("the radius was reached before all points were answered");
  };
  const Scripted<> attack([&](Oracle& oracle) -> Task<> {
    reached = co_await oracle.within(2.5, inner(oracle));
    CHECK(oracle.queries() == 1 + 3);
  });
  CHECK(attack(line, zeros(1), label_zero(1), {.batch_size = 1}).distances[0] == 2);
  CHECK(reached);
}

TEST_CASE("question: what ends one of many points counts nothing after it, however many share a call",
          "[question]") {
  const auto ask = [](Oracle& oracle, bool gradients) -> Task<> {
    auto points = points_at({0.5, 4, 3, 2, 1.5});
    if (gradients)
      co_await oracle.gradients(points);
    else
      co_await oracle.scores(points);
    Eigen::VectorXd last = Eigen::VectorXd::Constant(1, 1.25);
    co_await oracle.query(last);
  };
  for (const bool gradients : {false, true}) {
    const test::ScriptedWithin<> within(
        [&](Oracle& oracle, double) -> Task<> { co_await ask(oracle, gradients); });
    const Scripted<> minimal([&](Oracle& oracle) -> Task<> { co_await ask(oracle, gradients); });
    for (const Index batch_size : {1, 2, 3, 4, 100})
      for (const Index count : {1, 4}) {
        CAPTURE(gradients, batch_size, count);
        test::CountingModel counted(line);
        const auto fixed = within(counted, zeros(count), label_zero(count), 3.5, {.batch_size = batch_size});
        CHECK(fixed.distances == Eigen::VectorXd::Constant(count, 3));
        CHECK(fixed.queries == Counts::Constant(count, 1 + 3));
        CHECK(fixed.gradient_queries == Counts::Constant(count, gradients ? 3 : 0));
        CHECK(counted.forward == fixed.queries.sum() + fixed.surplus_queries.sum() + count);
        CHECK(counted.backward == fixed.gradient_queries.sum() + fixed.surplus_gradient_queries.sum());
        const auto stopped =
            minimal(line, zeros(count), label_zero(count), {.early_stop = 3.5, .batch_size = batch_size});
        CHECK(stopped.distances == Eigen::VectorXd::Constant(count, 3));
        CHECK(stopped.queries == Counts::Constant(count, 1 + 3));
      }
  }
}

TEST_CASE("question: of nested scopes that one call reaches, the outermost ends", "[question]") {
  const auto inner = [](Oracle& oracle) -> Task<> {
    auto points = points_at({2, 4});
    co_await oracle.query_all(points);
    FAIL("a scope was reached");
  };
  const auto outer = [&](Oracle& oracle) -> Task<> {
    co_await oracle.within(5, inner(oracle));
    FAIL("the outer scope was reached");
  };
  const Scripted<> attack([&](Oracle& oracle) -> Task<> {
    const bool reached = co_await oracle.within(3, outer(oracle));
    CHECK(reached);
    CHECK(oracle.queries() == 2);
  });
  for (const Index batch_size : {1, 100})
    CHECK(attack(line, zeros(1), label_zero(1), {.batch_size = batch_size}).distances[0] == 2);
}

TEST_CASE("question: a row of the pool ends a scope at the next question, and failures pass through",
          "[question]") {
  Input data(1, 1);
  data.setConstant(2);
  const Pool<Input> pool(line, data);
  bool throws = false;
  const auto inner = [&](Oracle& oracle) -> Task<> {
    const auto taken = oracle.take_from_pool(0);
    CHECK(taken.second);
    if (throws) throw Error("broken");
    Eigen::VectorXd x = Eigen::VectorXd::Constant(1, 0.5);
    co_await oracle.query(x);
    FAIL("the scope had been reached");
  };
  const Scripted<> attack([&](Oracle& oracle) -> Task<> {
    Eigen::VectorXd first = oracle.original();
    co_await oracle.query(first);
    const bool reached = co_await oracle.within(3, inner(oracle));
    CHECK(reached);
  });
  const auto result = attack(line, zeros(1), label_zero(1), {.pool = pool});
  CHECK(result.distances[0] == 2);
  CHECK(result.queries[0] == 1);
  throws = true;
  CHECK_THROWS_WITH(attack(line, zeros(1), label_zero(1), {.pool = pool}), ContainsSubstring("broken"));
}

TEST_CASE("question: what makes no sense is an error", "[question]") {
  const auto refuses = [](const std::function<Task<>(Oracle&)>& script, const char* message) {
    CHECK_THROWS_WITH(Scripted<>(script)(line, zeros(1), label_zero(1)), ContainsSubstring(message));
  };
  for (const Index size : {0, 2, 100})
    refuses(
        [size](Oracle& oracle) -> Task<> {
          Eigen::VectorXd x = Eigen::VectorXd::Zero(size);
          co_await oracle.query(x);
        },
        "features, the sample has 1");
  refuses(
      [](Oracle& oracle) -> Task<> {
        auto points = points_at({1});
        co_await oracle.query_in_turn(points, 2);
      },
      "expected 1 to 1 points, got 2");
  refuses(
      [](Oracle& oracle) -> Task<> {
        Eigen::VectorXd x = oracle.original();
        co_await oracle.class_gradients(x, {});
      },
      "at least one class");
  refuses(
      [](Oracle& oracle) -> Task<> {
        const auto wrong = [](const Eigen::VectorXd&, Eigen::VectorXd* gradient) {
          if (gradient) *gradient = Eigen::VectorXd::Ones(3);
          return 0.0;
        };
        Eigen::VectorXd x = oracle.original();
        co_await oracle.gradient(x, wrong);
      },
      "expected a gradient with respect to 2 logits, got one of 3 entries");
  refuses(
      [](Oracle& oracle) -> Task<> {
        oracle.best();
        co_return;
      },
      "nothing has been found");
}

TEST_CASE("question: an objective of the attack's own, by value and by gradient", "[question]") {
  const test::Mlp<Input> model(4, 6, 5, 2);
  Input x(1, 4);
  x.setValues({{0.2, 0.4, 0.6, 0.8}});
  const auto energy = [](const Eigen::VectorXd& z, Eigen::VectorXd* gradient) {
    if (gradient) *gradient = z.array().cos();
    return z.array().sin().sum();
  };
  const Scripted<> attack([&](Oracle& oracle) -> Task<> {
    Eigen::VectorXd point = oracle.original();
    const auto value = [&](const Eigen::VectorXd& at) {
      Input batch(1, 4);
      sample(batch, 0) = at;
      return energy(model.logits(batch).row(0).transpose(), nullptr);
    };
    const auto& at = co_await oracle.gradient(point, energy);
    CHECK(at.loss == Catch::Approx(value(point)).epsilon(1e-12));
    for (Index i = 0; i < 4; ++i) {
      Eigen::VectorXd up = point, down = point;
      up[i] += 1e-6;
      down[i] -= 1e-6;
      CHECK(at.gradient[i] == Catch::Approx((value(up) - value(down)) / 2e-6).epsilon(1e-5).margin(1e-7));
    }
    const double loss = at.loss;
    const auto& score = co_await oracle.score(point, energy);
    CHECK(score.loss == loss);
  });
  attack(model, x, predict(model, x));
}

TEST_CASE("question: gradients of single logits come from one forward pass and are counted one by one",
          "[question]") {
  const test::Mlp<Input> model(4, 6, 5, 2);
  test::CountingModel counted(model);
  test::Random random(3);
  const auto x = test::random_batch<Input>(random, Input::Dimensions(6, 4));
  const Labels labels = predict(model, x);
  int seen = 0;
  // Samples ask about one, two or three classes in the same round.
  const Scripted<> attack([&](Oracle& oracle) -> Task<> {
    const std::vector<Index> all{4, 0, 2};
    const std::span<const Index> classes(all.data(), static_cast<std::size_t>(oracle.sample().id % 3 + 1));
    Eigen::VectorXd point = oracle.original();
    const auto& at = co_await oracle.class_gradients(point, classes);
    REQUIRE(at.class_gradients.size() == classes.size());
    CHECK(at.logits.size() == 5);
    CHECK(std::isnan(at.loss));
    Input one(1, 4);
    sample(one, 0) = point;
    const auto pass = model.vjp(one);
    for (std::size_t k = 0; k < classes.size(); ++k) {
      Logits<double> cotangent = Logits<double>::Zero(1, 5);
      cotangent(0, classes[k]) = 1;
      CHECK(at.class_gradients[k] == sample(Input(pass.pullback(cotangent)), 0));
    }
    ++seen;
  });
  const auto result = attack(counted, x, labels);
  CHECK(seen == 6);
  CHECK(result.queries == Counts::Constant(6, 1));
  for (Index i = 0; i < 6; ++i) CHECK(result.gradient_queries[i] == i % 3 + 1);
  CHECK(counted.backward == result.gradient_queries.sum());
  CHECK(counted.calls == 3);
}

TEST_CASE("question: a class that does not exist is an error, an answer of NaN has gradients of zero",
          "[question]") {
  const std::vector<Index> beyond{2};
  const Scripted<> asks_beyond([&](Oracle& oracle) -> Task<> {
    Eigen::VectorXd point = oracle.original();
    co_await oracle.class_gradients(point, beyond);
  });
  CHECK_THROWS_WITH(asks_beyond(line, zeros(1), label_zero(1)),
                    ContainsSubstring("expected classes from 0 to 1, got 2"));
  test::Tampered model(line);
  model.answer = [](std::int64_t call, const Input&, Logits<double>& z) {
    if (call > 0) z.setConstant(std::numeric_limits<double>::quiet_NaN());
  };
  const std::vector<Index> classes{0, 1};
  const Scripted<> attack([&](Oracle& oracle) -> Task<> {
    Eigen::VectorXd point = Eigen::VectorXd::Constant(1, 0.5);
    const auto& at = co_await oracle.class_gradients(point, classes);
    CHECK(at.label == -1);
    CHECK(at.class_gradients[0] == Eigen::VectorXd::Zero(1));
    CHECK(at.class_gradients[1] == Eigen::VectorXd::Zero(1));
  });
  const auto result = attack(model, zeros(1), label_zero(1));
  CHECK(result.status[0] == Status::non_finite);
  CHECK(result.bad_rows[0] == 1);
}

TEST_CASE("question: an own objective needs no margin, foil's losses do", "[question]") {
  struct ByScores {  // no margin
    bool operator()(const Scores& s) const { return s.logits[1] > 0; }
  };
  const auto first_logit = [](const Eigen::VectorXd& z, Eigen::VectorXd*) { return z[1]; };
  const Scripted<L2, Knowledge::decisions> own([&](Oracle& oracle) -> Task<> {
    Eigen::VectorXd point = Eigen::VectorXd::Constant(1, 4);
    const auto& at = co_await oracle.score(point, first_logit);
    CHECK(at.loss == 3);
  });
  CHECK(own(line, zeros(1), ByScores{}).success[0]);
  const Scripted<L2, Knowledge::decisions> named([&](Oracle& oracle) -> Task<> {
    Eigen::VectorXd point = Eigen::VectorXd::Constant(1, 4);
    co_await oracle.score(point, Loss::margin);
  });
  CHECK_THROWS_WITH(named(line, zeros(1), ByScores{}), ContainsSubstring("scripted: asks for a score"));
}

TEST_CASE("question: what the criterion wants of a sample is known where it is about classes", "[question]") {
  Labels labels(1);
  labels << 0;
  const auto goal = [&](const auto& criterion) {
    Goal seen;
    const Scripted<> attack([&](Oracle& oracle) -> Task<> {
      seen = oracle.goal();
      co_return;
    });
    attack(line, zeros(1), criterion);
    return seen;
  };
  CHECK(goal(labels).leave == 0);
  CHECK(goal(MarginAbove(labels, 0.5)).lead == 0.5);
  Labels target(1);
  target << 1;
  CHECK(goal(TargetedMisclassification(target)).reach == 1);
  CHECK(goal(TargetedMisclassification(target)).leave == -1);
  CHECK(goal(OriginalClassProbability(labels, 0.5)).leave == -1);
}
}  // namespace
