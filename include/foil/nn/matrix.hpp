// SPDX-License-Identifier: MIT
/// \file
/// Products of matrices that are both activations: the right one is packed on the way, the left one read
/// where it lies if its rows are contiguous. Every element is one chain of fused multiply-adds over the depth
/// in ascending order, as in gemm.hpp.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <utility>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/gemm.hpp"

namespace foil::nn {

using namespace simd;

/// A matrix in memory: entry (i, j) lies at data[i * row_step + j * column_step].
template <class T>
struct Matrix {
  T* data;
  Index rows, columns, row_step, column_step;

  Matrix<const T> read_only() const { return {data, rows, columns, row_step, column_step}; }
  Matrix transposed() const { return {data, columns, rows, column_step, row_step}; }
  /// Whether the entries of a row lie one after the other.
  bool by_rows() const { return column_step == 1 || columns == 1; }
  bool by_columns() const { return row_step == 1 || rows == 1; }
};

namespace detail {

/// The first or second halves of two vectors, one element of each in turn.
template <class T, Index from, std::size_t... i>
inline Pack<T> zip(Pack<T> a, Pack<T> b, std::index_sequence<i...>) {
  return __builtin_shufflevector(
      a, b, (from + static_cast<Index>(i) / 2 + static_cast<Index>(i) % 2 * lanes<T>)...);
}
template <class T, bool second>
inline Pack<T> zip_halves(Pack<T> a, Pack<T> b) {
  return zip<T, second ? lanes<T> / 2 : 0>(a, b,
                                           std::make_index_sequence<static_cast<std::size_t>(lanes<T>)>{});
}

}  // namespace detail

/// Turns `rows` lines of `columns` numbers each, neither more than there are lanes, into columns: `columns`
/// whole vectors, in which what lines are missing of a whole block is zero.
template <class T, class = Isa>
inline void transpose_block(const T* from, Index step, Index rows, Index columns, T* to, Index to_step) {
  constexpr std::size_t n = static_cast<std::size_t>(lanes<T>);
  Pack<T> a[n];
  unroll<n>([&](auto i) {
    const Index line = static_cast<Index>(i);
    a[i] = line >= rows          ? Pack<T>{}
           : columns == lanes<T> ? load<T>(from + line * step)
                                 : load_partial<T>(from + line * step, columns);
  });
  // Zipping the first half of the lines with the second one, as often as lines can be halved.
  unroll<std::bit_width(n) - 1>([&](auto) {
    Pack<T> b[n];
    unroll<n / 2>([&](auto i) {
      b[2 * i] = detail::zip_halves<T, false>(a[i], a[i + n / 2]);
      b[2 * i + 1] = detail::zip_halves<T, true>(a[i], a[i + n / 2]);
    });
    unroll<n>([&](auto i) { a[i] = b[i]; });
  });
  unroll<n>([&](auto j) {
    if (static_cast<Index>(j) < columns) store<T>(to + static_cast<Index>(j) * to_step, a[j]);
  });
}

namespace detail {

/// The right factor in panels, as the kernel reads it; `columns` is filled up to whole vectors.
template <class T, class = Isa>
void pack_panels(const Matrix<const T>& right, T* to) {
  constexpr Index panel = 2 * lanes<T>;
  const Index depth = right.rows, all = round_up<T>(right.columns);
  for (Index j = 0; j < all; j += panel) {
    const Index width = std::min(panel, all - j);
    for (Index v = 0; v < width; v += lanes<T>) {
      const Index count = std::min(lanes<T>, right.columns - j - v);
      const T* const from = right.data + (j + v) * right.column_step;
      if (right.by_rows()) {
        for (Index k = 0; k < depth; ++k)
          store<T>(to + v + k * width, count == lanes<T> ? load<T>(from + k * right.row_step)
                                                         : load_partial<T>(from + k * right.row_step, count));
      } else if (right.by_columns()) {
        for (Index k = 0; k < depth; k += lanes<T>)
          transpose_block<T>(from + k, right.column_step, count, std::min(lanes<T>, depth - k),
                             to + v + k * width, width);
      } else {
        for (Index k = 0; k < depth; ++k)
          for (Index i = 0; i < lanes<T>; ++i)
            to[v + k * width + i] = i < count ? from[k * right.row_step + i * right.column_step] : T(0);
      }
    }
    to += width * depth;
  }
}

/// Rows [first, first + count) of the left factor where the kernel can read them.
template <class T, class = Isa>
Rows<T> left_rows(const Matrix<const T>& left, Index first, Index count, T* scratch) {
  const T* const data = left.data + first * left.row_step;
  if (left.by_rows()) return rows_at(data, count, left.row_step, left.columns, scratch);
  const Rows<T> tile = RowTile<T>(scratch, count);
  const Index depth = left.columns;
  T* const block = scratch + RowTile<T>::storage(depth);
  for (Index k = 0; k < depth; k += lanes<T>) {
    const Index steps = std::min(lanes<T>, depth - k);
    T* const to = scratch + k / tile.length * tile.jump + k % tile.length;
    for (Index r = 0; r < count; r += lanes<T>) {
      const Index some = std::min(lanes<T>, count - r);
      if (left.by_columns()) {
        transpose_block<T>(data + k * left.column_step + r, left.column_step, steps, some, block, lanes<T>);
        for (Index i = 0; i < some; ++i) store<T>(to + (r + i) * tile.step, load<T>(block + i * lanes<T>));
      } else {
        for (Index i = 0; i < some; ++i)
          for (Index s = 0; s < steps; ++s)
            to[(r + i) * tile.step + s] = data[(r + i) * left.row_step + (k + s) * left.column_step];
      }
    }
  }
  return tile;
}

}  // namespace detail

/// Multiplies matrices one after the other, of which nothing changes meanwhile: a right factor that occurs
/// again right away stays packed.
template <class T, class = Isa>
class Multiplier {
 public:
  /// Elements of memory that a product of this size needs, whichever factor comes first.
  static Index storage(Index rows, Index depth, Index columns) {
    const Index wide = round_up<T>(std::max(rows, columns));
    return depth * wide + RowTile<T>::storage(depth) + tile_rows<> * wide + lanes<T> * lanes<T>;
  }

  /// `scratch` offers storage() elements of the largest product.
  explicit Multiplier(T* scratch) : scratch_(scratch) {}

  /// to = left * right, or to += left * right.
  void operator()(const Matrix<const T>& left, const Matrix<const T>& right, const Matrix<T>& to,
                  bool add = false) {
    if (!to.by_rows() && to.by_columns())
      return (*this)(right.transposed(), left.transposed(), to.transposed(), add);
    const Index depth = right.rows, columns = right.columns, wide = round_up<T>(columns);
    T* const tile = scratch_ + depth * wide;
    T* const sums = tile + RowTile<T>::storage(depth) + lanes<T> * lanes<T>;
    if (!same(right)) detail::pack_panels(right, scratch_);
    packed_ = right;
    const Index step = balanced_tile(left.rows);
    const bool direct = !add && to.by_rows();
    for (Index first = 0; first < left.rows; first += step) {
      const Index count = std::min(step, left.rows - first);
      const Rows<T> rows = detail::left_rows(left, first, count, tile);
      T* const target = to.data + first * to.row_step;
      multiply(rows, depth, columns, direct ? target : sums, direct ? to.row_step : wide);
      if (!direct) move(sums, wide, count, columns, target, to, add);
    }
  }

 private:
  bool same(const Matrix<const T>& right) const {
    return right.data == packed_.data && right.rows == packed_.rows && right.columns == packed_.columns &&
           right.row_step == packed_.row_step && right.column_step == packed_.column_step;
  }

  void multiply(const Rows<T>& left, Index depth, Index columns, T* to, Index stride) const {
    constexpr Index panel = 2 * lanes<T>;
    static constexpr T zeros[static_cast<std::size_t>(panel)] = {};
    const auto row = static_cast<std::size_t>(left.count - 1);
    for (Index j = 0; j < columns; j += panel) {
      const bool wide = columns - j > lanes<T>;
      const auto kernel = wide ? detail::tile_kernels<T, 2>[row] : detail::tile_kernels<T, 1>[row];
      kernel(depth, left, scratch_ + j * depth, wide ? panel : lanes<T>, zeros, to + j, stride,
             std::min(columns - j, panel));
    }
  }

  static void move(const T* sums, Index stride, Index count, Index columns, T* to, const Matrix<T>& shape,
                   bool add) {
    for (Index r = 0; r < count; ++r, sums += stride, to += shape.row_step) {
      if (shape.by_rows())
        accumulate<T>(columns, sums, to);
      else
        for (Index j = 0; j < columns; ++j) {
          T& element = to[j * shape.column_step];
          element = add ? element + sums[j] : sums[j];
        }
    }
  }

  T* scratch_;
  Matrix<const T> packed_{};
};

}  // namespace foil::nn
