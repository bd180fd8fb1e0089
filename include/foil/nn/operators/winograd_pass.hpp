// SPDX-License-Identifier: MIT
/// \file
/// Convolutions with 3 x 3 windows of stride 1 by minimal filtering.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/gemm.hpp"
#include "foil/nn/memory.hpp"
#include "foil/nn/operators/convolution_pass.hpp"
#include "foil/nn/winograd.hpp"

namespace foil::nn {

using namespace simd;

/// The tiles' side, at most `largest`, that costs least for an image of these pixels, or 0 if filtering does
/// not pay: products per pair of channels, with the reading of the weights counted as that of sixteen more
/// pixels.
inline Index winograd_tile(Index rows, Index columns, Index largest) {
  constexpr Index weights = 16;
  const auto cost = [&](Index m) {
    return (m + 2) * (m + 2) * (((rows + m - 1) / m) * ((columns + m - 1) / m) + weights);
  };
  const Index best = largest >= 4 && cost(4) < cost(2) ? 4 : 2;
  return 10 * cost(best) > 9 * 9 * (rows * columns + weights) ? 0 : best;
}

/// One direction of such a convolution, in tiles of m x m pixels of the target.
template <class T, std::size_t m, class = Isa>
class WinogradPass : public ConvolutionPass<T> {
 public:
  /// Tiles of four round by 5e-7 to 7e-7 of the results (rms, in float), those of two by 2e-7 to 3e-7,
  /// whatever the number of channels. A single chain over the patch makes 3.0e-7 of 64 channels, 8.5e-7 of
  /// 512, where the source has gone through rectifiers, but 1.6e-7 and 4.1e-7 if it is as often negative, as
  /// cotangents are. Tiles are as large as keeps the error below twice that.
  static bool suits(const ConvolutionView<T>& view) {
    const auto plain = [](const Window& w) { return w.kernel == 3 && w.stride == 1 && w.dilation == 1; };
    const Window &rows = view.shape.rows, &columns = view.shape.columns;
    const Index largest = view.sources() >= (view.forward() ? 64 : 512) ? 4 : 2;
    return view.shape.groups == 1 && plain(rows) && plain(columns) &&
           std::min(view.sources(), view.targets()) >= fewest &&
           winograd_tile(view.target_size(rows), view.target_size(columns), largest) == static_cast<Index>(m);
  }

  explicit WinogradPass(const ConvolutionView<T>& view)
      : sources_(view.sources()),
        targets_(view.targets()),
        rows_(view.sweeps(view.shape.rows)[0].window),
        columns_(view.sweeps(view.shape.columns)[0].window),
        start_(static_cast<std::size_t>(round_up<T>(targets_))),
        zeros_(start_.size()) {}

  void pack(const ConvolutionView<T>& view, const std::vector<T>& biases) override {
    std::copy(biases.begin(), biases.end(), start_.begin());
    const Sweep row = view.sweeps(view.shape.rows)[0], column = view.sweeps(view.shape.columns)[0];
    Buffer<T> kernels(taps * sources_ * targets_);  // per tap a matrix
    for (Index t = 0; t < targets_; ++t)
      for (Index s = 0; s < sources_; ++s) {
        std::array<std::array<double, size>, 3> half;  // transformed along rows
        for (std::size_t k = 0; k < 3; ++k) {
          const auto weight = [&](Index j) {
            return static_cast<double>(view.weight(t, s, row.tap + static_cast<Index>(k) * row.tap_step,
                                                   column.tap + j * column.tap_step));
          };
          half[k] = Filtering<m>::kernel(weight(0), weight(1), weight(2));
        }
        for (std::size_t j = 0; j < size; ++j) {
          const auto whole = Filtering<m>::kernel(half[0][j], half[1][j], half[2][j]);
          for (std::size_t i = 0; i < size; ++i)
            kernels.data()[(static_cast<Index>(i * size + j) * sources_ + s) * targets_ + t] =
                static_cast<T>(whole[i]);
        }
      }
    for (Index tap = 0; tap < taps; ++tap)
      matrices_.emplace_back(
          sources_, targets_,
          [&](Index s, Index t) { return kernels.data()[(tap * sources_ + s) * targets_ + t]; },
          Packing::panels, terms);
  }

  Index scratch() const override { return taps * (source_tap() + target_tap()); }

  void run(Index batch, const T* source, T* target, T* scratch) const override {
    T* const patches = scratch;
    T* const products = patches + taps * source_tap();
    const Index down = tiles(rows_.output), across = tiles(columns_.output), all = batch * down * across;
    const Index step = (all + (all + chunk - 1) / chunk - 1) / ((all + chunk - 1) / chunk);
    for (Index first = 0; first < all; first += step) {
      const Index count = std::min(step, all - first);
      for (Index t = 0; t < count; ++t) {
        const Index y = (first + t) / across % down * side, x = (first + t) % across * side;
        const T* const sample =
            source + (first + t) / (down * across) * rows_.input * columns_.input * sources_;
        winograd_source<T, m>(sample + (rows_.at(y, 0) * columns_.input + columns_.at(x, 0)) * sources_,
                              patch(y, x), sources_, patches + t * source_step(), source_tap());
      }
      for (Index tap = 0; tap < taps; ++tap)
        matrices_[static_cast<std::size_t>(tap)].multiply_all(patches + tap * source_tap(), count,
                                                              source_step(), zeros_.data(),
                                                              products + tap * target_tap(), target_step());
      for (Index t = 0; t < count; ++t) {
        const Index y = (first + t) / across % down * side, x = (first + t) % across * side;
        const Index n = (first + t) / (down * across);
        const TilePlace place{columns_.output * targets_, targets_, 0,
                              rows_.output - y,           0,        columns_.output - x};
        winograd_target<T, m>(products + t * target_step(), target_tap(), start_.data(), targets_, place,
                              target + ((n * rows_.output + y) * columns_.output + x) * targets_);
      }
    }
  }

 private:
  static constexpr Index fewest = 16;  ///< channels, for the products to outweigh the transforms
  static constexpr Index side = static_cast<Index>(m);
  static constexpr std::size_t size = Filtering<m>::size;
  static constexpr Index taps = static_cast<Index>(size * size);
  static constexpr Index chunk = 4 * tile_rows<>;  ///< tiles that go through together

  /// Transforms magnify rounding errors: short chains make up for it.
  static constexpr Index terms = m == 2 ? 64 : 32;

  static Index tiles(Index pixels) { return (pixels + side - 1) / side; }

  /// Steps from tile to tile, and from tap to tap: not such that they would compete for lines of the cache.
  static Index apart(Index n) { return collide<T>(n) ? n + lanes<T> : n; }
  Index source_step() const { return apart(round_up<T>(sources_)); }
  Index target_step() const { return apart(round_up<T>(targets_)); }
  Index source_tap() const { return apart(chunk * source_step()); }
  Index target_tap() const { return apart(chunk * target_step()); }

  TilePlace patch(Index y, Index x) const {
    const Index top = rows_.at(y, 0), left = columns_.at(x, 0);
    return {columns_.input * sources_, sources_, -top, rows_.input - top, -left, columns_.input - left};
  }

  Index sources_, targets_;
  Window rows_, columns_;
  std::vector<T> start_, zeros_;
  std::vector<PackedMatrix<T>> matrices_;
};

}  // namespace foil::nn
