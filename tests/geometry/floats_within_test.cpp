// SPDX-License-Identifier: MIT
#include "foil/geometry/floats_within.hpp"

#include <cmath>
#include <limits>

#include "support/catch.hpp"

using foil::Index;
using foil::geometry::floats_within;
using foil::geometry::next_float;

TEST_CASE("floats within: the next float is the next float", "[geometry]") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const float least = std::numeric_limits<float>::denorm_min(), most = std::numeric_limits<float>::max();
  for (const float x : {0.0f, -0.0f, least, -least, 1.0f, -1.0f, 0.1f, -0.1f, 0x1p-126f, most, -most}) {
    CAPTURE(x);
    CHECK(next_float(x, true) == std::nextafterf(x, infinity));
    CHECK(next_float(x, false) == std::nextafterf(x, -infinity));
  }
}

TEST_CASE("floats within: the ends are the outermost floats of ball and box", "[geometry]") {
  constexpr Index n = 1500;
  for (const double epsilon : {0.0, 1e-9, 0.1, 8.0 / 255, 0.3, 2.0})
    for (const double scale : {1.0, 1e-3, 255.0}) {
      Eigen::VectorXd x(n), from(n), to(n), low(n), high(n);
      for (Index i = 0; i < n; ++i) {  // every float of the box, and its ends
        x[i] = static_cast<double>(static_cast<float>(scale * static_cast<double>((i * 7919) % n) / (n - 1)));
        from[i] = 0;
        to[i] = static_cast<double>(static_cast<float>(scale));
      }
      floats_within(x, from, to, epsilon, low, high);
      for (Index i = 0; i < n; ++i) {
        CAPTURE(epsilon, scale, i);
        const auto inside = [&](float value) {
          const auto wide = static_cast<double>(value);
          return std::abs(wide - x[i]) <= epsilon && wide >= from[i] && wide <= to[i];
        };
        const auto a = static_cast<float>(low[i]), b = static_cast<float>(high[i]);
        if (!inside(a) || static_cast<double>(a) != low[i])
          FAIL_CHECK("the lower end " << a << " is outside");
        if (!inside(b) || static_cast<double>(b) != high[i])
          FAIL_CHECK("the upper end " << b << " is outside");
        if (inside(next_float(a, false))) FAIL_CHECK("below " << a << " there is more");
        if (inside(next_float(b, true))) FAIL_CHECK("above " << b << " there is more");
      }
    }
}
