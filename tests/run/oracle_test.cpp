// SPDX-License-Identifier: MIT
#include "foil/run/oracle.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/one_sample.hpp"
#include "support/scripted.hpp"

namespace {
using namespace foil;
using Input = Tensor<float, 2>;
using test::Scripted;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

// --- the sample ---

TEST_CASE("oracle: what an attack is told about its sample", "[oracle]") {
  Input inputs(2, 3), starts(2, 3);
  inputs.setValues({{0.1f, 0.2f, 0.3f}, {0.4f, 0.5f, 0.6f}});
  starts.setValues({{1, 1, 1}, {0.5f, 0, 0}});
  const auto model =
      test::random_affine<Input>(3, 3, 1, Bounds<float>(Eigen::Vector3f(0, 0, -1), Eigen::Vector3f(1, 2, 3)));
  int seen = 0;
  const Scripted<L1> attack([&](Oracle& oracle) -> Task<> {
    const Index row = oracle.original()[0] > 0.2;
    CHECK(oracle.features() == 3);
    CHECK(oracle.original() == sample(inputs, row).cast<double>());
    CHECK(oracle.lower() == Eigen::VectorXd(Eigen::Vector3d(0, 0, -1)));
    CHECK(oracle.upper() == Eigen::VectorXd(Eigen::Vector3d(1, 2, 3)));
    CHECK(oracle.starting_point() == sample(starts, row).cast<double>());
    CHECK(oracle.norm() == Lp(L1{}));
    CHECK(oracle.distance(oracle.original().array() + 1) == Catch::Approx(3));
    CHECK(oracle.queries() == 0);
    CHECK_FALSE(oracle.found());
    CHECK(oracle.best_distance() == infinity);
    Eigen::VectorXd x = oracle.original();
    co_await oracle.gradient(x);
    CHECK(oracle.queries() == 1);
    CHECK(oracle.gradient_queries() == 1);
    ++seen;
  });
  attack(model, inputs, predict(model, inputs), {.starting_points = starts});
  CHECK(seen == 2);
}

TEST_CASE("oracle: answers are the criterion's verdict, the loss asked for and its gradient", "[oracle]") {
  Input inputs(1, 4);
  inputs.setValues({{0.2f, 0.4f, 0.6f, 0.8f}});
  const test::Mlp<Tensor<double, 2>> model(4, 6, 5, 2);
  const Tensor<double, 2> x64 = inputs.cast<double>();
  const Labels labels = predict(model, x64);
  const Scripted<> attack([&](Oracle& oracle) -> Task<> {
    for (const Loss kind : {Loss::lsem, Loss::cross_entropy, Loss::margin, Loss::dlr}) {
      for (std::uint32_t draw = 0; draw < 5; ++draw) {
        Eigen::VectorXd x(4);
        oracle.random(Purpose::start, draw).fill_uniform(x, 0, 1);
        const auto loss_at = [&](const Eigen::VectorXd& point) {
          Tensor<double, 2> batch(1, 4);
          sample(batch, 0) = point;
          return losses::untargeted(kind, model.logits(batch).row(0).transpose(), labels[0]);
        };
        const auto& answer = co_await oracle.gradient(x, kind);
        CHECK(answer.loss == Catch::Approx(loss_at(x)).epsilon(1e-12));
        for (Index i = 0; i < 4; ++i) {
          Eigen::VectorXd up = x, down = x;
          up[i] += 1e-6;
          down[i] -= 1e-6;
          CHECK(answer.gradient[i] ==
                Catch::Approx((loss_at(up) - loss_at(down)) / 2e-6).epsilon(1e-5).margin(1e-7));
        }
        const bool adversarial = answer.adversarial;
        const double loss = answer.loss;
        const auto& score = co_await oracle.score(x, kind);
        CHECK(score.loss == loss);
        CHECK(score.adversarial == adversarial);
        const bool decision = co_await oracle.query(x);
        CHECK(decision == adversarial);
      }
    }
  });
  attack(model, x64, labels);
}

TEST_CASE("oracle: the point asked about is rounded and clipped in the attack's own hands", "[oracle]") {
  const auto model = test::random_affine<Input>(2, 2, 1);
  Input inputs(1, 2);
  inputs.setConstant(0.5f);
  const Scripted<> attack([](Oracle& oracle) -> Task<> {
    Eigen::VectorXd x = Eigen::Vector2d(0.1, 1.5);
    co_await oracle.query(x);
    CHECK(x == Eigen::VectorXd(Eigen::Vector2d(static_cast<double>(0.1f), 1)));
  });
  attack(model, inputs, predict(model, inputs));
}

TEST_CASE("oracle: working memory has the sample's size, is shared, and stays where it is", "[oracle]") {
  const Eigen::VectorXd x = Eigen::VectorXd::Zero(5);
  test::OneSample sample(x, x, x);
  const Oracle& one = sample.oracle();
  const Oracle other(sample.seat());
  Eigen::VectorXd& first = one.scratch(0);
  CHECK(first.size() == 5);
  CHECK(&one.scratch(3) != &first);
  CHECK(&one.scratch(0) == &first);
  CHECK(&other.scratch(0) == &first);
}

// --- chance ---

TEST_CASE("oracle: random streams belong to seed, attack, sample id, repetition, purpose and draw",
          "[oracle]") {
  const Eigen::VectorXd x = Eigen::VectorXd::Zero(1);
  const auto first = [&](std::uint64_t seed, const char* attack, std::int64_t id, std::uint64_t repetition,
                         Purpose purpose, std::uint32_t draw) {
    test::OneSample sample(x, x, x, {.seed = seed, .stream = attack, .id = id});
    sample.oracle().set_repetition(repetition);
    return sample.oracle().random(purpose, draw).bits();
  };
  const auto reference = first(1, "a", 2, 0, Purpose::start, 0);
  CHECK(reference == RandomDraw(random_key(1, "a"), 2, Purpose::start, 0).bits());
  CHECK(reference == first(1, "a", 2, 0, Purpose::start, 0));
  CHECK(reference != first(2, "a", 2, 0, Purpose::start, 0));
  CHECK(reference != first(1, "b", 2, 0, Purpose::start, 0));
  CHECK(reference != first(1, "a", 3, 0, Purpose::start, 0));
  CHECK(reference != first(1, "a", -2, 0, Purpose::start, 0));
  CHECK(reference != first(1, "a", 2, 1, Purpose::start, 0));
  CHECK(reference != first(1, "a", 2, 0, Purpose::noise, 0));
  CHECK(reference != first(1, "a", 2, 0, Purpose::start, 1));
}

// --- scopes ---

/// One feature in [0, 10]; class 1 above 1.
const test::Affine<Tensor<double, 2>> line((Eigen::MatrixXd(2, 1) << 0, 1).finished(), Eigen::Vector2d(0, -1),
                                           Bounds<double>(0, 10));

Result<Tensor<double, 2>> on_line(std::function<Task<>(Oracle&)> script) {
  Tensor<double, 2> x(1, 1);
  x.setZero();
  return Scripted<>(std::move(script))(line, x, Labels(Labels::Zero(1)));
}

Task<> visit_all(Oracle& oracle, std::vector<double> points, int& visited) {
  for (const double point : points) {
    Eigen::VectorXd x = Eigen::VectorXd::Constant(1, point);
    co_await oracle.query(x);
    ++visited;
  }
}

// GCC 12 does not take lists in braces inside a coroutine that awaits, and Catch's macros evaluate an
// awaiting expression twice there: hence these helpers, and results in variables.
template <class... Points>
std::vector<double> points_at(Points... points) {
  return {static_cast<double>(points)...};
}
template <class... Points>
Task<> visit(Oracle& oracle, int& visited, Points... points) {
  return visit_all(oracle, points_at(points...), visited);
}

TEST_CASE("oracle: an attack within a radius is abandoned at its first success there", "[oracle]") {
  int visited = 0;
  const auto result = on_line([&](Oracle& oracle) -> Task<> {
    bool reached = co_await oracle.within(3, visit(oracle, visited, 0.5, 5, 2.5, 2, 1.5));
    CHECK(reached);
    CHECK(visited == 2);  // 5 is adversarial, but too far away; 2.5 ends it
    CHECK(oracle.best_distance() == 2.5);
    reached = co_await oracle.within(1.5, visit(oracle, visited, 2.25, 0.25));
    CHECK_FALSE(reached);
    CHECK(visited == 4);
    // After a scope has ended, whatever it was, an adversarial is an answer like any other.
    Eigen::VectorXd x = Eigen::VectorXd::Constant(1, 1.25);
    reached = co_await oracle.query(x);
    CHECK(reached);
  });
  CHECK(result.distances[0] == 1.25);
  CHECK(result.queries[0] == 1 + 3 + 2 + 1);
}

TEST_CASE("oracle: nested scopes: the outermost one that is fulfilled ends", "[oracle]") {
  int visited = 0, inner_ended = 0;
  const auto inner = [&](Oracle& oracle, double radius, std::vector<double> points) -> Task<> {
    const bool reached = co_await oracle.within(radius, visit_all(oracle, std::move(points), visited));
    ++inner_ended;
    CHECK(reached == (radius == 6));
    visited += 100;
    Eigen::VectorXd x = Eigen::VectorXd::Constant(1, 3);
    co_await oracle.query(x);
    FAIL("the outer scope was fulfilled");
  };
  const auto fruitless = [&](Oracle& oracle) -> Task<> {
    const bool reached = co_await oracle.within(0.5, visit(oracle, visited, 0.25, 0.75));
    CHECK_FALSE(reached);
  };
  on_line([&](Oracle& oracle) -> Task<> {
    // 5 lies within the inner radius only: the inner attack ends, the outer goes on to 3.
    bool reached = co_await oracle.within(4, inner(oracle, 6, points_at(5, 2)));
    CHECK(reached);
    CHECK(inner_ended == 1);
    CHECK(visited == 100);
    // 3.5 lies within the outer radius only, and 1.5 within both: the outer attack ends at once.
    reached = co_await oracle.within(4, inner(oracle, 2, points_at(0.5, 3.5, 0.1)));
    CHECK(reached);
    reached = co_await oracle.within(4, inner(oracle, 2, points_at(1.5)));
    CHECK(reached);
    CHECK(inner_ended == 1);
    CHECK(visited == 101);
    // Neither: everything runs to its end.
    reached = co_await oracle.within(0.7, fruitless(oracle));
    CHECK_FALSE(reached);
    CHECK(visited == 103);
  });
}

TEST_CASE("oracle: what an attack within a radius throws passes through, and scopes are put back",
          "[oracle]") {
  const auto throwing = [](Oracle& oracle) -> Task<> {
    Eigen::VectorXd x = Eigen::VectorXd::Constant(1, 0.5);
    co_await oracle.query(x);
    throw Error("no more");
  };
  const auto result = on_line([&](Oracle& oracle) -> Task<> {
    bool caught = false;
    try {
      co_await oracle.within(5, throwing(oracle));
    } catch (const Error&) {
      caught = true;
    }
    CHECK(caught);
    Eigen::VectorXd x = Eigen::VectorXd::Constant(1, 2);
    bool adversarial = co_await oracle.query(x);  // not taken for a success of the scope that threw
    CHECK(adversarial);
    x[0] = 1.5;
    adversarial = co_await oracle.query(x);
    CHECK(adversarial);
  });
  CHECK(result.distances[0] == 1.5);
}

TEST_CASE("oracle: attacks are made of tasks that return values", "[oracle]") {
  const auto crossing = [](Oracle& oracle, double low, double high) -> Task<double> {
    for (int i = 0; i < 30; ++i) {
      Eigen::VectorXd x = Eigen::VectorXd::Constant(1, (low + high) / 2);
      (co_await oracle.query(x) ? high : low) = x[0];
    }
    co_return high;
  };
  on_line([&](Oracle& oracle) -> Task<> {
    const double found = co_await crossing(oracle, 0, 10);
    CHECK(found == Catch::Approx(1).epsilon(1e-7));
    CHECK(oracle.best_distance() == found);
  });
}

// --- asking ahead ---

TEST_CASE("oracle: points asked about in turn: the same find and count whatever the room", "[oracle]") {
  const auto script = [](Oracle& oracle) -> Task<> {
    std::vector<Eigen::VectorXd> points;
    for (const double p : {0.2, 0.4, 3.0, 0.6, 2.0}) points.push_back(Eigen::VectorXd::Constant(1, p));
    Eigen::VectorXd first = Eigen::VectorXd::Constant(1, 0.1);
    co_await oracle.query(first);
    for (std::size_t done = 0; done < points.size();) {
      std::vector<Eigen::VectorXd> left(points.begin() + static_cast<std::ptrdiff_t>(done), points.end());
      const InTurn answer = co_await oracle.query_in_turn(left, left.size());
      REQUIRE(answer.answered >= 1);
      REQUIRE(answer.answered <= left.size());
      done += answer.answered;
      CHECK(answer.adversarial == (points[done - 1][0] > 1));
    }
  };
  Tensor<double, 2> x(1, 1);
  x.setZero();
  test::CountingModel counted(line);
  for (const Index batch_size : {1, 2, 3, 100}) {
    CAPTURE(batch_size);
    counted.forward = 0;
    const auto result =
        Scripted<>(script)(counted, x, Labels(Labels::Zero(1)), {.batch_size = batch_size, .trace = true});
    CHECK(result.distances[0] == 2);
    CHECK(result.queries[0] == 7);
    CHECK(result.traces[0] == std::vector<TracePoint>{{5, 0, 3, unknown}, {7, 0, 2, unknown}});
    CHECK(counted.forward == result.queries[0] + result.surplus_queries[0] + result.verification_queries[0]);
    CHECK(result.surplus_queries[0] == (batch_size == 100 ? 2 : batch_size == 2 ? 1 : 0));
  }
  for (const std::int64_t budget : {2, 4, 5, 6}) {
    counted.forward = 0;
    const auto result = Scripted<>(script)(counted, x, Labels(Labels::Zero(1)), {.query_budget = budget});
    CHECK(result.queries[0] == budget);
    CHECK(result.success[0] == (budget >= 5));
  }
}
}  // namespace
