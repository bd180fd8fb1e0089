// SPDX-License-Identifier: MIT
/// \file
/// Where a sum of terms that grow linearly and then saturate reaches a target: the one-dimensional equation
/// behind clipping-aware rescaling and behind the nearest points of half-spaces in a box.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/simd.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/lanes.hpp"

namespace foil::geometry {

/// The smallest argument at which a saturated sum reaches its target, or, where it never does, the smallest
/// one at which it is largest.
struct Saturation {
  double argument = 0;
  bool reached = false;
};

namespace detail {

/// The sum of min(u w_i, z_i), split into the terms that are saturated at u and the slope of the others.
struct SaturatedParts {
  double saturated = 0;
  double slope = 0;
};

/// Weights and levels as they lie in two arrays.
template <class W, class Z, class = simd::Isa>
struct StoredTerms {
  using Scalar = std::common_type_t<EntryOf<W>, EntryOf<Z>>;

  StoredTerms(const W& weights, const Z& levels) : count(size_of(weights)), w(weights), z(levels) {}
  Index size() const { return count; }
  void read(Index first, Index length, simd::Pack<Scalar>& weight, simd::Pack<Scalar>& level) const {
    weight = w(first, length);
    level = z(first, length);
  }

  Index count;
  Reader<Scalar, W> w;
  Reader<Scalar, Z> z;
};

/// Reads every stride-th row of the terms; the last row may be shorter. Rows are added up in the terms' own
/// precision, but no more than sixteen of them before the sums are moved to double.
template <class Terms>
SaturatedParts saturated_parts(const Terms& terms, double argument, Index stride = 1) {
  using Scalar = typename Terms::Scalar;
  using Vector = simd::Pack<Scalar>;
  constexpr Index width = simd::row_size<Scalar>, lanes = simd::lanes<Scalar>, rows_at_once = 16;
  constexpr std::size_t row_vectors = simd::row_vectors;
  const Vector u = simd::broadcast(static_cast<Scalar>(argument)), zero{};
  simd::RowSums<Scalar> saturated, slope;
  const Index whole_rows = terms.size() / width;
  for (Index block = 0; block * width < terms.size(); block += rows_at_once * stride) {
    Vector partial_saturated[row_vectors]{}, partial_slope[row_vectors]{}, weight, level;
    const Index end = block + rows_at_once * stride, whole_end = std::min(whole_rows, end);
    Index row = block;
    for (; row < whole_end; row += stride)
      for (std::size_t k = 0; k < row_vectors; ++k) {
        terms.read(row * width + static_cast<Index>(k) * lanes, lanes, weight, level);
        const auto full = u * weight >= level;
        partial_saturated[k] += full ? level : zero;
        partial_slope[k] += full ? zero : weight;
      }
    if (row == whole_rows && row < end)
      for (std::size_t k = 0; k < row_vectors; ++k) {
        const Index first = row * width + static_cast<Index>(k) * lanes;
        if (first >= terms.size()) break;
        terms.read(first, std::min(lanes, terms.size() - first), weight, level);
        const auto full = u * weight >= level;
        partial_saturated[k] += full ? level : zero;
        partial_slope[k] += full ? zero : weight;
      }
    saturated.add(partial_saturated);
    slope.add(partial_slope);
  }
  return {saturated.total(), slope.total()};
}

/// How Newton's method ended.
struct NewtonRoot {
  enum class End { found, all_saturated, below_maximum, gave_up };
  End end = End::gave_up;
  double argument = 0;
};

/// Newton's method from `start`, until what is missing from the target, as a share of it, is no more than the
/// tolerance before the last step. The sum is concave: wherever an iterate lies, the next one is at or below
/// the root, and from then on they increase. Gives up after too many passes, or where the sums leave the
/// range in which the terms' type is precise.
template <class Terms>
NewtonRoot newton_root(const Terms& terms, double target, double start, double tolerance, Index stride = 1) {
  using End = NewtonRoot::End;
  constexpr bool single = std::is_same_v<typename Terms::Scalar, float>;
  constexpr double smallest = single ? 1e-25 : 1e-250, largest = single ? 1e30 : 1e250;
  constexpr int most_passes = 12;
  double u = start, low = 0;
  for (int pass = 0; pass < most_passes; ++pass) {
    const auto [saturated, slope] = saturated_parts(terms, u, stride);
    const double missing = target - (saturated + u * slope);
    if (!(saturated < largest && slope < largest && std::isfinite(missing))) return {};
    const bool close = std::abs(missing) <= tolerance * target;
    if (slope == 0) {
      if (close) return {End::all_saturated, u};
      if (missing > 0) return {End::below_maximum, u};
      u = low;
      continue;
    }
    if (slope < smallest) return {};
    const double next = (target - saturated) / slope;
    if (close) {
      // Where the slope is but a rounding error beside the sum, the last step is worth nothing.
      if (std::abs(next - u) <= 1e3 * tolerance * u) return {End::found, next};
      if (pass > 0) return {End::found, u};
    }
    if (missing > 0) {
      if (!(next > u)) return {};
      low = u;
    }
    u = std::max(next, low);
  }
  return {};
}

/// The same to the precision of the terms' type. Where there are many rows, a sample of them tells where to
/// start. `first_step` is the root of the tangent at 0, if that is known.
template <class Terms>
NewtonRoot newton_root(const Terms& terms, double target, double first_step = 0) {
  using Scalar = typename Terms::Scalar;
  constexpr Index sampled_rows = 128, width = simd::row_size<Scalar>;
  constexpr double tolerance = std::is_same_v<Scalar, float> ? 5e-7 : 1e-13;
  double start = first_step;
  if (const Index rows = terms.size() / width; rows >= 8 * sampled_rows) {
    const Index stride = (rows / sampled_rows) | 1;
    const double share =
        static_cast<double>((rows + stride - 1) / stride * width) / static_cast<double>(terms.size());
    const auto guess = newton_root(terms, target * share, start, 0.02, stride);
    if (guess.end == NewtonRoot::End::found) start = guess.argument;
  }
  return newton_root(terms, target, start, tolerance);
}

/// The smallest argument at which every term that can grow is saturated.
template <class W, class Z>
double saturating_argument(const W& w, const Z& z) {
  return foil::maximum(size_of(w), [&](Index i) {
    const auto weight = static_cast<double>(entry(w, i)), level = static_cast<double>(entry(z, i));
    return weight > 0 && level > 0 ? level / weight : 0.0;
  });
}

/// Expected O(n) however the break points z / w lie: the median of those in doubt halves them in every round.
template <class W, class Z>
Saturation select_saturation(const W& w, const Z& z, double target) {
  struct Term {
    double argument, weight, level;
  };
  std::vector<Term> terms;
  terms.reserve(static_cast<std::size_t>(size_of(w)));
  double total = 0;
  for (Index i = 0; i < size_of(w); ++i) {
    const auto weight = static_cast<double>(entry(w, i)), level = static_cast<double>(entry(z, i));
    foil::require(weight >= 0 && level >= 0 && std::isfinite(weight), "saturated sum: expected finite ",
                  "weights and levels >= 0, got w = ", weight, " and z = ", level, " at index ", i);
    if (weight == 0 || level == 0) continue;
    terms.push_back({level / weight, weight, level});
    total += level;
  }
  if (total < target) return {saturating_argument(w, z), false};
  const auto by_argument = [](const Term& a, const Term& b) { return a.argument < b.argument; };
  auto first = terms.begin(), last = terms.end();
  double saturated = 0, slope = 0;
  while (first != last) {
    const auto middle = first + (last - first) / 2;
    std::nth_element(first, middle, last, by_argument);
    const double u = middle->argument;
    const auto above = std::partition(middle, last, [u](const Term& term) { return term.argument <= u; });
    double below_level = 0, above_weight = 0;
    for (auto term = first; term != above; ++term) below_level += term->level;
    for (auto term = above; term != last; ++term) above_weight += term->weight;
    if (above_weight + slope > 0 ? saturated + below_level + u * (above_weight + slope) >= target
                                 : saturated + below_level >= target) {
      const auto below = std::partition(first, middle, [u](const Term& term) { return term.argument < u; });
      slope += above_weight;
      for (auto term = below; term != above; ++term) slope += term->weight;
      last = below;
    } else {
      saturated += below_level;
      first = above;
    }
  }
  if (!(slope > 0)) return {saturating_argument(w, z), true};
  return {(target - saturated) / slope, true};
}

}  // namespace detail

/// The smallest u >= 0 with sum_i min(u w_i, z_i) = target, for weights and levels w_i, z_i >= 0 of one size;
/// the levels may be infinite. Entries with w_i = 0 or z_i = 0 never count. Where the target exceeds the sum
/// of the levels, the smallest u at which all are saturated, and `reached` is false.
///
/// O(n) without sorting: Newton's method on a concave, piecewise linear function (about five passes over w
/// and z, no memory), and selection by medians for the rare inputs on which that takes longer. Anything with
/// operator[] and size() serves. Sums are accumulated in an order that depends on n only; if both arrays hold
/// floats, u is exact to about 1e-7, else to about 1e-13.
template <class W, class Z, class = simd::Isa>
Saturation saturated_sum(const W& w, const Z& z, double target) {
  foil::require(w.size() == z.size(), "saturated sum: expected as many weights as levels, got ", w.size(),
                " and ", z.size());
  foil::require(!std::isnan(target), "saturated sum: expected a number as the target, got NaN");
  if (target <= 0) return {0, true};
  using End = detail::NewtonRoot::End;
  const auto [end, argument] = detail::newton_root(detail::StoredTerms<W, Z>(w, z), target);
  if (end == End::found) return {argument, true};
  if (end == End::gave_up) return detail::select_saturation(w, z, target);
  return {detail::saturating_argument(w, z), end == End::all_saturated};
}

}  // namespace foil::geometry
