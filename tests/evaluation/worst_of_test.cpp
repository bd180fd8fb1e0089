// SPDX-License-Identifier: MIT
#include "foil/evaluation/worst_of.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Input = Tensor<float, 2>;
using Catch::Matchers::ContainsSubstring;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// How one sample ended.
struct End {
  Status status;
  double distance = infinity;  // finite: with success
};

/// A result on samples of one feature that are 0; adversarials are at their distance.
Result<Input> result(const std::vector<End>& ends, int label = 1) {
  Input x(static_cast<Index>(ends.size()), 1);
  x.setZero();
  Result<Input> out(x);
  for (std::size_t at = 0; at < ends.size(); ++at) {
    const auto i = static_cast<Index>(at);
    out.status[at] = ends[at].status;
    out.success[i] = std::isfinite(ends[at].distance);
    out.distances[i] = ends[at].distance;
    if (out.success[i]) out.adversarials(i, 0) = static_cast<float>(ends[at].distance);
    out.predictions[i] = out.success[i] ? label : 0;
    out.queries[i] = 10;
    out.gradient_queries[i] = 5;
    out.verification_queries[i] = 1;
    out.zero_gradients[i] = 2;
  }
  return out;
}

Outcome outcome(const std::vector<End>& ends, std::optional<double> epsilon = std::nullopt,
                const char* name = "some") {
  Outcome out(name, L2{}, epsilon);
  out.add(result(ends));
  out.seconds = 2;
  return out;
}

/// The worst case of one sample, by results and by outcomes, which have to agree.
Status worst(const std::vector<End>& ends, bool found = false) {
  std::vector<Result<Input>> results;
  std::vector<Outcome> outcomes;
  for (const End& end : ends) {
    results.push_back(result({end}));
    outcomes.push_back(outcome({end}));
  }
  const auto of_results = worst_of(results);
  const auto of_outcomes = worst_of(outcomes);
  CHECK(of_results.result.status[0] == of_outcomes.outcome.records[0].status);
  CHECK(of_results.result.success[0] == found);
  CHECK(of_outcomes.outcome.records[0].success == found);
  CHECK((of_results.winner[0] >= 0) == found);
  CHECK(of_results.winner == of_outcomes.winner);
  return of_results.result.status[0];
}

TEST_CASE("worst case: the closest adversarial of each sample, and whose it is", "[worst_of]") {
  const End none{Status::not_found};
  const std::vector<Result<Input>> all{
      result({{Status::success, 3}, {Status::success, 1}, none, none, {Status::already_adversarial, 0}}, 1),
      result({{Status::converged, 2},
              {Status::success, 1},
              {Status::success, 5},
              none,
              {Status::already_adversarial, 0}},
             2)};
  const auto worst = worst_of(all);
  CHECK(worst.winner == std::vector<Index>{1, 0, 1, -1, 0});
  CHECK(worst.result.distances == (Eigen::VectorXd(5) << 2, 1, 5, infinity, 0).finished());
  CHECK(worst.result.status == std::vector<Status>{Status::converged, Status::success, Status::success,
                                                   Status::not_found, Status::already_adversarial});
  CHECK(worst.result.predictions == (Labels(5) << 2, 1, 2, 0, 1).finished());
  for (Index i = 0; i < 3; ++i) CHECK(worst.result.adversarials(i, 0) == worst.result.distances[i]);
  CHECK(worst.result.adversarials(3, 0) == 0);
  CHECK(worst.result.queries == Counts::Constant(5, 20));
  CHECK(worst.result.gradient_queries == Counts::Constant(5, 10));
  CHECK(worst.result.verification_queries == Counts::Constant(5, 2));
  CHECK(worst.result.zero_gradients == Counts::Constant(5, 4));
  CHECK(worst.result.robust_accuracy() == 0.2);
  CHECK(worst.result.robust_accuracy(2.5) == 0.4);
}

TEST_CASE("worst case: never better than any attack's own figures", "[worst_of][property]") {
  test::Random random(1);
  for (int run = 0; run < 300; ++run) {
    std::vector<Result<Input>> results;
    const Index count = random.integer(20) + 1;
    for (Index k = random.integer(4) + 1; k > 0; --k) {
      std::vector<End> ends;
      for (Index i = 0; i < count; ++i) {
        const Status states[] = {Status::success,          Status::not_found, Status::start_failed,
                                 Status::budget_exhausted, Status::unstable,  Status::non_finite};
        const Status status = states[random.integer(6)];
        const bool found =
            status == Status::success || (status == Status::budget_exhausted && random.integer(2));
        ends.push_back({status, found ? random.uniform() : infinity});
      }
      results.push_back(result(ends));
    }
    const auto worst = worst_of(results).result;
    for (const double epsilon : {0.3, 0.6, infinity}) {
      Index robust = count;
      for (Index i = 0; i < count; ++i)
        robust -= std::any_of(results.begin(), results.end(), [&](const Result<Input>& r) {
          return r.success[i] && r.distances[i] <= epsilon;
        });
      CHECK(worst.summary(epsilon).robust <= robust);
      CHECK(worst.summary(epsilon).fooled == count - robust);
      CHECK(worst.summary(epsilon).total() == count);
    }
  }
}

TEST_CASE("worst case: what did not end gives no verdict, and what found is cut short by it", "[worst_of]") {
  CHECK(worst({{Status::not_run}, {Status::not_run}}) == Status::not_run);
  CHECK(worst({{Status::not_run}, {Status::not_found}}) == Status::interrupted);
  CHECK(worst({{Status::not_found}, {Status::interrupted}}) == Status::interrupted);
  CHECK(worst({{Status::interrupted}, {Status::failed}}) == Status::failed);
  CHECK(worst({{Status::non_finite}, {Status::interrupted}}) == Status::interrupted);
  CHECK(worst({{Status::success, 1}, {Status::interrupted}}, true) == Status::interrupted);
  CHECK(worst({{Status::success, 1}, {Status::interrupted, 2}}, true) == Status::interrupted);
  CHECK(worst({{Status::already_adversarial, 0}, {Status::not_run}}, true) == Status::already_adversarial);
}

TEST_CASE("worst case: NaN, contradictions and invalid inputs are not robust whatever others say",
          "[worst_of]") {
  for (const Status doubt : {Status::invalid_input, Status::non_finite, Status::unstable})
    for (const Status verdict : {Status::not_found, Status::budget_exhausted, Status::start_failed}) {
      CHECK(worst({{doubt}, {verdict}}) == doubt);
      CHECK(worst({{verdict}, {doubt}}) == doubt);
    }
  CHECK(worst({{Status::unstable}, {Status::non_finite}}) == Status::non_finite);
  CHECK(worst({{Status::unstable}, {Status::success, 1}}, true) == Status::success);
  CHECK(worst({{Status::non_finite}, {Status::converged, 1}}, true) == Status::converged);
}

TEST_CASE("worst case: an attack that had its say counts where another had no start", "[worst_of]") {
  CHECK(worst({{Status::start_failed}, {Status::not_found}}) == Status::not_found);
  CHECK(worst({{Status::budget_exhausted}, {Status::start_failed}}) == Status::budget_exhausted);
  CHECK(worst({{Status::start_failed}, {Status::start_failed}}) == Status::start_failed);
  CHECK(worst({{Status::budget_exhausted}, {Status::not_found}}) == Status::not_found);
  CHECK(worst({{Status::not_found}}) == Status::not_found);
}

TEST_CASE("worst case: answers that were not finite in one run keep a sample from being robust",
          "[worst_of]") {
  std::vector<Result<Input>> results{result({{Status::not_found}}), result({{Status::success, 3}})};
  results[1].bad_rows[0] = 1;
  CHECK(worst_of(results).result.robust_accuracy(2) == 0);
  CHECK(worst_of(results).result.summary(2).non_finite == 1);
}

TEST_CASE("worst case: results of other samples are refused", "[worst_of]") {
  CHECK_THROWS_WITH(worst_of(std::vector<Result<Input>>()), ContainsSubstring("at least one"));
  CHECK_THROWS_WITH(worst_of(std::vector{result({{Status::not_found}}),
                                         result({{Status::not_found}, {Status::not_found}})}),
                    ContainsSubstring("(1, 1)") && ContainsSubstring("(2, 1)"));
  CHECK_THROWS_WITH(worst_of(std::vector<Outcome>()), ContainsSubstring("at least one"));
  const End end{Status::not_found};
  CHECK_THROWS_WITH(worst_of(std::vector{outcome({end}), outcome({end, end})}), ContainsSubstring("1 and 2"));
  CHECK_THROWS_WITH(worst_of(std::vector{outcome({end}, 0.1), outcome({end}, 0.2)}),
                    ContainsSubstring("0.1 and 0.2"));
  auto moved = outcome({end});
  moved.records[0].id = 7;
  CHECK_THROWS_WITH(worst_of(std::vector{outcome({end}), moved}), ContainsSubstring("0 and 7"));
  auto other = outcome({end});
  other.norm = Linf{};
  CHECK_THROWS_WITH(worst_of(std::vector{outcome({end}), other}), ContainsSubstring("l2 and linf"));
}

TEST_CASE("worst case: a minimal attack counts within the radius of the others", "[worst_of]") {
  const std::vector<Outcome> all{
      outcome({{Status::not_found}, {Status::not_found}, {Status::success, 0.9}}, 1),
      outcome({{Status::success, 0.5}, {Status::success, 2}, {Status::converged, 0.8}})};
  const auto worst = worst_of(all);
  CHECK(worst.outcome.title() == "worst case eps 1");
  CHECK(worst.outcome.seconds == 4);
  CHECK(worst.outcome.cost().queries == 60);
  CHECK(worst.outcome.cost().zero_gradients == 12);
  CHECK(worst.winner == std::vector<Index>{1, -1, 1});
  CHECK(worst.outcome.records[1].status == Status::not_found);
  CHECK(worst.outcome.records[1].distance == infinity);
  CHECK(worst.outcome.records[2].distance == 0.8);
  CHECK(worst.outcome.summary().robust == 1);
}

TEST_CASE("worst case: one for each norm and radius with several attacks", "[worst_of]") {
  const End none{Status::not_found};
  auto linf = outcome({none}, 0.5);
  linf.norm = Linf{};
  const std::vector<Outcome> all{outcome({none}, 1),
                                 outcome({none}, 2),
                                 outcome({{Status::success, 1.5}}),
                                 linf,
                                 outcome({none}, 1),
                                 outcome({{Status::success, 1.2}})};
  const auto cases = worst_cases(all);
  REQUIRE(cases.size() == 3);
  CHECK(cases[0].outcome.epsilon == 1);
  CHECK(cases[0].members == std::vector<std::size_t>{0, 2, 4, 5});
  CHECK(cases[0].winner == std::vector<Index>{-1});
  CHECK(cases[1].outcome.epsilon == 2);
  CHECK(cases[1].members == std::vector<std::size_t>{1, 2, 5});
  CHECK(cases[1].winner == std::vector<Index>{2});  // of the members
  CHECK_FALSE(cases[2].outcome.epsilon.has_value());
  CHECK(cases[2].members == std::vector<std::size_t>{2, 5});
  CHECK(worst_cases(std::vector{outcome({none}, 1), linf}).empty());
}
}  // namespace
