// SPDX-License-Identifier: MIT
#include "foil/nn/math.hpp"

#include <cmath>
#include <limits>

#include "support/catch.hpp"

namespace {

/// The exponential of one number, computed in the given lane.
template <class T>
T lane_exp(T x, foil::Index lane) {
  foil::nn::Pack<T> v = foil::nn::broadcast<T>(T(1));
  v[lane] = x;
  return foil::nn::exp<T>(v)[lane];
}

}  // namespace

TEMPLATE_TEST_CASE("math: exp agrees with the standard library to two units in the last place", "[nn][math]",
                   float, double) {
  using T = TestType;
  const double limit = 2.0 * static_cast<double>(std::numeric_limits<T>::epsilon());
  const T end = std::is_same_v<T, float> ? T(87) : T(700);
  double worst = 0;
  for (int i = 0; i <= 20000; ++i) {
    const T x = -end + T(2) * end * static_cast<T>(i) / T(20000);
    const double expected = std::exp(static_cast<double>(x));
    worst = std::max(worst, std::abs(static_cast<double>(lane_exp<T>(x, 0)) / expected - 1));
  }
  CHECK(worst < limit);
}

TEMPLATE_TEST_CASE("math: expm1 keeps its relative accuracy towards zero", "[nn][math]", float, double) {
  using T = TestType;
  const double limit = 3.0 * static_cast<double>(std::numeric_limits<T>::epsilon());
  for (T x = T(-60); x < T(-1e-30); x *= T(0.97)) {
    const double expected = std::expm1(static_cast<double>(x));
    const T got = foil::nn::expm1_negative<T>(foil::nn::broadcast<T>(x))[0];
    CAPTURE(x);
    REQUIRE(std::abs(static_cast<double>(got) / expected - 1) < limit);
  }
  CHECK(foil::nn::expm1_negative<T>(foil::nn::Pack<T>{})[0] == T(0));
}

TEMPLATE_TEST_CASE("math: exp at its ends", "[nn][math]", float, double) {
  using T = TestType;
  constexpr T infinity = std::numeric_limits<T>::infinity();
  CHECK(lane_exp<T>(T(0), 0) == T(1));
  CHECK(lane_exp<T>(infinity, 0) == infinity);
  CHECK(lane_exp<T>(T(1e4), 0) == infinity);
  CHECK(lane_exp<T>(-infinity, 0) == T(0));
  CHECK(lane_exp<T>(T(-1e4), 0) == T(0));
  CHECK(std::isnan(lane_exp<T>(std::numeric_limits<T>::quiet_NaN(), 0)));
  const T tiny = std::log(std::numeric_limits<T>::min()) - T(2);  // a subnormal result
  CHECK(lane_exp<T>(tiny, 0) == Catch::Approx(std::exp(tiny)).epsilon(1e-4));
}

TEMPLATE_TEST_CASE("math: every lane computes the same bits", "[nn][math]", float, double) {
  using T = TestType;
  for (foil::Index lane = 0; lane < foil::nn::lanes<T>; ++lane)
    for (const T x : {T(-3.7), T(0.1), T(12.3)}) CHECK(lane_exp<T>(x, lane) == lane_exp<T>(x, 0));
}
