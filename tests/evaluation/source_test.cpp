// SPDX-License-Identifier: MIT
#include "foil/evaluation/source.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "foil/attacks/decision/additive_noise.hpp"
#include "foil/attacks/decision/blended_noise.hpp"
#include "foil/attacks/decision/salt_and_pepper.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Input = Tensor<float, 2>;
using Options = RunOptions<Input>;
using Hooks = BlockHooks<Input>;
using Catch::Matchers::ContainsSubstring;

static_assert(SampleSource<MemorySource<Input>>);
static_assert(SampleSource<const MemorySource<Input>>);
static_assert(std::same_as<batch_t<MemorySource<Input>>, Input>);
static_assert(!SampleSource<Input>);

/// Samples of three features in a linear classifier's cube, and the classes that it gives them.
struct Problem {
  explicit Problem(Index count) : inputs(Input::Dimensions(count, 3)) {
    test::Random random(7);
    inputs = test::random_batch<Input>(random, Input::Dimensions(count, 3));
    labels = predict(model, inputs);
    all.rows.resize(static_cast<std::size_t>(count));
    std::iota(all.rows.begin(), all.rows.end(), 0);
  }
  /// Whether a sample is misclassified: its label belongs to its row of the source.
  auto off_label(const Selection& selection) const {
    return [this, &selection](const Block& block) {
      Labels part(block.count);
      for (Index i = 0; i < block.count; ++i)
        part[i] = labels[static_cast<Index>(selection.rows[static_cast<std::size_t>(block.first + i)])];
      return Misclassification(part);
    };
  }

  test::Affine<Input> model = test::random_affine<Input>(4, 3, 1);
  Input inputs;
  Labels labels;
  Selection all;
};

AnyAttack noise() {
  return LinfAdditiveUniformNoiseAttack();
}

TEST_CASE("source: rows come in the order asked for", "[source]") {
  const Problem p(5);
  const MemorySource source(p.inputs);
  CHECK(source.rows() == 5);
  const std::vector<std::int64_t> wanted{4, 0, 4};
  const Input found = source.gather(wanted);
  REQUIRE(samples(found) == 3);
  for (Index i = 0; i < 3; ++i)
    CHECK(sample(found, i) == sample(p.inputs, static_cast<Index>(wanted[static_cast<std::size_t>(i)])));
  CHECK_THROWS_WITH(source.gather(std::vector<std::int64_t>{5}),
                    ContainsSubstring("rows from 0 to 4, got 5"));
  CHECK_THROWS_WITH(source.gather(std::vector<std::int64_t>{-1}), ContainsSubstring("got -1"));
}

TEST_CASE("source: a block without a valid sample is reported, a selection without one is an error",
          "[source]") {
  Problem p(300);
  for (Index i = 256; i < 300; ++i)
    p.inputs(i, 1) = i % 2 == 0 ? 7.0f : std::numeric_limits<float>::quiet_NaN();
  const MemorySource source(p.inputs);
  Options options{.batch_size = 1};
  const AnyAttack attack = noise();
  Outcome outcome{attack, 0.5};
  evaluate(attack, p.model, source, p.all, p.off_label(p.all), options, outcome);
  REQUIRE(outcome.records.size() == 300);
  CHECK(outcome.summary().invalid == 44);
  CHECK(outcome.records[255].status != Status::invalid_input);
  CHECK_FALSE(options.none_valid);

  for (const Index count : {1, 44}) {  // in one block
    Selection bad;
    for (Index i = 0; i < count; ++i) bad.rows.push_back(256 + i);
    Outcome none{attack, 0.5};
    CHECK_THROWS_WITH(evaluate(attack, p.model, source, bad, p.off_label(bad), options, none),
                      ContainsSubstring("no sample is valid"));
  }
  Selection many;  // in two
  for (Index i = 0; i < 300; ++i) many.rows.push_back(256 + i % 44);
  Outcome none{attack, 0.5};
  CHECK_THROWS_WITH(evaluate(attack, p.model, source, many, p.off_label(many), options, none),
                    ContainsSubstring("none of the samples is valid"));
}

TEST_CASE("source: blocks are eight batches for each thread, and at least 256 samples", "[source]") {
  CHECK(block_size(Options{.batch_size = 1}) == 256);
  CHECK(block_size(Options{.batch_size = 128}) == 1024);
  CHECK(block_size(Options{.threads = 3, .batch_size = 128}) == 3072);
}

TEST_CASE("source: block by block an attack finds what it finds at once", "[source][property]") {
  const Problem p(600);
  Options options{.seed = 3, .batch_size = 1};
  const AnyAttack attack = noise();
  const auto expected = attack(p.model, p.inputs, p.labels, 0.5, options);
  const MemorySource source(p.inputs);

  Outcome outcome{attack, 0.5};
  std::vector<Index> sizes;
  const Hooks hooks{.sink = [&](const Block& block, const Result<Input>& result) {
    sizes.push_back(block.count);
    for (Index i = 0; i < block.count; ++i)
      CHECK(sample(result.adversarials, i) == sample(expected.adversarials, block.first + i));
  }};
  evaluate(attack, p.model, source, p.all, p.off_label(p.all), options, outcome, hooks);
  CHECK(sizes == std::vector<Index>{256, 256, 88});
  REQUIRE(outcome.records.size() == 600);
  for (Index i = 0; i < 600; ++i) {
    const Record& record = outcome.records[static_cast<std::size_t>(i)];
    CHECK(record.id == i);
    CHECK(record.status == expected.status[static_cast<std::size_t>(i)]);
    CHECK(record.distance == expected.distances[i]);
    CHECK(record.queries == expected.queries[i]);
  }
  CHECK(outcome.summary().fooled == expected.summary().fooled);
  CHECK(outcome.summary().fooled > 100);
  CHECK(outcome.seconds > 0);

  // Any selection in any order: random numbers belong to the rows.
  const Selection some{.rows = {599, 3, 300, 4}, .correct = {}};
  Outcome few{attack, 0.5};
  evaluate(attack, p.model, source, some, p.off_label(some), options, few);
  REQUIRE(few.records.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(few.records[i].id == some.rows[i]);
    CHECK(few.records[i].distance == outcome.records[static_cast<std::size_t>(some.rows[i])].distance);
  }
}

TEST_CASE("source: what belongs to samples is set before each block, what is known of them recorded",
          "[source]") {
  Problem p(300);
  Options options{.batch_size = 1};
  p.all.correct.setConstant(300, true);
  p.all.correct[299] = false;
  const AnyAttack attack = BlendedUniformNoiseAttack();
  Input starts(300, 3);  // the corner of the cube that is another class
  for (Index i = 0; i < 300; ++i)
    for (int corner = 0; corner < 8; ++corner) {
      Input x(1, 3);
      x.setValues({{float(corner & 1), float(corner >> 1 & 1), float(corner >> 2 & 1)}});
      if (predict(p.model, x)[0] != p.labels[i]) sample(starts, i) = sample(x, 0);
    }
  options.starting_points = starts;
  const auto expected = attack(p.model, p.inputs, p.labels, 0, options);
  options.starting_points = {};
  const MemorySource source(p.inputs);
  Outcome outcome{attack};
  const Hooks hooks{
      .prepare = [&](const Block& block, Options& o) { o.starting_points = gather(starts, block.rows); }};
  evaluate(attack, p.model, source, p.all, p.off_label(p.all), options, outcome, hooks);
  REQUIRE(outcome.records.size() == 300);
  for (std::size_t i = 0; i < 300; ++i) {
    CHECK(outcome.records[i].success);
    CHECK(outcome.records[i].distance == expected.distances[static_cast<Index>(i)]);
  }
  CHECK(outcome.records[298].correct);
  CHECK_FALSE(outcome.records[299].correct);
  CHECK(outcome.summary().wrong == 1);
}

TEST_CASE("source: the observer sees the progress over all blocks, and may stop it", "[source]") {
  const Problem p(600);
  const MemorySource source(p.inputs);
  const AnyAttack attack = noise();
  Progress last;
  const bool stop = GENERATE(false, true);
  Options options{.batch_size = 20, .observer = [&](const Progress& now) {
                    CHECK(now.total == 600);
                    CHECK(now.finished >= last.finished);
                    CHECK(now.queries >= last.queries);
                    last = now;
                    return stop && now.finished >= 300 ? Control::stop : Control::proceed;
                  }};
  Outcome outcome{attack, 0.5};
  evaluate(attack, p.model, source, p.all, p.off_label(p.all), options, outcome);
  CHECK((stop ? last.finished >= 300 && last.finished < 512 : last.finished == 600));
  CHECK(outcome.records.size() == (stop ? 512 : 600));
  CHECK(outcome.summary().complete() != stop);
  if (stop) CHECK(outcome.summary().unfinished > 0);
  if (!stop) CHECK(last.queries == outcome.cost().queries + outcome.cost().verification_queries);
  if (!stop) CHECK(last.found == outcome.summary().fooled);
  if (!stop) {  // what is gone on with counts on from what there is
    const Progress whole = std::exchange(last, {});
    outcome.records.resize(256, outcome.records.front());
    evaluate(attack, p.model, source, p.all, p.off_label(p.all), options, outcome);
    CHECK(last.found == whole.found);
    CHECK(last.queries == whole.queries);
    CHECK(last.gradient_queries == whole.gradient_queries);
  }

  // The options serve again: the observer is the user's own.
  last = {};
  REQUIRE(options.observer);
  CHECK(options.observer({300, 600, 0, 0, 0}) == (stop ? Control::stop : Control::proceed));
}

TEST_CASE("source: an observer that says stop at once gets nothing", "[source]") {
  const Problem p(10);
  const MemorySource source(p.inputs);
  Options options{.observer = [](const Progress&) { return Control::stop; }};
  Outcome outcome{noise(), 0.5};
  evaluate(noise(), p.model, source, p.all, p.off_label(p.all), options, outcome);
  CHECK(outcome.records.empty());
}

TEST_CASE("source: the blocks before a failure are kept", "[source]") {
  const Problem p(600);
  struct Failing {
    MemorySource<Input> good;
    Index rows() const { return good.rows(); }
    Input gather(std::span<const std::int64_t> wanted) const {
      require(wanted.back() < 512, "the disk is gone");
      return good.gather(wanted);
    }
  };
  const Failing source{MemorySource(p.inputs)};
  Options options{.batch_size = 1};
  Outcome outcome{noise(), 0.5};
  CHECK_THROWS_WITH(evaluate(noise(), p.model, source, p.all, p.off_label(p.all), options, outcome),
                    "the disk is gone");
  CHECK(outcome.records.size() == 512);
  CHECK(outcome.summary().complete());
  CHECK_FALSE(options.observer);
}

TEST_CASE("source: of the block in which the model fails, what was found is kept", "[source]") {
  const Problem p(300);
  const MemorySource source(p.inputs);
  test::Tampered model(p.model);
  std::int64_t asked = 0;
  model.answer = [&](std::int64_t, const Input& x, Logits<float>&) {
    asked += samples(x);
    require(asked < 200, "out of memory");
  };
  Options options{.batch_size = 10};
  Outcome outcome{noise(), 0.5};
  Index handed_over = 0;
  const Hooks hooks{.sink = [&](const Block&, const Result<Input>& result) { handed_over += result.size(); }};
  CHECK_THROWS_AS(evaluate(noise(), model, source, p.all, p.off_label(p.all), options, outcome, hooks),
                  RunFailure<Input>);
  CHECK(handed_over == 256);
  REQUIRE(outcome.records.size() == 256);
  const Summary s = outcome.summary();
  CHECK(s.finished() > 0);
  CHECK(s.unfinished > 56);
  CHECK(s.total() == 256);
  CHECK(outcome.records.back().status == Status::not_run);
}

TEST_CASE("source: nothing selected, nothing run, and what makes no sense is refused", "[source]") {
  const Problem p(10);
  const MemorySource source(p.inputs);
  Options options;
  const Selection none;
  Outcome outcome{noise(), 0.5};
  evaluate(noise(), p.model, source, none, p.off_label(none), options, outcome);
  CHECK(outcome.records.empty());

  Outcome no_radius{noise()};
  CHECK_THROWS_WITH(evaluate(noise(), p.model, source, p.all, p.off_label(p.all), options, no_radius),
                    ContainsSubstring("linf-additive-uniform-noise: expected an epsilon"));
  Selection bad = p.all;
  bad.correct.setConstant(9, true);
  CHECK_THROWS_WITH(evaluate(noise(), p.model, source, bad, p.off_label(bad), options, outcome),
                    ContainsSubstring("each of the 10 samples whether it is correct, got 9"));
}
}  // namespace
