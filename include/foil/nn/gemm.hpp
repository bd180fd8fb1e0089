// SPDX-License-Identifier: MIT
/// \file
/// Matrix products with rows of activations on the left and a constant, packed matrix on the right. Every
/// element of the result is the sum of chains of fused multiply-adds over blocks of the depth, all in
/// ascending order, whatever its row, its tile and the number of rows: the bits of a row never depend on its
/// neighbours.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/memory.hpp"

namespace foil::nn {

using namespace simd;

/// Rows that a tile holds at most: as many accumulators as fit the register file, two vectors wide.
template <class = Isa>
inline constexpr Index tile_rows = registers == 32 ? 14 : 6;

/// Rows of the left-hand matrix where they lie: row r begins r * step behind the first one, and each consists
/// of pieces of `length` elements, `jump` apart, and `turn` more after each `run` of them; the last one may
/// be shorter.
template <class T>
struct Rows {
  const T* data;
  Index count;  ///< 1 .. tile_rows<>
  Index step, length, jump;
  Index run = 0, turn = 0;
};

/// Whether rows at this distance would compete for the same few lines of the first-level cache.
template <class T>
constexpr bool collide(Index step) {
  return step * static_cast<Index>(sizeof(T)) % 2048 == 0;
}

/// Up to tile_rows rows of the left-hand matrix, gathered piece by piece. The depth is cut into blocks and
/// the rows of a block lie at a constant distance, so that the kernel addresses all of them from one pointer.
template <class T, class = Isa>
class RowTile {
 public:
  static constexpr Index block = 512;                ///< depth of a block
  static constexpr Index stride = block + lanes<T>;  ///< room behind each row for whole-vector writes

  /// Elements of storage that tiles of this depth need.
  static Index storage(Index depth) { return (depth + block - 1) / block * tile_rows<> * stride; }

  RowTile(T* data, Index rows) : data_(data), rows_(rows) {}

  /// Appends to one row; the rows fill from left to right.
  class Writer {
   public:
    Writer(const RowTile& tile, Index row) : to_(tile.data_ + row * stride), jump_(tile.rows_ * stride) {}

    void copy(const T* from, Index n) {
      if (n <= lanes<T> && filled_ + n < block) {
        store<T>(to_ + filled_, load_partial<T>(from, n));
        filled_ += n;
        return;
      }
      while (n > 0) {
        const Index count = std::min(n, block - filled_);
        T* const to = to_ + filled_;
        Index i = 0;
        for (; i + lanes<T> <= count; i += lanes<T>) store<T>(to + i, load<T>(from + i));
        if (i < count) store<T>(to + i, load_partial<T>(from + i, count - i));
        from += count;
        advance(count);
        n -= count;
      }
    }

    void zeros(Index n) {
      while (n > 0) {
        const Index count = std::min(n, block - filled_);
        for (Index i = 0; i < count; i += lanes<T>) store<T>(to_ + filled_ + i, Pack<T>{});
        advance(count);
        n -= count;
      }
    }

   private:
    void advance(Index count) {
      filled_ += count;
      if (filled_ == block) {
        filled_ = 0;
        to_ += jump_;
      }
    }

    T* to_;
    Index jump_;
    Index filled_ = 0;
  };

  Writer row(Index r) const { return Writer(*this, r); }
  Index rows() const { return rows_; }
  operator Rows<T>() const { return {data_, rows_, stride, block, rows_ * stride, 0, 0}; }

 private:
  T* data_;
  Index rows_;
};

/// The number of rows per tile that spreads `rows` evenly over as few tiles as possible.
template <class = Isa>
Index balanced_tile(Index rows) {
  const Index tiles = (rows + tile_rows<> - 1) / tile_rows<>;
  return (rows + tiles - 1) / tiles;
}

namespace detail {

/// rows x (vectors of columns) of the product; `columns` of them are stored. Rows are addressed in threes
/// from a common pointer, by multiples of the step that addresses can hold: registers would not do for all.
template <class T, std::size_t rows, std::size_t vectors, class = Isa>
void multiply_tile(Index depth, Index block, const Rows<T>& left, const T* right, Index right_step,
                   const T* start, T* to, Index stride, Index columns) {
  Pack<T> sum[rows][vectors], total[rows][vectors];
  unroll<vectors>([&](auto v) {
    const Pack<T> first = load<T>(start + static_cast<Index>(v) * lanes<T>);
    unroll<rows>([&](auto r) { sum[r][v] = first; });
  });
  const Index step = left.step;
  const T* piece = left.data;
  Index room = block;  // terms that the chains still take
  Index in_run = 0;
  for (Index done = 0; done < depth; done += left.length, piece += left.jump) {
    if (left.run > 0 && in_run++ == left.run) {
      piece += left.turn;
      in_run = 1;
    }
    const T* at[(rows + 2) / 3];
    unroll<(rows + 2) / 3>([&](auto i) { at[i] = piece + static_cast<Index>(3 * i) * step; });
    const Index end = std::min(left.length, depth - done);
    for (Index k = 0; k < end;) {
      const Index stop = std::min(end, k + room);
      room -= stop - k;
      for (; k < stop; ++k) {
        Pack<T> w[vectors];
        unroll<vectors>([&](auto v) { w[v] = load<T>(right + static_cast<Index>(v) * lanes<T>); });
        right += right_step;
        unroll<rows>([&](auto r) {
          const Pack<T> x = broadcast<T>(at[r / 3][static_cast<Index>(r % 3) * step + k]);
          unroll<vectors>([&](auto v) { sum[r][v] = multiply_add<T>(x, w[v], sum[r][v]); });
        });
      }
      if (room > 0 || done + k == depth) continue;
      const bool first = done + k == block;
      unroll<rows>([&](auto r) {
        unroll<vectors>([&](auto v) {
          total[r][v] = first ? sum[r][v] : total[r][v] + sum[r][v];
          sum[r][v] = Pack<T>{};
        });
      });
      room = block;
    }
  }
  if (depth > block)
    unroll<rows>([&](auto r) { unroll<vectors>([&](auto v) { sum[r][v] = total[r][v] + sum[r][v]; }); });
  unroll<rows>([&](auto r) {
    T* const row = to + static_cast<Index>(r) * stride;
    unroll<vectors>([&](auto v) {
      const Index begin = static_cast<Index>(v) * lanes<T>;
      if (columns >= begin + lanes<T>)
        store<T>(row + begin, sum[r][v]);
      else
        store_partial<T>(row + begin, sum[r][v], columns - begin);
    });
  });
}

template <class T>
using TileKernel = void (*)(Index, Index, const Rows<T>&, const T*, Index, const T*, T*, Index, Index);

/// The kernels for 1 .. tile_rows rows.
template <class T, std::size_t vectors, class = Isa>
inline constexpr auto tile_kernels = []<std::size_t... r>(std::index_sequence<r...>) {
  return std::array<TileKernel<T>, sizeof...(r)>{&multiply_tile<T, r + 1, vectors>...};
}(std::make_index_sequence<static_cast<std::size_t>(tile_rows<>)>{});

}  // namespace detail

/// How a matrix lies in memory: in panels two vectors wide (the last may be one vector wide), as products
/// read it, or row after row.
enum class Packing { panels, rows };

/// Terms that a chain adds up: enough that adding up the chains costs next to nothing, few enough that
/// rounding errors do not grow with the depth.
inline constexpr Index chain_terms = 256;

/// A constant depth x columns matrix.
template <class T, class = Isa>
class PackedMatrix {
 public:
  static constexpr Index panel = 2 * lanes<T>;

  PackedMatrix() = default;

  /// Packs the matrix whose entry in row k and column j is element(k, j). Chains have at most `terms` terms.
  template <class F>
  PackedMatrix(Index depth, Index columns, F&& element, Packing packing = Packing::panels,
               Index terms = chain_terms)
      : depth_(depth),
        columns_(columns),
        terms_(terms),
        panels_(packing == Packing::panels),
        data_(depth * round_up<T>(columns)) {
    const Index all = round_up<T>(columns), most = panels_ ? panel : all;
    constexpr Index few = 16;
    T* to = data_.data();
    for (Index j = 0; j < columns; j += most) {
      const Index width = std::min(most, all - j);
      for (Index first = 0; first < depth;
           first += few) {  // in squares, since either index may be the far one
        const Index count = std::min(few, depth - first);
        for (Index i = 0; i < width; ++i)
          for (Index k = 0; k < count; ++k)
            to[k * width + i] = j + i < columns ? element(first + k, j + i) : T(0);
        to += count * width;
      }
    }
  }

  /// The entry in row k and column j of a matrix in panels.
  T at(Index k, Index j) const {
    const Index begin = j / panel * panel, width = std::min(panel, round_up<T>(columns_) - begin);
    return data_.data()[begin * depth_ + k * width + j - begin];
  }

  Index depth() const { return depth_; }
  Index columns() const { return columns_; }

  /// to[r * stride + j] = start[j] + sum_k left(r, k) * matrix(k, j). `start` has a whole number of vectors.
  void multiply(const Rows<T>& left, const T* start, T* to, Index stride) const {
    for (Index j = 0; j < columns_; j += panel) multiply_panel(j, left, start, to + j, stride);
  }

  /// The same for any number of rows, each as long as the depth and `step` behind the one before. A panel of
  /// a large matrix meets many rows while it is in the caches.
  void multiply_all(const T* left, Index count, Index step, const T* start, T* to, Index stride) const {
    const Index tile = balanced_tile(count);
    const Index together = std::max<Index>(1, cached_rows / (tile * std::max<Index>(depth_, 1))) * tile;
    for (Index first = 0; first < count; first += together)
      for (Index j = 0; j < columns_; j += panel)
        for (Index r = first; r < std::min(first + together, count); r += tile)
          multiply_panel(j, {left + r * step, std::min(tile, count - r), step, depth_, 0, 0, 0}, start,
                         to + r * stride + j, stride);
  }

  /// The columns from j on, at most `panel` of them, j a multiple of it: column j goes to to[0].
  void multiply_panel(Index j, const Rows<T>& left, const T* start, T* to, Index stride) const {
    const auto row = static_cast<std::size_t>(left.count - 1);
    const Index left_over = columns_ - j;
    const bool wide = left_over > lanes<T>;
    const auto kernel = wide ? detail::tile_kernels<T, 2>[row] : detail::tile_kernels<T, 1>[row];
    const T* const right = data_.data() + (panels_ ? j * depth_ : j);
    kernel(depth_, terms_, left, right, panels_ ? (wide ? panel : lanes<T>) : round_up<T>(columns_),
           start + j, to, stride, std::min(left_over, panel));
  }

  /// Row k, padded by zeros to whole vectors, of a matrix stored in rows.
  const T* row(Index k) const { return data_.data() + k * round_up<T>(columns_); }

 private:
  static constexpr Index cached_rows = 256 * 1024 / static_cast<Index>(sizeof(T));  ///< elements of rows

  Index depth_ = 0, columns_ = 0, terms_ = chain_terms;
  bool panels_ = true;
  Buffer<T> data_;
};

/// Rows of a matrix, `step` apart: where they lie, or copied to `scratch` (RowTile::storage(depth) elements)
/// if they would collide.
template <class T, class = Isa>
Rows<T> rows_at(const T* data, Index count, Index step, Index depth, T* scratch) {
  if (!collide<T>(step)) return {data, count, step, depth, 0, 0, 0};
  const RowTile<T> tile(scratch, count);
  for (Index r = 0; r < count; ++r) tile.row(r).copy(data + r * step, depth);
  return tile;
}

}  // namespace foil::nn
