// SPDX-License-Identifier: MIT
/// \file
/// Minimal filtering of 3 x 3 windows (Winograd 1980; Lavin and Gray 2016): m x m neighbours of a target come
/// from (m + 2) x (m + 2) products per pair of channels instead of 9 m^2. Polynomials are interpolated at 0,
/// at infinity, and for m = 2 at +-1, for m = 4 at +-3/4 and +-3/2: of the points with exact transforms those
/// whose rounding errors we found to be least, half of those of +-1 and +-2.
#pragma once

#include <array>
#include <cstddef>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"

namespace foil::nn {

using namespace simd;

/// One-dimensional transforms for m neighbours, in place: of the source, of a kernel of three (in double,
/// made once), and of the products, whose first m entries are the result.
template <std::size_t m>
struct Filtering;

template <>
struct Filtering<2> {
  static constexpr std::size_t size = 4;

  static std::array<double, size> kernel(double a, double b, double c) {
    return {-a, 0.5 * (a + c + b), 0.5 * (a + c - b), c};
  }
  template <class T, class = Isa>
  static void source(Pack<T> (&d)[size]) {
    const Pack<T> d1 = d[1];
    d[0] = d[2] - d[0];
    d[1] = d[2] + d1;
    d[2] = d[2] - d1;
    d[3] = d[3] - d1;
  }
  template <class T, class = Isa>
  static void target(Pack<T> (&p)[size]) {
    const Pack<T> sum = p[1] + p[2], difference = p[1] - p[2];
    p[0] = p[0] + sum;
    p[1] = difference + p[3];
  }
};

template <>
struct Filtering<4> {
  static constexpr std::size_t size = 6;

  static std::array<double, size> kernel(double a, double b, double c) {
    const double near = (-128. * a - 72. * c) / 243., far = (32. * a + 72. * c) / 243.;
    return {64. / 81. * a,       near - 32. / 81. * b, near + 32. / 81. * b,
            far + 16. / 81. * b, far - 16. / 81. * b,  c};
  }
  template <class T, class = Isa>
  static void source(Pack<T> (&d)[size]) {
    const auto times = [](double factor, Pack<T> v, Pack<T> plus) {
      return multiply_add<T>(broadcast<T>(static_cast<T>(factor)), v, plus);
    };
    const Pack<T> zero{};
    const Pack<T> even_near = times(-2.25, d[2], d[4]), even_far = times(-0.5625, d[2], d[4]);
    const Pack<T> odd_near = times(-1.6875, d[1], times(0.75, d[3], zero));
    const Pack<T> odd_far = times(-0.84375, d[1], times(1.5, d[3], zero));
    d[0] = times(1.265625, d[0], times(-2.8125, d[2], d[4]));
    d[5] = times(1.265625, d[1], times(-2.8125, d[3], d[5]));
    d[1] = even_near + odd_near;
    d[2] = even_near - odd_near;
    d[3] = even_far + odd_far;
    d[4] = even_far - odd_far;
  }
  template <class T, class = Isa>
  static void target(Pack<T> (&p)[size]) {
    const auto times = [](double factor, Pack<T> v, Pack<T> plus) {
      return multiply_add<T>(broadcast<T>(static_cast<T>(factor)), v, plus);
    };
    const Pack<T> zero{};
    const Pack<T> near = p[1] + p[2], far = p[3] + p[4], near_odd = p[1] - p[2], far_odd = p[3] - p[4];
    p[0] = (p[0] + near) + far;
    p[1] = times(0.75, near_odd, times(1.5, far_odd, zero));
    p[2] = times(0.5625, near, times(2.25, far, zero));
    p[3] = times(0.421875, near_odd, times(3.375, far_odd, p[5]));
  }
};

/// A patch or a tile in an image whose pixels lie `line` and `step` elements apart: the part of it with rows
/// row_begin .. row_end - 1 and columns likewise lies inside the image, which may reach beyond it.
struct TilePlace {
  Index line, step;
  Index row_begin, row_end, column_begin, column_end;
};

/// The transform of a (m + 2) x (m + 2) patch of `channels` channels, zero outside the image: entry (i, j)
/// goes to to[(i * (m + 2) + j) * tap_step], whole vectors of channels. `from` is the patch's corner.
template <class T, std::size_t m, class = Isa>
void winograd_source(const T* from, const TilePlace& place, Index channels, T* to, Index tap_step) {
  constexpr std::size_t n = Filtering<m>::size;
  const bool whole = place.row_begin <= 0 && place.column_begin <= 0 &&
                     place.row_end >= static_cast<Index>(n) && place.column_end >= static_cast<Index>(n);
  for (Index c = 0; c < channels; c += lanes<T>) {
    Pack<T> patch[n][n];  // by columns
    const Index filled = channels - c;
    unroll<n>([&](auto j) {
      const T* const column = from + static_cast<Index>(j) * place.step + c;
      if (whole && filled >= lanes<T>) {
        unroll<n>([&](auto i) { patch[j][i] = load<T>(column + static_cast<Index>(i) * place.line); });
      } else {
        const bool inside =
            static_cast<Index>(j) >= place.column_begin && static_cast<Index>(j) < place.column_end;
        unroll<n>([&](auto i) {
          const bool there =
              inside && static_cast<Index>(i) >= place.row_begin && static_cast<Index>(i) < place.row_end;
          if (!there)
            patch[j][i] = Pack<T>{};
          else if (filled >= lanes<T>)
            patch[j][i] = load<T>(column + static_cast<Index>(i) * place.line);
          else
            patch[j][i] = load_partial<T>(column + static_cast<Index>(i) * place.line, filled);
        });
      }
      Filtering<m>::template source<T>(patch[j]);
    });
    unroll<n>([&](auto i) {
      Pack<T> row[n];
      unroll<n>([&](auto j) { row[j] = patch[j][i]; });
      Filtering<m>::template source<T>(row);
      unroll<n>([&](auto j) { store<T>(to + static_cast<Index>(i * n + j) * tap_step + c, row[j]); });
    });
  }
}

/// The m x m tile that belongs to products laid out as winograd_source() lays out its results, plus `start`
/// per channel; written where it lies inside the image.
template <class T, std::size_t m, class = Isa>
void winograd_target(const T* from, Index tap_step, const T* start, Index channels, const TilePlace& place,
                     T* to) {
  constexpr std::size_t n = Filtering<m>::size;
  for (Index c = 0; c < channels; c += lanes<T>) {
    Pack<T> tile[n][m];  // columns of products, rows of results
    unroll<n>([&](auto j) {
      Pack<T> column[n];
      unroll<n>([&](auto i) { column[i] = load<T>(from + static_cast<Index>(i * n + j) * tap_step + c); });
      Filtering<m>::template target<T>(column);
      unroll<m>([&](auto i) { tile[j][i] = column[i]; });
    });
    const Pack<T> first = load<T>(start + c);
    const Index filled = channels - c;
    unroll<m>([&](auto i) {
      if (static_cast<Index>(i) >= place.row_end) return;
      Pack<T> row[n];
      unroll<n>([&](auto j) { row[j] = tile[j][i]; });
      Filtering<m>::template target<T>(row);
      unroll<m>([&](auto j) {
        if (static_cast<Index>(j) >= place.column_end) return;
        T* const pixel = to + static_cast<Index>(i) * place.line + static_cast<Index>(j) * place.step + c;
        if (filled >= lanes<T>)
          store<T>(pixel, row[j] + first);
        else
          store_partial<T>(pixel, row[j] + first, filled);
      });
    });
  }
}

}  // namespace foil::nn
