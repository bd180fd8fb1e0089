// SPDX-License-Identifier: MIT
/// \file
/// Convolutions as products of patches with packed weights.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/gemm.hpp"
#include "foil/nn/memory.hpp"
#include "foil/nn/operators/convolution_pass.hpp"

namespace foil::nn {

using namespace simd;

/// One direction of any convolution, group by group. Patches are read where they lie if the pixels of a row
/// of the target fill tiles, from a copy of the rows that they see if there is padding; else they are
/// gathered.
template <class T, class = Isa>
class PatchPass : public ConvolutionPass<T> {
 public:
  explicit PatchPass(const ConvolutionView<T>& view)
      : groups_(view.shape.groups),
        sources_(view.sources()),
        targets_(view.targets()),
        source_columns_(view.source_size(view.shape.columns)),
        source_size_(view.source_size(view.shape.rows) * source_columns_ * sources_),
        target_columns_(view.target_size(view.shape.columns)),
        target_size_(view.target_size(view.shape.rows) * target_columns_ * targets_) {
    for (const Sweep& rows : view.sweeps(view.shape.rows))
      for (const Sweep& columns : view.sweeps(view.shape.columns)) phases_.push_back({rows, columns, {}});
  }

  void pack(const ConvolutionView<T>& view, const std::vector<T>& biases) override {
    const Index in = group_sources(), out = group_targets(), padded = round_up<T>(out);
    start_.assign(static_cast<std::size_t>(groups_ * padded), T(0));  // each group's at a whole vector
    for (std::size_t t = 0; t < biases.size(); ++t) {
      const Index channel = static_cast<Index>(t);
      start_[static_cast<std::size_t>(channel / out * padded + channel % out)] = biases[t];
    }
    for (Phase& phase : phases_)
      for (Index g = 0; g < groups_; ++g)
        phase.matrices.emplace_back(depth(phase), out, [&](Index k, Index t) {  // k: (row, column, channel)
          const Index tap = k / in, taps = phase.columns.window.kernel;
          return view.weight(g * out + t, k % in, phase.rows.tap + tap / taps * phase.rows.tap_step,
                             phase.columns.tap + tap % taps * phase.columns.tap_step);
        });
  }

  Index scratch() const override {
    Index most = 0;
    for (const Phase& phase : phases_)
      most = std::max({most, products() + together(phase) * RowTile<T>::storage(depth(phase)),
                       phase.rows.window.kernel * reach(phase.columns.window) * pixel(phase)});
    return most;
  }

  void run(Index batch, const T* source, T* target, T* scratch) const override {
    bool empty = false;  // pixels that see nothing
    for (const Phase& phase : phases_) empty = empty || depth(phase) == 0;
    if (empty) std::fill_n(target, batch * target_size_, T(0));
    for (const Phase& phase : phases_)
      if (depth(phase) == 0)
        continue;
      else if (pointwise(phase))
        run_pointwise(phase, batch, source, target);
      else if (readable(phase))
        run_rows(phase, batch, source, target, scratch);
      else
        run_gathered(phase, batch, source, target, scratch);
  }

 private:
  /// A sweep of rows and one of columns.
  struct Phase {
    Sweep rows, columns;
    std::vector<PackedMatrix<T>> matrices;  // per group
  };

  /// A pixel of a phase: sample, row, column.
  struct Position {
    Position(const Phase& phase, Index pixel)
        : height(phase.rows.window.output),
          width(phase.columns.window.output),
          sample(pixel / (height * width)),
          y(pixel / width % height),
          x(pixel % width) {}
    void next() {
      if (++x < width) return;
      x = 0;
      if (++y < height) return;
      y = 0;
      ++sample;
    }
    Index height, width, sample, y, x;
  };

  Index group_sources() const { return sources_ / groups_; }
  Index group_targets() const { return targets_ / groups_; }
  Index depth(const Phase& phase) const {
    return phase.rows.window.kernel * phase.columns.window.kernel * group_sources();
  }
  Index line() const { return source_columns_ * sources_; }
  const T* start(Index g) const { return start_.data() + g * round_up<T>(group_targets()); }

  /// Elements in front of a gathered tile for its products, if they do not go where they belong at once.
  Index products() const { return phases_.size() > 1 ? tile_rows<> * PackedMatrix<T>::panel : 0; }

  /// Tiles that are gathered together, so that a panel of the weights meets all of them in the caches.
  static constexpr Index most_together = 4;
  Index together(const Phase& phase) const {
    constexpr Index cached = 512 * 1024 / static_cast<Index>(sizeof(T));
    return std::clamp<Index>(cached / RowTile<T>::storage(std::max<Index>(depth(phase), 1)), 1,
                             most_together);
  }

  /// Columns of the source, padding included, that a row of target pixels sees.
  static Index reach(const Window& w) { return (w.output - 1) * w.stride + (w.kernel - 1) * w.dilation + 1; }

  T* pixel_of(const Phase& phase, T* target, Index n, Index y, Index x) const {
    return target + n * target_size_ +
           ((phase.rows.first + y * phase.rows.step) * target_columns_ + phase.columns.first +
            x * phase.columns.step) *
               targets_;
  }

  /// Whether each pixel of the target sees the one pixel at its place.
  bool pointwise(const Phase& phase) const {
    const auto plain = [](const Sweep& s) {
      const Window& w = s.window;
      return s.step == 1 && w.kernel == 1 && w.stride == 1 && w.pad_begin == 0 && w.input == w.output;
    };
    return plain(phase.rows) && plain(phase.columns) && !collide<T>(sources_);
  }

  void run_pointwise(const Phase& phase, Index batch, const T* source, T* target) const {
    const Index count = batch * phase.rows.window.output * phase.columns.window.output;
    for (Index g = 0; g < groups_; ++g)
      phase.matrices[static_cast<std::size_t>(g)].multiply_all(
          source + g * group_sources(), count, sources_, start(g), target + g * group_targets(), targets_);
  }

  /// Whether tiles are full enough if all of their pixels come from one row: nearly so if weights are too
  /// many for the second-level cache, since every tile reads them once.
  bool readable(const Phase& phase) const {
    constexpr Index many = 256 * 1024 / static_cast<Index>(sizeof(T));
    const Index full = depth(phase) * group_targets() >= many ? 12 : 7,
                tile = balanced_tile(phase.columns.window.output);
    return 14 * tile >= full * tile_rows<>;
  }

  /// Elements per pixel in a copy of rows: as in the source, or more lest neighbouring patches collide.
  Index pixel(const Phase& phase) const {
    return collide<T>(phase.columns.window.stride * sources_) ? sources_ + lanes<T> : sources_;
  }

  void run_rows(const Phase& phase, Index batch, const T* source, T* target, T* band) const {
    const Window &rows = phase.rows.window, &columns = phase.columns.window;
    const bool inside = rows.at(0, 0) >= 0 && rows.at(rows.output - 1, rows.kernel - 1) < rows.input &&
                        columns.at(0, 0) >= 0 && columns.at(0, 0) + reach(columns) <= columns.input;
    const bool copied = !inside || pixel(phase) != sources_;
    const Index step = copied ? pixel(phase) : sources_;
    const Index jump = copied ? reach(columns) * step : rows.dilation * line();  // from row to row
    const bool whole = groups_ == 1 && columns.dilation == 1 && step == sources_;
    const Index tile = balanced_tile(columns.output);
    Rows<T> left{nullptr, 0, columns.stride * step, columns.kernel * sources_, jump};
    if (!whole) {
      left.length = group_sources();
      left.jump = columns.dilation * step;
      left.run = columns.kernel;
      left.turn = jump - left.run * left.jump;
    }
    for (Index n = 0; n < batch; ++n, source += source_size_)
      for (Index y = 0; y < rows.output; ++y) {
        if (copied) copy_band(phase, source, y, band);
        const T* const first = copied ? band : source + rows.at(y, 0) * line() + columns.at(0, 0) * sources_;
        for (Index g = 0; g < groups_; ++g)
          for (Index x = 0; x < columns.output; x += tile) {
            left.data = first + x * left.step + g * group_sources();
            left.count = std::min(tile, columns.output - x);
            phase.matrices[static_cast<std::size_t>(g)].multiply(
                left, start(g), pixel_of(phase, target, n, y, x) + g * group_targets(),
                phase.columns.step * targets_);
          }
      }
  }

  /// The rows of the source that a row of the target sees, with their padding.
  void copy_band(const Phase& phase, const T* source, Index y, T* band) const {
    const Window &rows = phase.rows.window, &columns = phase.columns.window;
    const Index step = pixel(phase), width = reach(columns), left = columns.at(0, 0);
    const Index begin = std::clamp<Index>(-left, 0, width);
    const Index end = std::clamp<Index>(columns.input - left, begin, width);
    for (Index ky = 0; ky < rows.kernel; ++ky, band += width * step) {
      const Index row = rows.at(y, ky);
      if (!rows.inside(row)) {
        std::fill_n(band, width * step, T(0));
        continue;
      }
      const T* const from = source + row * line() + (left + begin) * sources_;
      std::fill_n(band, begin * step, T(0));
      if (step == sources_)
        std::copy_n(from, (end - begin) * step, band + begin * step);
      else
        for (Index x = 0; x < end - begin; ++x)
          std::copy_n(from + x * sources_, sources_, band + (begin + x) * step);
      std::fill_n(band + end * step, (width - end) * step, T(0));
    }
  }

  void run_gathered(const Phase& phase, Index batch, const T* source, T* target, T* scratch) const {
    const Index all = batch * phase.rows.window.output * phase.columns.window.output;
    const Index step = balanced_tile(all), storage = RowTile<T>::storage(depth(phase));
    constexpr Index panel = PackedMatrix<T>::panel;
    const bool direct = phases_.size() == 1;  // pixels of the phase are neighbours in the target
    for (Index begin = 0; begin < all; begin += step * together(phase)) {
      const Index end = std::min(all, begin + step * together(phase));
      for (Index g = 0; g < groups_; ++g) {
        const PackedMatrix<T>& matrix = phase.matrices[static_cast<std::size_t>(g)];
        const auto tile = [&](Index first) {
          return RowTile<T>(scratch + products() + (first - begin) / step * storage,
                            std::min(step, end - first));
        };
        Position at(phase, begin);
        for (Index first = begin; first < end; first += step)
          for (Index r = 0; r < tile(first).rows(); ++r, at.next())
            gather(phase, at, source, g, tile(first).row(r));
        for (Index j = 0; j < group_targets(); j += panel)
          for (Index first = begin; first < end; first += step) {
            if (direct) {
              matrix.multiply_panel(j, tile(first), start(g),
                                    target + first * targets_ + g * group_targets() + j, targets_);
              continue;
            }
            matrix.multiply_panel(j, tile(first), start(g), scratch, panel);
            const Index filled = std::min(panel, group_targets() - j);
            Position to(phase, first);
            for (Index r = 0; r < tile(first).rows(); ++r, to.next())
              std::copy_n(scratch + r * panel, filled,
                          pixel_of(phase, target, to.sample, to.y, to.x) + g * group_targets() + j);
          }
      }
    }
  }

  void gather(const Phase& phase, const Position& at, const T* source, Index group,
              typename RowTile<T>::Writer row) const {
    const Window &rows = phase.rows.window, &columns = phase.columns.window;
    const Index channels = group_sources(), left = columns.at(at.x, 0);
    const bool whole = groups_ == 1 && columns.dilation == 1;
    const Index begin = std::clamp<Index>(-left, 0, columns.kernel);
    const Index end = std::clamp<Index>(columns.input - left, begin, columns.kernel);
    for (Index ky = 0; ky < rows.kernel; ++ky) {
      const Index y = rows.at(at.y, ky);
      const T* const from = source + at.sample * source_size_ + y * line();
      if (!rows.inside(y)) {
        row.zeros(columns.kernel * channels);
      } else if (whole) {
        row.zeros(begin * channels);
        row.copy(from + (left + begin) * channels, (end - begin) * channels);
        row.zeros((columns.kernel - end) * channels);
      } else {
        for (Index kx = 0; kx < columns.kernel; ++kx) {
          const Index x = columns.at(at.x, kx);
          if (columns.inside(x))
            row.copy(from + x * sources_ + group * channels, channels);
          else
            row.zeros(channels);
        }
      }
    }
  }

  Index groups_, sources_, targets_, source_columns_, source_size_, target_columns_, target_size_;
  std::vector<Phase> phases_;
  std::vector<T> start_;
};

}  // namespace foil::nn
