// SPDX-License-Identifier: MIT
#include "foil/nn/error_function.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/catch.hpp"

namespace {

/// The error function of one number, computed in the given lane.
template <class T>
T erf_of(T x, foil::Index lane = 0) {
  foil::nn::Pack<T> v = foil::nn::broadcast<T>(T(1));
  v[lane] = x;
  return foil::nn::erf<T>(v)[lane];
}

}  // namespace

TEMPLATE_TEST_CASE("error function: agrees with the standard library to a few units in the last place",
                   "[nn][math]", float, double) {
  using T = TestType;
  const auto limit = 4.0L * static_cast<long double>(std::numeric_limits<T>::epsilon());
  long double worst = 0;
  const auto look = [&](T x) {
    const long double expected = std::erf(static_cast<long double>(x));
    const auto error = [&](T got) { return std::abs(static_cast<long double>(got) / expected - 1); };
    worst = std::max({worst, error(erf_of<T>(x)), error(-erf_of<T>(-x))});
  };
  for (int i = 1; i <= 30000; ++i) look(T(8) * static_cast<T>(i) / T(30000));
  for (T x = T(0.01); x > T(1e-30); x *= T(0.91)) look(x);
  CHECK(worst < limit);
}

TEMPLATE_TEST_CASE("error function: its ends, and the same bits in every lane", "[nn][math]", float, double) {
  using T = TestType;
  constexpr T infinity = std::numeric_limits<T>::infinity();
  CHECK(erf_of<T>(T(0)) == T(0));
  CHECK(erf_of<T>(infinity) == T(1));
  CHECK(erf_of<T>(-infinity) == T(-1));
  CHECK(std::isnan(erf_of<T>(std::numeric_limits<T>::quiet_NaN())));
  for (foil::Index lane = 0; lane < foil::nn::lanes<T>; ++lane)
    for (const T x : {T(-0.2), T(0.9), T(3.3)}) CHECK(erf_of<T>(x, lane) == erf_of<T>(x));
}
