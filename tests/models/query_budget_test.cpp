// SPDX-License-Identifier: MIT
#include "foil/models/query_budget.hpp"

#include <atomic>
#include <cstdint>
#include <exception>
#include <thread>
#include <vector>

#include "foil/attacks/decision/additive_noise.hpp"
#include "foil/models/label_only.hpp"
#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

namespace {
using namespace foil;
using Input = Tensor<float, 2>;
using Catch::Matchers::ContainsSubstring;

Input points(Index count, std::uint64_t seed = 1) {
  test::Random random(seed);
  return test::random_batch<Input>(random, Input::Dimensions(count, 4));
}

}  // namespace

TEST_CASE("query budget: exactly so many rows, at every level", "[models]") {
  const auto affine = test::random_affine<Input>(3, 4, 2);
  const test::CountingModel counting(affine);
  const QueryBudget budget(counting, 10);
  static_assert(DifferentiableModel<decltype(budget)> && shareable<decltype(budget)>);
  CHECK(budget.logits(points(4)) == affine.logits(points(4)));
  const auto pass = budget.vjp(points(4));
  const Logits<float> g = Logits<float>::Constant(4, 3, 0.5f);
  for (int repeat = 0; repeat < 2; ++repeat)  // which costs nothing
    CHECK(as_matrix(pass.pullback(g)) == as_matrix(affine.vjp(points(4)).pullback(g)));
  CHECK(budget.used() == 8);
  CHECK(budget.left() == 2);
  try {
    budget.logits(points(3));
    FAIL("a call beyond the budget was answered");
  } catch (const BudgetSpent& spent) {
    CHECK(spent.budget == 10);
    CHECK(spent.used == 8);
    CHECK(spent.wanted == 3);
    CHECK_THAT(spent.what(), ContainsSubstring("at most 10 rows in all, 8 are spent and 3 more"));
  }
  CHECK_THROWS_AS(budget.vjp(points(3)), BudgetSpent);
  CHECK(counting.forward == 8);  // of what was refused, the model saw nothing
  budget.logits(points(2));
  CHECK(budget.left() == 0);
  CHECK(budget.logits(points(0)).rows() == 0);
  CHECK_THROWS_AS(budget.logits(points(1)), BudgetSpent);
  CHECK(counting.forward == 10);

  const LabelOnly labels(counting);
  const QueryBudget of_labels(labels, 3);
  static_assert(DecisionModel<decltype(of_labels)> && !ScoreModel<decltype(of_labels)>);
  CHECK(of_labels.predict(points(2)) == argmax<float>(affine.logits(points(2))));
  CHECK_THROWS_AS(of_labels.predict(points(2)), BudgetSpent);
  CHECK(counting.forward == 12);
  CHECK_THROWS_WITH(QueryBudget(affine, -1), ContainsSubstring("0 rows or more, got -1"));
}

TEST_CASE("query budget: threads together get no row more, and none is lost", "[models]") {
  const auto affine = test::random_affine<Input>(3, 4, 2);
  const test::CountingModel counting(affine);
  const QueryBudget budget(counting, 1001);
  std::atomic<int> refused = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int call = 0; call < 200; ++call) try {
          budget.logits(points(2));
        } catch (const BudgetSpent&) {
          ++refused;
        }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(counting.forward == 1000);
  CHECK(budget.left() == 1);
  CHECK(refused == 300);
}

TEST_CASE("query budget: a run that exceeds it hands over what it found", "[models]") {
  const auto affine = test::random_affine<Input>(3, 4, 2);
  const test::CountingModel counting(affine);
  const Input x = points(12);
  const Labels y = predict(affine, x);
  const L2RepeatedAdditiveGaussianNoiseAttack attack({.repeats = 20});
  const auto whole = attack(affine, x, y, 3.0, {.batch_size = 4});
  REQUIRE(whole.success.count() > 6);
  const std::int64_t needed =
      whole.queries.sum() + whole.surplus_queries.sum() + whole.verification_queries.sum();
  bool verified = false;
  for (std::int64_t rows = 0; rows < needed; ++rows) {
    const QueryBudget budget(counting, rows);
    const std::int64_t before = counting.forward;
    try {
      attack(budget, x, y, 3.0, {.batch_size = 4});
      FAIL("a run got by with " << rows << " of " << needed << " rows");
    } catch (const RunFailure<Input>& failure) {
      CHECK_THROWS_AS(std::rethrow_if_nested(failure), BudgetSpent);
      const Result<Input>& partial = failure.partial;
      for (Index i = 0; i < 12; ++i) {
        // Verified, it is what the whole run has found; unverified, it is there all the same.
        if (partial.success[i])
          CHECK(as_matrix(partial.adversarials).row(i) == as_matrix(whole.adversarials).row(i));
        else if (as_matrix(partial.adversarials).row(i) != as_matrix(x).row(i))
          CHECK(partial.status[static_cast<std::size_t>(i)] == Status::failed);
        verified = verified || partial.success[i];
      }
    }
    CHECK(budget.used() <= rows);
    CHECK(counting.forward - before == budget.used());
  }
  CHECK(verified);
  const QueryBudget enough(counting, needed);
  CHECK(test::same_bits(attack(enough, x, y, 3.0, {.batch_size = 4}), whole));
  CHECK(enough.left() == 0);
}

TEST_CASE("query budget: a run that is stopped a few batches earlier verifies all that it found",
          "[models]") {
  const auto affine = test::random_affine<Input>(3, 4, 2);
  const Input x = points(40, 3);
  const Labels y = predict(affine, x);
  const L2RepeatedAdditiveGaussianNoiseAttack attack({.repeats = 1000});
  int stopped = 0;
  for (std::int64_t rows = 20; rows < 200; rows += 7) {
    const QueryBudget budget(affine, rows);
    const auto result =
        attack(budget, x, y, 1.0, {.batch_size = 4, .observer = [&](const Progress&) {
                                     return budget.left() < 5 * 4 ? Control::stop : Control::proceed;
                                   }});
    CHECK(budget.left() >= 0);
    bool interrupted = false;
    for (Index i = 0; i < 40; ++i) {
      interrupted = interrupted || result.status[static_cast<std::size_t>(i)] == Status::interrupted;
      CHECK(result.success[i] == (as_matrix(result.adversarials).row(i) != as_matrix(x).row(i)));
    }
    stopped += interrupted;
  }
  CHECK(stopped > 5);
}

TEST_CASE("query budget: a model that cannot be shared by threads does not become so", "[models]") {
  auto changing = make_model<Input>(Bounds<float>(), [calls = 0](const Input& x) mutable {
    return Labels(Labels::Constant(samples(x), ++calls));
  });
  QueryBudget model(changing, 2);
  static_assert(DecisionModel<decltype(model)> && !shareable<decltype(model)>);
  CHECK(predict(model, points(1))[0] == 1);
  CHECK(predict(changing, points(1))[0] == 2);
}
