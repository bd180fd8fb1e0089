// SPDX-License-Identifier: MIT
/// \file
/// Products of matrices that are both activations: the right one is packed on the way, the left one read
/// where it lies if its rows are contiguous. Every element is one chain of fused multiply-adds over the depth
/// in ascending order, as in gemm.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/gemm.hpp"
#include "foil/nn/transpose.hpp"

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
        if (count < lanes<T>)
          for (Index k = 0; k < depth; ++k) store<T>(to + v + k * width, Pack<T>{});
        transpose<T>(count, depth, from, right.column_step, to + v, width);
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
  for (Index k = 0; k < depth; k += tile.length) {
    const Index steps = std::min(tile.length, depth - k);
    const T* const from = data + k * left.column_step;
    T* const to = scratch + k / tile.length * tile.jump;
    if (left.by_columns()) {
      transpose<T>(steps, count, from, left.column_step, to, tile.step);
    } else {
      for (Index r = 0; r < count; ++r)
        for (Index s = 0; s < steps; ++s)
          to[r * tile.step + s] = from[r * left.row_step + s * left.column_step];
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
    return depth * wide + RowTile<T>::storage(depth) + tile_rows<> * wide;
  }

  /// `scratch` offers storage() elements of the largest product; each product is multiplied by `scale`.
  explicit Multiplier(T* scratch, T scale = T(1)) : scratch_(scratch), scale_(scale) {}

  /// to = left * right, or to += left * right.
  void operator()(const Matrix<const T>& left, const Matrix<const T>& right, const Matrix<T>& to,
                  bool add = false) {
    if (!to.by_rows() && to.by_columns())
      return (*this)(right.transposed(), left.transposed(), to.transposed(), add);
    const Index depth = right.rows, columns = right.columns, wide = round_up<T>(columns);
    T* const tile = scratch_ + depth * wide;
    T* const sums = tile + RowTile<T>::storage(depth);
    if (!same(right)) pack(right);
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
  void pack(const Matrix<const T>& right) {
    detail::pack_panels(right, scratch_);
    packed_ = right;
    const Pack<T> scale = broadcast<T>(scale_);
    if (scale_ != T(1))
      map<T>(
          right.rows * round_up<T>(right.columns), scratch_, [scale](Pack<T> v) { return v * scale; },
          scratch_);
  }

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
      kernel(depth, chain_terms, left, scratch_ + j * depth, wide ? panel : lanes<T>, zeros, to + j, stride,
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
  T scale_;
  Matrix<const T> packed_{};
};

}  // namespace foil::nn
