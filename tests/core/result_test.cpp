// SPDX-License-Identifier: MIT
#include "foil/core/result.hpp"

#include <cmath>
#include <limits>
#include <set>
#include <string>

#include "support/catch.hpp"

namespace {
using namespace foil;
using Input = Tensor<float, 2>;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Samples of a finished attack; an infinite distance is a failure.
Result<Input> with_distances(std::initializer_list<double> distances) {
  Result<Input> result(Input(static_cast<Index>(distances.size()), 1));
  Index i = 0;
  for (const double d : distances) {
    result.distances[i] = d;
    result.success[i] = std::isfinite(d);
    result.predictions[i] = 0;
    result.status[static_cast<std::size_t>(i++)] = std::isfinite(d) ? Status::success : Status::not_found;
  }
  return result;
}

TEST_CASE("result: before anything has run, the inputs as they are and nothing found", "[result]") {
  Input inputs(2, 2);
  inputs.setValues({{1, 2}, {3, 4}});
  const Result<Input> result(inputs);
  CHECK(result.size() == 2);
  CHECK(as_matrix(result.adversarials) == as_matrix(inputs));
  CHECK_FALSE(result.success.any());
  CHECK(result.distances == Eigen::VectorXd::Constant(2, infinity));
  CHECK(result.status == std::vector<Status>(2, Status::not_run));
  CHECK(result.queries.sum() == 0);
  CHECK(result.zero_gradients == Counts::Zero(2));
  CHECK(result.probability_rows == Counts::Zero(2));
  CHECK(result.classes == 0);
  CHECK(result.predictions == Labels::Constant(2, -1));
  CHECK(result.traces.size() == 2);
}

TEST_CASE("result: rates and robust accuracy for every radius", "[result]") {
  const auto result = with_distances({0.5, 0.25, infinity, 2});
  CHECK(result.success_rate() == 0.75);
  CHECK(result.robust_accuracy() == 0.25);
  CHECK(result.robust_accuracy(0) == 1);
  CHECK(result.robust_accuracy(0.5) == 0.5);
  CHECK(result.robust_accuracy(0.49) == 0.75);
  CHECK(result.robust_accuracy(2) == 0.25);
  CHECK(result.summary(0.5).success_rate() == 0.5);
  CHECK(result.summary(0.5).median_distance == infinity);  // the two that are farther away are failures
  CHECK(std::isnan(with_distances({}).success_rate()));
  CHECK(std::isnan(with_distances({}).robust_accuracy()));
}

TEST_CASE("result: the median counts failures as infinitely far", "[result]") {
  CHECK(with_distances({3, 1, 2}).median_distance() == 2);
  CHECK(with_distances({4, 1, 2, 3}).median_distance() == 2.5);
  CHECK(with_distances({1, infinity, 2}).median_distance() == 2);
  CHECK(with_distances({1, infinity}).median_distance() == infinity);
  CHECK(with_distances({infinity, infinity}).median_distance() == infinity);
  CHECK(with_distances({7}).median_distance() == 7);
  CHECK(std::isnan(with_distances({}).median_distance()));
}

TEST_CASE("result: what is wrong as it is counts against the model, not for the attack", "[result]") {
  auto result = with_distances({1, infinity, 0, 3});
  result.status[2] = Status::already_adversarial;
  CHECK_FALSE(result.correct(2));
  CHECK(result.summary().wrong == 1);
  CHECK(result.success_rate() == Catch::Approx(2.0 / 3));
  CHECK(result.robust_accuracy() == 0.25);
  CHECK(result.robust_accuracy(0.5) == 0.75);
  CHECK(result.median_distance() == 3);
}

TEST_CASE("result: a sample that was never attacked as it should be is not robust", "[result]") {
  const Status ended =
      GENERATE(Status::invalid_input, Status::non_finite, Status::start_failed, Status::unstable);
  auto result = with_distances({infinity, infinity});
  result.status = {ended, ended};
  CHECK(result.robust_accuracy() == 0);
  CHECK(result.robust_accuracy(0.1) == 0);
  result.status[0] = Status::not_found;
  CHECK(result.robust_accuracy() == 0.5);
}

TEST_CASE("result: a clean answer of NaN is wrong, a later one is a failure of the attack", "[result]") {
  auto result = with_distances({infinity, infinity});
  result.status = {Status::non_finite, Status::non_finite};
  result.predictions[0] = -1;
  CHECK_FALSE(result.correct(0));
  CHECK(result.correct(1));
  CHECK(result.summary().non_finite == 2);
  CHECK(result.summary().attacked == 1);
  CHECK(result.success_rate() == 0);
  CHECK(result.robust_accuracy() == 0);
}

TEST_CASE("result: a run that has not begun has no figures", "[result]") {
  const Result<Input> result(Input(3, 1));
  CHECK(result.summary().unfinished == 3);
  CHECK(std::isnan(result.success_rate()));
  CHECK(std::isnan(result.robust_accuracy()));
  CHECK(std::isnan(result.median_distance()));
}

TEST_CASE("result: every status has a name of its own", "[result]") {
  std::set<std::string> names;
  for (int i = 0; i <= static_cast<int>(Status::failed); ++i)
    names.insert(std::string(to_string(static_cast<Status>(i))));
  CHECK(names.size() == static_cast<std::size_t>(Status::failed) + 1);
  CHECK(names.count("unknown") == 0);
  CHECK(to_string(Status::already_adversarial) == "already_adversarial");
}

TEST_CASE("result: a failed run carries what it had", "[result]") {
  try {
    throw RunFailure<Input>("it broke", with_distances({1, 2}));
  } catch (const Error& error) {
    CHECK(std::string(error.what()) == "it broke");
    const auto* failure = dynamic_cast<const RunFailure<Input>*>(&error);
    REQUIRE(failure);
    CHECK(failure->partial.distances[1] == 2);
  }
}
}  // namespace
