// SPDX-License-Identifier: MIT
/// \file
/// What goes along one axis of a sample: lines in memory or, where neighbours along the axis are apart,
/// strips of as many lines as a vector has elements. Algorithms are written once, for both.
#pragma once

#include <cstddef>
#include <cstring>
#include <limits>
#include <type_traits>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

using namespace simd;

/// As many elements as a vector has, known when compiling.
template <class T, class = Isa>
using Whole = std::integral_constant<Index, lanes<T>>;

/// The first `count` elements, a Whole or a number; the others are zero.
template <class T, class Count>
inline Pack<T> read(const T* from, Count count) {
  if constexpr (std::is_same_v<Count, Whole<T>>)
    return load<T>(from);
  else
    return load_partial<T>(from, count);
}
template <class T, class Count>
inline void write(T* to, Pack<T> v, Count count) {
  if constexpr (std::is_same_v<Count, Whole<T>>)
    store<T>(to, v);
  else
    store_partial<T>(to, v, count);
}

/// work(i, count) for vectors of elements i .. i + count - 1 below n, where count is a Whole but at the end.
template <class T, class F>
inline void for_vectors(Index n, F&& work) {
  Index i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) work(i, Whole<T>{});
  if (i < n) work(i, n - i);
}

/// The larger one; NaN if there is any.
template <class T>
inline Pack<T> larger(Pack<T> a, Pack<T> b) {
  return ((b > a) | (b != b)) ? b : a;
}

/// Sums in double of every lane by itself, to which sums of a few vectors are added.
template <class T, class = Isa>
class LaneSums {
 public:
  void add(Pack<T> v) {
    Half parts[vectors];
    std::memcpy(parts, &v, sizeof parts);
    for (std::size_t k = 0; k < vectors; ++k) sums_[k] += __builtin_convertvector(parts[k], Pack<double>);
  }
  Pack<T> of_lanes() const {
    Half parts[vectors];
    for (std::size_t k = 0; k < vectors; ++k) parts[k] = __builtin_convertvector(sums_[k], Half);
    return reinterpret<Pack<T>>(parts);
  }
  double total() const { return horizontal_sum<double>(vectors == 1 ? sums_[0] : sums_[0] + sums_[1]); }

 private:
  using Half = Vector<T, static_cast<std::size_t>(lanes<double>)>;
  static constexpr std::size_t vectors = sizeof(double) / sizeof(T);
  template <class To>
  static To reinterpret(const Half (&parts)[vectors]) {
    To out;
    std::memcpy(&out, parts, sizeof out);
    return out;
  }
  Pack<double> sums_[vectors]{};
};

/// How many vectors are added up before their sum goes to one in double.
inline constexpr Index summed_at_once = 16;

/// One line, its elements side by side. What is the same for all of it fills a vector.
template <class T, class = Isa>
class ContiguousLine {
 public:
  explicit ContiguousLine(Index length) : length_(length) {}

  /// f(offset, count) for all elements, a vector of them at a time.
  template <class F>
  void each(F&& f) const {
    for_vectors<T>(length_, f);
  }

  /// The sum of term(offset, count) over the line.
  template <class F>
  Pack<T> sum(F&& term) const {
    LaneSums<T> sums;
    Index i = 0;
    while (i < length_) {
      Pack<T> even{}, odd{};
      const Index end =
          length_ - i > 2 * summed_at_once * lanes<T> ? i + 2 * summed_at_once * lanes<T> : length_;
      for (; i + 2 * lanes<T> <= end; i += 2 * lanes<T>) {
        even += term(i, Whole<T>{});
        odd += term(i + lanes<T>, Whole<T>{});
      }
      if (i + lanes<T> <= end) {
        even += term(i, Whole<T>{});
        i += lanes<T>;
      }
      if (i < end) odd += first_of<T>(term(i, end - i), end - i, Pack<T>{});
      if (i < end) i = end;
      sums.add(even + odd);
    }
    return broadcast<T>(static_cast<T>(sums.total()));
  }

  /// The largest term(offset, count) over the line; NaN if there is any.
  template <class F>
  Pack<T> largest(F&& term) const {
    const Pack<T> lowest = broadcast<T>(-std::numeric_limits<T>::infinity());
    Pack<T> best = lowest;
    each([&](Index i, auto count) { best = larger<T>(best, first_of<T>(term(i, count), count, lowest)); });
    T out = best[0];
    for (Index i = 1; i < lanes<T>; ++i) out = best[i] > out || best[i] != best[i] ? best[i] : out;
    return broadcast<T>(out);
  }

  /// One number per line.
  Pack<T> get(const T* from) const { return broadcast<T>(*from); }
  void put(T* to, Pack<T> v) const { *to = v[0]; }

  Index length() const { return length_; }

 private:
  Index length_;
};

/// `width` lines side by side, a Whole or fewer; the next elements of all of them are `stride` behind.
template <class T, class Count, class = Isa>
class Strip {
 public:
  Strip(Index length, Index stride, Count width) : length_(length), stride_(stride), width_(width) {}

  template <class F>
  void each(F&& f) const {
    for (Index i = 0; i < length_; ++i) f(i * stride_, width_);
  }

  template <class F>
  Pack<T> sum(F&& term) const {
    LaneSums<T> sums;
    Index i = 0;
    while (i < length_) {
      Pack<T> even{}, odd{};
      const Index end = length_ - i > 2 * summed_at_once ? i + 2 * summed_at_once : length_;
      for (; i + 2 <= end; i += 2) {
        even += term(i * stride_, width_);
        odd += term((i + 1) * stride_, width_);
      }
      if (i < end) even += term(i++ * stride_, width_);
      sums.add(even + odd);
    }
    return sums.of_lanes();
  }

  template <class F>
  Pack<T> largest(F&& term) const {
    Pack<T> best = term(0, width_);
    for (Index i = 1; i < length_; ++i) best = larger<T>(best, term(i * stride_, width_));
    return best;
  }

  Pack<T> get(const T* from) const { return read<T>(from, width_); }
  void put(T* to, Pack<T> v) const { write<T>(to, v, width_); }

  Index length() const { return length_; }

 private:
  Index length_, stride_;
  Count width_;
};

/// The middle axis of samples of shape (outer, length, inner): element i of a line begins at i * inner.
struct Lines {
  Index outer, length, inner;

  Index size() const { return outer * length * inner; }

  /// Calls work(begin) for each line of `batch` samples.
  template <class F>
  void for_each(Index batch, F&& work) const {
    for (Index o = 0; o < batch * outer; ++o)
      for (Index i = 0; i < inner; ++i) work(o * length * inner + i);
  }

  /// Calls work(begin, line, lines) for a share of all lines of `batch` samples: a ContiguousLine or Strip
  /// which begins there, and the number of lines before it.
  template <class T, class F>
  void visit(Share share, Index batch, F&& work) const {
    const Index strips = inner == 1 ? 1 : (inner + lanes<T> - 1) / lanes<T>;
    const auto [begin, end] = share.of(batch * outer * strips);
    for (Index item = begin; item < end; ++item) {
      const Index o = item / strips, i = item % strips * lanes<T>, first = o * length * inner + i;
      if (inner == 1)
        work(first, ContiguousLine<T>(length), o);
      else if (inner - i >= lanes<T>)
        work(first, Strip<T, Whole<T>>(length, inner, {}), o * inner + i);
      else
        work(first, Strip<T, Index>(length, inner, inner - i), o * inner + i);
    }
  }
};

}  // namespace foil::nn
