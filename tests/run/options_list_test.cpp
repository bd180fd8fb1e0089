// SPDX-License-Identifier: MIT
#include "foil/run/options_list.hpp"

#include <array>
#include <limits>
#include <string>
#include <utility>

#include "support/catch.hpp"

namespace {
using namespace foil;
using Catch::Matchers::ContainsSubstring;

enum class Colour { red, green };
constexpr auto option_names(Colour) {
  return std::array{std::pair{std::string_view("red"), Colour::red},
                    std::pair{std::string_view("green"), Colour::green}};
}

/// A class of few values, true and false among them.
struct Maybe {
  int value = 2;
  friend bool operator==(Maybe, Maybe) = default;
  friend constexpr auto option_names(Maybe) {
    return std::array{std::pair{std::string_view("true"), Maybe{1}},
                      std::pair{std::string_view("false"), Maybe{0}},
                      std::pair{std::string_view("auto"), Maybe{2}}};
  }
};

struct Inner {
  int depth = 3;
  void list(OptionList& option) { option("depth", depth, "how deep", at_least(1)); }
};

struct Options {
  int count = 2;
  double share = 0.5;
  double any = -1;
  bool really = false;
  Colour colour = Colour::green;
  Maybe maybe{};
  Inner inner{};

  void list(OptionList& option) {
    option("count", count, "how many", between(1, 9));
    option("share", share, "of the whole", half_open(0, 1));
    option("any", any, "any number");
    option("really", really, "or not");
    option("colour", colour, "which");
    option("maybe", maybe, "or not, or perhaps");
    option.nested("inner_", inner);
  }
  void check(std::string_view who) const { require(count > 1 || !really, who, ": one is not really many"); }
};

Options parsed(const OptionValues& values) {
  Options options;
  OptionList list;
  options.list(list);
  list.parse("me", values);
  return checked("me", options);
}

TEST_CASE("options: said once, printed, read and checked from there", "[options]") {
  Options options;
  OptionList list;
  options.list(list);
  const auto infos = list.infos();
  REQUIRE(infos.size() == 7);
  CHECK(infos[0].name == "count");
  CHECK(infos[0].value == "2");
  CHECK(infos[0].meaning == "how many");
  CHECK(infos[0].range == "in [1, 9]");
  CHECK(infos[1].value == "0.5");
  CHECK(infos[1].range == "in [0, 1)");
  CHECK(infos[2].range.empty());
  CHECK(infos[3].value == "false");
  CHECK(infos[3].range == "true, false");
  CHECK(infos[4].value == "green");
  CHECK(infos[4].range == "red, green");
  CHECK(infos[5].value == "auto");
  CHECK(infos[5].range == "true, false, auto");
  CHECK(infos[6].name == "inner_depth");
  CHECK(infos[6].range == ">= 1");

  const Options read = parsed({{"count", "4"},
                               {"share", "0.25"},
                               {"any", "1e-3"},
                               {"really", "1"},
                               {"colour", "red"},
                               {"maybe", "false"},
                               {"inner_depth", "7"}});
  CHECK(read.count == 4);
  CHECK(read.share == 0.25);
  CHECK(read.any == 1e-3);
  CHECK(read.really);
  CHECK(read.colour == Colour::red);
  CHECK(read.maybe == Maybe{0});
  CHECK(read.inner.depth == 7);
  CHECK(parsed({{"maybe", "1"}}).maybe == Maybe{1});
  CHECK(parsed({{"maybe", "auto"}}).maybe == Maybe{2});
  CHECK(parsed({}).inner.depth == 3);
  CHECK(parsed({{"share", "8/255"}}).share == 8.0 / 255);
  CHECK(parsed({{"count", "07"}}).count == 7);
}

TEST_CASE("options: what is wrong with a value is said", "[options]") {
  const auto refuses = [](const OptionValues& values, const char* message) {
    CHECK_THROWS_WITH(parsed(values), ContainsSubstring(message));
  };
  refuses({{"counts", "1"}},
          "me: no option 'counts'; did you mean count?; it has count, share, any, really, colour, maybe, "
          "inner_depth");
  refuses({{"count", "0"}}, "me: expected count in [1, 9], got 0");
  refuses({{"count", "10"}}, "got 10");
  refuses({{"count", "2.5"}}, "option count: expected an integer, got '2.5'");
  refuses({{"count", "99999999999"}}, "expected an integer");
  refuses({{"share", "1"}}, "expected share in [0, 1), got 1");
  refuses({{"share", "nan"}}, "expected share in [0, 1), got nan");
  refuses({{"any", "inf"}}, "expected a finite any, got inf");
  refuses({{"any", ""}}, "expected a number, got ''");
  refuses({{"really", "maybe"}}, "expected true or false, got 'maybe'");
  refuses({{"colour", "blue"}}, "expected one of red, green, got 'blue'");
  refuses({{"maybe", "maybe"}}, "expected one of true, false, auto, got 'maybe'");
  refuses({{"inner_depth", "0"}}, "me: expected inner_depth >= 1, got 0");
  refuses({{"count", "1"}, {"really", "true"}}, "one is not really many");
  Options odd;
  odd.colour = static_cast<Colour>(7);
  CHECK_THROWS_WITH(checked("me", odd), ContainsSubstring("colour is not one of its values"));
}

TEST_CASE("options: ranges hold what they say", "[options]") {
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(at_least(1).contains(1));
  CHECK_FALSE(at_least(1).contains(infinity));
  CHECK_FALSE(above(0).contains(0));
  CHECK(above(0).contains(1e-300));
  CHECK(above(0).text() == "> 0");
  CHECK(strictly_between(0, 1).text() == "in (0, 1)");
  CHECK_FALSE(strictly_between(0, 1).contains(1));
  CHECK(between(0, 1).contains(1));
  CHECK_FALSE(Range{}.contains(std::numeric_limits<double>::quiet_NaN()));
}
}  // namespace
