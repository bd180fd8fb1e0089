// SPDX-License-Identifier: MIT
#include "foil/evaluation/checkpoint.hpp"

#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "foil/attacks/decision/additive_noise.hpp"
#include "foil/evaluation/source.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Input = Tensor<float, 2>;
using Options = RunOptions<Input>;
using Hooks = BlockHooks<Input>;
using Catch::Matchers::ContainsSubstring;

const Fingerprint print{{"model", "m"}, {"seed", "3"}};

bool same(const Record& a, const Record& b) {
  const auto all = [](const Record& r) {
    return std::tie(r.id, r.status, r.success, r.correct, r.predicted, r.distance, r.queries,
                    r.gradient_queries, r.verification_queries, r.bad_rows, r.zero_gradients,
                    r.probability_rows, r.changed_answers, r.stage, r.parameters);
  };
  return all(a) == all(b);
}

/// An outcome whose every field is another number, with records of ids from `first` on.
Outcome numbered(Index first, Index count) {
  Outcome out("a", L2{}, 0.25);
  for (Index i = first; i < first + count; ++i)
    out.records.push_back(
        {i, i % 2 == 0 ? Status::success : Status::not_found, i % 2 == 0, i % 3 == 0,
         static_cast<int>(10 + i),
         i % 2 == 0 ? 0.1 * static_cast<double>(i) : std::numeric_limits<double>::infinity(), 20 + i, 30 + i,
         40 + i, 50 + i, 60 + i, 70 + i, 80 + i, static_cast<int>(i),
         std::vector<double>(static_cast<std::size_t>(i), 0.1)});
  out.classes = 7;
  out.seconds = 1.0 / 3;
  out.stages = {{"one", 1, 2, 3, 4}, {"two", 5, 6, 7, 8}};
  return out;
}

TEST_CASE("checkpoint: what was saved is restored to the bit", "[checkpoint]") {
  std::vector<std::string> entries;
  const auto keep = [&](std::string_view entry) { entries.emplace_back(entry); };
  Outcome outcome = numbered(0, 3);
  {
    Checkpoint checkpoint(print, {}, keep);
    CHECK(checkpoint.empty());
    CHECK(entries.empty());
    checkpoint.save(4, outcome, "first");
    const Outcome more = numbered(3, 2);
    outcome.records.insert(outcome.records.end(), more.records.begin(), more.records.end());
    outcome.seconds = 2;
    checkpoint.save(4, outcome, std::string("\0\1", 2));
    checkpoint.save(0, numbered(0, 1));
    CHECK_FALSE(checkpoint.empty());
  }
  CHECK(entries.size() == 4);
  Checkpoint checkpoint(print, entries, keep);
  CHECK_FALSE(checkpoint.empty());
  REQUIRE(checkpoint.pieces(4).size() == 2);
  CHECK(checkpoint.pieces(4)[0].attached == "first");
  CHECK(checkpoint.pieces(4)[1].attached == std::string("\0\1", 2));
  CHECK(checkpoint.pieces(1).empty());
  Outcome restored("a", L2{}, 0.25);
  checkpoint.restore(4, restored);
  REQUIRE(restored.records.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) CHECK(same(restored.records[i], outcome.records[i]));
  CHECK(restored.classes == 7);
  CHECK(restored.seconds == 2);
  REQUIRE(restored.stages.size() == 2);
  CHECK(restored.stages[1].name == "two");
  CHECK(restored.stages[1].attacked == 5);
  CHECK(restored.stages[1].fooled == 6);
  CHECK(restored.stages[1].queries == 7);
  CHECK(restored.stages[1].gradient_queries == 8);
  CHECK_THROWS_WITH(checkpoint.restore(4, restored), ContainsSubstring("without records"));
  Outcome other("b", L2{});
  CHECK_THROWS_WITH(checkpoint.restore(4, other), ContainsSubstring("outcome 4 was a eps 0.25 and is b"));
}

TEST_CASE("checkpoint: a block that was lost and done again takes its place", "[checkpoint]") {
  std::vector<std::string> entries;
  const auto keep = [&](std::string_view entry) { entries.emplace_back(entry); };
  {
    Checkpoint checkpoint(print, {}, keep);
    Outcome outcome = numbered(0, 3);
    checkpoint.save(0, outcome, "kept");
    outcome.records.push_back(numbered(3, 1).records[0]);
    checkpoint.save(0, outcome, "lost");
  }
  {
    Checkpoint checkpoint(print, entries, keep);
    checkpoint.cut(0, 1);
    Outcome outcome("a", L2{}, 0.25);
    checkpoint.restore(0, outcome);
    CHECK(outcome.records.size() == 3);
    outcome.records.push_back(numbered(3, 1).records[0]);
    outcome.records.push_back(numbered(4, 1).records[0]);
    checkpoint.save(0, outcome, "again");
  }
  Checkpoint checkpoint(print, entries, keep);
  REQUIRE(checkpoint.pieces(0).size() == 2);
  CHECK(checkpoint.pieces(0)[1].attached == "again");
  CHECK(checkpoint.pieces(0)[1].records.size() == 2);
}

TEST_CASE("checkpoint: another evaluation's is refused, and every difference named", "[checkpoint]") {
  std::vector<std::string> entries;
  const auto keep = [&](std::string_view entry) { entries.emplace_back(entry); };
  Checkpoint(print, {}, keep).save(0, numbered(0, 1));
  const auto opened = [&](const Fingerprint& is) { Checkpoint(is, entries, keep); };
  CHECK_NOTHROW(opened({{"seed", "3"}, {"model", "m"}}));
  CHECK_THROWS_WITH(opened({{"model", "n"}, {"seed", "4"}}),
                    ContainsSubstring("another evaluation: model was m and is n; seed was 3 and is 4"));
  CHECK_THROWS_WITH(opened({{"model", "m"}}), ContainsSubstring("seed was 3 and is not said"));
  CHECK_THROWS_WITH(opened({{"model", "m"}, {"seed", "3"}, {"x", "1"}}),
                    ContainsSubstring("x was not said and is 1"));
  std::vector<std::string> damaged = entries;
  for (const std::size_t which : {std::size_t{0}, std::size_t{1}})
    for (std::size_t size = 0; size < entries[which].size(); ++size) {
      damaged = entries;
      damaged[which].resize(size);
      REQUIRE_THROWS_AS(Checkpoint(print, damaged, keep), Error);
    }
  damaged = entries;
  damaged.erase(damaged.begin() + 1);
  CHECK_NOTHROW(Checkpoint(print, damaged, keep));
  Outcome two = numbered(0, 1);
  {
    Checkpoint checkpoint(print, {}, [&](std::string_view entry) { damaged.emplace_back(entry); });
    damaged.clear();
    checkpoint.save(0, two);
    two.records.push_back(numbered(1, 1).records[0]);
    checkpoint.save(0, two);
  }
  damaged.erase(damaged.begin() + 1);
  CHECK_THROWS_WITH(Checkpoint(print, damaged, keep), ContainsSubstring("an entry is missing"));
}

TEST_CASE("checkpoint: an evaluation that is ended in every block comes to the same bits",
          "[checkpoint][property]") {
  const Index count = 600;
  test::Random random(7);
  const Input inputs = test::random_batch<Input>(random, Input::Dimensions(count, 3));
  const auto model = test::random_affine<Input>(4, 3, 1);
  const Labels labels = predict(model, inputs);
  const MemorySource source(inputs);
  Selection all;
  all.rows.resize(static_cast<std::size_t>(count));
  std::iota(all.rows.begin(), all.rows.end(), 0);
  const auto criterion = [&](const Block& block) {
    return Misclassification(Labels(labels.segment(block.first, block.count)));
  };
  const AnyAttack attack = LinfAdditiveUniformNoiseAttack();
  Options options{.seed = 3, .batch_size = 1};
  Outcome expected(attack, 0.1);
  evaluate(attack, model, source, all, criterion, options, expected);

  std::vector<std::string> entries;
  Outcome found(attack, 0.1);
  int runs = 0;
  for (bool complete = false; !complete; ++runs) {
    REQUIRE(runs < 10);
    Checkpoint checkpoint(print, entries, [&](std::string_view entry) { entries.emplace_back(entry); });
    Outcome outcome(attack, 0.1);
    checkpoint.restore(0, outcome);
    Index seen = -1;
    Options own = options;
    own.observer = [&](const Progress& now) {
      if (seen < 0) seen = now.finished;
      return runs == 1 && now.finished > 300 ? Control::stop : Control::proceed;
    };
    int blocks = 0;
    const Hooks hooks{.sink =
                          [&](const Block&, const Result<Input>&) {
                            if (runs != 1 && ++blocks == 2) throw std::runtime_error("killed");
                          },
                      .finished = [&](const Block&) { checkpoint.save(0, outcome); }};
    try {
      const auto before = static_cast<Index>(outcome.records.size());
      evaluate(attack, model, source, all, criterion, own, outcome, hooks);
      CHECK(seen == before);
      complete = runs != 1;  // that one is stopped within a block, which is not saved
    } catch (const std::runtime_error&) {
    }
    found = outcome;
  }
  CHECK(runs == 4);  // 256 records, the same again, 512, all
  REQUIRE(found.records.size() == expected.records.size());
  for (std::size_t i = 0; i < expected.records.size(); ++i)
    CHECK(same(found.records[i], expected.records[i]));
  CHECK(found.classes == expected.classes);

  Outcome of_others(attack, 0.1);
  of_others.records.push_back(found.records[1]);
  CHECK_THROWS_WITH(evaluate(attack, model, source, all, criterion, options, of_others),
                    ContainsSubstring("got 1 records of others"));
}
}  // namespace
