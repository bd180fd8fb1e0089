// SPDX-License-Identifier: MIT
#include "foil/attacks/decision/binarization_refinement.hpp"

#include <cmath>
#include <initializer_list>
#include <limits>
#include <tuple>

#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

using namespace foil;

namespace {

/// Class 1 once at least `count` features are on the other side of the threshold than in the input.
template <class Scalar>
auto binary(const Tensor<Scalar, 2>& input, Scalar threshold, bool upper, Index count,
            Bounds<Scalar> bounds) {
  const auto above = [=](Scalar value) { return upper ? value >= threshold : value > threshold; };
  return make_model<Tensor<Scalar, 2>>(bounds, [=](const Tensor<Scalar, 2>& x) {
    Labels labels(samples(x));
    for (Index n = 0; n < labels.size(); ++n) {
      Index crossed = 0;
      for (Index i = 0; i < sample(x, n).size(); ++i) crossed += above(x(n, i)) != above(input(0, i));
      labels[n] = crossed >= count;
    }
    return labels;
  });
}

template <class Scalar>
Tensor<Scalar, 2> row(std::initializer_list<Scalar> values) {
  Tensor<Scalar, 2> out(1, static_cast<Index>(values.size()));
  Index i = 0;
  for (const Scalar value : values) out(0, i++) = value;
  return out;
}

const Labels zero = Labels::Zero(1);

}  // namespace

TEMPLATE_TEST_CASE("binarisation refinement: features go to the first value beyond the threshold, or back",
                   "[binarization]", float, double) {
  using T = TestType;
  const bool upper = GENERATE(true, false);
  // Bounds and thresholds in different binades, about zero among them.
  for (const auto& [low, high, share] :
       {std::tuple{T(-1), T(3), 0.5}, {T(-2), T(2), 0.5}, {T(0), T(1), 0.3}}) {
    const T threshold = low + static_cast<T>(share * static_cast<double>(high - low));
    const T side = T(0.2), up = upper ? threshold : std::nextafter(threshold, high);
    const T down = upper ? std::nextafter(threshold, low) : threshold;
    const auto input = row<T>({threshold - side, threshold + side, threshold - side, threshold + side});
    const auto start = row<T>({threshold + side, threshold - side, low, high});
    const auto model = binary<T>(input, threshold, upper, 2, {low, high});
    const BinarizationRefinementAttack attack(
        {.threshold = share, .included_in = upper ? ThresholdSide::upper : ThresholdSide::lower});
    const auto result = attack(model, input, zero, {.starting_points = start});
    CAPTURE(low, upper);
    REQUIRE(result.success[0]);
    CHECK(result.adversarials(0, 0) == up);
    CHECK(result.adversarials(0, 1) == down);
    CHECK(result.adversarials(0, 2) == input(0, 2));
    CHECK(result.adversarials(0, 3) == input(0, 3));
    CHECK(result.queries[0] == 3);
  }
}

TEST_CASE("binarisation refinement: on a lattice the first value beyond the threshold is one of it",
          "[binarization]") {
  const bool upper = GENERATE(true, false);
  const auto input = row<float>({0.25f, 0.75f}), start = row<float>({1.0f, 0.0f});
  const auto model = binary<float>(input, 0.5f, upper, 2, {0, 1});
  const BinarizationRefinementAttack attack(
      {.included_in = upper ? ThresholdSide::upper : ThresholdSide::lower});
  const auto result = attack(model, input, zero, {.starting_points = start, .lattice = {0, 1, 8}});
  CHECK(result.adversarials(0, 0) == (upper ? 0.5f : 0.625f));
  CHECK(result.adversarials(0, 1) == (upper ? 0.375f : 0.5f));
}

TEST_CASE("binarisation refinement: what the model does not confirm leaves the start as it was",
          "[binarization]") {
  const auto input = row<double>({0.25, 0.75}), start = row<double>({0.9, 0.75});
  // The model's threshold is not the one that the attack is told.
  const auto model = binary<double>(input, 0.8, true, 1, {0, 1});
  const auto result = BinarizationRefinementAttack()(model, input, zero, {.starting_points = start});
  CHECK(result.success[0]);
  CHECK(result.adversarials(0, 0) == 0.9);
  CHECK(result.queries[0] == 3);
}

TEST_CASE("binarisation refinement: without a start or without ends of the box there is nothing to refine",
          "[binarization]") {
  const auto input = row<double>({0.25, 0.75});
  const auto never = binary<double>(input, 0.5, true, 3, {0, 1});
  CHECK(BinarizationRefinementAttack()(never, input, zero).status[0] == Status::start_failed);
  const auto open = binary<double>(input, 0.5, true, 1, {0, std::numeric_limits<double>::infinity()});
  const auto result = BinarizationRefinementAttack()(open, input, zero);
  CHECK(result.status[0] == Status::start_failed);
  CHECK(result.queries[0] == 1);
}
