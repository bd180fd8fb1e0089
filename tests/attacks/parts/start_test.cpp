// SPDX-License-Identifier: MIT
#include "foil/attacks/parts/start.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>
#include <vector>

#include "foil/attacks/decision/boundary/boundary.hpp"
#include "foil/models/lambdas.hpp"
#include "foil/run/pool.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/one_sample.hpp"
#include "support/scripted.hpp"

using namespace foil;
using Flat = Tensor<double, 2>;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double none = std::numeric_limits<double>::quiet_NaN();

/// Finds a start and does nothing else.
struct StartOnly : MinimalAttack<StartOnly> {
  using norm = L2;
  static std::string name() { return "start-only"; }
  static constexpr Knowledge knowledge = Knowledge::decisions;
  StartOptions options{};

  Task<> attack(Oracle& oracle) const {
    StartState state;
    const bool found = co_await find_start(oracle, options, state);
    CHECK(found == oracle.found());
    if (found) CHECK(state.bisection.inside == oracle.best());
  }
};

/// Collects starts: the first feature of each, and the queries so far.
struct AllStarts : MinimalAttack<AllStarts> {
  using norm = L2;
  static std::string name() { return "all-starts"; }
  static constexpr Knowledge knowledge = Knowledge::decisions;
  std::shared_ptr<std::vector<double>> firsts = std::make_shared<std::vector<double>>();
  std::shared_ptr<std::vector<std::int64_t>> queries = std::make_shared<std::vector<std::int64_t>>();

  Task<> attack(Oracle& oracle) const {
    StartState state;
    Eigen::VectorXd x;
    for (int i = 0; i < 7; ++i) {
      const bool found = co_await next_start(oracle, StartOptions(), state, x);
      if (!found) co_return;
      firsts->push_back(x[0]);
      queries->push_back(oracle.queries());
    }
  }
};

/// Two features in [0, 1]; `judge(x)` is the class.
template <class Judge>
auto model_of(Judge judge, Bounds<double> bounds = {0, 1}) {
  return make_model<Flat>(bounds, [judge](const Flat& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) labels[i] = judge(x(i, 0), x(i, 1));
    return labels;
  });
}

Flat rows(std::vector<std::pair<double, double>> values) {
  Flat out(static_cast<Index>(values.size()), 2);
  for (std::size_t i = 0; i < values.size(); ++i) {
    out(static_cast<Index>(i), 0) = values[i].first;
    out(static_cast<Index>(i), 1) = values[i].second;
  }
  return out;
}

const auto right_half = model_of([](double a, double) { return a > 0.5; });

}  // namespace

TEST_CASE("start: the user's point is taken, row by row, and bisected towards the input", "[start]") {
  const Flat inputs = rows({{0.1, 0.2}, {0.1, 0.2}, {0.1, 0.2}});
  const Flat starts = rows({{0.9, 0.2}, {none, none}, {0.7, 1.0}});
  const StartOnly attack;
  const auto result = attack(right_half, inputs, Labels(Labels::Zero(3)), {.starting_points = starts});
  CHECK(result.success.all());
  CHECK(result.queries[0] == 12);  // the input, the start, ten halvings
  CHECK(result.adversarials(0, 1) == 0.2);
  CHECK(result.adversarials(0, 0) > 0.5);
  CHECK(result.adversarials(0, 0) <= 0.5 + 0.8 / 1024);
  CHECK(result.queries[2] == 12);
  const double slope = (result.adversarials(2, 1) - 0.2) / (result.adversarials(2, 0) - 0.1);
  CHECK(slope == Catch::Approx(0.8 / 0.6));
  CHECK(result.queries[1] >= 12);  // by noise
}

TEST_CASE("start: a point that is not adversarial fails its sample alone, or falls back", "[start]") {
  const Flat inputs = rows({{0.1, 0.2}, {0.3, 0.2}});
  const Flat starts = rows({{0.2, 0.2}, {0.9, 0.2}});
  StartOnly attack;
  const auto strict = attack(right_half, inputs, Labels(Labels::Zero(2)), {.starting_points = starts});
  CHECK(strict.status[0] == Status::start_failed);
  CHECK_FALSE(strict.success[0]);
  CHECK(strict.distances[0] == infinity);
  CHECK(strict.adversarials(0, 0) == 0.1);
  CHECK(strict.queries[0] == 2);
  CHECK(strict.success[1]);

  attack.options.fallback = true;
  const auto lenient = attack(right_half, inputs, Labels(Labels::Zero(2)), {.starting_points = starts});
  CHECK(lenient.success.all());
  CHECK(lenient.queries[0] >= 13);
}

TEST_CASE("start: the nearest adversarial row of the pool costs no query", "[start][pool]") {
  const Flat inputs = rows({{0.1, 0.2}, {0.4, 0.9}});
  const Flat data = rows({{0.9, 0.2}, {0.2, 0.2}, {0.6, 0.8}, {0.6, 0.8}, {0.55, 0.1}, {7, 0}});
  StartOnly attack;
  attack.options.bisections = 0;
  const Pool pool(right_half, data, 4);
  CHECK(pool.predictions() == foil::predict(right_half, data));
  const auto result = attack(right_half, inputs, Labels(Labels::Zero(2)), {.pool = pool, .trace = true});
  CHECK(result.success.all());
  CHECK(result.adversarials(0, 0) == 0.55);
  CHECK(result.adversarials(1, 0) == 0.6);
  CHECK((result.queries.array() == 1).all());
  CHECK(result.traces[0].size() == 1);

  const Flat starts = rows({{0.95, 0.2}, {none, none}});  // the user's own point comes first
  const auto mixed =
      attack(right_half, inputs, Labels(Labels::Zero(2)), {.starting_points = starts, .pool = pool});
  CHECK(mixed.queries[0] == 2);
  CHECK(mixed.adversarials(0, 0) == 0.95);
  CHECK(mixed.adversarials(1, 0) == 0.6);
}

TEST_CASE("start: further starts are of other classes first, then noise for a few tries", "[start][pool]") {
  // Classes 0 to 4 by a tenth of the first feature; beyond 0.5 it is 4.
  const auto bands = model_of([](double a, double) { return a > 0.5 ? 4 : static_cast<int>(a * 10) % 5; });
  const Flat input = rows({{0.05, 0.5}});
  const Flat data = rows({{0.05, 0.9}, {0.15, 0.5}, {0.16, 0.5}, {0.25, 0.5}, {0.9, 0.5}, {0.7, 0.5}});
  const Labels label = Labels::Zero(1);
  AllStarts attack;
  attack(bands, input, label, {.pool = Pool(bands, data)});
  REQUIRE(attack.firsts->size() == 7);
  attack.firsts->resize(5);
  CHECK(*attack.firsts == std::vector<double>{0.15, 0.25, 0.7, 0.16, 0.9});
  CHECK(attack.queries->at(4) == attack.queries->at(0));  // of the pool, all is known
  CHECK(attack.queries->at(5) > attack.queries->at(4));

  AllStarts given;  // a user's point stands for the nearest of its class, and is not offered twice
  given(bands, input, label, {.starting_points = rows({{0.16, 0.5}}), .pool = Pool(bands, data)});
  given.firsts->resize(4);
  CHECK(*given.firsts == std::vector<double>{0.16, 0.25, 0.7, 0.9});

  const auto corner = model_of([](double a, double b) { return a > 0.999 && b > 0.999; });
  AllStarts rare;
  const auto result = rare(corner, input, label, {.starting_points = rows({{1, 1}})});
  CHECK(rare.firsts->size() == 1);
  CHECK(result.queries[0] == 12);
  CHECK(result.status[0] != Status::start_failed);
}

TEST_CASE("start: uniform noise is tried as often as told, the same for a sample in any batch", "[start]") {
  const auto rare = model_of([](double a, double b) { return a > 0.9 && b > 0.9; });
  Flat inputs(40, 2);
  inputs.setConstant(0.3);
  StartOnly attack;
  attack.options.bisections = 0;
  const Labels zeros = Labels::Zero(40);
  const auto result = attack(rare, inputs, zeros);
  CHECK(result.success.all());
  // The number of draws until success is geometric with p = 0.01.
  const double mean = (result.queries.cast<double>().array() - 1).mean();
  CHECK(std::abs(mean - 100) < 4 * 100 / std::sqrt(40.0));
  CHECK(result.adversarials(0, 0) != result.adversarials(1, 0));
  CHECK(test::same_bits(result, attack(rare, inputs, zeros, {.batch_size = 3})));

  attack.options.noise_draws = 5;
  const auto few = attack(rare, inputs, zeros);
  for (Index i = 0; i < 40; ++i) {
    if (result.queries[i] <= 6)
      CHECK(few.adversarials(i, 0) == result.adversarials(i, 0));
    else  // the input, 5 draws, both ends of the box and its middle in between
      CHECK(few.queries[i] == 1 + 5 + 3);
  }
}

TEST_CASE("start: constants and salt-and-pepper come after the noise, then the sample has failed",
          "[start]") {
  StartOnly attack;
  attack.options.noise_draws = 3;
  attack.options.bisections = 0;
  const Flat inputs = rows({{0.3, 0.6}});
  const Labels zero = Labels::Zero(1);
  const auto queries_for = [&](auto judge) {
    const auto result = attack(model_of(judge), inputs, zero);
    CHECK(result.success[0]);
    return result.queries[0];
  };
  CHECK(queries_for([](double a, double b) { return a == 0 && b == 0; }) == 1 + 3 + 1);
  CHECK(queries_for([](double a, double b) { return a == 0.5 && b == 0.5; }) == 1 + 3 + 2);
  CHECK(queries_for([](double a, double b) { return a == 1 && b == 1; }) == 1 + 3 + 3);

  Flat many(20, 2);
  many.setConstant(0.3);
  const auto mixed =
      attack(model_of([](double a, double b) { return a == 0 && b == 1; }), many, Labels(Labels::Zero(20)));
  for (Index i = 0; i < 20; ++i) {
    CHECK(mixed.queries[i] == 1 + 3 + 4);
    CHECK(mixed.status[static_cast<std::size_t>(i)] ==
          (mixed.success[i] ? Status::success : Status::start_failed));
  }
  CHECK(mixed.success.count() > 0);  // a quarter of them, on average
  CHECK(mixed.success.count() < 15);
}

TEST_CASE("start: without bounds, noise of growing size is tried", "[start]") {
  const auto far = model_of([](double a, double b) { return std::hypot(a, b) > 500; },
                            Bounds<double>(-infinity, infinity));
  const auto close = model_of([](double a, double b) { return std::hypot(a, b) > 0.02; },
                              Bounds<double>(-infinity, infinity));
  const Flat inputs = rows({{0, 0}, {0, 0}});
  StartOnly attack;
  attack.options.bisections = 0;
  CHECK(attack(far, inputs, Labels(Labels::Zero(2))).success.all());
  CHECK(attack(close, inputs, Labels(Labels::Zero(2))).distances.maxCoeff() < 10);
  attack.options.noise_draws = 4;
  const auto failed = attack(far, inputs, Labels(Labels::Zero(2)));
  CHECK(failed.status[0] == Status::start_failed);
  CHECK(failed.queries[0] == 1 + 4);
}

TEST_CASE("start: an unreachable criterion fails one sample and leaves the others alone", "[start]") {
  const Flat inputs = rows({{0.1, 0.2}, {0.1, 0.3}, {0.1, 0.4}});
  Labels targets(3);
  targets << 1, 5, 1;  // there is no class 5
  BoundaryOptions options;
  options.start.noise_draws = 20;
  const auto result = BoundaryAttack(options)(right_half, inputs, TargetedMisclassification(targets),
                                              {.query_budget = 200, .trace = true});
  CHECK(result.status[1] == Status::start_failed);
  CHECK(result.queries[1] == 1 + 20 + 4);
  CHECK(result.success[0]);
  CHECK(result.success[2]);
  targets[1] = 1;
  const auto all = BoundaryAttack(options)(right_half, inputs, TargetedMisclassification(targets),
                                           {.query_budget = 200, .trace = true});
  CHECK(test::same_bits(test::select(result, {0, 2}), test::select(all, {0, 2})));
}

TEST_CASE("start: a bisection stops where the numbers end", "[start]") {
  using FlatF = Tensor<float, 2>;
  const auto model = make_model<FlatF>(Bounds<float>(0, 1), [](const FlatF& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) labels[i] = x(i, 0) > 0.3f;
    return labels;
  });
  FlatF input(1, 2), start(1, 2);
  input.setValues({{0.f, 0.5f}});
  start.setValues({{1.f, 0.5f}});
  StartOnly attack;
  attack.options.bisections = 1000;
  const auto result = attack(model, input, Labels(Labels::Zero(1)), {.starting_points = start});
  CHECK(result.adversarials(0, 0) == std::nextafter(0.3f, 1.f));
  CHECK(result.queries[0] < 2 + 30);
}

TEST_CASE("start: where a lattice leaves nothing between two points a bisection divides their features",
          "[start][lattice]") {
  const auto model = make_model<Flat>(Bounds<double>(0, 3), [](const Flat& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) labels[i] = sample(x, i).sum() >= 37;
    return labels;
  });
  Flat input(1, 100), start(1, 100);
  input.setZero();
  start.setConstant(3);
  StartOnly attack;
  attack.options.bisections = 1000;
  RunOptions<Flat> options{.starting_points = start};
  options.lattice = Lattice(0, 1, 1);
  const auto result = attack(model, input, Labels(Labels::Zero(1)), options);
  CHECK(sample(result.adversarials, 0).sum() == 37);
  CHECK(result.distances[0] == Approx(std::sqrt(37)));
  CHECK(result.queries[0] < 2 + 2 + 8);  // of the features that is, ends included
}

TEST_CASE("pool: says what does not fit", "[pool]") {
  using Catch::Matchers::ContainsSubstring;
  const Flat data = rows({{0.9, 0.2}, {0.2, 0.2}});
  const Flat inputs = rows({{0.1, 0.2}});
  CHECK_THROWS_WITH(Pool<Flat>(data, Labels(Labels::Zero(3))),
                    ContainsSubstring("expected one output for each of 2 inputs and at least one, got 3"));
  CHECK_THROWS_WITH(Pool<Flat>(Flat(0, 2), Labels()), ContainsSubstring("at least one"));
  const auto model = test::random_affine<Flat>(2, 2, 1);
  const Labels label = foil::predict(model, inputs);
  CHECK_THROWS_WITH(BoundaryAttack()(model, inputs, TopKMisclassification(label, 1),
                                     {.pool = Pool<Flat>(data, Labels(Labels::Zero(2)))}),
                    ContainsSubstring("only the decisions of the pool's rows are known"));
  CHECK_THROWS_WITH(
      BoundaryAttack()(model, inputs, label, {.pool = Pool<Flat>(Flat(2, 3), Labels(Labels::Zero(2)))}),
      ContainsSubstring("expected a pool of the inputs' shape (1, 2), got (2, 3)"));
}

TEST_CASE("pool: criteria on scores are judged by the logits, NaN is never adversarial", "[pool]") {
  const Flat data = rows({{0.2, 0.2}, {0.3, 0.2}, {0.4, 0.2}});
  Logits<double> logits(3, 2);
  logits << none, 5, 0, 1, 0, 9;
  const Pool<Flat> pool(data, logits);
  const Labels label = Labels::Zero(1);
  Sample facts;
  facts.original = Eigen::VectorXd::Zero(2);
  facts.box = test::cube(2, 0, 1);
  using Rows = std::vector<Index>;
  const auto nearest = [&](const auto& criterion, double low) {
    Rows rows;
    for (const PoolRow& row : pool.nearest_by_class(JudgeBy(criterion), facts, *test::cube(2, low, 1), 1))
      rows.push_back(row.row);
    return rows;
  };
  CHECK(nearest(Misclassification(label), 0) == Rows{1});
  CHECK(nearest(ConfidentMisclassification(label, 0.99), 0) == Rows{2});
  CHECK(nearest(ConfidentMisclassification(label, 0.9999999), 0).empty());
  CHECK(nearest(Misclassification(label), 0.35).empty());
  // Nor for a criterion that reads labels only: a row without a finite answer has none.
  CHECK(pool.predictions() == Labels(Eigen::Vector3i(-1, 1, 1)));
  CHECK(nearest([](const Decision& d) { return d.label != 7; }, 0) == Rows{1});
}
