// SPDX-License-Identifier: MIT
#include "foil/geometry/plasma.hpp"

#include "support/catch.hpp"

using namespace foil;

TEST_CASE("plasma: given draws give what the published fog's own sums give, bit for bit in their order",
          "[plasma]") {
  int k = 0;
  const auto draw = [&](double low, double high) {
    return low + (high - low) * ((k++ * 37 % 101 + 0.5) / 101);
  };
  const Eigen::MatrixXd map = geometry::plasma(4, 1.7, draw);
  Eigen::MatrixXd expected(4, 4);  // by NumPy, with np.roll on whole arrays
  expected << 1, 0.6255622837370242, 0.23999999999999994, 0.8349048442906575,  //
      0.3728460207612457, 0.2781833910034602, 0.19390138408304494, 0.5342387543252596, 0.9799999999999999,
      0.3737110726643597, 0, 0.5830536332179931,  //
      0.9662716262975779, 0.7902941176470588, 0.08836505190311424, 0.34738754325259513;
  CHECK((map - expected).cwiseAbs().maxCoeff() < 1e-14);
  CHECK(k == 15);
}

TEST_CASE("plasma: without chance it is flat, one point is nothing, and other sides are refused",
          "[plasma]") {
  const auto never = [](double, double) { return 0.0; };
  CHECK(geometry::plasma(8, 2, never).isZero(0));
  CHECK(geometry::plasma(1, 2, never).isZero(0));
  CHECK_THROWS_WITH(geometry::plasma(6, 2, never),
                    Catch::Matchers::ContainsSubstring("a power of two and decay > 0, got 6 and 2"));
}
