// SPDX-License-Identifier: MIT
#include "foil/core/parse.hpp"

#include "support/catch.hpp"

using foil::parse_double;
using foil::detail::parse_by_strtod;

TEST_CASE("a text that is a number as a whole is read, by either way alike") {
  for (const char* text : {"0", "-0.5", "1e300", "1e+3", "2E-3", ".25", "5.", "0.1", "1.7976931348623157e308",
                           "5e-324", "123456789012345678901234567890"}) {
    CAPTURE(text);
    REQUIRE(parse_double(text));
    CHECK(parse_by_strtod(text) == parse_double(text));
  }
  CHECK(parse_double("0.1") == 0.1);
  CHECK(parse_double("1e+3") == 1000);
}

TEST_CASE("anything else is no number, by either way") {
  for (const char* text : {"", " 1", "1 ", "+1", "\t1", "0x10", "1,5", "1.5.2", "1e", "--1", "one", "1e999",
                           "-1e999", "1e-999", "1f"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_double(text));
    CHECK_FALSE(parse_by_strtod(text));
  }
}
