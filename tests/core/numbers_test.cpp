// SPDX-License-Identifier: MIT
#include "foil/core/numbers.hpp"

#include <cmath>
#include <initializer_list>
#include <limits>

#include "foil/core/losses.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Row = Eigen::VectorXd;

Row row(std::initializer_list<double> entries) {
  Row out(static_cast<Index>(entries.size()));
  Index i = 0;
  for (const double entry : entries) out[i++] = entry;
  return out;
}

TEST_CASE("numbers: a softmax looks like probabilities, in single precision and saturated too", "[numbers]") {
  test::Random random(1);
  for (int run = 0; run < 200; ++run) {
    const double scale = std::exp(random.uniform(-2, 6));
    const Row p = losses::softmax(scale * random.normals(2 + random.integer(30)));
    CAPTURE(p);
    CHECK(looks_like_probabilities(p));
    CHECK(looks_like_probabilities(Eigen::VectorXf(p.cast<float>())));
  }
  CHECK(looks_like_probabilities(row({1, 0})));
}

TEST_CASE("numbers: sigmoids do once they saturate", "[numbers]") {
  const auto sigmoids = [](const Row& z) {
    return Eigen::VectorXf((1 / (1 + (-z.array()).exp())).cast<float>());
  };
  CHECK(looks_like_probabilities(sigmoids(row({20, -3, 1}))));
  CHECK(looks_like_probabilities(sigmoids(row({-20, -3, 1}))));
  CHECK(looks_like_probabilities(sigmoids(row({20, 1}))));
  CHECK_FALSE(looks_like_probabilities(sigmoids(row({2, -3, 1}))));
}

TEST_CASE("numbers: logits do not", "[numbers]") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  CHECK_FALSE(looks_like_probabilities(Row()));
  CHECK_FALSE(looks_like_probabilities(row({0.2, -0.1, 0.9})));
  CHECK_FALSE(looks_like_probabilities(row({0.2, 0.1, 1.001})));
  CHECK_FALSE(looks_like_probabilities(row({0.2, 0.1, 0.3})));
  CHECK_FALSE(looks_like_probabilities(row({0, 0, 0})));  // a dead layer
  CHECK_FALSE(looks_like_probabilities(row({0.5, 0.5})));
  CHECK_FALSE(looks_like_probabilities(row({0, 0.7})));  // a single logit
  CHECK_FALSE(looks_like_probabilities(row({std::nan(""), 1})));
  CHECK_FALSE(looks_like_probabilities(row({1, infinity})));
  test::Random random(2);
  int chance = 0;
  for (int run = 0; run < 1000; ++run) chance += looks_like_probabilities(Row(random.normals(10)));
  CHECK(chance == 0);
}
}  // namespace
