// SPDX-License-Identifier: MIT
#include "foil/report/figures.hpp"

#include <cmath>
#include <string>

#include "foil/core/norms.hpp"
#include "support/catch.hpp"

using namespace foil::report;

TEST_CASE("figures: numbers are told as foil tells them everywhere", "[io][report]") {
  CHECK(percent(0.375) == "37.5 %");
  CHECK(percent(std::nan("")) == "-");
  CHECK(formatted("%.4g", 0.123456) == "0.1235");
  CHECK(formatted("%g", std::nan("")) == "-");
  CHECK(formatted("%.0f", 1e300).size() == 301);
  CHECK(epsilon_text(0.1) == "0.1");
  CHECK(epsilon_text(std::nullopt) == "-");
}

TEST_CASE("figures: a share with undecided samples is a range from none of them to all", "[io][report]") {
  CHECK(percent_between(1, 4, 0) == "25.0 %");
  CHECK(percent_between(1, 4, 4) == "12.5 to 62.5 %");
  CHECK(percent_between(0, 0, 0) == "-");
  CHECK(percent_between(0, 0, 3) == "0.0 to 100.0 %");
}

TEST_CASE("figures: calls are means over the samples that had their turn", "[io][report]") {
  foil::Outcome outcome("attack", foil::Linf{}, 0.1);
  outcome.seconds = 1.25;
  outcome.records = {{0, foil::Status::success, true, true, 1, 0.1, 10, 5, 1},
                     {1, foil::Status::not_found, false, true, 0, INFINITY, 20, 10, 1},
                     {2, foil::Status::not_run, false, true, 0, INFINITY, 0, 0, 0}};
  const Figures f = figures_of(outcome, 4);
  CHECK(f.summary.fooled == 1);
  CHECK(f.undecided == 2);
  CHECK(f.success == "25.0 to 75.0 %");
  CHECK(f.robust == "25.0 to 75.0 %");
  CHECK(f.forward == "15.0");
  CHECK(f.backward == "7.5");
  CHECK(f.seconds == "1.2");
  CHECK(f.median == "-");  // of those that are left nobody knows
  CHECK(figures_of(outcome, 2).median == "inf");
}
