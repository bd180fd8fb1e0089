// SPDX-License-Identifier: MIT
/// \file
/// Transposition of matrices, by tiles that fit the registers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"

namespace foil::nn {

using namespace simd;

namespace detail {

/// Two vectors' lanes by turns: their lower halves, or their upper ones.
template <class T, bool upper, class = Isa>
inline Pack<T> interleaved(Pack<T> a, Pack<T> b) {
  constexpr int count = static_cast<int>(lanes<T>);
  return [&]<int... i>(std::integer_sequence<int, i...>) {
    return __builtin_shufflevector(a, b, (i / 2 + (upper ? count / 2 : 0) + (i % 2) * count)...);
  }(std::make_integer_sequence<int, count>());
}

/// A square of vectors, or the corner of one: to[c * to_step + r] = from[r * from_step + c].
template <class T, class = Isa>
void transpose_tile(Index rows, Index columns, const T* from, Index from_step, T* to, Index to_step) {
  constexpr auto side = static_cast<std::size_t>(lanes<T>);
  const bool full = rows == lanes<T> && columns == lanes<T>;
  Pack<T> row[side];
  if (full)
    unroll<side>([&](auto r) { row[r] = load<T>(from + static_cast<Index>(r) * from_step); });
  else
    for (std::size_t r = 0; r < side; ++r)
      row[r] = static_cast<Index>(r) < rows
                   ? load_partial<T>(from + static_cast<Index>(r) * from_step, columns)
                   : Pack<T>{};
  for (std::size_t half = 1; half < side; half *= 2) {  // as many perfect shuffles as bring each lane home
    Pack<T> mixed[side];
    unroll<side / 2>([&](auto r) {
      mixed[2 * r] = interleaved<T, false>(row[r], row[r + side / 2]);
      mixed[2 * r + 1] = interleaved<T, true>(row[r], row[r + side / 2]);
    });
    unroll<side>([&](auto r) { row[r] = mixed[r]; });
  }
  if (full)
    unroll<side>([&](auto c) { store<T>(to + static_cast<Index>(c) * to_step, row[c]); });
  else
    for (Index c = 0; c < columns; ++c)
      store_partial<T>(to + c * to_step, row[static_cast<std::size_t>(c)], rows);
}

/// The same with a few columns, or a few rows if the steps change their roles.
template <class T, Index few>
void transpose_few(Index rows, const T* from, Index row_step, Index from_step, T* to, Index column_step,
                   Index to_step) {
  for (Index r = 0; r < rows; ++r)
    unroll<static_cast<std::size_t>(few)>([&](auto i) {
      const Index c = static_cast<Index>(i);
      to[r * column_step + c * to_step] = from[r * row_step + c * from_step];
    });
}

}  // namespace detail

/// to[c * to_step + r] = from[r * from_step + c] for a matrix of `rows` times `columns`.
template <class T, class = Isa>
void transpose(Index rows, Index columns, const T* from, Index from_step, T* to, Index to_step) {
  const auto few = [&](auto count) {
    constexpr Index n = count;
    if (rows == n) detail::transpose_few<T, n>(columns, from, 1, from_step, to, to_step, 1);
    if (rows != n && columns == n) detail::transpose_few<T, n>(rows, from, from_step, 1, to, 1, to_step);
    return rows == n || columns == n;
  };
  if (few(std::integral_constant<Index, 1>()) || few(std::integral_constant<Index, 2>()) ||
      few(std::integral_constant<Index, 3>()) || few(std::integral_constant<Index, 4>()))
    return;
  for (Index r = 0; r < rows; r += lanes<T>)
    for (Index c = 0; c < columns; c += lanes<T>)
      detail::transpose_tile<T>(std::min(lanes<T>, rows - r), std::min(lanes<T>, columns - c),
                                from + r * from_step + c, from_step, to + c * to_step + r, to_step);
}

}  // namespace foil::nn
