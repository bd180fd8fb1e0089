// SPDX-License-Identifier: MIT
#include "foil/evaluation/binomial.hpp"

#include <cmath>
#include <vector>

#include "support/catch.hpp"

namespace {
using namespace foil;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

/// All probabilities of a count, by the recursion that defines them.
std::vector<double> by_recursion(Index count, double p) {
  std::vector<double> out{1};
  for (Index n = 0; n < count; ++n) {
    out.push_back(0);
    for (std::size_t k = out.size() - 1; k > 0; --k) out[k] = out[k] * (1 - p) + out[k - 1] * p;
    out[0] *= 1 - p;
  }
  return out;
}

TEST_CASE("binomial: intervals agree with values of 45 digits", "[binomial]") {
  struct Known {
    Index part, whole;
    double confidence, low, high;
  };
  const Known all[] = {{0, 1, 0.95, 0, 0.97499999999999998},
                       {1, 1, 0.95, 0.025000000000000022, 1},
                       {1, 2, 0.95, 0.01257911709342506, 0.98742088290657494},
                       {0, 10, 0.95, 0, 0.30849710781876076},
                       {3, 10, 0.95, 0.06673951117773449, 0.65245285005999724},
                       {7, 10, 0.99, 0.26488601471286927, 0.9629927789037679},
                       {1, 100, 0.95, 0.00025314603297742086, 0.054459385392080647},
                       {50, 100, 0.95, 0.398321129503301, 0.601678870496699},
                       {97, 100, 0.95, 0.91482394702571998, 0.9937700284616936},
                       {100, 100, 0.95, 0.96378330735482359, 1},
                       {123, 1000, 0.9, 0.1062558613499817, 0.14141275753299439},
                       {999, 1000, 0.999, 0.99004618565904919, 0.99999949987508338},
                       {5000, 10000, 0.95, 0.49015138058998049, 0.50984861941001951},
                       {1, 1000000, 0.95, 2.53178076637942e-8, 5.5716306551722433e-6},
                       {0, 1000000, 0.95, 0, 3.6888726502064882e-6},
                       {1000000, 1000000, 0.95, 0.99999631112734979, 1},
                       {1234, 1000000, 0.95, 0.0011661407366390322, 0.0013047741535607841},
                       {500000, 1000000, 0.95, 0.49901951919531182, 0.50098048080468818},
                       {999998, 1000000, 0.95, 0.99999277533120562, 0.99999975779062968}};
  for (const Known& known : all) {
    CAPTURE(known.part, known.whole, known.confidence);
    const Interval found = clopper_pearson(known.part, known.whole, known.confidence);
    CHECK_THAT(found.low, WithinRel(known.low, 2e-12) && WithinAbs(known.low, 1e-13));
    CHECK_THAT(found.high, WithinRel(known.high, 2e-12) && WithinAbs(known.high, 1e-13));
  }
  CHECK(clopper_pearson(0, 0) == Interval{0, 1});
}

TEST_CASE("binomial: probabilities and tails agree with values of 45 digits", "[binomial]") {
  CHECK_THAT(binomial_probability(3, 10, 0.5), WithinRel(0.1171875, 1e-13));
  CHECK_THAT(binomial_probability(17, 40, 0.25), WithinRel(0.0069098931212970328, 1e-13));
  CHECK_THAT(binomial_probability(16, 32, 0.5), WithinRel(0.13994993409141898, 1e-13));
  CHECK_THAT(binomial_probability(0, 1000000, 1e-6), WithinRel(0.36787925723164511, 1e-13));
  CHECK_THAT(binomial_probability(250, 1000000, 0.0002), WithinRel(7.7361957054053707e-5, 1e-13));
  CHECK_THAT(binomial_probability(499000, 1000000, 0.5), WithinRel(0.00010798197801891516, 1e-13));
  CHECK(binomial_probability(999999, 1000000, 0.999) == 0);
  CHECK_THAT(binomial_at_least(8, 10, 0.5), WithinRel(0.0546875, 1e-13));
  CHECK_THAT(binomial_at_least(4, 10, 0.9), WithinRel(0.9999908784, 1e-13));
  CHECK_THAT(binomial_at_least(30, 1000000, 1e-5), WithinRel(2.5094634430504588e-7, 1e-12));
  CHECK_THAT(binomial_at_least(510000, 1000000, 0.5), WithinRel(2.7721816438496123e-89, 1e-12));
}

TEST_CASE("binomial: probabilities are those of the recursion, to the ends of every range", "[binomial]") {
  for (const Index count : {0, 1, 2, 7, 15, 16, 33, 60})
    for (const double p : {0.0, 1e-9, 0.02, 0.3, 0.5, 0.77, 1 - 1e-9, 1.0}) {
      const auto exact = by_recursion(count, p);
      double at_most = 0;
      for (Index k = 0; k <= count; ++k) {
        CAPTURE(count, p, k);
        const double probability = exact[static_cast<std::size_t>(k)];
        at_most += probability;
        CHECK_THAT(binomial_probability(k, count, p),
                   WithinRel(probability, 1e-11) || WithinAbs(probability, 1e-300));
        CHECK_THAT(binomial_at_most(k, count, p), WithinAbs(at_most, 1e-13));
        CHECK_THAT(binomial_at_least(k, count, p), WithinAbs(1 - at_most + probability, 1e-13));
      }
      CHECK(binomial_probability(-1, count, p) == 0);
      CHECK(binomial_probability(count + 1, count, p) == 0);
      CHECK(binomial_at_most(-1, count, p) == 0);
      CHECK(binomial_at_least(count + 1, count, p) == 0);
    }
}

TEST_CASE("binomial: an interval holds what it should as often as it says", "[binomial][property]") {
  for (const Index count : {1, 4, 11, 25})
    for (const double confidence : {0.5, 0.95, 0.999})
      for (const double p : {0.001, 0.04, 0.21, 0.5, 0.66, 0.98}) {
        double missed_below = 0, missed_above = 0;
        for (Index k = 0; k <= count; ++k) {
          const Interval interval = clopper_pearson(k, count, confidence);
          CHECK(interval.low <= static_cast<double>(k) / static_cast<double>(count));
          CHECK(interval.high >= static_cast<double>(k) / static_cast<double>(count));
          if (interval.low > p) missed_below += binomial_probability(k, count, p);
          if (interval.high < p) missed_above += binomial_probability(k, count, p);
        }
        CAPTURE(count, confidence, p);
        CHECK(missed_below <= (1 - confidence) / 2 + 1e-12);
        CHECK(missed_above <= (1 - confidence) / 2 + 1e-12);
      }
}

TEST_CASE("binomial: McNemar's test counts the outcomes that are as uneven", "[binomial]") {
  CHECK(mcnemar(0, 0) == 1);
  CHECK(mcnemar(1, 0) == 1);
  CHECK(mcnemar(4, 4) == 1);
  CHECK_THAT(mcnemar(0, 5), WithinRel(2 / 32., 1e-13));
  CHECK_THAT(mcnemar(6, 0), WithinRel(2 / 64., 1e-13));
  CHECK_THAT(mcnemar(8, 2), WithinRel(2 * (1 + 10 + 45) / 1024., 1e-13));
  CHECK(mcnemar(2, 8) == mcnemar(8, 2));
}

TEST_CASE("binomial: the interval of a paired difference holds it as often as it says",
          "[binomial][property]") {
  constexpr Index pairs = 14;
  for (const double first : {0.0, 0.05, 0.3, 0.6})
    for (const double second : {0.0, 0.02, 0.25, 0.4}) {
      double missed = 0;
      for (Index a = 0; a <= pairs; ++a)
        for (Index b = 0; a + b <= pairs; ++b) {
          const Interval interval = paired_difference(a, b, pairs, 0.9);
          const double here = static_cast<double>(a - b) / static_cast<double>(pairs);
          CHECK(interval.low <= here + 1e-15);
          CHECK(interval.high >= here - 1e-15);
          if (interval.low <= first - second && first - second <= interval.high) continue;
          missed += binomial_probability(a, pairs, first) *
                    binomial_probability(b, pairs - a, first < 1 ? second / (1 - first) : 0);
        }
      CAPTURE(first, second, missed);
      CHECK(missed <= 0.1);
    }
  const Interval there = paired_difference(20, 5, 100), back = paired_difference(5, 20, 100);
  CHECK_THAT(there.low, WithinAbs(-back.high, 1e-15));
  CHECK_THAT(there.high, WithinAbs(-back.low, 1e-15));
  CHECK(there.low > 0);
  CHECK(paired_difference(0, 0, 0) == Interval{-1, 1});
  CHECK_THAT(paired_difference(0, 0, 100).high, WithinRel(clopper_pearson(0, 100, 0.975).high, 1e-15));
}

TEST_CASE("binomial: the rank that bounds a median is the largest that may", "[binomial]") {
  for (const Index count : {0, 1, 5, 6, 8, 9, 10, 37, 100, 1001}) {
    const Index rank = median_rank(count);
    CAPTURE(count, rank);
    CHECK(binomial_at_most(rank - 1, count, 0.5) <= 0.025);
    CHECK(binomial_at_most(rank, count, 0.5) > 0.025);
  }
  CHECK(median_rank(5) == 0);
  CHECK(median_rank(6) == 1);
  CHECK(median_rank(100) == 40);
  CHECK(median_rank(1000000) == 499020);
  CHECK(median_rank(6, 0.99) == 0);
}

TEST_CASE("binomial: what makes no sense is refused in words", "[binomial]") {
  CHECK_THROWS_WITH(clopper_pearson(5, 4), ContainsSubstring("expected a part of 4, got 5"));
  CHECK_THROWS_WITH(clopper_pearson(-1, 4), ContainsSubstring("expected a part of 4, got -1"));
  CHECK_THROWS_WITH(clopper_pearson(1, 4, 1), ContainsSubstring("between 0 and 1, got 1"));
  CHECK_THROWS_WITH(clopper_pearson(1, 4, std::nan("")), ContainsSubstring("between 0 and 1, got nan"));
  CHECK_THROWS_WITH(binomial_probability(1, 4, 1.5), ContainsSubstring("a probability, got 4 and 1.5"));
  CHECK_THROWS_WITH(mcnemar(-1, 4), ContainsSubstring("counts >= 0, got -1 and 4"));
  CHECK_THROWS_WITH(paired_difference(3, 2, 4), ContainsSubstring("expected a part of 1, got 2"));
}
}  // namespace
