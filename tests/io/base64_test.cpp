// SPDX-License-Identifier: MIT
#include "foil/io/base64.hpp"

#include <string>
#include <utility>

#include "support/catch.hpp"

using foil::io::base64;

TEST_CASE("base64: the examples of RFC 4648", "[io][base64]") {
  for (const auto& [bytes, text] : {std::pair<std::string, std::string>{"", ""},
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foob", "Zm9vYg=="},
                                    {"fooba", "Zm9vYmE="},
                                    {"foobar", "Zm9vYmFy"}})
    CHECK(base64(bytes) == text);
}

TEST_CASE("base64: every byte is taken as it is", "[io][base64]") {
  CHECK(base64(std::string("\xff\xfe\x00", 3)) == "//4A");
  CHECK(base64("\xfb\xff") == "+/8=");
}
