// SPDX-License-Identifier: MIT
#include "foil/evaluation/clean.hpp"

#include <cstdint>
#include <limits>
#include <vector>

#include "foil/models/label_only.hpp"
#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Input = Tensor<float, 2>;
using Catch::Matchers::ContainsSubstring;

/// Thirty samples, of which every third has the wrong label.
struct Problem {
  Problem() {
    test::Random random(3);
    inputs = test::random_batch<Input>(random, Input::Dimensions(30, 3));
    truth = predict(model, inputs);
    labels = truth;
    for (Index i = 0; i < 30; i += 3) labels[i] = (labels[i] + 1) % 4;
  }
  test::Affine<Input> model = test::random_affine<Input>(4, 3, 1);
  Input inputs;
  Labels truth, labels;
};

TEST_CASE("clean: the rows of a range, with what the model says of them", "[clean]") {
  const Problem p;
  const MemorySource source(p.inputs);
  for (const Index batch_size : {1, 4, 100}) {
    Index calls = 0;
    const auto chosen = choose_samples(p.model, source, p.labels,
                                       {.first = 5,
                                        .count = 10,
                                        .batch_size = batch_size,
                                        .pool_rows = 0,
                                        .observer = [&](const Progress& now) {
                                          ++calls;
                                          CHECK(now.total == 10);
                                          CHECK(now.finished == std::min<Index>(calls * batch_size, 10));
                                          CHECK(now.queries == now.finished);
                                        }});
    CHECK(calls == (10 + batch_size - 1) / batch_size);
    CHECK(chosen.rows == std::vector<std::int64_t>{5, 6, 7, 8, 9, 10, 11, 12, 13, 14});
    CHECK(chosen.labels == p.labels.segment(5, 10));
    CHECK(chosen.predictions == p.truth.segment(5, 10));
    CHECK(chosen.correct.count() == 7);  // all but 6, 9 and 12
    CHECK_FALSE(chosen.correct[1]);
    CHECK(chosen.examined == 10);
    CHECK(chosen.accurate == 7);
    CHECK_FALSE(chosen.stopped);
    CHECK(chosen.pool.empty());
  }
}

TEST_CASE("clean: the pool is of the data set whichever rows are attacked, and asked about once", "[clean]") {
  const Problem p;
  const MemorySource source(p.inputs);
  struct Case {
    Index first, count, pool_first, pool_rows, asked, pool;
  };
  for (const auto& [first, count, pool_first, pool_rows, asked, pool] :
       {Case{5, 10, 0, 1000, 30, 30}, Case{5, 10, 0, 8, 8 + 7, 8}, Case{5, 10, 7, 3, 10, 3},
        Case{5, 10, 20, 1000, 20, 10}, Case{0, 30, 11, 7, 30, 7}, Case{28, 2, 0, 4, 6, 4}}) {
    CAPTURE(first, count, pool_first, pool_rows);
    test::CountingModel model(p.model);
    const auto chosen = choose_samples(
        model, source, p.labels,
        {.first = first, .count = count, .batch_size = 4, .pool_first = pool_first, .pool_rows = pool_rows});
    CHECK(model.forward == asked);
    CHECK(chosen.examined == count);
    CHECK(chosen.predictions == p.truth.segment(first, count));
    REQUIRE(samples(chosen.pool.inputs()) == pool);
    CHECK(as_matrix(chosen.pool.inputs()) == as_matrix(p.inputs).middleRows(pool_first, pool));
    CHECK(chosen.pool.predictions() == p.truth.segment(pool_first, pool));
  }
}

TEST_CASE("clean: rows that are not valid are no starts, and a pool of them is none", "[clean]") {
  Problem p;
  for (Index row = 0; row < 4; ++row) p.inputs(row, 0) = 2;
  const MemorySource source(p.inputs);
  const auto some = choose_samples(p.model, source, p.labels, {.first = 10, .pool_rows = 6});
  REQUIRE(samples(some.pool.inputs()) == 6);
  for (Index row = 0; row < 6; ++row) CHECK(some.pool.predictions()[row] == (row < 4 ? -1 : p.truth[row]));
  const auto none = choose_samples(p.model, source, p.labels, {.first = 10, .pool_rows = 4});
  CHECK(none.pool.empty());
  CHECK(none.invalid == 0);
}

TEST_CASE("clean: invalid rows are wrong, and the model is not shown them", "[clean]") {
  Problem p;
  const auto valid = [](Index row) { return row != 6 && (row < 12 || row > 15); };
  for (Index row = 0; row < 30; ++row)
    if (!valid(row)) p.inputs(row, 2) = row % 2 == 0 ? -0.5f : std::numeric_limits<float>::quiet_NaN();
  const MemorySource source(p.inputs);
  const bool scores = GENERATE(true, false);
  const auto shown = [&](const Input& x) {
    for (Index i = 0; i < x.size(); ++i) REQUIRE((x.data()[i] >= 0 && x.data()[i] <= 1));
    return x;
  };
  const auto check = [&](auto& model) {
    for (const Index batch_size : {1, 4, 100}) {
      const auto chosen =
          choose_samples(model, source, p.labels, {.first = 5, .count = 12, .batch_size = batch_size});
      CHECK(chosen.rows.size() == 12);
      CHECK(chosen.examined == 12);
      CHECK(chosen.invalid == 5);
      CHECK(chosen.unanswered == 0);
      Index accurate = 0;
      for (Index i = 0; i < 12; ++i) {
        CHECK(chosen.predictions[i] == (valid(5 + i) ? p.truth[5 + i] : -1));
        CHECK(chosen.correct[i] == (valid(5 + i) && (5 + i) % 3 != 0));
        accurate += chosen.correct[i];
      }
      CHECK(chosen.accurate == accurate);
      const auto correct = choose_samples(
          model, source, p.labels, {.first = 5, .count = 6, .correct_only = true, .batch_size = batch_size});
      CHECK(correct.rows == std::vector<std::int64_t>{5, 7, 8, 10, 11, 16});
      CHECK(correct.examined == 12);
      CHECK_THROWS_WITH(choose_samples(model, source, p.labels, {.first = 12, .count = 4}),
                        ContainsSubstring("found none of the 4 rows valid"));
    }
  };
  if (scores) {
    auto model =
        make_model<Input>(p.model.bounds(), [&](const Input& x) { return p.model.logits(shown(x)); });
    check(model);
  } else {
    auto model =
        make_model<Input>(p.model.bounds(), [&](const Input& x) { return predict(p.model, shown(x)); });
    check(model);
  }
}

TEST_CASE("clean: of the correct ones as many as asked for, or all", "[clean]") {
  const Problem p;
  const MemorySource source(p.inputs);
  const auto few =
      choose_samples(p.model, source, p.labels, {.count = 5, .correct_only = true, .batch_size = 3});
  CHECK(few.rows == std::vector<std::int64_t>{1, 2, 4, 5, 7});
  CHECK(few.correct.all());
  CHECK(few.examined == 8);  // rows 0 to 7, although the third batch held one more
  CHECK(few.accurate == 5);
  CHECK(samples(few.pool.inputs()) == 30);
  const auto all = choose_samples(p.model, source, p.labels, {.correct_only = true, .pool_rows = 4});
  CHECK(all.size() == 20);
  CHECK(all.examined == 30);
  CHECK(samples(all.pool.inputs()) == 4);
  CHECK(choose_samples(p.model, source, p.labels, {.count = 99, .correct_only = true}).size() == 20);
  CHECK(choose_samples(p.model, source, p.labels, {.first = 28, .count = 99}).size() == 2);
}

TEST_CASE("clean: an answer of NaN is no class, and wrong", "[clean]") {
  const Problem p;
  const MemorySource source(p.inputs);
  test::Tampered model(p.model);
  model.answer = [](std::int64_t, const Input&, Logits<float>& z) {
    z(0, 0) = std::numeric_limits<float>::quiet_NaN();
    z(1, 2) = std::numeric_limits<float>::infinity();
  };
  Labels zeros = Labels::Zero(30);
  zeros[1] = 2;
  const auto chosen = choose_samples(model, source, zeros, {.count = 3});
  CHECK(chosen.predictions[0] == -1);
  CHECK(chosen.predictions[1] == -1);
  CHECK(chosen.predictions[2] == p.truth[2]);
  CHECK_FALSE(chosen.correct[0]);
  CHECK_FALSE(chosen.correct[1]);
  CHECK(chosen.unanswered == 2);
  // The same behind labels.
  const auto hidden = choose_samples(LabelOnly(model), source, zeros, {.count = 3});
  CHECK(hidden.predictions == chosen.predictions);
  CHECK(hidden.unanswered == 2);
}

TEST_CASE("clean: rows whose target is their label are passed over, and counted", "[clean]") {
  const Problem p;
  const MemorySource source(p.inputs);
  Labels targets = (p.labels.array() + 1).unaryExpr([](int label) { return label % 4; });
  for (const Index row : {2, 3, 7, 29}) targets[row] = p.labels[row];
  const auto chosen = choose_samples(p.model, source, p.labels, {.first = 1, .count = 8, .targets = targets});
  CHECK(chosen.rows == std::vector<std::int64_t>{1, 4, 5, 6, 8});
  CHECK(chosen.on_target == 3);
  CHECK(chosen.examined == 8);
  CHECK(chosen.accurate == 6);  // all but 3 and 6
  REQUIRE(chosen.targets.size() == 5);
  for (Index i = 0; i < 5; ++i) CHECK(chosen.targets[i] == targets[chosen.rows[static_cast<std::size_t>(i)]]);
  CHECK((chosen.targets.array() != chosen.labels.array()).all());
  const auto correct = choose_samples(p.model, source, p.labels, {.correct_only = true, .targets = targets});
  CHECK(correct.size() == 20 - 3);  // row 3 is wrong anyway
  CHECK(correct.on_target == 4);
  CHECK(choose_samples(p.model, source, p.labels, {.count = 3}).targets.size() == 0);
}

TEST_CASE("clean: if every target is its label, there is nothing to attack", "[clean]") {
  const Problem p;
  const MemorySource source(p.inputs);
  CHECK_THROWS_WITH(choose_samples(p.model, source, p.labels, {.targets = p.labels}),
                    ContainsSubstring("targets") && ContainsSubstring("all 30"));
  Labels targets = p.labels;
  targets[20] = (targets[20] + 1) % 4;
  CHECK_THROWS_WITH(choose_samples(p.model, source, p.labels, {.count = 10, .targets = targets}),
                    ContainsSubstring("all 10"));
  CHECK(choose_samples(p.model, source, p.labels, {.targets = targets}).size() == 1);
  CHECK_THROWS_WITH(choose_samples(p.model, source, p.labels, {.targets = Labels(Labels::Zero(3))}),
                    ContainsSubstring("30") && ContainsSubstring("got 3"));
}

TEST_CASE("clean: a model that tells its decisions only will do", "[clean]") {
  const Problem p;
  const MemorySource source(p.inputs);
  const auto chosen = choose_samples(LabelOnly(p.model), source, p.labels);
  CHECK(chosen.predictions == p.truth);
  CHECK(chosen.pool.predictions() == p.truth);
}

TEST_CASE("clean: the observer may stop it", "[clean]") {
  const Problem p;
  const MemorySource source(p.inputs);
  const auto chosen = choose_samples(p.model, source, p.labels,
                                     {.batch_size = 10, .pool_rows = 0, .observer = [](const Progress& now) {
                                        return now.queries >= 20 ? Control::stop : Control::proceed;
                                      }});
  CHECK(chosen.stopped);
  CHECK(chosen.size() == 20);
  CHECK(chosen.pool.empty());
  const auto early = choose_samples(p.model, source, p.labels, {.observer = [](const Progress&) {
                                      return Control::stop;  // while the pool is asked about
                                    }});
  CHECK(early.stopped);
  CHECK(early.size() == 0);
  CHECK(early.pool.empty());
}

TEST_CASE("clean: what makes no sense is refused in words", "[clean]") {
  const Problem p;
  const MemorySource source(p.inputs);
  CHECK_THROWS_WITH(choose_samples(p.model, source, Labels(Labels::Zero(3))),
                    ContainsSubstring("one label for each of the 30 rows, got 3"));
  CHECK_THROWS_WITH(choose_samples(p.model, source, p.labels, {.first = 30}),
                    ContainsSubstring("a first row from 0 to 29, got 30"));
  CHECK_THROWS_WITH(choose_samples(p.model, source, p.labels, {.count = 0}), ContainsSubstring("got 0, 128"));
  CHECK_THROWS_WITH(choose_samples(p.model, source, p.labels, {.pool_first = 30}),
                    ContainsSubstring("a pool from a row of 0 to 29 on") && ContainsSubstring("got 30 and"));
  CHECK_THROWS_WITH(choose_samples(p.model, source, p.labels, {.pool_rows = -1}), ContainsSubstring("-1"));
}
}  // namespace
