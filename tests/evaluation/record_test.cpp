// SPDX-License-Identifier: MIT
#include "foil/evaluation/record.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "foil/attacks/decision/additive_noise.hpp"
#include "foil/attacks/decision/salt_and_pepper.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Input = Tensor<float, 2>;
using Flags = Eigen::Array<bool, Eigen::Dynamic, 1>;
using Catch::Matchers::ContainsSubstring;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// What a run may return, with every status in it sooner or later.
Result<Input> random_result(test::Random& random, Index count) {
  Result<Input> result(Input(count, 1));
  for (Index i = 0; i < count; ++i) {
    const auto status = static_cast<Status>(random.integer(static_cast<Index>(Status::failed) + 1));
    const bool found =
        status == Status::already_adversarial || status == Status::success || status == Status::converged ||
        ((status == Status::budget_exhausted || status == Status::interrupted) && random.integer(2) == 0);
    result.status[static_cast<std::size_t>(i)] = status;
    result.success[i] = found;
    result.distances[i] = !found ? infinity : status == Status::already_adversarial ? 0 : random.uniform();
    result.predictions[i] = static_cast<int>(random.integer(3)) - 1;
    result.queries[i] = random.integer(100);
    result.gradient_queries[i] = random.integer(100);
    result.verification_queries[i] = random.integer(3);
    result.zero_gradients[i] = random.integer(100);
    result.bad_rows[i] = random.integer(3) / 2;
    result.probability_rows[i] = random.integer(100);
  }
  return result;
}

void check_equal(const Summary& a, const Summary& b) {
  for (const auto bin :
       {&Summary::unfinished, &Summary::invalid, &Summary::non_finite, &Summary::no_start, &Summary::unstable,
        &Summary::wrong, &Summary::fooled, &Summary::robust, &Summary::attacked, &Summary::cut_short})
    CHECK(a.*bin == b.*bin);
  CHECK((a.median_distance == b.median_distance ||
         (std::isnan(a.median_distance) && std::isnan(b.median_distance))));
}

TEST_CASE("record: an outcome says of a result what the result says of itself", "[record][property]") {
  test::Random random(1);
  for (int run = 0; run < 50; ++run) {
    const auto result = random_result(random, random.integer(40));
    Outcome outcome{AnyAttack(LinfAdditiveUniformNoiseAttack()), 0.5};
    outcome.add(result);
    for (const double epsilon : {0.0, 0.3, 0.7, infinity}) {
      CAPTURE(run, epsilon);
      check_equal(outcome.summary(epsilon), result.summary(epsilon));
    }
  }
}

TEST_CASE("record: results one after the other are one outcome", "[record]") {
  test::Random random(2);
  const auto first = random_result(random, 7), second = random_result(random, 5);
  Outcome outcome{AnyAttack(LinfAdditiveUniformNoiseAttack()), 0.5};
  outcome.add(first, std::vector<std::int64_t>{10, 11, 12, 13, 14, 15, 3});
  outcome.add(second);
  REQUIRE(outcome.records.size() == 12);
  CHECK(outcome.records[6].id == 3);
  CHECK(outcome.records[7].id == 7);
  CHECK(outcome.records[8].status == second.status[1]);
  CHECK(outcome.records[8].success == second.success[1]);
  CHECK(outcome.records[8].predicted == second.predictions[1]);
  CHECK(outcome.records[8].distance == second.distances[1]);
  CHECK(outcome.summary().total() == 12);
  CHECK(outcome.summary().robust == first.summary().robust + second.summary().robust);
  CHECK(outcome.cost().queries == first.queries.sum() + second.queries.sum());
  CHECK(outcome.cost().gradient_queries == first.gradient_queries.sum() + second.gradient_queries.sum());
  CHECK(outcome.cost().zero_gradients == first.zero_gradients.sum() + second.zero_gradients.sum());
  CHECK(outcome.records[8].bad_rows == second.bad_rows[1]);
  CHECK(outcome.records[8].zero_gradients == second.zero_gradients[1]);
  CHECK(outcome.records[8].probability_rows == second.probability_rows[1]);
  CHECK(outcome.cost().verification_queries ==
        first.verification_queries.sum() + second.verification_queries.sum());
}

TEST_CASE("record: who knows the true classes may call a sample wrong, but not right", "[record]") {
  Result<Input> result(Input(3, 1));
  result.status = {Status::success, Status::not_found, Status::already_adversarial};
  result.success << true, false, true;
  result.distances << 1, infinity, 0;
  Outcome known{AnyAttack(LinfAdditiveUniformNoiseAttack()), 2};
  known.add(result, {}, Flags::Constant(3, false));
  CHECK(known.summary().wrong == 3);
  Outcome right{AnyAttack(LinfAdditiveUniformNoiseAttack()), 2};
  right.add(result, {}, Flags::Constant(3, true));
  check_equal(right.summary(), result.summary());
  CHECK(right.summary().wrong == 1);
}

TEST_CASE("record: an outcome knows its attack, and an epsilon only where there is one", "[record]") {
  const Outcome fixed{AnyAttack(LinfAdditiveUniformNoiseAttack()), 0.5};
  CHECK(fixed.attack == "linf-additive-uniform-noise");
  CHECK(fixed.norm.name() == "linf");
  CHECK(fixed.knowledge == Knowledge::decisions);
  CHECK(fixed.epsilon == 0.5);
  CHECK_FALSE(Outcome(AnyAttack(SaltAndPepperNoiseAttack()), 0.5).epsilon);
  CHECK(fixed.summary().total() == 0);
}

TEST_CASE("record: what does not fit a result is refused in words", "[record]") {
  Outcome outcome{AnyAttack(LinfAdditiveUniformNoiseAttack()), 0.5};
  const Result<Input> result(Input(3, 1));
  CHECK_THROWS_WITH(outcome.add(result, std::vector<std::int64_t>{1, 2}),
                    ContainsSubstring("one id for each of the 3 samples, got 2"));
  CHECK_THROWS_WITH(outcome.add(result, {}, Flags::Constant(2, true)),
                    ContainsSubstring("each of the 3 samples whether it is correct, got 2"));
  CHECK(outcome.records.empty());
}
}  // namespace
