// SPDX-License-Identifier: MIT
#include "foil/core/error.hpp"

#include <limits>
#include <string>

#include "support/catch.hpp"

namespace {
using foil::require;
using foil::text;

TEST_CASE("error: texts and numbers are glued, numbers in their shortest exact form", "[error]") {
  CHECK(text() == "");
  CHECK(text("a", std::string("b"), std::string_view("c"), 'd' == 'd', 7, -8L, 0.1, 0.1f, 1e300) ==
        "abctrue7-80.10.11e+300");
  CHECK(text(std::numeric_limits<double>::infinity(), " ", std::numeric_limits<double>::quiet_NaN()) ==
        "inf nan");
  CHECK(text(std::numeric_limits<std::int64_t>::min(), " ", std::numeric_limits<double>::denorm_min()) ==
        "-9223372036854775808 5e-324");
  CHECK(std::stod(text(1.0 / 3)) == 1.0 / 3);
  CHECK(text(1, ',', 2, '\n') == "1,2\n");
}

TEST_CASE("error: require throws only if its condition fails, with the message", "[error]") {
  CHECK_NOTHROW(require(true, "not ", 1));
  CHECK_THROWS_WITH(require(false, "expected ", 2, ", got ", false), "expected 2, got false");
  CHECK_THROWS_AS(require(false, "x"), foil::Error);
  CHECK_THROWS_AS(require(false, "x"), std::runtime_error);
}
}  // namespace
