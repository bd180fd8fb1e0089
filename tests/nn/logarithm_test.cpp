// SPDX-License-Identifier: MIT
#include "foil/nn/logarithm.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/catch.hpp"

namespace {

using foil::Index;
using foil::nn::Pack;

/// F of one number, computed in the given lane.
template <class T, class F>
T in_lane(F&& f, T x, Index lane = 0) {
  Pack<T> v = foil::nn::broadcast<T>(T(1));
  v[lane] = x;
  return f(v)[lane];
}
template <class T>
T log_of(T x, Index lane = 0) {
  return in_lane<T>([](Pack<T> v) { return foil::nn::log<T>(v); }, x, lane);
}
template <class T>
T softplus_of(T x) {
  return in_lane<T>([](Pack<T> v) { return foil::nn::log1p_exp<T>(v); }, x);
}

}  // namespace

TEMPLATE_TEST_CASE("logarithm: agrees with the standard library to two units in the last place", "[nn][math]",
                   float, double) {
  using T = TestType;
  const auto limit = 2.0L * static_cast<long double>(std::numeric_limits<T>::epsilon());
  long double worst = 0;
  const auto look = [&](T x) {
    const long double expected = std::log(static_cast<long double>(x));
    const long double error = std::abs(static_cast<long double>(log_of<T>(x)) - expected);
    worst = std::max(worst, expected == 0 ? error : error / std::abs(expected));
  };
  for (T x = T(16) * std::numeric_limits<T>::denorm_min(); x < std::numeric_limits<T>::max() / T(1.2);
       x *= T(1.13))
    look(x);
  for (int i = 0; i < 20000; ++i) look(T(0.5) + T(1.5) * static_cast<T>(i) / T(20000));
  for (T step = T(0.01); step > std::numeric_limits<T>::epsilon(); step *= T(0.7)) {
    look(T(1) + step);
    look(T(1) - step);
  }
  CHECK(worst < limit);
  CHECK(log_of<T>(T(1)) == T(0));
}

TEMPLATE_TEST_CASE("logarithm: its ends, and the same bits in every lane", "[nn][math]", float, double) {
  using T = TestType;
  constexpr T infinity = std::numeric_limits<T>::infinity();
  CHECK(log_of<T>(T(0)) == -infinity);
  CHECK(log_of<T>(-T(0)) == -infinity);
  CHECK(log_of<T>(infinity) == infinity);
  CHECK(std::isnan(log_of<T>(T(-1))));
  CHECK(std::isnan(log_of<T>(-infinity)));
  CHECK(std::isnan(log_of<T>(std::numeric_limits<T>::quiet_NaN())));
  for (Index lane = 0; lane < foil::nn::lanes<T>; ++lane)
    for (const T x : {T(1e-40), T(0.3), T(7.7)}) CHECK(log_of<T>(x, lane) == log_of<T>(x));
}

TEMPLATE_TEST_CASE("logarithm: of one plus an exponential, without overflow or cancellation", "[nn][math]",
                   float, double) {
  using T = TestType;
  const auto limit = 4.0L * static_cast<long double>(std::numeric_limits<T>::epsilon());
  for (T x = T(-80); x < T(80); x += T(0.037)) {
    const long double expected = std::log1p(std::exp(static_cast<long double>(x)));
    CAPTURE(x);
    REQUIRE(std::abs(static_cast<long double>(softplus_of<T>(x)) - expected) <= limit * expected);
  }
  CHECK(softplus_of<T>(T(1e30)) == T(1e30));
  CHECK(softplus_of<T>(T(-1e30)) == T(0));
  CHECK(std::isnan(softplus_of<T>(std::numeric_limits<T>::quiet_NaN())));
}
