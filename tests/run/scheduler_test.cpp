// SPDX-License-Identifier: MIT
// The protocol that every attack obeys, through tiny attacks written here.
#include "foil/run/scheduler.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "foil/models/label_only.hpp"
#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

namespace {
using namespace foil;
using Catch::Matchers::ContainsSubstring;
using Input = Tensor<float, 2>;
using test::Scripted;
using test::ScriptedWithin;

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

/// Two features in [-1, 1]; class 1 where the first is above one half, else class 0.
const test::Affine<Input> step_model((Eigen::MatrixXd(2, 2) << 0, 0, 8, 0).finished(), Eigen::Vector2d(0, -4),
                                     Bounds<float>(-1, 1));

Input zeros(Index count) {
  Input x(count, 2);
  x.setZero();
  return x;
}
Labels label_zero(Index count) {
  return Labels::Zero(count);
}

Eigen::VectorXd at(double first, double second = 0) {
  return Eigen::Vector2d(first, second);
}

/// Asks about the given first features, one after the other.
Scripted<> visits(std::vector<double> points) {
  return Scripted<>([points](Oracle& oracle) -> Task<> {
    for (const double point : points) {
      Eigen::VectorXd x = at(point);
      co_await oracle.query(x);
    }
  });
}

const Scripted<> asks_for_ever([](Oracle& oracle) -> Task<> {
  for (double point = 1;; point = point > 0.51 ? point - 0.01 : 1) {
    Eigen::VectorXd x = at(point);
    co_await oracle.query(x);
  }
});

TEST_CASE("scheduler: the input is asked about once, together with an attack's first question there",
          "[scheduler]") {
  test::CountingModel model(step_model);
  const Scripted<> starts_at_the_input([](Oracle& oracle) -> Task<> {
    Eigen::VectorXd x = oracle.original();
    const auto& evaluation = co_await oracle.gradient(x);
    CHECK_FALSE(evaluation.adversarial);
    CHECK(evaluation.gradient == at(8));
  });
  auto result = starts_at_the_input(model, zeros(3), label_zero(3));
  CHECK(result.queries == Counts::Constant(3, 1));
  CHECK(result.gradient_queries == Counts::Constant(3, 1));
  CHECK(model.forward == 3);
  CHECK(model.backward == 3);
  CHECK(model.calls == 1);

  result = visits({0.2})(model, zeros(3), label_zero(3));
  CHECK(result.queries == Counts::Constant(3, 2));
  CHECK(model.forward == 3 + 6);

  result = visits({})(model, zeros(3), label_zero(3));
  CHECK(result.queries == Counts::Constant(3, 1));
  for (const Status status : result.status) CHECK(status == Status::not_found);
}

TEST_CASE("scheduler: what is adversarial already is returned bit for bit, at the cost of one query",
          "[scheduler]") {
  test::CountingModel model(step_model);
  Input x = zeros(2);
  x(0, 0) = 0.75f;
  x(0, 1) = -0.0f;
  bool later = false;
  const Scripted<> attack([&](Oracle& oracle) -> Task<> {
    Eigen::VectorXd point = oracle.original();
    co_await oracle.gradient(point);
    later = later || oracle.original()[0] > 0.5;
  });
  const auto result = attack(model, x, label_zero(2));
  CHECK(result.status[0] == Status::already_adversarial);
  CHECK(result.success[0]);
  CHECK(result.distances[0] == 0);
  CHECK(result.predictions[0] == 1);
  CHECK(result.queries[0] == 1);
  CHECK(result.verification_queries[0] == 0);
  CHECK(std::memcmp(result.adversarials.data(), x.data(), sizeof(float) * 4) == 0);
  CHECK_FALSE(later);
  CHECK(result.status[1] == Status::not_found);
  CHECK(model.forward == 2);

  const auto asked_first = visits({1})(model, x, label_zero(2));  // although the attack asks elsewhere
  CHECK(asked_first.status[0] == Status::already_adversarial);
  CHECK(asked_first.queries[0] == 1);
}

TEST_CASE("scheduler: the budget is kept to the row", "[scheduler]") {
  for (const std::int64_t budget : {1, 2, 3, 17}) {
    CAPTURE(budget);
    test::CountingModel model(step_model);
    const auto result = asks_for_ever(model, zeros(5), label_zero(5), {.query_budget = budget});
    CHECK(result.queries == Counts::Constant(5, budget));
    CHECK(model.forward == 5 * budget + result.verification_queries.sum());
    for (Index i = 0; i < 5; ++i) {
      CHECK(result.status[static_cast<std::size_t>(i)] == Status::budget_exhausted);
      CHECK(result.success[i] == (budget >= 2));
      if (budget == 17) CHECK(result.distances[i] == Catch::Approx(0.85));
    }
  }
}

TEST_CASE("scheduler: a budget that ends after an answer of NaN is no sign of robustness", "[scheduler]") {
  test::Tampered model(step_model);
  model.answer = [](std::int64_t call, const Input&, Logits<float>& z) {
    if (call == 1) z.setConstant(std::numeric_limits<float>::quiet_NaN());
  };
  const Scripted<> never_finds([](Oracle& oracle) -> Task<> {
    while (true) {
      Eigen::VectorXd x = at(0.25);
      co_await oracle.query(x);
    }
  });
  const auto result = never_finds(model, zeros(2), label_zero(2), {.query_budget = 5});
  CHECK(result.queries == Counts::Constant(2, 5));
  CHECK(result.bad_rows == Counts::Constant(2, 1));
  CHECK(result.status[0] == Status::non_finite);
  CHECK(result.robust_accuracy() == 0);
  CHECK(never_finds(step_model, zeros(2), label_zero(2), {.query_budget = 5}).robust_accuracy() == 1);
}

TEST_CASE("scheduler: early stop leaves a minimal attack's sample alone once it is close", "[scheduler]") {
  const auto result = asks_for_ever(step_model, zeros(2), label_zero(2), {.early_stop = 0.805});
  CHECK(result.distances[0] == Catch::Approx(0.8));
  CHECK(result.queries[0] == 1 + 21);
  CHECK(result.status[0] == Status::success);
}

TEST_CASE("scheduler: the best adversarial is the closest of all that were ever asked about", "[scheduler]") {
  const auto result =
      visits({0.9, 0.2, 0.55, 0.7, 0.1})(step_model, zeros(1), label_zero(1), {.trace = true});
  CHECK(result.success[0]);
  CHECK(result.status[0] == Status::success);
  CHECK(result.adversarials(0, 0) == 0.55f);
  CHECK(result.distances[0] == static_cast<double>(0.55f));
  CHECK(result.queries[0] == 6);
  CHECK(result.verification_queries[0] == 1);
  CHECK(result.predictions[0] == 1);
  CHECK(result.traces[0] == std::vector<TracePoint>{{2, 0, static_cast<double>(0.9f), unknown},
                                                    {4, 0, static_cast<double>(0.55f), unknown}});
  CHECK(visits({0.9})(step_model, zeros(1), label_zero(1)).traces[0].empty());
}

TEST_CASE("scheduler: what is not found is returned as it came", "[scheduler]") {
  const auto result = visits({0.1, 0.4})(step_model, zeros(1), label_zero(1));
  CHECK_FALSE(result.success[0]);
  CHECK(result.status[0] == Status::not_found);
  CHECK(result.distances[0] == std::numeric_limits<double>::infinity());
  CHECK(result.adversarials(0, 0) == 0);
  CHECK(result.predictions[0] == 0);
  CHECK(result.verification_queries[0] == 0);
}

TEST_CASE("scheduler: the prediction of a failure is that of the row returned, the input", "[scheduler]") {
  const TargetedMisclassification unreachable(Labels::Constant(1, 2));
  const test::Affine<Input> three((Eigen::MatrixXd(3, 2) << 0, 0, 8, 0, 0, 0).finished(),
                                  Eigen::Vector3d(0, -4, -9), Bounds<float>(-1, 1));
  const auto result = visits({0.9})(three, zeros(1), unreachable);
  CHECK(result.status[0] == Status::not_found);
  CHECK(result.predictions[0] == 0);  // although the last answer was class 1
}

TEST_CASE("scheduler: an attack may say how it ended", "[scheduler]") {
  const auto ends = [](Status status, double point) {
    return Scripted<>([=](Oracle& oracle) -> Task<> {
      Eigen::VectorXd x = at(point);
      co_await oracle.query(x);
      oracle.finish(status);
    });
  };
  const auto run = [](const Scripted<>& attack) {
    return attack(step_model, zeros(1), label_zero(1)).status[0];
  };
  CHECK(run(ends(Status::converged, 0.9)) == Status::converged);
  CHECK(run(ends(Status::converged, 0.1)) == Status::not_found);
  CHECK(run(ends(Status::start_failed, 0.1)) == Status::start_failed);
}

TEST_CASE("scheduler: within a fixed budget nothing farther away counts", "[scheduler]") {
  const ScriptedWithin<> attack([](Oracle& oracle, double) -> Task<> {
    for (const double point : {0.9, 0.7, 0.6, 0.55}) {
      Eigen::VectorXd x = at(point);
      co_await oracle.query(x);
    }
  });
  Eigen::VectorXd epsilons(3);
  epsilons << 0.53, 0.65, 1;
  const auto result = attack(step_model, zeros(3), label_zero(3), epsilons);
  CHECK_FALSE(result.success[0]);
  CHECK(result.status[0] == Status::not_found);
  CHECK(result.adversarials(0, 0) == 0);
  CHECK(result.adversarials(1, 0) == 0.6f);
  CHECK(result.queries[1] == 4);  // stopped at the first success
  CHECK(result.adversarials(2, 0) == 0.9f);
  CHECK(result.queries[2] == 2);
}

TEST_CASE("scheduler: on request the adversarial of highest loss is kept, and the attack goes on",
          "[scheduler]") {
  const ScriptedWithin<> attack([](Oracle& oracle, double) -> Task<> {
    oracle.prefer_highest_loss();
    for (const double point : {0.6, 0.9, 0.7, 1.0}) {
      Eigen::VectorXd x = at(point);
      co_await oracle.score(x);
    }
  });
  const auto result = attack(step_model, zeros(1), label_zero(1), 0.95);
  CHECK(result.adversarials(0, 0) == 0.9f);
  CHECK(result.queries[0] == 5);
}

TEST_CASE("scheduler: of points that an attack describes, the one of highest worth is kept with what it is",
          "[scheduler]") {
  const Scripted<L2, Knowledge::decisions> attack([](Oracle& oracle) -> Task<> {
    for (const double point : {0.6, 0.9, 0.2, 0.7}) {
      Eigen::VectorXd x = at(point);
      oracle.describe({point, 2 * point}, point);
      co_await oracle.query(x);
      if (oracle.found()) CHECK(oracle.best_parameters().front() == (point == 0.6 ? 0.6 : 0.9));
    }
    Eigen::VectorXd x = at(1);
    co_await oracle.query(x);  // of which nothing is said
  });
  const auto result = attack(step_model, zeros(1), label_zero(1), {.trace = true});
  CHECK(result.adversarials(0, 0) == 0.9f);
  CHECK(result.parameters[0] == std::vector<double>{0.9, 1.8});
  REQUIRE(result.traces[0].size() == 2);
  CHECK(result.traces[0][1].loss == 0.9);
  CHECK(visits({0.9, 0.6})(step_model, zeros(1), label_zero(1)).parameters[0].empty());
}

// --- bad samples ---

TEST_CASE("scheduler: invalid inputs are reported, never sent, and leave the others alone", "[scheduler]") {
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              infinity = std::numeric_limits<float>::infinity();
  Input x = zeros(6);
  x(1, 0) = nan;
  x(2, 1) = infinity;
  x(3, 0) = 1.0001f;
  x(4, 1) = -2;
  test::Tampered model(step_model);
  model.answer = [](std::int64_t, const Input& asked, Logits<float>&) {
    for (Index i = 0; i < asked.size(); ++i) CHECK(std::abs(asked.data()[i]) <= 1);
  };
  const auto attack = visits({0.9, 0.6});
  const auto result = attack(model, x, label_zero(6));
  for (std::size_t i = 1; i < 5; ++i) {
    const Index row = static_cast<Index>(i);
    CHECK(result.status[i] == Status::invalid_input);
    CHECK_FALSE(result.success[row]);
    CHECK(result.queries[row] == 0);
    CHECK(result.predictions[row] == -1);
    CHECK(std::memcmp(&result.adversarials(row, 0), &x(row, 0), 2 * sizeof(float)) == 0);
  }
  const auto alone = attack(model, zeros(2), label_zero(2));
  CHECK(test::same_bits(test::select(result, {0, 5}), alone));
  CHECK(alone.success.all());
}

TEST_CASE("scheduler: on request an invalid input raises and is named by row and id", "[scheduler]") {
  Input x = zeros(3);
  x(1, 0) = 7;
  CHECK_THROWS_WITH(
      visits({})(step_model, x, label_zero(3), {.first_sample = 100, .on_bad_sample = OnBadSample::raise}),
      ContainsSubstring("sample 1 (id 101)") &&
          ContainsSubstring("expected finite values within the bounds, got 7"));
}

TEST_CASE("scheduler: a batch without a valid sample is an error that says why", "[scheduler]") {
  Input x = zeros(2);
  x(0, 1) = 3;
  x(1, 0) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH(visits({})(step_model, x, label_zero(2)),
                    ContainsSubstring("got 3 in [-1, 1]") && ContainsSubstring("feature 1 of sample 0"));
  CHECK_THROWS_WITH(visits({})(step_model, zeros(0), label_zero(0)),
                    ContainsSubstring("at least one sample") && ContainsSubstring("(0, 2)"));
}

/// Spoils the logits of rows whose second feature is as given.
void spoil(test::Tampered<test::Affine<Input>>& model, float marked, float with) {
  model.answer = [=](std::int64_t, const Input& x, Logits<float>& z) {
    for (Index i = 0; i < z.rows(); ++i)
      if (x(i, 1) == marked) z(i, 0) = with;
  };
}

TEST_CASE("scheduler: a sample for which the model answers NaN or infinity ends by itself", "[scheduler]") {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    test::Tampered model(step_model);
    spoil(model, 0.5f, bad);
    Input x = zeros(3);
    x(1, 1) = 0.5f;
    const Scripted<> attack([](Oracle& oracle) -> Task<> {
      for (const double point : {0.9, 0.6}) {
        Eigen::VectorXd y = at(point, oracle.original()[1]);
        co_await oracle.gradient(y);
      }
    });
    const auto result = attack(model, x, label_zero(3));
    CHECK(result.status[1] == Status::non_finite);
    CHECK_FALSE(result.success[1]);
    CHECK(result.bad_rows[1] == 1);
    CHECK(result.queries[1] == 1);
    CHECK(result.predictions[1] == -1);
    CHECK(test::same_bits(test::select(result, {0, 2}), attack(model, zeros(2), label_zero(2))));
    CHECK_THROWS_WITH(attack(model, x, label_zero(3), {.on_bad_sample = OnBadSample::raise}),
                      ContainsSubstring("sample 1 (id 1)") && ContainsSubstring("NaN or infinity"));
  }
}

TEST_CASE("scheduler: NaN on the way is not adversarial, the attack goes on and may still succeed",
          "[scheduler]") {
  test::Tampered model(step_model);
  spoil(model, 0.5f, std::numeric_limits<float>::quiet_NaN());
  const auto attack = [](double last) {
    return Scripted<>([last](Oracle& oracle) -> Task<> {
      Eigen::VectorXd x = at(0.9, 0.5);
      const auto& answer = co_await oracle.gradient(x);
      CHECK_FALSE(answer.adversarial);
      CHECK(std::isnan(answer.loss));
      x = at(last);
      co_await oracle.query(x);
    });
  };
  auto result = attack(0.9)(model, zeros(1), label_zero(1));
  CHECK(result.status[0] == Status::success);
  CHECK(result.bad_rows[0] == 1);
  CHECK(result.adversarials(0, 1) == 0);
  result = attack(0.1)(model, zeros(1), label_zero(1));
  CHECK(result.status[0] == Status::non_finite);
}

TEST_CASE("scheduler: NaN in a gradient becomes zero, at the input too, and the attack goes on",
          "[scheduler]") {
  test::Tampered model(step_model);
  model.gradient = [](const Input& x, Input& gradient) {
    for (Index i = 0; i < samples(x); ++i)
      if (x(i, 1) == 0) gradient(i, 1) = std::numeric_limits<float>::quiet_NaN();
  };
  const Scripted<> attack([](Oracle& oracle) -> Task<> {
    Eigen::VectorXd x = oracle.original();
    const auto& answer = co_await oracle.gradient(x);
    CHECK(answer.gradient == at(8, 0));
    x += 0.1 * answer.gradient;
    co_await oracle.query(x);
  });
  const auto result = attack(model, zeros(2), label_zero(2));
  CHECK(result.success.all());
  CHECK(result.status[0] == Status::success);
  CHECK(result.bad_rows == Counts::Constant(2, 1));
  CHECK_THROWS_WITH(attack(model, zeros(2), label_zero(2), {.on_bad_sample = OnBadSample::raise}),
                    ContainsSubstring("sample 0 (id 0)") && ContainsSubstring("gradient"));
}

// --- verification ---

/// Denies, from the second time on that it is asked, that points below the given feature are class 1.
struct Fickle : test::Tampered<test::Affine<Input>> {
  explicit Fickle(float below) : Tampered(step_model) {
    answer = [this, below](std::int64_t, const Input& x, Logits<float>& z) {
      for (Index i = 0; i < z.rows(); ++i)
        if (++asked[x(i, 0)] > 1 && x(i, 0) < below) z(i, 1) = -1;
    };
  }
  std::map<float, int> asked{};
};

TEST_CASE("scheduler: what the model does not confirm falls back to the point before", "[scheduler]") {
  Fickle model(0.65f);
  const auto result = visits({0.9, 0.7, 0.6})(model, zeros(1), label_zero(1));
  CHECK(result.success[0]);
  CHECK(result.status[0] == Status::success);
  CHECK(result.adversarials(0, 0) == 0.7f);
  CHECK(result.distances[0] == static_cast<double>(0.7f));
  CHECK(result.verification_queries[0] <= 2 + 2 * 10);  // with points between the two
  CHECK(result.queries[0] == 4);
}

TEST_CASE("scheduler: what the model denies altogether is unstable, never a success", "[scheduler]") {
  Fickle model(2);
  std::int64_t found = -1;
  const auto result = visits({0.9, 0.7, 0.6})(model, zeros(2), label_zero(2),
                                              {.observer = [&](const Progress& p) { found = p.found; }});
  // Two samples ask about the same points: the second is denied from the beginning.
  CHECK(result.status[0] == Status::unstable);
  CHECK(result.verification_queries[0] >= 3 + 2 * 5);  // all that was found, and what was pulled outwards
  CHECK(result.verification_queries[0] <= 3 + 2 * 10);
  CHECK_FALSE(result.success.any());
  CHECK(result.distances[0] == std::numeric_limits<double>::infinity());
  CHECK(result.adversarials(0, 0) == 0);
  CHECK(found == 0);
}

// --- exceptions ---

struct Broken : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class Run>
RunFailure<Input> failure_of(Run run) {
  try {
    run();
  } catch (const RunFailure<Input>& failure) {
    CHECK_THAT(failure.what(), ContainsSubstring("scripted") && ContainsSubstring("the fuse blew"));
    CHECK_THROWS_AS(std::rethrow_if_nested(failure), Broken);
    return failure;
  }
  FAIL("nothing was thrown");
  throw;
}

TEST_CASE("scheduler: a model that throws ends the run, what was found comes with the exception",
          "[scheduler]") {
  test::Tampered model(step_model);
  model.answer = [](std::int64_t call, const Input&, Logits<float>&) {
    if (call == 3) throw Broken("the fuse blew");
  };
  Input x = zeros(3);
  x(2, 0) = 0.9f;
  const auto failure = failure_of([&] { visits({0.9, 0.7, 0.6})(model, x, label_zero(3)); });
  const auto& partial = failure.partial;
  for (Index i = 0; i < 2; ++i) {
    CHECK(partial.status[static_cast<std::size_t>(i)] == Status::failed);
    CHECK_FALSE(partial.success[i]);
    CHECK(partial.adversarials(i, 0) == 0.7f);
    CHECK(partial.queries[i] == 3);
  }
  CHECK(partial.status[2] == Status::already_adversarial);
  CHECK(partial.success[2]);
}

TEST_CASE("scheduler: samples that a failed run did not reach say so", "[scheduler]") {
  test::Tampered model(step_model);
  model.answer = [](std::int64_t call, const Input&, Logits<float>&) {
    if (call == 1) throw Broken("the fuse blew");
  };
  const auto failure = failure_of([&] { visits({0.9})(model, zeros(3), label_zero(3), {.batch_size = 2}); });
  CHECK(failure.partial.status == std::vector<Status>{Status::failed, Status::failed, Status::not_run});
}

TEST_CASE("scheduler: what is known when a later call of the same round throws is kept", "[scheduler]") {
  // Row 0 asks for a gradient at the input and is adversarial already; row 1 asks forward, where it breaks.
  test::Tampered model(step_model);
  model.answer = [](std::int64_t call, const Input&, Logits<float>&) {
    if (call == 1) throw Broken("the fuse blew");
  };
  Input x = zeros(2);
  x(0, 0) = 0.9f;
  const Scripted<> attack([](Oracle& oracle) -> Task<> {
    Eigen::VectorXd y = oracle.original();
    if (y[0] > 0.5)
      co_await oracle.gradient(y);
    else
      co_await oracle.query(y);
  });
  const auto failure = failure_of([&] { attack(model, x, label_zero(2)); });
  CHECK(failure.partial.status == std::vector<Status>{Status::already_adversarial, Status::failed});
  CHECK(failure.partial.success[0]);
}

TEST_CASE("scheduler: an attack that throws ends the run likewise, from its first step on", "[scheduler]") {
  for (const bool at_once : {true, false}) {
    const Scripted<> attack([=](Oracle& oracle) -> Task<> {
      if (at_once) throw Broken("the fuse blew");
      Eigen::VectorXd x = at(0.75);
      co_await oracle.query(x);
      throw Broken("the fuse blew");
    });
    const auto failure = failure_of([&] { attack(step_model, zeros(1), label_zero(1)); });
    CHECK(failure.partial.status[0] == Status::failed);
    CHECK(failure.partial.adversarials(0, 0) == (at_once ? 0.0f : 0.75f));
  }
}

TEST_CASE("scheduler: an exception in any thread reaches the caller", "[scheduler]") {
  test::Tampered model(step_model);
  model.answer = [](std::int64_t, const Input& x, Logits<float>&) {
    for (Index i = 0; i < samples(x); ++i)
      if (x(i, 1) == 0.5f) throw Broken("the fuse blew");
  };
  for (Index bad = 0; bad < 6; ++bad) {
    Input x = zeros(6);
    x(bad, 1) = 0.5f;
    const auto failure =
        failure_of([&] { visits({0.9})(model, x, label_zero(6), {.threads = 3, .batch_size = 1}); });
    CHECK(failure.partial.status[static_cast<std::size_t>(bad)] == Status::failed);
  }
}

TEST_CASE("scheduler: answers of the wrong shape are refused in words", "[scheduler]") {
  const auto bounds = Bounds<float>(-1, 1);
  const auto one_row = make_model<Input>(bounds, [](const Input&) { return Logits<float>(1, 2); });
  const auto one_class = make_model<Input>(
      bounds, [](const Input& x) { return Logits<float>(Logits<float>::Zero(samples(x), 1)); });
  const auto no_label = make_model<Input>(bounds, [](const Input&) { return Labels(); });
  const Scripted<L2, Knowledge::decisions> attack([](Oracle&) -> Task<> { co_return; });
  CHECK_THROWS_WITH(attack(one_row, zeros(3), label_zero(3)),
                    ContainsSubstring("each of 3 samples") && ContainsSubstring("got 1"));
  CHECK_THROWS_WITH(attack(one_class, zeros(3), label_zero(3)),
                    ContainsSubstring("at least 2 classes") && ContainsSubstring("got 1"));
  CHECK_THROWS_WITH(attack(no_label, zeros(3), label_zero(3)),
                    ContainsSubstring("each of 3 samples") && ContainsSubstring("got 0"));
  CHECK_THROWS_WITH(attack(step_model, zeros(3), Labels(Labels::Constant(3, 2))),
                    ContainsSubstring("class 2 of sample 0") && ContainsSubstring("classes 0 to 1"));
  test::Tampered growing(step_model);
  growing.answer = [](std::int64_t call, const Input& x, Logits<float>& z) {
    if (call > 0) z = Logits<float>::Zero(samples(x), 3);
  };
  CHECK_THROWS_WITH(visits({0.1})(growing, zeros(1), label_zero(1)),
                    ContainsSubstring("changed from 2 to 3"));
  test::Tampered shrunk(step_model);
  shrunk.gradient = [](const Input&, Input& gradient) { gradient = Input(1, 1); };
  const Scripted<> asks_gradient([](Oracle& oracle) -> Task<> {
    Eigen::VectorXd x = oracle.original();
    co_await oracle.gradient(x);
  });
  CHECK_THROWS_WITH(asks_gradient(shrunk, zeros(2), label_zero(2)),
                    ContainsSubstring("shape (2, 2)") && ContainsSubstring("returned (1, 1)"));
}

TEST_CASE("scheduler: an attack that asks for more than the model offers is refused, not run for ever",
          "[scheduler]") {
  LabelOnly labels_only(step_model);
  const Scripted<L2, Knowledge::decisions> wants_gradient([](Oracle& oracle) -> Task<> {
    Eigen::VectorXd x = oracle.original();
    co_await oracle.gradient(x);
  });
  const Scripted<L2, Knowledge::decisions> wants_score([](Oracle& oracle) -> Task<> {
    Eigen::VectorXd x = oracle.original();
    co_await oracle.score(x);
  });
  CHECK_THROWS_WITH(wants_gradient(labels_only, zeros(1), label_zero(1)), ContainsSubstring("gradient"));
  CHECK_THROWS_WITH(wants_score(labels_only, zeros(1), label_zero(1)), ContainsSubstring("score"));
}

// --- observers ---

TEST_CASE("scheduler: progress adds up to the result", "[scheduler]") {
  for (const int threads : {1, 3}) {
    test::CountingModel model(step_model);
    Input x = zeros(9);
    x(0, 0) = 0.9f;                                     // already adversarial
    x(1, 0) = std::numeric_limits<float>::quiet_NaN();  // invalid
    Progress last;
    std::int64_t reports = 0;
    const Scripted<> attack([](Oracle& oracle) -> Task<> {
      Eigen::VectorXd y = at(oracle.original()[1] > 0 ? 0.3 : 0.8);
      co_await oracle.gradient(y);
    });
    for (Index i = 6; i < 9; ++i) x(i, 1) = 0.25f;  // not found
    const auto result = attack(model, x, label_zero(9),
                               {.threads = threads, .batch_size = 2, .observer = [&](const Progress& p) {
                                  CHECK(p.finished >= last.finished);
                                  CHECK(p.queries >= last.queries);
                                  last = p;
                                  ++reports;
                                }});
    CHECK(last.total == 9);
    CHECK(last.finished == 9);
    CHECK(last.found == result.success.count() - 1);  // one is adversarial as it is
    CHECK(last.queries == result.queries.sum() + result.verification_queries.sum());
    CHECK(last.queries == model.forward);
    CHECK(last.gradient_queries == result.gradient_queries.sum());
    CHECK(last.gradient_queries == model.backward);
    CHECK(result.success.count() == 5);
    CHECK(reports > 3);
  }
}

TEST_CASE("scheduler: an observer may stop the run, what was found until then is verified and kept",
          "[scheduler]") {
  test::CountingModel model(step_model);
  Input x = zeros(5);
  x(1, 1) = 0.5f;  // finds nothing
  int reports_after = 0;
  bool stopped = false;
  const Scripted<> attack([](Oracle& oracle) -> Task<> {
    for (double point = 1;; point = std::max(0.6, point - 0.1)) {
      Eigen::VectorXd y = at(oracle.original()[1] > 0 ? 0.1 : point);
      co_await oracle.query(y);
    }
  });
  const auto result = attack(model, x, label_zero(5), {.batch_size = 3, .observer = [&](const Progress& p) {
                                                         reports_after += stopped;
                                                         stopped = p.queries >= 9;
                                                         return stopped ? Control::stop : Control::proceed;
                                                       }});
  CHECK(reports_after == 0);
  CHECK(result.status == std::vector<Status>{Status::interrupted, Status::interrupted, Status::interrupted,
                                             Status::interrupted, Status::interrupted});
  CHECK(result.success[0]);
  CHECK_FALSE(result.success[1]);
  CHECK(result.success[2]);
  CHECK(result.adversarials(0, 0) == 0.9f);  // after 1 clean query and 2 of its own
  CHECK(result.verification_queries[0] == 1);
  CHECK(result.queries[0] == 3);
  CHECK(model.forward == result.queries.sum() + result.verification_queries.sum());
  CHECK_FALSE(result.success[4]);
}

TEST_CASE("scheduler: a sample whose attack is complete is not called interrupted", "[scheduler]") {
  const auto result = visits({0.9})(step_model, zeros(1), label_zero(1), {.observer = [](const Progress& p) {
                                      return p.queries >= 2 ? Control::stop : Control::proceed;
                                    }});
  CHECK(result.status[0] == Status::success);
  CHECK(result.success[0]);
}

TEST_CASE("scheduler: an observer that throws ends the run like a model that throws", "[scheduler]") {
  const auto failure = failure_of([&] {
    visits({0.9})(step_model, zeros(1), label_zero(1),
                  {.observer = [](const Progress&) { throw Broken("the fuse blew"); }});
  });
  CHECK(failure.partial.size() == 1);
}

// --- reproducibility ---

/// Walks at random, and draws a random number of times.
const Scripted<> walks([](Oracle& oracle) -> Task<> {
  Eigen::VectorXd x = oracle.original();
  const auto steps = 3 + oracle.random(Purpose::window).integer(20);
  for (std::uint32_t step = 0; step < steps; ++step) {
    Eigen::VectorXd noise(x.size());
    oracle.random(Purpose::proposal, step).fill_normal(noise);
    Eigen::VectorXd y = x + 0.3 * noise;
    const auto& answer = co_await oracle.gradient(y);
    x = y + 0.01 * answer.gradient;
  }
});

TEMPLATE_TEST_CASE("scheduler: batch size, threads, order and company change no bit of a sample's result",
                   "[scheduler]", (Tensor<float, 2>), (Tensor<double, 4>)) {
  constexpr Index count = 17;
  typename TestType::Dimensions shape;
  shape.fill(1);
  shape[0] = count;
  shape[1] = 6;
  test::Random random(5);
  auto inputs = test::random_batch<TestType>(random, shape);
  sample(inputs, 5)[2] = 9;  // invalid
  const test::Mlp<TestType> model(6, 8, 3, 11);
  const Labels labels = predict(model, inputs);
  const auto reference = walks(model, inputs, labels, {.seed = 3, .trace = true});
  CHECK(reference.success.count() > 5);
  CHECK(reference.success.count() < count);

  for (const int threads : {1, 2, 3})
    for (const Index batch_size : {1, 2, 7, 128}) {
      CAPTURE(threads, batch_size);
      CHECK(test::same_bits(reference,
                            walks(model, inputs, labels,
                                  {.seed = 3, .threads = threads, .batch_size = batch_size, .trace = true})));
    }

  std::vector<Index> order;
  std::vector<std::int64_t> ids;
  for (Index i = 0; i < count; ++i) {
    order.push_back(i * 5 % count);
    ids.push_back(i * 5 % count + 40);
  }
  const Labels permuted_labels = labels(order);
  const auto numbered = walks(model, inputs, labels, {.seed = 3, .first_sample = 40, .trace = true});
  CHECK_FALSE(test::same_bits(reference, numbered));
  CHECK(test::same_bits(test::select(numbered, order),
                        walks(model, gather(inputs, order), permuted_labels,
                              {.seed = 3, .sample_ids = ids, .batch_size = 4, .trace = true})));

  const std::vector<Index> some{2, 11, 16};
  CHECK(test::same_bits(test::select(reference, some),
                        walks(model, gather(inputs, some), Labels(labels(some)),
                              {.seed = 3, .sample_ids = {2, 11, 16}, .trace = true})));
  CHECK_FALSE(test::same_bits(reference, walks(model, inputs, labels, {.seed = 4, .trace = true})));
}

// --- models that offer less, and bounds ---

TEST_CASE("scheduler: decision models are asked for labels, and their result is that of the scores",
          "[scheduler]") {
  const Scripted<L2, Knowledge::decisions> attack([](Oracle& oracle) -> Task<> {
    for (const double point : {0.9, 0.3, 0.6}) {
      Eigen::VectorXd x = at(point);
      co_await oracle.query(x);
    }
  });
  LabelOnly labels_only(step_model);
  auto of_labels = attack(labels_only, zeros(3), label_zero(3));
  CHECK(of_labels.classes == 0);
  of_labels.classes = 2;
  CHECK(test::same_bits(of_labels, attack(step_model, zeros(3), label_zero(3))));
  const auto odd = [](const Decision& d) { return d.label % 2 == 1; };
  CHECK(attack(labels_only, zeros(1), odd).adversarials(0, 0) == 0.6f);
}

TEMPLATE_TEST_CASE("scheduler: whatever an attack proposes, the model sees finite points within the bounds",
                   "[scheduler]", float, double) {
  using Batch = Tensor<TestType, 2>;
  const TestType infinity = std::numeric_limits<TestType>::infinity();
  using Vector = Eigen::Matrix<TestType, Eigen::Dynamic, 1>;
  Vector lower(4), upper(4);
  lower << 0, TestType(0.3), -infinity, -infinity;
  upper << 1, TestType(0.3), infinity, 2;
  const Bounds<TestType> bounds(lower, upper);
  const auto affine = test::random_affine<Batch>(3, 4, 6, bounds);
  test::Tampered model(affine);
  model.answer = [&](std::int64_t, const Batch& x, Logits<TestType>&) {
    for (Index i = 0; i < samples(x); ++i)
      for (Index j = 0; j < 4; ++j) {
        const TestType value = sample(x, i)[j];
        CHECK((std::isfinite(value) && value >= lower[j] && value <= upper[j]));
      }
  };
  Batch inputs(2, 4);
  inputs.setValues({{0.5, TestType(0.3), 100, -3}, {0, TestType(0.3), 0, 2}});
  const double nan = std::numeric_limits<double>::quiet_NaN(), huge = std::numeric_limits<double>::max();
  const Scripted<> attack([=](Oracle& oracle) -> Task<> {
    for (const double size : {1e-3, 10.0, 1e30, 1e39, huge, HUGE_VAL, -HUGE_VAL, nan})
      for (std::uint32_t draw = 0; draw < 3; ++draw) {
        Eigen::VectorXd x(4);
        oracle.random(Purpose::proposal, draw).fill_normal(x);
        x *= size;
        co_await oracle.score(x);
      }
  });
  const auto result = attack(model, inputs, predict(affine, inputs));
  CHECK(result.queries == Counts::Constant(2, 25));
  for (Index i = 0; i < 2; ++i)
    if (result.success[i])
      CHECK(result.distances[i] == distance(L2{}, sample(inputs, i), sample(result.adversarials, i)));
}
}  // namespace
