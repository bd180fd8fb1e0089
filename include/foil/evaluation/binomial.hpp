// SPDX-License-Identifier: MIT
/// \file
/// What so many of so many samples tell of all others: exact intervals of shares and medians, and exact tests
/// of paired ones. Nothing here is an approximation for large numbers; a million samples cost milliseconds.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// From `low` to `high`, both included.
struct Interval {
  double low, high;
  friend bool operator==(const Interval&, const Interval&) = default;
};

namespace detail {

/// log(n!) without the leading terms of Stirling's formula.
inline double stirling_rest(double n) {
  constexpr double half_log_two_pi = 0.918938533204672741780;
  if (n > 15) {
    const double square = n * n;
    return (1. / 12 -
            (1. / 360 - (1. / 1260 - (1. / 1680 - 1. / 1188 / square) / square) / square) / square) /
           n;
  }
  double factorial = 1;  // exact up to here
  for (double i = 2; i <= n; ++i) factorial *= i;
  return std::log(factorial) - (n + 0.5) * std::log(n) + n - half_log_two_pi;
}

/// x log(x / mean) + mean - x, which is small where the two are close and would cancel there.
inline double deviance(double x, double mean) {
  const double ratio = (x - mean) / (x + mean);
  if (std::abs(ratio) > 0.1) return x * std::log(x / mean) + mean - x;
  double power = 2 * x * ratio, total = (x - mean) * ratio;
  for (int odd = 3;; odd += 2) {
    power *= ratio * ratio;
    const double next = total + power / odd;
    if (next == total) return total;
    total = next;
  }
}

}  // namespace detail

/// The probability that of `count` independent events of probability `p` exactly `k` come true. To about 14
/// digits, as Loader's saddle-point form does not cancel (Fast and accurate computation of binomial
/// probabilities, 2000).
inline double binomial_probability(Index k, Index count, double p) {
  require(count >= 0 && p >= 0 && p <= 1, "binomial: expected a count >= 0 and a probability, got ", count,
          " and ", p);
  if (k < 0 || k > count) return 0;
  const double n = static_cast<double>(count), x = static_cast<double>(k), rest = n - x;
  if (p == 0 || p == 1) return (p == 0 ? k == 0 : k == count) ? 1 : 0;
  if (k == 0) return std::exp(n * std::log1p(-p));
  if (k == count) return std::exp(n * std::log(p));
  const double exponent = detail::stirling_rest(n) - detail::stirling_rest(x) - detail::stirling_rest(rest) -
                          detail::deviance(x, n * p) - detail::deviance(rest, n * (1 - p));
  constexpr double two_pi = 6.283185307179586476925;
  return std::exp(exponent) * std::sqrt(n / (two_pi * x * rest));
}

namespace detail {

/// The probabilities of `from` and of all that follow in one direction, away from the mean: positive terms
/// only, which fall.
inline double binomial_sum(Index from, Index count, double p, bool upwards) {
  double term = binomial_probability(from, count, p), total = term;
  const double odds = upwards ? p / (1 - p) : (1 - p) / p;
  for (Index k = from; upwards ? k < count : k > 0; upwards ? ++k : --k) {
    const double more = static_cast<double>(upwards ? count - k : k);
    const double fewer = static_cast<double>(upwards ? k + 1 : count - k + 1);
    term *= more / fewer * odds;
    const double next = total + term;
    if (next == total) break;
    total = next;
  }
  return total;
}

}  // namespace detail

/// The probability of `k` or more. Small ones to about 13 digits. O(sqrt(count)).
inline double binomial_at_least(Index k, Index count, double p) {
  if (k <= 0) return 1;
  if (k > count || p <= 0) return 0;
  if (p >= 1) return 1;
  const bool beyond = static_cast<double>(k) > static_cast<double>(count) * p;
  return std::min(1.0, beyond ? detail::binomial_sum(k, count, p, true)
                              : 1 - detail::binomial_sum(k - 1, count, p, false));
}

/// The probability of `k` or fewer, likewise.
inline double binomial_at_most(Index k, Index count, double p) {
  if (k < 0) return 0;
  if (k >= count || p <= 0) return 1;
  if (p >= 1) return 0;
  const bool beyond = static_cast<double>(k) < static_cast<double>(count) * p;
  return std::min(1.0, beyond ? detail::binomial_sum(k, count, p, false)
                              : 1 - detail::binomial_sum(k + 1, count, p, true));
}

namespace detail {

/// Where binomial_at_least (rising), or binomial_at_most, comes to `tail` < 1/2 for 0 < k < count. Newton's
/// method on the logarithm, which is concave in p (it is that of a beta distribution), kept in a bracket.
inline double binomial_inverse(Index k, Index count, double tail, bool rising) {
  const double n = static_cast<double>(count), x = static_cast<double>(k);
  double low = rising ? 0 : x / n, high = rising ? x / n : 1, p = x / n;
  for (int step = 0; step < 200; ++step) {
    const double value = rising ? binomial_at_least(k, count, p) : binomial_at_most(k, count, p);
    const bool beyond = (value > tail) == rising;
    (beyond ? high : low) = p;
    const double slope = binomial_probability(k, count, p) * (rising ? x / p : -(n - x) / (1 - p));
    double next = p - std::log(value / tail) * value / slope;
    if (!(next > low && next < high)) next = low + (high - low) / 2;
    const double change = std::abs(next - p);
    p = next;
    if (change <= 2 * std::numeric_limits<double>::epsilon() * p) break;
  }
  return p;
}

inline void check_shares(Index part, Index whole, double confidence) {
  require(part >= 0 && part <= whole, "interval: expected a part of ", whole, ", got ", part);
  require(confidence > 0 && confidence < 1, "interval: expected a confidence between 0 and 1, got ",
          confidence);
}

}  // namespace detail

/// The exact (Clopper-Pearson) interval of a probability of which `part` of `whole` independent samples came
/// true: whatever it is, the interval holds it with at least this confidence, and each side misses it with at
/// most half the rest. From 0 to 1 if there are no samples. Ends to about 12 digits. O(sqrt(whole)).
inline Interval clopper_pearson(Index part, Index whole, double confidence = 0.95) {
  detail::check_shares(part, whole, confidence);
  if (whole == 0) return {0, 1};
  if (part > whole - part) {  // small probabilities are told more finely than those near 1
    const Interval other = clopper_pearson(whole - part, whole, confidence);
    return {1 - other.high, 1 - other.low};
  }
  const double tail = (1 - confidence) / 2;
  if (part == 0) return {0, -std::expm1(std::log(tail) / static_cast<double>(whole))};
  return {detail::binomial_inverse(part, whole, tail, true),
          detail::binomial_inverse(part, whole, tail, false)};
}

/// McNemar's test, exact and two-sided: how likely so uneven a split of the pairs that differ is if each goes
/// either way with the same probability. Of other pairs it knows nothing. 1 where no pair differs.
inline double mcnemar(Index only_first, Index only_second) {
  require(only_first >= 0 && only_second >= 0, "mcnemar: expected counts >= 0, got ", only_first, " and ",
          only_second);
  const Index fewer = std::min(only_first, only_second), all = only_first + only_second;
  return all == 0 ? 1 : std::min(1.0, 2 * binomial_at_most(fewer, all, 0.5));
}

/// An interval of the difference of two shares of the same `pairs` samples, the first minus the second, which
/// differ in so many. It is the share of pairs that differ times how much more often they do so for the
/// first: each has its Clopper-Pearson interval, at half the error, and the ends are the extremes of their
/// product. It hence holds the difference with at least this confidence, whatever the shares, and is a
/// little wider than need be: where mcnemar() just sees a difference, it may still hold 0. From -1 to 1 if
/// there are no pairs.
inline Interval paired_difference(Index only_first, Index only_second, Index pairs,
                                  double confidence = 0.95) {
  detail::check_shares(only_first, pairs, confidence);
  detail::check_shares(only_second, pairs - only_first, confidence);
  const double each = (1 + confidence) / 2;
  const Index differ = only_first + only_second;
  const Interval share = clopper_pearson(differ, pairs, each),
                 way = clopper_pearson(only_first, differ, each);
  const double low = 2 * way.low - 1, high = 2 * way.high - 1;
  return {low * (low < 0 ? share.high : share.low), high * (high > 0 ? share.high : share.low)};
}

/// Which of `count` values in ascending order, numbered from 1, bound their distribution's median with at
/// least this confidence: the one of this number and, counted from the end, the other. 0 where there are too
/// few values to say anything. The largest such number.
inline Index median_rank(Index count, double confidence = 0.95) {
  detail::check_shares(0, count, confidence);
  const double tail = (1 - confidence) / 2;
  Index low = 0, high = count / 2 + 1;  // the number is at least the one and less than the other
  while (high - low > 1) {
    const Index middle = low + (high - low) / 2;
    (binomial_at_most(middle - 1, count, 0.5) <= tail ? low : high) = middle;
  }
  return low;
}

}  // namespace foil
