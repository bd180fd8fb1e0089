// SPDX-License-Identifier: MIT
/// \file
/// How fast the entries of a point move along a direction, and how far they may within a box.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "foil/core/bounds.hpp"
#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/lanes.hpp"

namespace foil::geometry::detail {

/// The ends of per-feature bounds as arrays.
template <class Scalar>
struct LowerEnds {
  const Bounds<Scalar>& bounds;
  Scalar operator[](Index i) const { return bounds.lower(i); }
};
template <class Scalar>
struct UpperEnds {
  const Bounds<Scalar>& bounds;
  Scalar operator[](Index i) const { return bounds.upper(i); }
};

/// Calls f(lower, upper) with numbers or arrays, as the bounds are.
template <class Scalar, class F>
auto with_ends(const Bounds<Scalar>& bounds, Index features, F&& f) {
  bounds.check(features);
  if (bounds.uniform()) return f(bounds.lower(0), bounds.upper(0));
  return f(LowerEnds<Scalar>{bounds}, UpperEnds<Scalar>{bounds});
}

/// How fast each entry moves, and how far it may. A point outside of the box counts as the nearest one
/// inside.
template <class Scalar, class X, class D, class L, class U>
struct Moves {
  const X& x;
  const D& d;
  const L& lower;
  const U& upper;

  Index size() const { return size_of(d); }
  Scalar speed(Index i) const { return std::abs(static_cast<Scalar>(entry(d, i))); }
  Scalar room(Index i) const {
    const auto low = static_cast<Scalar>(entry(lower, i)), high = static_cast<Scalar>(entry(upper, i));
    const auto at = static_cast<Scalar>(entry(x, i));
    const Scalar raised = at < low ? low : at, inside = raised > high ? high : raised;
    const Scalar end = entry(d, i) > 0 ? high : low;
    return std::abs(end - inside);
  }
};

/// Speeds and rooms raised to the power 1 or 2, as the terms of a saturated sum. No room counts for more than
/// the largest level.
template <int power, class S, class X, class D, class L, class U, class = simd::Isa>
struct MoveTerms {
  using Scalar = S;

  MoveTerms(const X& point, const D& direction, const L& lower, const U& upper, double largest_level)
      : count(size_of(point)),
        x(point),
        d(direction),
        low(lower),
        high(upper),
        most(simd::broadcast(static_cast<S>(largest_level))) {}

  Index size() const { return count; }
  void read(Index first, Index length, simd::Pack<S>& weight, simd::Pack<S>& level) const {
    const simd::Pack<S> zero{}, bottom = low(first, length), top = high(first, length);
    const simd::Pack<S> at = x(first, length), step = d(first, length);
    const simd::Pack<S> raised = at < bottom ? bottom : at;
    const simd::Pack<S> inside = raised > top ? top : raised;
    const simd::Pack<S> room = (step > zero ? top : bottom) - inside;
    const simd::Pack<S> size = power == 1 ? (room < zero ? -room : room) : room * room;
    weight = power == 1 ? (step < zero ? -step : step) : step * step;
    level = size < most ? size : most;
  }

  Index count;
  Reader<S, X> x;
  Reader<S, D> d;
  Reader<S, L> low;
  Reader<S, U> high;
  simd::Pack<S> most;
};

/// Terms read once into arrays on the stack, and the slope of their sum at 0, roughly.
template <class S, class = simd::Isa>
struct StackTerms {
  using Scalar = S;
  static constexpr Index capacity = 4096;

  template <class Terms>
  explicit StackTerms(const Terms& terms) : count(terms.size()) {
    constexpr Index lanes = simd::lanes<S>;
    simd::Pack<S> slopes[simd::row_vectors]{}, weight, level;
    const simd::Pack<S> zero{};
    Index first = 0;
    for (; first + simd::row_size<S> <= count; first += simd::row_size<S>)
      for (std::size_t k = 0; k < simd::row_vectors; ++k) {
        const Index at = first + static_cast<Index>(k) * lanes;
        terms.read(at, lanes, weight, level);
        std::memcpy(weights + at, &weight, sizeof weight);
        std::memcpy(levels + at, &level, sizeof level);
        slopes[k] += level > zero ? weight : zero;
      }
    for (; first < count; first += lanes) {
      terms.read(first, std::min(lanes, count - first), weight, level);
      std::memcpy(weights + first, &weight, sizeof weight);
      std::memcpy(levels + first, &level, sizeof level);
      slopes[0] += level > zero ? weight : zero;
    }
    simd::RowSums<S> sums;
    sums.add(slopes);
    slope = sums.total();
  }

  Index size() const { return count; }
  void read(Index first, Index, simd::Pack<S>& weight, simd::Pack<S>& level) const {
    std::memcpy(&weight, weights + first, sizeof weight);
    std::memcpy(&level, levels + first, sizeof level);
  }

  alignas(64) S weights[capacity], levels[capacity];
  Index count;
  double slope = 0;
};

}  // namespace foil::geometry::detail
