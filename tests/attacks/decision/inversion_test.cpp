// SPDX-License-Identifier: MIT
#include "foil/attacks/decision/inversion.hpp"

#include <limits>

#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

using namespace foil;
using Flat = Tensor<double, 2>;

namespace {

/// Whatever differs from its input in the first feature is of class 1.
auto differs(const Flat& inputs, const Bounds<double>& bounds) {
  return make_model<Flat>(bounds, [first = inputs(0, 0)](const Flat& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) labels[i] = x(i, 0) != first;
    return labels;
  });
}

}  // namespace

TEST_CASE("inversion: every feature is mirrored in the middle of its bounds, with one query", "[inversion]") {
  Flat inputs(1, 3);
  inputs.setValues({{0.25, 1.5, -1.0}});
  const auto model = differs(inputs, {-1, 3});
  const auto result = InversionAttack()(model, inputs, Labels(Labels::Zero(1)));
  CHECK(result.success[0]);
  CHECK(sample(result.adversarials, 0) == Eigen::Vector3d(1.75, 0.5, 3));
  CHECK(result.distances[0] == Eigen::Vector3d(1.5, -1, 4).norm());
  CHECK(result.queries[0] == 2);

  // Once more, it is the input again.
  const auto back =
      InversionAttack()(differs(result.adversarials, {-1, 3}), result.adversarials, Labels(Labels::Zero(1)));
  CHECK(sample(back.adversarials, 0) == sample(inputs, 0));
}

TEST_CASE("inversion: the way to the negative is bisected if asked for", "[inversion]") {
  Flat inputs(1, 1);
  inputs.setConstant(0.25);
  const auto far = make_model<Flat>(Bounds<double>(0, 1), [](const Flat& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) labels[i] = x(i, 0) > 0.6;
    return labels;
  });
  const auto result = InversionAttack({.bisections = 20})(far, inputs, Labels(Labels::Zero(1)));
  CHECK(result.distances[0] >= 0.35);
  CHECK(result.distances[0] <= 0.35 + 0x1p-20);
  CHECK(result.queries[0] == 22);
  CHECK_THROWS_AS(InversionAttack({.bisections = -1}), Error);
}

TEST_CASE("inversion: what a mask freezes stays, and an image that is its own negative is not asked about",
          "[inversion]") {
  Flat inputs(1, 3), mask(1, 3);
  inputs.setValues({{0.25, 0.75, 0.5}});
  mask.setValues({{1, 0, 1}});
  const auto model = differs(inputs, {0, 1});
  const auto result = InversionAttack()(model, inputs, Labels(Labels::Zero(1)), {.mask = mask});
  CHECK(sample(result.adversarials, 0) == Eigen::Vector3d(0.75, 0.75, 0.5));
  mask.setValues({{0, 0, 1}});
  const auto none = InversionAttack()(model, inputs, Labels(Labels::Zero(1)), {.mask = mask});
  CHECK(none.status[0] == Status::not_found);
  CHECK(none.queries[0] == 1);
}

TEST_CASE("inversion: an open box has no middle", "[inversion]") {
  Flat inputs(1, 2);
  inputs.setConstant(0.5);
  const double infinity = std::numeric_limits<double>::infinity();
  const auto result = InversionAttack()(differs(inputs, {0, infinity}), inputs, Labels(Labels::Zero(1)));
  CHECK(result.status[0] == Status::start_failed);
  CHECK(result.queries[0] == 1);
}
