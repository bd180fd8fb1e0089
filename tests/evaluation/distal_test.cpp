// SPDX-License-Identifier: MIT
#include "foil/evaluation/distal.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "foil/models/calibrated_softmax.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Catch::Matchers::ContainsSubstring;
using Rows = Tensor<double, 2>;
const auto softmax = [](const Logits<double>& z) { return calibrated_softmax(z, 1, 0); };
}  // namespace

TEST_CASE("distal: noise becomes a class of an affine model, with confidence and as counted",
          "[evaluation]") {
  const auto model = test::random_affine<Rows>(4, 30, 1);
  const test::CountingModel counting(model);
  const DistalOptions options{.steps = 500, .learning_rate = 0.01};
  const auto found = distal(counting, Rows::Dimensions(6, 30), 2, softmax, options);
  REQUIRE(found.success.all());
  CHECK(counting.forward == found.steps.sum() + 6);
  CHECK(counting.backward == found.steps.sum() + 6);
  const Logits<double> sure = softmax(model.logits(found.inputs));
  for (Index i = 0; i < 6; ++i) {
    CHECK(found.confidences[i] == sure(i, 2));
    CHECK(sure(i, 2) >= 0.9);
    CHECK(found.steps[i] < 500);
  }
  CHECK(found.steps.maxCoeff() > 0);
  CHECK(as_matrix(found.inputs).minCoeff() >= 0);
  CHECK(as_matrix(found.inputs).maxCoeff() <= 1);

  // A row has its own noise and its own descent, whatever is beside it.
  const auto fewer = distal(model, Rows::Dimensions(2, 30), 2, softmax, options);
  CHECK(as_matrix(fewer.inputs) == as_matrix(found.inputs).topRows(2));
  CHECK(as_matrix(found.inputs).row(0) != as_matrix(found.inputs).row(1));
  DistalOptions other = options;
  other.seed = 7;
  CHECK(as_matrix(distal(model, Rows::Dimensions(2, 30), 2, softmax, other).inputs) !=
        as_matrix(fewer.inputs));
  // No step at all is the noise.
  other = {.steps = 0};
  const auto noise = distal(model, Rows::Dimensions(50, 30), 2, softmax, other);
  CHECK(noise.steps.isZero(0));
  CHECK(std::abs(as_matrix(noise.inputs).mean() - 0.5) < 0.03);
  CHECK(as_matrix(noise.inputs).minCoeff() < 0.02);
}

TEST_CASE("distal: two steps are gradient descent with momentum, within the bounds", "[evaluation]") {
  const auto model = test::random_affine<Rows>(3, 4, 5);
  const Rows::Dimensions shape(1, 4);
  const auto after = [&](int steps) {
    const DistalOptions options{.steps = steps, .learning_rate = 0.1, .momentum = 0.5, .confidence = 1};
    return distal(model, shape, 0, softmax, options);
  };
  Eigen::VectorXd x = sample(after(0).inputs, 0), speed = Eigen::VectorXd::Zero(4);
  for (int step = 1; step <= 2; ++step) {
    const Eigen::VectorXd p = (model.weights() * x + model.offsets()).array().exp();
    Eigen::VectorXd slope = p / p.sum();
    slope[0] -= 1;
    speed = 0.5 * speed + model.weights().transpose() * slope;
    x = (x - 0.1 * speed).cwiseMax(0).cwiseMin(1);
    const auto found = after(step);
    CHECK((sample(found.inputs, 0) - x).norm() < 1e-12);
    CHECK(found.steps[0] == step);
    CHECK(!found.success[0]);
  }
}

TEST_CASE("distal: calibrated confidence withholds what logits would give", "[evaluation]") {
  const auto model = test::random_affine<Rows>(4, 30, 1);
  const auto unsure = [](const Logits<double>& z) { return calibrated_softmax(z, 1, 1e9); };
  const auto found = distal(model, Rows::Dimensions(3, 30), 2, unsure, {.steps = 50, .learning_rate = 0.01});
  CHECK(!found.success.any());
  CHECK((found.steps.array() == 50).all());
  CHECK(found.confidences.maxCoeff() < 0.5);

  CHECK_THROWS_WITH(distal(model, Rows::Dimensions(1, 30), 4, softmax), ContainsSubstring("classes 0 to 3"));
  CHECK_THROWS_WITH(distal(model, Rows::Dimensions(0, 30), 0, softmax),
                    ContainsSubstring("at least one sample"));
  const auto wide = test::random_affine<Rows>(2, 3, 1, {-std::numeric_limits<double>::infinity(), 1});
  CHECK_THROWS_WITH(distal(wide, Rows::Dimensions(1, 3), 0, softmax), ContainsSubstring("finite bounds"));
  CHECK_THROWS_WITH(distal(model, Rows::Dimensions(1, 30), 0, softmax, {.momentum = 1}),
                    ContainsSubstring("momentum"));
}
