// SPDX-License-Identifier: MIT
#include "foil/run/ledger.hpp"

#include <limits>
#include <vector>

#include "support/catch.hpp"

namespace {
using namespace foil;

Ledger::Found at(double distance, double loss = 0, int label = 1) {
  return {Eigen::VectorXd::Constant(1, distance), distance, loss, label};
}

TEST_CASE("ledger: keeps the closest, and those before it to fall back on", "[ledger]") {
  Ledger ledger;
  CHECK_FALSE(ledger.found());
  CHECK(ledger.best_distance() == std::numeric_limits<double>::infinity());
  ledger.consider(at(3), false, false);
  ledger.consider(at(4), false, false);
  ledger.consider(at(2), false, false);
  ledger.consider(at(2), false, false);  // no closer
  ledger.consider(at(1), false, false);
  CHECK(ledger.best_distance() == 1);
  ledger.fall_back();
  CHECK(ledger.best_distance() == 2);
  ledger.fall_back();
  CHECK(ledger.best_distance() == 3);
  ledger.fall_back();
  CHECK_FALSE(ledger.found());
}

/// The distances that a ledger falls back to, from the best on.
std::vector<double> fallbacks(Ledger ledger) {
  std::vector<double> distances;
  for (; ledger.found(); ledger.fall_back()) distances.push_back(ledger.best_distance());
  return distances;
}

TEST_CASE("ledger: of many it remembers the best, the one before, the first, and some between, ever sparser",
          "[ledger]") {
  for (const int count : {1, 2, 3, 8, 9, 10, 50, 1000}) {
    Ledger ledger;
    for (int i = 0; i < count; ++i) ledger.consider(at(count - i), false, false);
    const std::vector<double> kept = fallbacks(ledger);
    CAPTURE(count, kept);
    REQUIRE(kept.size() == static_cast<std::size_t>(std::min(count, 8)));
    for (std::size_t k = 1; k < kept.size(); ++k) CHECK(kept[k] > kept[k - 1]);
    CHECK(kept.front() == 1);
    if (count > 1) CHECK(kept[1] == 2);
    CHECK(kept.back() == count);
    // No gap in age is much wider than the age before it would have it.
    for (std::size_t k = 2; k < kept.size(); ++k) CHECK(kept[k] - 1 <= 8 * (kept[k - 1] - 1));
  }
}

TEST_CASE("ledger: of large samples it remembers no more than two", "[ledger]") {
  Ledger ledger;
  for (double distance : {4.0, 3.0, 2.0, 1.0})
    ledger.consider({Eigen::VectorXd::Zero(40000), distance, 0, 1}, false, false);
  CHECK(fallbacks(ledger) == std::vector<double>{1, 2});
}

TEST_CASE("ledger: or that of highest loss", "[ledger]") {
  Ledger ledger;
  ledger.consider(at(1, 5), true, false);
  ledger.consider(at(0.5, 4), true, false);
  CHECK(ledger.best_distance() == 1);
  ledger.consider(at(2, 6), true, false);
  CHECK(ledger.best_distance() == 2);
}

TEST_CASE("ledger: a loss that is known beats one that is not", "[ledger]") {
  const double unknown = std::numeric_limits<double>::quiet_NaN();
  Ledger ledger;
  ledger.consider(at(1, unknown), true, false);
  ledger.consider(at(2, -5), true, false);
  CHECK(ledger.best_distance() == 2);
  ledger.consider(at(3, unknown), true, false);
  CHECK(ledger.best_distance() == 2);
}

TEST_CASE("ledger: traces what improves, with what has been spent", "[ledger]") {
  Ledger ledger;
  ledger.queries = 3;
  ledger.gradient_queries = 2;
  ledger.consider(at(3, 0.5), false, true);
  ledger.queries = 5;
  ledger.consider(at(4), false, true);
  ledger.consider(at(1, 0.25), false, true);
  CHECK(ledger.trace == std::vector<TracePoint>{{3, 2, 3, 0.5}, {5, 2, 1, 0.25}});
  ledger.clear();
  CHECK(ledger.trace.empty());
  CHECK_FALSE(ledger.found());
  CHECK(ledger.queries == 5);
}
}  // namespace
