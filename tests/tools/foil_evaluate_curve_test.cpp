// SPDX-License-Identifier: MIT
/// \file
/// foil-evaluate: what it says of robust accuracy against epsilon, and of intervals.
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "foil-compare/results.hpp"
#include "foil/evaluation/curve.hpp"
#include "support/catch.hpp"
#include "tools/foil_evaluate.hpp"

using namespace foil_test;
using Catch::Matchers::ContainsSubstring;

namespace {

std::vector<std::vector<std::string>> read_table(const std::string& text) {
  std::vector<std::vector<std::string>> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream cells(line);
    out.emplace_back();
    for (std::string cell; std::getline(cells, cell, ',');) out.back().push_back(cell);
  }
  return out;
}

double end(const nlohmann::json& value) {
  return value.is_null() ? std::numeric_limits<double>::infinity() : value.get<double>();
}

}  // namespace

TEST_CASE("foil-evaluate: curves and intervals are those of the samples", "[evaluate]") {
  const TemporaryDirectory dir;
  const std::string table = (dir / "curve.csv").string();
  const Outcome outcome =
      run(on_mnist(dir) + Arguments{"--count", "40", "--attack", "fgsm", "--epsilon", "0.05,0.3", "--attack",
                                    "minimal-fgsm", "--attack", "minimal-l2-fgm", "--curve", table});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto json = results(dir);
  const std::string csv = read(table);
  CHECK(json["curve"]["file"] == table);
  CHECK(json["curve"]["bytes"] == csv.size());

  const std::vector<foil::Outcome> outcomes = compare::read_results(dir / "results.json").outcomes;
  REQUIRE(outcomes.size() == 4);
  // Flags of the program and of the test may differ, and so the rounding of what is searched for.
  const auto near = [](double value) { return Catch::Approx(value).epsilon(1e-12); };
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const auto& attack = json["attacks"][i];
    const foil::Summary s = outcomes[i].summary();
    CHECK(attack["robust"] == s.robust);
    CHECK(attack["robust_accuracy_interval"][0].get<double>() ==
          near(foil::clopper_pearson(s.robust, 40).low));
    CHECK(attack["success_rate_interval"][1].get<double>() ==
          near(foil::clopper_pearson(s.fooled, s.attacked).high));
    const foil::Interval median = foil::curve_of(outcomes[i]).median_interval();
    CHECK(end(attack["median_distance_interval"][0]) == median.low);
    CHECK(end(attack["median_distance_interval"][1]) == median.high);
  }

  const auto curves = foil::curves(outcomes);  // fgsm, the two minimal ones, the worst case in Linf
  REQUIRE(curves.size() == 4);
  const auto lines = read_table(csv);
  std::size_t line = 1;
  for (const auto& [name, norm, members, curve] : curves)
    for (const auto& point : curve.points) {
      REQUIRE(line < lines.size());
      REQUIRE(lines[line].size() == 11);
      CHECK(lines[line][0] == name);
      CHECK(lines[line][1] == norm.name());
      CHECK(std::stod(lines[line][3]) == point.epsilon);
      CHECK(std::stod(lines[line][4]) == point.summary.robust_accuracy());
      CHECK(std::stod(lines[line][5]) == near(foil::robust_accuracy_interval(point.summary).low));
      CHECK(lines[line][7] == std::to_string(point.summary.robust));
      ++line;
    }
  CHECK(line == lines.size());
  CHECK(lines.back()[2] == "0 1 2");

  REQUIRE(json["curves"].size() == 4);
  CHECK(json["curves"][0]["area"].is_null());  // nobody looked between 0.05 and 0.3
  CHECK(json["curves"][1]["area_up_to"] == 0.3);
  CHECK(json["curves"][1]["area"] == curves[1].curve.area(0.3));
  CHECK(json["curves"][2]["area_up_to"] == curves[2].curve.last());
  CHECK(json["curves"][3]["attacks"] == std::vector<int>{0, 1, 2});
  CHECK(json["curves"][3]["median_distance"] == curves[3].curve.median_distance());

  // Its own table it replaces, others not.
  const Arguments again = on_mnist(dir) + Arguments{"--count", "2", "--attack", "minimal-fgsm", "--curve"};
  CHECK(run(again + Arguments{table}).status == 0);
  CHECK(read(table).size() < csv.size());
  write(dir / "mine.csv", "mine");
  const Outcome refused = run(again + Arguments{(dir / "mine.csv").string()});
  CHECK(refused.status == 2);
  CHECK_THAT(refused.err, ContainsSubstring("not a table of curves"));
}
