// SPDX-License-Identifier: MIT
/// \file
/// Depthwise convolutions, and those in many small groups: vectors over the channels of the target.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/lane_convolution.hpp"
#include "foil/nn/memory.hpp"
#include "foil/nn/operators/convolution_pass.hpp"

namespace foil::nn {

using namespace simd;

/// One direction of such a convolution. A block of channels goes through all rows of a sample before the next
/// one; each row of the source is packed once, with its padding, and stays while windows see it. Every
/// element of the target is one chain over rows of taps, taps and channels in this order.
template <class T, class = Isa>
class LanePass : public ConvolutionPass<T> {
 public:
  /// Whether this is the way: matrix products would leave most of a vector empty.
  static bool suits(const ConvolutionView<T>& view) {
    if (view.shape.groups == 1 || view.group_targets() >= lanes<T>) return false;
    return channels_of(view).template permutes<T>() || 4 * view.group_targets() <= lanes<T>;
  }

  explicit LanePass(const ConvolutionView<T>& view)
      : channels_(channels_of(view)),
        rows_(view.sweeps(view.shape.rows)),
        columns_(view.sweeps(view.shape.columns)),
        source_rows_(view.source_size(view.shape.rows)),
        source_columns_(view.source_size(view.shape.columns)),
        target_rows_(view.target_size(view.shape.rows)),
        target_columns_(view.target_size(view.shape.columns)),
        row_taps_(view.shape.rows.kernel),
        column_taps_(view.shape.columns.kernel) {
    lay_out_columns();
    const Window& w = view.shape.rows;
    kept_rows_ = std::min(source_rows_, (w.kernel - 1) * w.dilation / (view.forward() ? 1 : w.stride) + 1);
  }

  void pack(const ConvolutionView<T>& view, const std::vector<T>& biases) override {
    const Index blocks = channels_.blocks<T>(), tap = channels_.planes * lanes<T>;
    weights_ = Buffer<T>(blocks * row_taps_ * column_taps_ * tap);
    start_ = Buffer<T>(blocks * lanes<T>);
    T* weight = weights_.data();
    for (Index b = 0; b < blocks; ++b)
      for (Index ky = 0; ky < row_taps_; ++ky)
        for (Index kx = 0; kx < column_taps_; ++kx)
          for (Index i = 0; i < channels_.planes; ++i)
            for (Index t = b * lanes<T>; t < (b + 1) * lanes<T>; ++t)
              *weight++ = t < channels_.targets ? view.weight(t, i, ky, kx) : T(0);
    for (Index t = 0; t < blocks * lanes<T>; ++t)
      start_.data()[t] = t < static_cast<Index>(biases.size()) ? biases[static_cast<std::size_t>(t)] : T(0);
  }

  Index scratch() const override { return kept_rows_ * row_size(); }

  void run(Index batch, const T* source, T* target, T* scratch) const override {
    std::vector<const T*> rows(static_cast<std::size_t>(row_taps_));
    for (Index n = 0; n < batch; ++n) {
      for (Index block = 0; block < channels_.blocks<T>(); ++block)
        run_block(block, source, target, scratch, rows);
      source += source_rows_ * source_columns_ * channels_.sources;
      target += target_rows_ * target_columns_ * channels_.targets;
    }
  }

 private:
  static LaneChannels channels_of(const ConvolutionView<T>& view) {
    return {view.sources(), view.targets(), view.group_sources(), view.group_targets()};
  }

  /// Packed rows hold the columns from origin_ on that any sweep sees. Neighbours of a tile lie side by side:
  /// with a stride of s, every s-th column comes first.
  void lay_out_columns() {
    Index end = 0;
    bool any = false;
    for (const Sweep& sweep : columns_) {
      const Window& w = sweep.window;
      if (w.kernel == 0) continue;
      origin_ = any ? std::min(origin_, w.at(0, 0)) : w.at(0, 0);
      end = any ? std::max(end, w.at(w.output - 1, w.kernel - 1) + 1) : w.at(w.output - 1, w.kernel - 1) + 1;
      any = true;
    }
    stride_ = columns_[0].window.stride;
    run_ = any ? (end - origin_ + stride_ - 1) / stride_ : 0;
    for (const Sweep& sweep : columns_) {
      offsets_.emplace_back();
      for (Index k = 0; k < sweep.window.kernel; ++k) {
        const Index position = sweep.window.at(0, k) - origin_;
        offsets_.back().push_back((position % stride_ * run_ + position / stride_) * lanes<T>);
      }
    }
  }

  Index plane_size() const { return stride_ * run_ * lanes<T>; }
  Index row_size() const { return channels_.planes * plane_size(); }

  void run_block(Index block, const T* source, T* target, T* packed, std::vector<const T*>& rows) const {
    const Index first = block * lanes<T>, filled = std::min(lanes<T>, channels_.targets - first);
    const Index tap = channels_.planes * lanes<T>, line = column_taps_ * tap;
    const T* const weights = weights_.data() + block * row_taps_ * line;
    Index next = 0;  // row of the source to be packed
    for (Index y = 0; y < target_rows_; ++y) {
      const Sweep& row = rows_[static_cast<std::size_t>(y % static_cast<Index>(rows_.size()))];
      const Index out = y / row.step, begin = row.window.first_tap(out), end = row.window.end_tap(out);
      if (rows_.size() == 1) next = std::max(next, row.window.at(out, 0));  // no later window sees more
      for (Index k = begin; k < end; ++k) {
        const Index at = row.window.at(out, k);
        for (; next <= at; ++next)
          pack_row(block, source + next * source_columns_ * channels_.sources,
                   packed + next % kept_rows_ * row_size());
        rows[static_cast<std::size_t>(k - begin)] = packed + at % kept_rows_ * row_size();
      }
      for (std::size_t c = 0; c < columns_.size(); ++c) {
        const Sweep& column = columns_[c];
        const LaneTaps<T> taps{rows.data(),
                               offsets_[c].data(),
                               end - begin,
                               column.window.kernel,
                               channels_.planes,
                               plane_size(),
                               weights + (row.tap + begin * row.tap_step) * line + column.tap * tap,
                               row.tap_step * line,
                               column.tap_step * tap};
        lane_row<T>(taps, column.window.output, start_.data() + first,
                    target + (y * target_columns_ + column.first) * channels_.targets + first,
                    column.step * channels_.targets, filled);
      }
    }
  }

  void pack_row(Index block, const T* source, T* to) const {
    for (Index phase = 0; phase < stride_; ++phase, to += run_ * lanes<T>) {
      const Index column = origin_ + phase;  // of the first of the run
      const Index begin = column >= 0 ? 0 : std::min(run_, (stride_ - 1 - column) / stride_);
      const Index inside = source_columns_ - column;
      const Index end = inside <= 0 ? begin : std::clamp((inside + stride_ - 1) / stride_, begin, run_);
      for (Index i = 0; i < channels_.planes; ++i) {
        T* const plane = to + i * plane_size();
        std::fill_n(plane, begin * lanes<T>, T(0));
        std::fill_n(plane + end * lanes<T>, (run_ - end) * lanes<T>, T(0));
      }
      if (begin < end)
        pack_lanes<T>(channels_, block, source + (column + begin * stride_) * channels_.sources,
                      stride_ * channels_.sources, end - begin, to + begin * lanes<T>, plane_size());
    }
  }

  LaneChannels channels_;
  std::vector<Sweep> rows_, columns_;
  Index source_rows_, source_columns_, target_rows_, target_columns_, row_taps_, column_taps_;
  Index origin_ = 0, stride_ = 1, run_ = 0, kept_rows_ = 1;
  std::vector<std::vector<Index>> offsets_;  // of the taps in a packed row, per sweep of columns
  Buffer<T> weights_, start_;                // per block: taps of rows, taps, planes, lanes
};

}  // namespace foil::nn
