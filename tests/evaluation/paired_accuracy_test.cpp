// SPDX-License-Identifier: MIT
#include "foil/evaluation/paired_accuracy.hpp"

#include <cmath>
#include <limits>
#include <tuple>

#include "support/catch.hpp"

namespace {
using namespace foil;
using Catch::Matchers::ContainsSubstring;

PairedAccuracy counts(Index both, Index only_first, Index only_second, Index neither) {
  return {both + only_first + only_second + neither, both, only_first, only_second};
}

/// n! / (a! b! c! d!) times the probabilities to these powers.
double chance(const PairedAccuracy& p, double both, double first, double second) {
  const Index neither = p.samples - p.both - p.only_first - p.only_second;
  const auto factorial = [](Index n) { return std::tgamma(static_cast<double>(n) + 1); };
  const auto power = [](double x, Index n) { return std::pow(x, static_cast<double>(n)); };
  return factorial(p.samples) / factorial(p.both) / factorial(p.only_first) / factorial(p.only_second) /
         factorial(neither) * power(both, p.both) * power(first, p.only_first) *
         power(second, p.only_second) * power(1 - both - first - second, neither);
}
}  // namespace

TEST_CASE("paired accuracy: counts of hand-made decisions, in which none is never right", "[evaluation]") {
  const Labels labels{{0, 1, 2, 0, 1}}, first{{0, 1, 2, 1, -1}}, second{{0, 0, 1, 0, -1}};
  const PairedAccuracy p = paired_accuracy(first, second, labels);
  CHECK(p.samples == 5);
  CHECK(p.both == 1);
  CHECK(p.only_first == 2);
  CHECK(p.only_second == 1);
  CHECK(p.first() == 0.6);
  CHECK(p.second() == 0.4);
  CHECK(p.drop() == 0.2);
  CHECK(p.lost() == Catch::Approx(1. / 3));
  CHECK(p.first_interval() == clopper_pearson(3, 5));
  CHECK(p.second_interval() == clopper_pearson(2, 5));
  CHECK(p.drop_interval() == paired_difference(2, 1, 5));
  CHECK_THROWS_WITH(paired_accuracy(first, second, Labels{{0}}), ContainsSubstring("got 5 and 5 for 1"));
  CHECK_THROWS_WITH(paired_accuracy(Labels{}, Labels{}, Labels{}), ContainsSubstring("at least one"));
  CHECK(paired_accuracy(Labels{{-1}}, Labels{{-1}}, Labels{{-1}}).both == 0);
}

TEST_CASE("paired accuracy: the interval of what is lost holds it as often as it says", "[evaluation]") {
  const Index n = 12;
  for (const auto& [both, first, second] : {std::tuple{0.1, 0.8, 0.05}, std::tuple{0.5, 0.3, 0.1},
                                            std::tuple{0.2, 0.1, 0.4}, std::tuple{0.01, 0.95, 0.01}}) {
    const double lost = (first - second) / (both + first);
    double covered = 0, all = 0;
    for (Index a = 0; a <= n; ++a)
      for (Index b = 0; a + b <= n; ++b)
        for (Index c = 0; a + b + c <= n; ++c) {
          const PairedAccuracy p = counts(a, b, c, n - a - b - c);
          const double mass = chance(p, both, first, second);
          const Interval interval = p.lost_interval(0.9);
          all += mass;
          if (interval.low <= lost && lost <= interval.high) covered += mass;
          if (p.right_first() > 0) {
            CHECK(interval.low <= p.lost());
            CHECK(p.lost() <= interval.high);
          }
        }
    CHECK(all == Catch::Approx(1));
    CHECK(covered >= 0.9);
  }
}

TEST_CASE("paired accuracy: intervals shrink around what is lost, and say nothing where nothing was right",
          "[evaluation]") {
  const Interval wide = counts(5, 45, 0, 0).lost_interval(),
                 narrow = counts(5000, 45000, 0, 0).lost_interval();
  CHECK(wide.low < 0.8);
  CHECK(wide.high > 0.95);
  CHECK(narrow.low == Catch::Approx(0.9).margin(0.005));
  CHECK(narrow.high == Catch::Approx(0.9).margin(0.005));
  const PairedAccuracy none = counts(0, 0, 3, 4);
  CHECK(std::isnan(none.lost()));
  CHECK(none.lost_interval().low == -std::numeric_limits<double>::infinity());
  CHECK(none.lost_interval().high < 1);
  CHECK(counts(0, 0, 0, 4).lost_interval().high == 1);
  CHECK_THROWS_WITH(counts(1, 1, 0, 0).lost_interval(1), ContainsSubstring("between 0 and 1"));
}
