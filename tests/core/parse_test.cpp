// SPDX-License-Identifier: MIT
#include "foil/core/parse.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "support/catch.hpp"

using foil::did_you_mean;
using foil::edit_distance;
using foil::parse_real;
using foil::parse_whole;

TEST_CASE("parse: whole numbers are decimal, and fit or are none", "[parse]") {
  CHECK(parse_whole<int>("10") == 10);
  CHECK(parse_whole<int>("010") == 10);
  CHECK(parse_whole<int>("-3") == -3);
  CHECK(parse_whole<std::uint64_t>("18446744073709551615") == std::numeric_limits<std::uint64_t>::max());
  for (const char* none : {"", "x", "1x", " 1", "1 ", "0x10", "1.0", "1e3", "+1", "99999999999"})
    CHECK_FALSE(parse_whole<int>(none));
  for (const char* none : {"-1", "18446744073709551616", "99999999999999999999999"})
    CHECK_FALSE(parse_whole<std::uint64_t>(none));
}

TEST_CASE("parse: real numbers are decimals and fractions of them", "[parse]") {
  CHECK(parse_real("0.1") == 0.1);
  CHECK(parse_real("1e-3") == 1e-3);
  CHECK(parse_real("-2.5E+2") == -250);
  CHECK(parse_real(".5") == 0.5);
  CHECK(parse_real("0.30000000000000004") == 0.1 + 0.2);
  CHECK(parse_real("8/255") == 8.0 / 255);
  CHECK(parse_real("-1/3") == -1.0 / 3);
  CHECK(parse_real("0.5/255") == 0.5 / 255);
  CHECK(parse_real("-inf") == -std::numeric_limits<double>::infinity());
  CHECK(std::isnan(parse_real("nan").value_or(0)));
  for (const char* none :
       {"",    "x",   "0.1x", " 1",   "1 ", "0x10",  "1,5",     "1e400", "+1",    "1e",
        "--1", "1/0", "0/0",  "/255", "8/", "1/2/3", "8 / 255", "1/inf", "nan/1", "1e308/1e-308"})
    CHECK_FALSE(parse_real(none));
}

TEST_CASE("parse: without from_chars for them, real numbers are read alike", "[parse]") {
  using foil::detail::parse_by_strtod;
  for (const char* text : {"0", "-0.5", "1e300", "1e+3", "2E-3", ".25", "5.", "0.1", "1.7976931348623157e308",
                           "5e-324", "123456789012345678901234567890"}) {
    CAPTURE(text);
    REQUIRE(parse_real(text));
    CHECK(parse_by_strtod(text) == parse_real(text));
  }
  for (const char* none : {"", " 1", "1 ", "+1", "\t1", "0x10", "1,5", "1.5.2", "1e", "--1", "one", "1e999",
                           "-1e999", "1e-999", "1f"}) {
    CAPTURE(none);
    CHECK_FALSE(parse_real(none));
    CHECK_FALSE(parse_by_strtod(none));
  }
}

TEST_CASE("parse: names that are nearly right are recognised", "[parse]") {
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("fgms", "fgsm") == 1);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("Random_Start", "random-start") == 0);
  CHECK(edit_distance("abc", "abc") == 0);
  const std::vector<std::string> names{"fgsm", "linf-pgd", "l2-pgd", "boundary"};
  CHECK(did_you_mean("fgms", names) == "; did you mean fgsm?");
  CHECK(did_you_mean("linfpgd", names) == "; did you mean linf-pgd?");
  CHECK(did_you_mean("l1-pgd", names) == "; did you mean l2-pgd?");
  CHECK(did_you_mean("boundry", names) == "; did you mean boundary?");
  CHECK(did_you_mean("nonsense", names).empty());
  CHECK(did_you_mean("x", std::vector<std::string>{"a", "b"}).empty());
  CHECK(did_you_mean("seed", std::vector<std::string>{"feed", "need", "reed", "weed"}) ==
        "; did you mean feed or need or reed?");
}
