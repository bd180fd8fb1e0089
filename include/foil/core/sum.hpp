// SPDX-License-Identifier: MIT
/// \file
/// Sums in double precision whose order is fixed, so that their bits do not depend on memory alignment or on
/// which vector instructions a reduction happens to use.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>

#include "foil/core/tensor.hpp"

namespace foil {

namespace detail {

/// Of a sum.
inline constexpr Index sum_lanes = 16;
using SumLanes = std::array<double, static_cast<std::size_t>(sum_lanes)>;

/// What the lanes add up to: the upper half is added to the lower one until a single number is left.
inline double fold(SumLanes& partial) {
  for (std::size_t half = partial.size() / 2; half > 0; half /= 2)
    for (std::size_t lane = 0; lane < half; ++lane) partial[lane] += partial[lane + half];
  return partial[0];
}

}  // namespace detail

/// Sum of term(0) + ... + term(count - 1), accumulated in sixteen interleaved lanes.
template <class Term>
double sum(Index count, Term term) {
  constexpr Index lanes = detail::sum_lanes;
  detail::SumLanes partial{};
  Index i = 0;
  for (; i + lanes <= count; i += lanes)
    for (Index lane = 0; lane < lanes; ++lane) partial[static_cast<std::size_t>(lane)] += term(i + lane);
  for (Index lane = 0; i < count; ++i, ++lane) partial[static_cast<std::size_t>(lane)] += term(i);
  return detail::fold(partial);
}

/// Two such sums in one pass: terms(i) is the pair of what i adds to them.
template <class Terms>
std::pair<double, double> two_sums(Index count, Terms terms) {
  constexpr Index lanes = detail::sum_lanes;
  detail::SumLanes one{}, other{};
  const auto add = [&](Index i, Index at) {
    const std::pair<double, double> term = terms(i);
    const auto lane = static_cast<std::size_t>(at);
    one[lane] += term.first;
    other[lane] += term.second;
  };
  Index i = 0;
  for (; i + lanes <= count; i += lanes)
    for (Index lane = 0; lane < lanes; ++lane) add(i + lane, lane);
  for (Index lane = 0; i < count; ++i, ++lane) add(i, lane);
  return {detail::fold(one), detail::fold(other)};
}

/// The largest term, at least 0.
template <class Term>
double maximum(Index count, Term term) {
  constexpr Index lanes = 8;
  std::array<double, lanes> partial{};
  Index i = 0;
  for (; i + lanes <= count; i += lanes)
    for (Index lane = 0; lane < lanes; ++lane) {
      const double value = term(i + lane);
      auto& largest = partial[static_cast<std::size_t>(lane)];
      largest = value > largest ? value : largest;
    }
  for (; i < count; ++i) partial[0] = std::max(partial[0], static_cast<double>(term(i)));
  return *std::max_element(partial.begin(), partial.end());
}

template <class A, class B>
double dot(const A& a, const B& b) {
  return sum(a.size(), [&](Index i) { return static_cast<double>(a[i]) * static_cast<double>(b[i]); });
}

/// Euclidean length, also where the squares overflow or underflow.
template <class A>
double norm2(const A& a) {
  const double square = dot(a, a);
  if ((square > 0x1p-900 && square < 0x1p1000) || std::isnan(square)) return std::sqrt(square);
  const double largest = maximum(a.size(), [&](Index i) { return std::abs(static_cast<double>(a[i])); });
  if (largest == 0 || std::isinf(largest)) return largest;
  int exponent = 0;
  std::frexp(largest, &exponent);
  const double root = std::sqrt(sum(a.size(), [&](Index i) {
    const double scaled = std::ldexp(static_cast<double>(a[i]), -exponent);
    return scaled * scaled;
  }));
  return std::ldexp(root, exponent);
}

}  // namespace foil
