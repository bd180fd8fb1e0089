// SPDX-License-Identifier: MIT
#include "foil/core/error.hpp"

#include <limits>
#include <string>
#include <string_view>

#include "support/catch.hpp"

namespace {
using foil::require;
using foil::text;
using namespace std::string_view_literals;

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

TEST_CASE("error: what a message quotes cannot steer a terminal, break JSON or fill the screen", "[error]") {
  CHECK(foil::printable("plain text, 'quoted' ~") == "plain text, 'quoted' ~");
  CHECK(foil::printable("a\x1b[31m\n\r\t\x7f\0z"sv) == "a?[31m?????z");
  CHECK(foil::printable("ü☃ 𝄞") == "ü☃ 𝄞");
  CHECK(foil::printable("\xc2\x85|\xe2\x80\xae|\xef\xbb\xbf") == "??|???|???");    // C1, right to left, BOM
  CHECK(foil::printable("\xff|\xc0\xaf|\xed\xa0\x80|\xe2\x98") == "?|??|???|??");  // not UTF-8
  CHECK(foil::printable("\xf4\x90\x80\x80|\xc3") == "????|?");

  const std::string name(1 << 20, 'n');
  CHECK(foil::printable("head" + name + "tail", 15) == "headn ... ntail");
  CHECK(foil::printable("ü☃ü☃ü☃ü☃ü☃ü☃", 14) == "ü☃ ... ☃");
  CHECK(foil::printable(std::string(100, '\x80'), 15).size() <= 15);
  CHECK(foil::printable(name, 3).size() <= 5);

  const std::string message = foil::Error("onnx: node '" + name + "\x1b': the reason").what();
  CHECK(message.size() <= 600);
  CHECK(message.starts_with("onnx: node 'nnn"));
  CHECK(message.ends_with("?': the reason"));
}
}  // namespace
