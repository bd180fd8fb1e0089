// SPDX-License-Identifier: MIT
/// \file
/// Convolutions in which every channel of the target sees few channels of the source: depthwise ones and
/// those in many small groups. The lanes of a vector are channels of the target; lane by lane the channels
/// of the source that they see are packed into planes, row after row, so that each product fills a vector.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"

namespace foil::nn {

using namespace simd;

/// Pixels whose sums are kept in registers together.
template <class = Isa>
inline constexpr Index lane_pixels = registers == 32 ? 14 : 10;

/// What the pixels of a tile see of packed rows.
template <class T>
struct LaneTaps {
  const T* const* rows;             ///< the packed rows
  const Index* columns;             ///< per tap along a row, where it lies in there for the first pixel
  Index row_taps, column_taps;      ///< numbers of taps
  Index planes, plane_step;         ///< channels of the source under each lane, and their distance in a row
  const T* weights;                 ///< of the first tap, plane after plane
  Index weight_row, weight_column;  ///< from tap to tap
};

namespace detail {

/// `pixels` neighbours: to[p * stride] = start + sum of weights times what lies under the taps. The first
/// `filled` lanes are stored.
template <class T, std::size_t pixels, class = Isa>
void lane_tile(const LaneTaps<T>& taps, Index first, const T* start, T* to, Index stride, Index filled) {
  Pack<T> sum[pixels];
  unroll<pixels>([&](auto p) { sum[p] = load<T>(start); });
  for (Index ky = 0; ky < taps.row_taps; ++ky) {
    const T* const row = taps.rows[ky] + first * lanes<T>;
    const T* weight = taps.weights + ky * taps.weight_row;
    for (Index kx = 0; kx < taps.column_taps; ++kx, weight += taps.weight_column) {
      const T* x = row + taps.columns[kx];
      for (Index i = 0; i < taps.planes; ++i, x += taps.plane_step) {
        const Pack<T> w = load<T>(weight + i * lanes<T>);
        unroll<pixels>([&](auto p) {
          sum[p] = multiply_add<T>(load<T>(x + static_cast<Index>(p) * lanes<T>), w, sum[p]);
        });
      }
    }
  }
  unroll<pixels>([&](auto p) {
    if (filled == lanes<T>)
      store<T>(to + static_cast<Index>(p) * stride, sum[p]);
    else
      store_partial<T>(to + static_cast<Index>(p) * stride, sum[p], filled);
  });
}

template <class T>
using LaneKernel = void (*)(const LaneTaps<T>&, Index, const T*, T*, Index, Index);

/// The kernels for 1 .. lane_pixels pixels.
template <class T, class = Isa>
inline constexpr auto lane_kernels = []<std::size_t... p>(std::index_sequence<p...>) {
  return std::array<LaneKernel<T>, sizeof...(p)>{&lane_tile<T, p + 1>...};
}(std::make_index_sequence<static_cast<std::size_t>(lane_pixels<>)>{});

/// In every lane the element `plane` of the lane's group of `width` neighbours.
template <class T, std::size_t width, std::size_t plane, class = Isa>
Pack<T> spread_in_groups(Pack<T> v) {
  return [&]<std::size_t... l>(std::index_sequence<l...>) {
    return __builtin_shufflevector(v, v, (l / width * width + plane)...);
  }(std::make_index_sequence<static_cast<std::size_t>(lanes<T>)>{});
}

}  // namespace detail

/// A row of `count` pixels, computed in tiles; `to` receives one vector per pixel, `filled` lanes of it.
template <class T, class = Isa>
void lane_row(const LaneTaps<T>& taps, Index count, const T* start, T* to, Index stride, Index filled) {
  const Index tiles = (count + lane_pixels<> - 1) / lane_pixels<>, most = (count + tiles - 1) / tiles;
  for (Index x = 0; x < count; x += most) {
    const Index pixels = std::min(most, count - x);
    detail::lane_kernels<T>[static_cast<std::size_t>(pixels - 1)](taps, x, start, to + x * stride, stride,
                                                                  filled);
  }
}

/// Which channels of the source the lanes see: lane l of block b is channel t = b * lanes + l of the target,
/// and its plane i is channel t / outs * planes + i of the source.
struct LaneChannels {
  Index sources, targets, planes, outs;

  template <class T, class = Isa>
  Index blocks() const {
    return (targets + lanes<T> - 1) / lanes<T>;
  }
  /// Whether the vector of a plane comes from one vector of the source, by a permutation.
  template <class T, class = Isa>
  bool permutes() const {
    return planes == outs && planes <= lanes<T> && lanes<T> % planes == 0;
  }
};

/// Packs `count` pixels, `step` apart, of a block of channels.
template <class T, class = Isa>
void pack_lanes(const LaneChannels& channels, Index block, const T* from, Index step, Index count, T* to,
                Index plane_step) {
  const Index first = block * lanes<T>, filled = std::min(lanes<T>, channels.targets - first);
  if (channels.permutes<T>()) {
    const auto spread = [&](auto width) {
      for (Index x = 0; x < count; ++x) {
        const T* const at = from + x * step + first;
        const Pack<T> v = filled == lanes<T> ? load<T>(at) : load_partial<T>(at, filled);
        unroll<width>([&](auto plane) {
          store<T>(to + static_cast<Index>(plane) * plane_step + x * lanes<T>,
                   detail::spread_in_groups<T, width, plane>(v));
        });
      }
    };
    const auto try_width = [&](auto width) {
      if constexpr (static_cast<Index>(width) <= lanes<T>)
        if (channels.planes == static_cast<Index>(width)) spread(width);
    };
    try_width(std::integral_constant<std::size_t, 1>());
    try_width(std::integral_constant<std::size_t, 2>());
    try_width(std::integral_constant<std::size_t, 4>());
    try_width(std::integral_constant<std::size_t, 8>());
    try_width(std::integral_constant<std::size_t, 16>());
    return;
  }
  for (Index l = 0; l < filled; ++l) {
    const T* const at = from + (first + l) / channels.outs * channels.planes;
    for (Index i = 0; i < channels.planes; ++i) {
      T* const plane = to + i * plane_step + l;
      for (Index x = 0; x < count; ++x) plane[x * lanes<T>] = at[x * step + i];
    }
  }
  if (filled < lanes<T>)
    for (Index i = 0; i < channels.planes; ++i)
      for (Index x = 0; x < count; ++x)
        std::fill_n(to + i * plane_step + x * lanes<T> + filled, lanes<T> - filled, T(0));
}

}  // namespace foil::nn
