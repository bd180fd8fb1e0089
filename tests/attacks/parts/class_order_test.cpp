// SPDX-License-Identifier: MIT
#include "foil/attacks/parts/class_order.hpp"

#include "foil/attacks/parts/schedule.hpp"
#include "support/catch.hpp"

using foil::Index;

TEST_CASE("class order: the largest logits first, without the class to leave") {
  const Eigen::VectorXd z{{0.5, 3, -1, 3, 2}};
  CHECK(foil::class_order(z, 1, 10) == std::vector<Index>{3, 4, 0, 2});
  CHECK(foil::class_order(z, 4, 2) == std::vector<Index>{1, 3});
  CHECK(foil::class_order(z, 4, 0).empty());
  CHECK(foil::class_order(Eigen::VectorXd{{1.0}}, 0, 3).empty());
}

TEST_CASE("schedules begin at the first value, end at the last, and cross the middle where they should") {
  for (const auto decay : {foil::cosine_decay, foil::linear_decay, foil::exponential_decay}) {
    CHECK(decay(4, 0.25, 0) == Catch::Approx(4).epsilon(1e-15));
    CHECK(decay(4, 0.25, 1) == Catch::Approx(0.25).epsilon(1e-15));
  }
  CHECK(foil::cosine_decay(4, 1, 0.5) == Catch::Approx(2.5));
  CHECK(foil::linear_decay(4, 1, 0.25) == Catch::Approx(3.25));
  CHECK(foil::exponential_decay(4, 1, 0.5) == Catch::Approx(2));
}
