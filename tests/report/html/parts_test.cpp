// SPDX-License-Identifier: MIT
/// \file
/// What pages are put together of: text, axes, charts, tables.
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "foil/core/norms.hpp"
#include "foil/evaluation/curve.hpp"
#include "foil/evaluation/record.hpp"
#include "foil/report/html/axis.hpp"
#include "foil/report/html/calls.hpp"
#include "foil/report/html/chart.hpp"
#include "foil/report/html/curves.hpp"
#include "foil/report/html/distances.hpp"
#include "foil/report/html/markup.hpp"
#include "foil/report/html/table.hpp"
#include "support/catch.hpp"

using namespace foil::report::html;
using Catch::Matchers::ContainsSubstring;
using foil::Outcome;
using foil::Status;
using Numbers = std::vector<double>;

namespace {

std::size_t count(const std::string& text, const std::string& word) {
  std::size_t found = 0;
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) ++found;
  return found;
}

/// A sample that is fooled at a distance, or not at all if that is infinite.
foil::Record sample(std::int64_t id, double distance) {
  const bool fooled = std::isfinite(distance);
  return {id, fooled ? Status::success : Status::not_found, fooled, true, 1, distance, 10, 4, 1};
}

Outcome minimal(const Numbers& distances) {
  Outcome out("closest", foil::L2{});
  for (const double d : distances) out.records.push_back(sample(std::ssize(out.records), d));
  return out;
}

constexpr double never = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("markup: literals are markup, everything else is text", "[io][report]") {
  const std::string name = "<script>alert('x')</script> \"a\" & b";
  const char* const pointer = "<b>";
  Markup inner("<i>", name, "</i>");
  CHECK(Markup("<p title=\"", name, "\">", inner, 3, ' ', 0.5, pointer, "</p>").str() ==
        "<p title=\"&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &quot;a&quot; &amp; b\">"
        "<i>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &quot;a&quot; &amp; b</i>3 0.5&lt;b&gt;</p>");
  CHECK(escaped("\xff\x1b[2J\xe2\x80\xae"
                "\xe2\x86\x92") == "??[2J???\xe2\x86\x92");  // no UTF-8, an escape, a turn to the left
  CHECK(escaped(std::string(5000, 'a')).size() == 5000);
}

TEST_CASE("axis: values are round, and few enough", "[io][report]") {
  CHECK(round_values(0, 100, 6) == Numbers{0, 20, 40, 60, 80, 100});
  CHECK(round_values(0, 0.31, 6).size() == 4);
  CHECK(round_values(0, 0.31, 6)[3] == Approx(0.3));
  for (const double high : {1e-9, 0.07, 0.99, 1., 1.01, 2.5, 3.4, 47., 999., 1e12}) {
    const Numbers found = round_values(0, high, 6);
    CAPTURE(high);
    CHECK(found.size() >= 3);
    CHECK(found.size() <= 6);
    CHECK(found.front() == 0);
    CHECK(found.back() <= high * (1 + 1e-8));
  }
  CHECK(round_values(-0.15, 1, 6).size() == 6);
  CHECK_FALSE(std::signbit(round_values(-0.15, 1, 6).front()));
  CHECK_THROWS_WITH(round_values(1, 1, 6), ContainsSubstring("expected low < high"));
  CHECK(round_powers(0.5, 30) == Numbers{0.5, 1, 2, 5, 10, 20});
  CHECK(round_powers(0.5, 300).size() == 3);
  CHECK_THROWS_WITH(round_powers(0, 1), ContainsSubstring("expected 0 < low"));
  const Axis plain{0, 10, 100, 200}, powers{1, 100, 0, 50, true};
  CHECK(plain.at(2.5) == 125);
  CHECK(plain.at(-1) == 100);
  CHECK(plain.at(never) == 200);
  CHECK(powers.at(10) == Approx(25));
}

TEST_CASE("chart: points of several series stand beside each other, around the middle", "[io][report]") {
  CHECK(aside(0, 1) == 0);
  CHECK(aside(1, 3) == 0);
  for (const std::size_t series : {std::size_t{2}, std::size_t{3}, std::size_t{5}, std::size_t{40}}) {
    CHECK(aside(0, series) == Approx(-aside(series - 1, series)));
    CHECK(aside(0, series) < 0);
    CHECK(aside(0, series) >= -9);
  }
}

TEST_CASE("chart: a curve has a point for each step, which tells its values", "[io][report]") {
  const auto curve = foil::curve_of(minimal({0.5, 1, 1.5, never}));
  const std::string text = curve_chart("title", foil::L2{}, {{"closest <x>", curve, true, true}}).str();
  CHECK(count(text, "<circle ") == 4);
  CHECK_THAT(text, ContainsSubstring(
                       "<title>closest &lt;x&gt;, l2 0: 100.0 % robust (39.8 to 100.0 %), 4 of 4</title>"));
  CHECK_THAT(text, ContainsSubstring(", l2 1: 50.0 % robust (6.8 to 93.2 %), 2 of 4</title>"));
  CHECK(count(text, "class=\"band") == 1);
  CHECK(count(curve_chart("title", foil::L2{}, {{"a", curve}}).str(), "class=\"band") == 0);
}

TEST_CASE("chart: of many steps those are drawn that can be told apart, and what is asked for is kept",
          "[io][report]") {
  Numbers distances;
  for (int i = 1; i <= 5000; ++i) distances.push_back(i / 5000.);
  Outcome outcome = minimal(distances), fixed("pgd", foil::L2{}, 0.50001);
  const std::string text = curve_chart("", foil::L2{}, {{"a", foil::curve_of(outcome)}}).str();
  CHECK(count(text, "<circle ") > 150);
  CHECK(count(text, "<circle ") < 230);
  CHECK_THAT(text, ContainsSubstring("l2 1: 0.0 % robust"));
  for (const double d : distances)
    fixed.records.push_back(sample(std::ssize(fixed.records), d <= 0.4 ? d : never));
  const std::string both =
      curve_chart("", foil::L2{}, {{"a", foil::curve_of(std::vector<Outcome>{outcome, fixed})}}).str();
  CHECK(count(both, "class=\"mark") == 1);
  // Of fixed budgets there is nothing between radii, though something was found there.
  const std::string alone = curve_chart("", foil::L2{}, {{"a", foil::curve_of(fixed)}}).str();
  CHECK(count(alone, "<circle ") == 2);
  CHECK(count(alone, "class=\"whisker") == 1);
}

TEST_CASE("chart: no sample, and none with a verdict", "[io][report]") {
  Outcome nothing("a", foil::Linf{}, 0.1);
  CHECK(count(curve_chart("", foil::Linf{}, {{"a", foil::curve_of(nothing)}}).str(), "<circle ") == 0);
  nothing.records = {{0, Status::not_run, false, true, 0, never, 0, 0, 0}};
  const std::string text = curve_chart("", foil::Linf{}, {{"a", foil::curve_of(nothing)}}).str() +
                           distance_chart("", foil::Linf{}, {distances_of(nothing)}).str() +
                           calls_chart("", {{"a", foil::report::figures_of(nothing, 1)}}).str();
  CHECK(count(text, "<circle ") == 0);
  CHECK(count(text, "nan") == 0);
}

TEST_CASE("chart: histograms hold each sample that was fooled once", "[io][report]") {
  Outcome outcome = minimal({0, 0.1, 0.1, 0.2, 1, never});
  outcome.records[0].status = Status::already_adversarial;
  const DistanceRow row = distances_of(outcome);
  CHECK(row.distances == Numbers{0.1, 0.1, 0.2, 1});
  const std::string text = distance_chart("title", foil::L2{}, {row}).str();
  CHECK(count(text, "<rect ") == 3);
  CHECK_THAT(text, ContainsSubstring(": 2 fooled</title>"));
  CHECK_THAT(text, ContainsSubstring("4 fooled, 1 not"));
  CHECK(count(text, "class=\"median\"") == 1);
  // What is out of all proportion gets an axis of its own kind.
  CHECK(distance_chart("", foil::L2{}, {distances_of(minimal({0.1, 0.1, 0.2}))}).str().find("logarithmic") ==
        std::string::npos);
  CHECK_THAT(distance_chart("", foil::L2{}, {distances_of(minimal({0.1, 0.1, 50}))}).str(),
             ContainsSubstring("l2, logarithmic"));
}

TEST_CASE("chart: calls are told as in the table", "[io][report]") {
  const auto figures = foil::report::figures_of(minimal({0.1, 0.2}), 2);
  const std::string text = calls_chart("title", {{"a", figures}}).str();
  CHECK(count(text, "<rect class=\"bar point") == 2);
  CHECK_THAT(text, ContainsSubstring(">10.0 + 4.0<"));
}

TEST_CASE("table: numbers can be sorted by, and what has none is left without", "[io][report]") {
  const std::string text = table("of <it>", {{"name", false}, {"number"}},
                                 {{{Cell("a"), Cell("37.5 %", 0.375)}},
                                  {{Cell("b"), Cell("inf", never)}, true},
                                  {{Cell("c"), Cell("-", std::nan(""))}}})
                               .str();
  CHECK_THAT(text, ContainsSubstring("aria-label=\"of &lt;it&gt;\""));
  CHECK_THAT(text, ContainsSubstring("<td class=\"number\" data-value=\"0.375\">37.5 %</td>"));
  CHECK_THAT(text,
             ContainsSubstring(
                 "<tr class=\"strong\"><td>b</td><td class=\"number\" data-value=\"Infinity\">inf</td>"));
  CHECK_THAT(text, ContainsSubstring("<td class=\"number\">-</td>"));
  CHECK(count(text, "<button ") == 2);
  CHECK(count(text, "scroll long") == 0);
  CHECK(count(table("", {{"number"}}, std::vector<Row>(61, {{Cell("1", 1)}})).str(), "scroll long") == 1);
}

TEST_CASE("chart: what is too long ends in dots, within a character never", "[io][report]") {
  CHECK(fitting("short", 10) == "short");
  CHECK(fitting("a longer name", 10) == "a longe...");
  CHECK(fitting("a long\xc3\xa9r name", 10) == "a long...");
}
