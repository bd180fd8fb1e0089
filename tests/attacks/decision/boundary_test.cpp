// SPDX-License-Identifier: MIT
#include "foil/attacks/decision/boundary/boundary.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "foil/core/criteria.hpp"
#include "foil/models/label_only.hpp"
#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/one_sample.hpp"
#include "support/scripted.hpp"

using namespace foil;
using test::same_bits;
using Flat = Tensor<double, 2>;
using FlatF = Tensor<float, 2>;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
const Bounds<double> unbounded(-infinity, infinity);

template <Batch T>
T repeated(const Eigen::VectorXd& x, Index count) {
  T out(count, x.size());
  for (Index i = 0; i < count; ++i) sample(out, i) = x.cast<typename T::Scalar>();
  return out;
}

/// Class 1 where w.x >= c: all that a service says which is asked for a label.
template <Batch T>
auto half_space(Eigen::VectorXd w, double c, Bounds<typename T::Scalar> bounds) {
  return make_model<T>(bounds, [w = std::move(w), c](const T& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) labels[i] = dot(w, sample(x, i)) >= c;
    return labels;
  });
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

/// Median over the samples of the distance after so many queries.
double median_after(const Result<Flat>& result, double queries) {
  std::vector<double> distances;
  for (const auto& trace : result.traces) {
    double distance = infinity;
    for (const TracePoint& point : trace)
      if (static_cast<double>(point.queries) <= queries) distance = point.distance;
    distances.push_back(distance);
  }
  return median(distances);
}

/// One half-space in d dimensions at distance 1 from the origin, attacked `count` times.
Result<Flat> attack_half_space(const BoundaryOptions& options, Index d, Index count) {
  test::Random random(7);
  Eigen::VectorXd w = random.normals(d);
  w /= w.norm();
  const auto inputs = repeated<Flat>(Eigen::VectorXd::Zero(d), count);
  return BoundaryAttack(options)(half_space<Flat>(w, 1, unbounded), inputs, Labels(Labels::Zero(count)),
                                 {.trace = true});
}

/// An oracle that nobody answers: for what an attack computes by itself.
struct Bench : test::OneSample {
  Bench(const Eigen::VectorXd& original, double low, double high, std::vector<Index> shape = {})
      : OneSample(
            original, Eigen::VectorXd::Constant(original.size(), low),
            Eigen::VectorXd::Constant(original.size(), high),
            {.single_precision = false, .seed = 3, .stream = "boundary", .id = 5, .shape = std::move(shape)}),
        oracle(OneSample::oracle()) {}
  Oracle& oracle;
};

/// Some inputs of a smooth classifier, with its labels.
template <Batch T>
struct Smooth {
  test::Mlp<T> model{20, 30, 3, 4};
  T inputs;
  Labels labels;
  explicit Smooth(Index count) {
    test::Random random(9);
    inputs = test::random_batch<T>(random, typename T::Dimensions(count, 20));
    for (Index i = 0; i < inputs.size(); ++i)
      if (random.uniform() < 0.3) inputs.data()[i] = 0;
    labels = foil::predict(model, inputs);
  }
};

/// Probability that a coordinate of a random unit vector in n dimensions is at least t >= 0, by Simpson's
/// rule.
double cap_probability(double t, int n) {
  const auto density = [&](double s) { return std::pow(std::max(0.0, 1 - s * s), (n - 3) / 2.0); };
  const auto integral = [&](double low) {
    constexpr int pieces = 2000;
    const double h = (1 - low) / pieces;
    double sum = density(low) + density(1);
    for (int i = 1; i < pieces; ++i) sum += (i % 2 == 0 ? 2 : 4) * density(low + i * h);
    return sum * h / 3;
  };
  return 0.5 * integral(t) / integral(0);
}

}  // namespace

TEST_CASE("boundary: without clipping both steps have exactly the size asked for", "[boundary][geometry]") {
  test::Random random(1);
  const Index d = GENERATE(2, 3, 50);
  const Eigen::VectorXd o = random.normals(d), x = o + 3.7 * random.normals(d);
  Bench bench(o, -infinity, infinity);
  BoundaryProposal proposal(bench.oracle, {});
  proposal.move_to(x);
  const double r = (x - o).norm();
  CHECK(proposal.distance() == Catch::Approx(r).epsilon(1e-14));
  Eigen::VectorXd candidate;
  for (std::uint32_t n = 0; n < 20; ++n)
    for (const double epsilon : {1e-4, 0.01, 0.5})
      for (const double delta : {1e-4, 0.1, 2.0}) {
        REQUIRE(proposal.draw(n, delta, epsilon, candidate));
        const Eigen::VectorXd s = proposal.spherical();
        CHECK(std::abs((s - o).norm() / r - 1) < 1e-12);
        CHECK(std::abs((candidate - o).norm() / ((1 - epsilon) * r) - 1) < 1e-12);
        CHECK(std::abs((s - o).dot(x - o) / (r * r) - 1 / std::sqrt(1 + delta * delta)) < 1e-12);
        const Eigen::VectorXd parallel = candidate - o - (1 - epsilon) * (s - o);
        CHECK(parallel.norm() < 1e-12 * r);
      }
}

TEST_CASE("boundary: clipping only brings a proposal closer", "[boundary][geometry]") {
  test::Random random(2);
  const Index d = 30;
  const Eigen::VectorXd o = random.uniforms(d), x = random.uniforms(d).array().round();
  Bench bench(o, 0, 1);
  BoundaryOptions options;
  options.release = 1;
  BoundaryProposal proposal(bench.oracle, options);
  proposal.move_to(x);
  const double r = (x - o).norm();
  Eigen::VectorXd candidate;
  int nearer = 0;
  for (std::uint32_t n = 0; n < 200; ++n) {
    REQUIRE(proposal.draw(n, 0.3, 0.02, candidate));
    CHECK((proposal.spherical() - o).norm() <= r * (1 + 1e-14));
    CHECK((candidate - o).norm() <= 0.98 * r * (1 + 1e-12));
    CHECK(candidate.minCoeff() >= 0);
    CHECK(candidate.maxCoeff() <= 1);
    nearer += (candidate - o).norm() < 0.98 * r * (1 - 1e-9);
  }
  CHECK(nearer > 0);  // what clipping took counts towards the step, and may exceed it
}

TEST_CASE("boundary: features at a bound stay there but for the share that is released",
          "[boundary][geometry]") {
  const Index d = 400;
  const double release = GENERATE(0.0, 0.02, 0.3, 1.0);
  Eigen::VectorXd o = Eigen::VectorXd::Zero(d), x = o;
  x.tail(d / 2).setConstant(0.5);
  Bench bench(o, 0, 1);
  BoundaryOptions options;
  options.release = release;
  BoundaryProposal proposal(bench.oracle, options);
  proposal.move_to(x);
  Eigen::VectorXd candidate;
  double moved = 0;
  const int draws = 200;
  for (std::uint32_t n = 0; n < draws; ++n) {
    REQUIRE(proposal.draw(n, 0.05, 0.001, candidate));
    moved += static_cast<double>((candidate.head(d / 2).array() != 0).count());
    CHECK((candidate.tail(d / 2).array() != 0.5).all());
  }
  // Released noise is rectified: half of it is clipped away.
  const double expected = release / 2 * draws * static_cast<double>(d) / 2;
  CHECK(std::abs(moved - expected) <= 4 * std::sqrt(expected));
}

TEST_CASE("boundary: the share of successes on a flat boundary is that of the closed form",
          "[boundary][oracle]") {
  const int d = GENERATE(5, 10, 100);
  const double cos_phi = 0.8, cot_phi = cos_phi / 0.6;
  Eigen::VectorXd x = Eigen::VectorXd::Zero(d);
  x[0] = 1;  // the boundary is z[0] = 1, at distance 1 from the original
  x[1] = 0.75;
  Bench bench(Eigen::VectorXd::Zero(d), -infinity, infinity);
  BoundaryProposal proposal(bench.oracle, {});
  proposal.move_to(x);
  Eigen::VectorXd candidate;
  const double angle = 0.6 / std::sqrt(d);
  const int draws = 20'000;
  int successes = 0;
  for (std::uint32_t n = 0; n < draws; ++n) {
    REQUIRE(proposal.draw(n, std::tan(angle), 1 - std::cos(angle), candidate));
    successes += candidate[0] >= 1;
  }
  const double p = cap_probability(std::tan(angle) * cot_phi, d - 1);
  CHECK(p > 0.05);
  CHECK(std::abs(successes - p * draws) < 4 * std::sqrt(draws * p * (1 - p)));
}

TEST_CASE("boundary: a flat boundary costs few queries", "[boundary][regression]") {
  const double d = 784;
  BoundaryOptions options;
  options.steps = static_cast<int>(20.1 * d);
  options.tolerance = 0;
  const auto result = attack_half_space(options, 784, 20);
  CHECK(result.success.all());
  CHECK(result.distances.minCoeff() >= 1 - 1e-12);
  CHECK(median_after(result, 16 * d) <= 1.01);
  // Foolbox 3.3.4 on the same problem, measured: each of these is what it needed the queries for.
  CHECK(median_after(result, 2 * d) < 1 + 5.30);
  CHECK(median_after(result, 2.8 * d) < 1 + 0.449);
  CHECK(median_after(result, 5 * d) < 1 + 0.449);
  CHECK(median_after(result, 10 * d) < 1 + 0.082);
  CHECK(median_after(result, 14 * d) < 1 + 0.0125);
  CHECK(median_after(result, 20 * d) < 1 + 0.005);
}

TEST_CASE("boundary: the paper's adaptation gets there too, more slowly", "[boundary][regression]") {
  const double d = 784;
  BoundaryOptions options;
  options.mode = BoundaryMode::paper;
  options.steps = static_cast<int>(20 * d);
  const auto result = attack_half_space(options, 784, 12);
  CHECK(result.success.all());
  CHECK(median_after(result, 20 * d) <= 1.03);
  CHECK(median_after(result, 10 * d) >= 1.1);
}

TEST_CASE("boundary: features at the bounds do not stall the attack", "[boundary][regression]") {
  const Index d = 784, count = 5;
  test::Random random(3);
  Eigen::VectorXd w = random.normals(d), o = random.uniforms(d);
  for (Index i = 0; i < d; ++i)
    if (random.uniform() < 0.8) o[i] = 0;
  if (w.sum() < 0) w = -w;  // so that noise gets to the other side
  const double gap = 0.4 * w.norm();
  const double nearest =
      test::nearest_in_half_space<L2>(o, w, gap, Eigen::VectorXd::Zero(d), Eigen::VectorXd::Ones(d))->norm();
  const auto model = half_space<Flat>(w, w.dot(o) + gap, {0, 1});
  BoundaryOptions options;
  options.steps = 20 * 784;
  options.tolerance = 0;
  const auto result = BoundaryAttack(options)(model, repeated<Flat>(o, count), Labels(Labels::Zero(count)),
                                              {.query_budget = 20 * 784, .trace = true});
  CHECK(result.distances.minCoeff() >= nearest * (1 - 1e-12));
  CHECK(result.median_distance() <= 1.03 * nearest);

  options.release = 1;
  const auto plain = BoundaryAttack(options)(model, repeated<Flat>(o, count), Labels(Labels::Zero(count)),
                                             {.query_budget = 20 * 784});
  CHECK(plain.median_distance() > 1.06 * nearest);  // what freezing is for
}

TEMPLATE_TEST_CASE("boundary: in one dimension it is a bisection", "[boundary][oracle]", float, double) {
  using Input = Tensor<TestType, 2>;
  Input x(3, 1);
  x(0, 0) = TestType(0.1);
  x(1, 0) = TestType(0);
  x(2, 0) = TestType(0.2999);
  const auto result =
      BoundaryAttack()(half_space<Input>(Eigen::VectorXd::Ones(1), 0.3, {0, 1}), x, Labels(Labels::Zero(3)));
  CHECK(result.success.all());
  for (Index i = 0; i < 3; ++i) {
    CHECK(result.status[static_cast<std::size_t>(i)] == Status::converged);
    CHECK(std::abs(static_cast<double>(result.adversarials(i, 0)) - 0.3) < 1e-6);
  }
}

TEST_CASE("boundary: mode, batch, order, threads and speculation leave no trace in a sample's bits",
          "[boundary][reproducible]") {
  const bool paper = GENERATE(false, true);
  const Smooth<FlatF> p(17);
  RunOptions<FlatF> run{.seed = 11, .query_budget = 400, .trace = true};
  BoundaryOptions options;
  options.mode = paper ? BoundaryMode::paper : BoundaryMode::tied;
  const auto attack = [&](const BoundaryOptions& o, const RunOptions<FlatF>& r) {
    return BoundaryAttack(o)(p.model, p.inputs, p.labels, r);
  };
  const auto reference = attack(options, run);
  CHECK(reference.success.all());
  CHECK_FALSE(same_bits(reference, attack(options, {.seed = 12, .query_budget = 400, .trace = true})));

  for (const Index batch : {1, 4, 16}) {
    run.batch_size = batch;
    CHECK(same_bits(reference, attack(options, run)));
  }
  run.threads = 8;
  CHECK(same_bits(reference, attack(options, run)));
  if (!paper)
    for (const int width : {2, 8})
      for (const Index batch : {5, 17, 128}) {
        options.speculation = width;
        run.batch_size = batch;
        run.threads = 1;
        const auto wide = attack(options, run);
        CHECK(same_bits(reference, wide));
        CHECK((wide.surplus_queries.sum() > 0) == (batch != 17));  // 17 samples leave no room in 17 rows
      }

  std::vector<Index> order(17);
  std::iota(order.rbegin(), order.rend(), 0);
  Labels labels(17);
  RunOptions<FlatF> permuted{.seed = 11, .query_budget = 400, .trace = true};
  for (Index i = 0; i < 17; ++i) {
    labels[i] = p.labels[order[static_cast<std::size_t>(i)]];
    permuted.sample_ids.push_back(order[static_cast<std::size_t>(i)]);
  }
  const auto reversed = BoundaryAttack(options)(p.model, gather(p.inputs, order), labels, permuted);
  CHECK(same_bits(reversed, test::select(reference, order)));

  FlatF spoiled = p.inputs;
  spoiled(3, 0) = std::numeric_limits<float>::quiet_NaN();
  const auto rest =
      BoundaryAttack(options)(p.model, spoiled, p.labels, {.seed = 11, .query_budget = 400, .trace = true});
  CHECK(rest.status[3] == Status::invalid_input);
  order.erase(std::find(order.begin(), order.end(), 3));
  CHECK(same_bits(test::select(rest, order), test::select(reference, order)));
}

TEST_CASE("boundary: the budget is exact, and everything asked is counted", "[boundary][budget]") {
  const Smooth<FlatF> p(6);
  const int speculation = GENERATE(1, 4);
  BoundaryOptions options;
  options.speculation = speculation;
  for (const int budget : {1, 2, 3, 7, 13, 14, 60}) {
    const test::CountingModel counting(p.model);
    const auto result =
        BoundaryAttack(options)(counting, p.inputs, p.labels, {.query_budget = budget, .trace = true});
    CHECK((result.queries.array() == budget).all());
    CHECK(result.queries.sum() + result.verification_queries.sum() + result.surplus_queries.sum() ==
          counting.forward);
    for (const Status status : result.status) CHECK(status == Status::budget_exhausted);
    for (const auto& trace : result.traces)
      for (std::size_t i = 1; i < trace.size(); ++i) {
        CHECK(trace[i].distance < trace[i - 1].distance);
        CHECK(trace[i].queries > trace[i - 1].queries);
        CHECK(trace[i].queries <= budget);
      }
  }
}

TEST_CASE("boundary: a run continued again and again is one longer run, bit for bit", "[boundary][resume]") {
  const Smooth<FlatF> p(9);
  BoundaryOptions options;
  options.mode = GENERATE(BoundaryMode::tied, BoundaryMode::paper);
  options.tolerance = 0.2;  // some converge on the way
  if (options.mode == BoundaryMode::tied) options.speculation = GENERATE(1, 3);
  const BoundaryAttack attack(options);
  const Index classes = 3;
  Labels targets = p.labels;
  for (Index i = 0; i < targets.size(); ++i) targets[i] = static_cast<int>((targets[i] + 1) % classes);
  const TargetedMisclassification criterion(targets);  // noise takes a while to get there

  RunState<BoundaryState> state;
  std::int64_t budget = 0;
  for (const int more : {1, 1, 1, 2, 5, 1, 1, 30, 19, 1, 1, 1, 1, 300, 1, 900}) {
    budget += more;
    const RunOptions<FlatF> run{.query_budget = budget, .batch_size = 4, .trace = true};
    const auto continued = attack.run(p.model, p.inputs, criterion, state, run);
    CHECK(same_bits(continued, attack(p.model, p.inputs, criterion, run)));
  }
  const auto copy = state;  // a value
  const RunOptions<FlatF> longer{.query_budget = budget + 100, .trace = true};
  const auto once = attack.run(p.model, p.inputs, criterion, state, longer);
  state = copy;
  CHECK(same_bits(once, attack.run(p.model, p.inputs, criterion, state, longer)));

  RunOptions<FlatF> stopped{.trace = true};
  int calls = 0;
  stopped.observer = [&](const Progress&) { return ++calls == 50 ? Control::stop : Control::proceed; };
  RunState<BoundaryState> interrupted;
  attack.run(p.model, p.inputs, criterion, interrupted, stopped);
  CHECK(same_bits(attack.run(p.model, p.inputs, criterion, interrupted, longer),
                  attack(p.model, p.inputs, criterion, longer)));

  const Smooth<FlatF> fewer(4);
  CHECK_THROWS_WITH(attack.run(fewer.model, fewer.inputs, fewer.labels, state),
                    Catch::Matchers::ContainsSubstring("expected a state of 4 samples, got one of 9"));
}

TEST_CASE("boundary: early stopping leaves a sample alone, and can be taken up again", "[boundary][resume]") {
  const Smooth<Flat> p(8);
  const BoundaryAttack attack;
  RunState<BoundaryState> state;
  RunOptions<Flat> options{.query_budget = 500, .trace = true};
  const auto full = attack(p.model, p.inputs, p.labels, options);
  options.early_stop = 1.2 * full.median_distance();
  const auto stopped = attack.run(p.model, p.inputs, p.labels, state, options);
  Index early = 0;
  for (Index i = 0; i < 8; ++i)
    if (stopped.distances[i] <= options.early_stop) {
      early += stopped.queries[i] < 500;
      CHECK(stopped.traces[static_cast<std::size_t>(i)].back().queries == stopped.queries[i]);
    }
  CHECK(early > 0);
  CHECK(same_bits(stopped, attack.run(p.model, p.inputs, p.labels, state, options)));
  options.early_stop = 0;
  CHECK(same_bits(full, attack.run(p.model, p.inputs, p.labels, state, options)));
}

TEST_CASE("boundary: any criterion will do", "[boundary][criteria]") {
  const Smooth<Flat> p(6);
  const RunOptions<Flat> run{.query_budget = 1500};
  const Eigen::VectorXd plain = BoundaryAttack()(p.model, p.inputs, p.labels, run).distances;
  const auto check = [&](const auto& criterion) {
    const auto result = BoundaryAttack()(p.model, p.inputs, criterion, run);
    const Logits<double> logits = p.model.logits(result.adversarials);
    CHECK(result.success.count() > 0);
    for (Index i = 0; i < 6; ++i) {
      if (!result.success[i]) continue;
      const Eigen::VectorXd row = logits.row(i).transpose();
      CHECK(criterion(Scores{i, row}));
      CHECK(result.distances[i] >= 0.95 * plain[i]);  // all of these are harder than misclassification
    }
  };
  check(TopKMisclassification(p.labels, 2));
  check(ConfidentMisclassification(p.labels, 0.6));
  check(OriginalClassProbability(p.labels, 0.3));
  check(MarginAbove(p.labels, 0.3));
  check(TargetedMisclassification(Labels((p.labels.array() + 1).unaryExpr([](int k) { return k % 3; }))));
}

TEST_CASE("boundary: MarginAbove keeps adversarials valid for an engine that rounds differently",
          "[boundary][criteria]") {
  const Smooth<FlatF> p(12);
  const auto lost = [&](const auto& criterion) {
    const auto result = BoundaryAttack()(p.model, p.inputs, criterion, {.query_budget = 4000});
    CHECK(result.success.all());
    const Logits<float> logits = p.model.logits(result.adversarials);
    Index count = 0;
    for (Index i = 0; i < 12; ++i) {
      Eigen::VectorXd row = logits.row(i).transpose().cast<double>();
      row[p.labels[i]] += 1e-3;  // the other engine, at its worst
      count += losses::margin(row, p.labels[i]) <= 0;
    }
    return count;
  };
  CHECK(lost(Misclassification(p.labels)) > 0);
  CHECK(lost(MarginAbove(p.labels, 2e-3)) == 0);
}

TEST_CASE("boundary: needs no more than decisions, and gives the same result without more",
          "[boundary][knowledge]") {
  const Smooth<Flat> p(4);
  const LabelOnly labels_only(p.model);
  static_assert(!ScoreModel<decltype(labels_only)>);
  const RunOptions<Flat> run{.query_budget = 300, .trace = true};
  auto result = BoundaryAttack()(p.model, p.inputs, p.labels, run);
  result.classes = 0;  // labels do not say how many there are
  CHECK(same_bits(result, BoundaryAttack()(labels_only, p.inputs, p.labels, run)));
}

TEST_CASE("boundary: a region without any structure neither hangs nor lies", "[boundary][adversity]") {
  const auto judge = [](const Flat& x, Index row) {
    std::uint64_t hash = 0;
    for (Index j = 0; j < x.dimension(1); ++j) {
      std::uint64_t bits = 0;
      std::memcpy(&bits, &x(row, j), sizeof bits);
      hash = (hash ^ bits) * 0x9E3779B97F4A7C15u;
    }
    return static_cast<int>((hash >> 40) & 1);
  };
  const auto model = make_model<Flat>(Bounds<double>(0, 1), [&](const Flat& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) labels[i] = judge(x, i);
    return labels;
  });
  test::Random random(5);
  const auto inputs = test::random_batch<Flat>(random, Flat::Dimensions(10, 6));
  const auto mode = GENERATE(BoundaryMode::tied, BoundaryMode::paper);
  BoundaryOptions options;
  options.mode = mode;
  options.steps = 3000;
  const auto result = BoundaryAttack(options)(model, inputs, foil::predict(model, inputs));
  CHECK(result.success.all());
  for (Index i = 0; i < 10; ++i) CHECK(judge(result.adversarials, i) != judge(inputs, i));
}

TEST_CASE("boundary: converges in the corner of two half-spaces, and says so", "[boundary][oracle]") {
  const auto corner = make_model<FlatF>(Bounds<float>(-2, 2), [](const FlatF& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) labels[i] = x(i, 0) > 0.5f && x(i, 1) > 0.7f;
    return labels;
  });
  const auto inputs = repeated<FlatF>(Eigen::VectorXd::Zero(10), 8);
  const auto result = BoundaryAttack()(corner, inputs, Labels(Labels::Zero(8)));
  CHECK(result.success.all());
  for (Index i = 0; i < 8; ++i) {
    CHECK(result.status[static_cast<std::size_t>(i)] == Status::converged);
    CHECK(result.queries[i] < 25'000);
    CHECK(result.distances[i] == Catch::Approx(std::hypot(0.5, 0.7)).epsilon(0.03));
  }
}

TEST_CASE("boundary: a prior that points the right way saves queries", "[boundary][prior]") {
  test::Random random(6);
  const Index d = 200;
  Eigen::VectorXd w = random.normals(d);
  w /= w.norm();
  const auto model = half_space<Flat>(w, 1, unbounded);
  const auto inputs = repeated<Flat>(Eigen::VectorXd::Zero(d), 8);
  BoundaryOptions options;
  options.starts = 1;
  const RunOptions<Flat> run{.query_budget = 300};
  const double without =
      BoundaryAttack(options)(model, inputs, Labels(Labels::Zero(8)), run).median_distance();
  options.prior_weight = 0.5;
  RunOptions<Flat> told = run;
  told.prior = repeated<Flat>(w + 0.1 * w.reverse(), 8);
  const double with = BoundaryAttack(options)(model, inputs, Labels(Labels::Zero(8)), told).median_distance();
  CHECK(without > 1.5);
  CHECK(with < 1.05);
}

TEST_CASE("boundary: in a subspace every proposal is made of low frequencies", "[boundary][subspace]") {
  const bool channels_last = GENERATE(false, true);
  const Index h = 12, w = 8, c = 2;
  BoundaryOptions options;
  options.subspace = 4;
  options.channels_last = channels_last;
  options.release = 1;
  test::Random random(8);
  const Eigen::VectorXd o = random.normals(h * w * c);
  Bench bench(o, -infinity, infinity,
              channels_last ? std::vector<Index>{h, w, c} : std::vector<Index>{c, h, w});
  BoundaryProposal proposal(bench.oracle, options);
  CHECK(proposal.dimension() == 3 * 2 * c);
  proposal.move_to(Eigen::VectorXd(o.array() + 1));  // away from o: itself of the lowest frequency
  Eigen::VectorXd candidate;
  for (std::uint32_t n = 0; n < 5; ++n) {
    REQUIRE(proposal.draw(n, 0.5, 0.01, candidate));
    const auto at = [&](Index k, Index i, Index j) {
      const Index index = channels_last ? (i * w + j) * c + k : (k * h + i) * w + j;
      return candidate[index] - o[index];
    };
    for (Index k = 0; k < c; ++k)
      for (Index a = 0; a < h; ++a)
        for (Index b = 0; b < w; ++b) {
          double coefficient = 0;
          for (Index i = 0; i < h; ++i)
            for (Index j = 0; j < w; ++j)
              coefficient += at(k, i, j) *
                             std::cos(M_PI * static_cast<double>(a) * (static_cast<double>(i) + 0.5) / h) *
                             std::cos(M_PI * static_cast<double>(b) * (static_cast<double>(j) + 0.5) / w);
          const bool low = a < 3 && b < 2;
          CHECK((std::abs(coefficient) > 1e-9) == low);
        }
  }

  const auto model = half_space<Flat>(Eigen::VectorXd::Ones(4), 3, {0, 1});
  CHECK_THROWS_WITH(BoundaryAttack(options)(model, Flat(repeated<Flat>(Eigen::VectorXd::Zero(4), 1)),
                                            Labels(Labels::Zero(1))),
                    Catch::Matchers::ContainsSubstring("needs images with three dimensions"));
}

TEST_CASE("boundary: a run continued where a masked row of the pool was to be asked about is the same run",
          "[boundary]") {
  const Smooth<Flat> p(6);
  test::Random random(31);
  const Pool<Flat> pool(p.model, test::random_batch<Flat>(random, Flat::Dimensions(30, 20)));
  Flat mask(1, 20);
  for (Index i = 0; i < 20; ++i) mask(0, i) = i % 3 == 0 ? 0 : 1;
  const BoundaryAttack attack;
  const auto with = [&](std::int64_t budget) {
    return RunOptions<Flat>{.query_budget = budget, .mask = mask, .pool = pool};
  };
  const auto whole = attack(p.model, p.inputs, p.labels, with(400));
  RunState<BoundaryState> state;
  Result<Flat> parts;
  for (const std::int64_t budget : {1, 2, 3, 4, 7, 12, 40, 400})
    parts = attack.run(p.model, p.inputs, p.labels, state, with(budget));
  CHECK(whole.success.any());
  CHECK(parts.queries == whole.queries);
  CHECK(parts.distances == whole.distances);
}

TEST_CASE("boundary: options that make no sense are refused by name", "[boundary][options]") {
  const auto refused = [](auto change, const char* text) {
    BoundaryOptions options;
    change(options);
    CHECK_THROWS_WITH(BoundaryAttack(options), Catch::Matchers::ContainsSubstring(text));
  };
  refused([](auto& o) { o.steps = -1; }, "expected steps >= 0, got -1");
  refused([](auto& o) { o.release = 1.5; }, "expected release in [0, 1], got 1.5");
  refused([](auto& o) { o.release = std::nan(""); }, "release");
  refused([](auto& o) { o.starts = 0; }, "expected starts in [1, 256], got 0");
  refused([](auto& o) { o.challengers = -1; }, "expected challengers >= 0, got -1");
  refused([](auto& o) { o.speculation = 0; }, "expected speculation in [1, 1024], got 0");
  refused([](auto& o) { o.speculation = 2, o.mode = BoundaryMode::paper; }, "only mode tied can speculate");
  refused([](auto& o) { o.tolerance = -1; }, "expected tolerance in [0, 1), got -1");
  refused([](auto& o) { o.subspace = 0; }, "expected subspace >= 1, got 0");
  refused([](auto& o) { o.prior_weight = 1; }, "expected prior_weight in [0, 1), got 1");
  refused([](auto& o) { o.start.noise_draws = -1; }, "expected start_noise_draws >= 0, got -1");
  refused([](auto& o) { o.start.bisections = -1; }, "expected start_bisections >= 0, got -1");
}

TEST_CASE("boundary: a start far from the nearest region is given up for a better one",
          "[boundary][starts]") {
  const auto model = make_model<Flat>(Bounds<double>(0, 1), [](const Flat& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) {  // a band on the far left, and the right beyond a third
      const double mean = sample(x, i).mean();
      labels[i] = x(i, 0) > 0.95 || mean > 0.35;
    }
    return labels;
  });
  const Index d = 20;
  const auto inputs = repeated<Flat>(Eigen::VectorXd::Constant(d, 0.25), 6);
  Flat far = inputs;
  for (Index i = 0; i < 6; ++i) far(i, 0) = 1;
  const double nearest = 0.1 * std::sqrt(static_cast<double>(d));
  BoundaryOptions options;
  const auto attack = [&](int starts, int challengers) {
    options.starts = starts;
    options.challengers = challengers;
    return BoundaryAttack(options)(model, inputs, Labels(Labels::Zero(6)), {.starting_points = far})
        .distances;
  };
  CHECK(attack(1, 0).minCoeff() > 0.69);
  CHECK(attack(2, 0).maxCoeff() < 1.02 * nearest);
  CHECK(attack(1, 4).maxCoeff() < 1.02 * nearest);
}

TEST_CASE("boundary: no steps leave the bisected start", "[boundary][options]") {
  const Smooth<Flat> p(3);
  BoundaryOptions options;
  options.steps = 0;
  const auto result = BoundaryAttack(options)(p.model, p.inputs, p.labels);
  CHECK(result.success.all());
  for (const Status status : result.status) CHECK(status == Status::success);
}
