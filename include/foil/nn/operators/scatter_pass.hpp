// SPDX-License-Identifier: MIT
/// \file
/// The backward direction of convolutions with few input channels: rows of cotangents times packed weights,
/// scattered back onto the patches.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/gemm.hpp"
#include "foil/nn/operators/convolution_pass.hpp"

namespace foil::nn {

using namespace simd;

/// The columns of the products are the elements of a patch, which fill vectors where input channels alone
/// would not.
template <class T, class = Isa>
class ScatterPass : public ConvolutionPass<T> {
 public:
  static bool suits(const ConvolutionView<T>& view) {
    const Index channels = view.group_targets();
    return !view.forward() && view.shape.rows.kernel * view.shape.columns.kernel > 1 &&
           2 * round_up<T>(channels) > 3 * channels;
  }

  explicit ScatterPass(const ConvolutionView<T>& view)
      : shape_(view.shape), zeros_(static_cast<std::size_t>(round_up<T>(patch()))) {}

  void pack(const ConvolutionView<T>& view, const std::vector<T>&) override {
    const Index in = group_inputs(), out = group_outputs(), taps = shape_.columns.kernel;
    for (Index g = 0; g < shape_.groups; ++g)
      matrices_.emplace_back(out, patch(), [&](Index o, Index k) {  // k counts (row, column, input channel)
        return view.weight(g * in + k % in, o, k / in / taps, k / in % taps);
      });
  }

  Index scratch() const override {
    return RowTile<T>::storage(group_outputs()) + tile_rows<> * round_up<T>(patch());
  }

  void run(Index batch, const T* cotangent, T* gradient, T* scratch) const override {
    T* const patches = scratch + RowTile<T>::storage(group_outputs());
    const Index stride = round_up<T>(patch());
    std::fill(gradient, gradient + batch * sample_size(), T(0));
    const Index all = batch * shape_.rows.output * shape_.columns.output;
    for_each_tile(all, narrow() ? shape_.columns.output : all, [&](Index first, Index rows) {
      const Position at(*this, first);
      for (Index g = 0; g < shape_.groups; ++g) {
        matrices_[static_cast<std::size_t>(g)].multiply(
            rows_at(cotangent + first * shape_.outputs + g * group_outputs(), rows, shape_.outputs,
                    group_outputs(), scratch),
            zeros_.data(), patches, stride);
        if (narrow())
          scatter_together(at, rows, patches, stride, gradient);
        else
          scatter(at, rows, patches, stride, g, gradient);
      }
    });
  }

 private:
  /// An output pixel: sample, row, column.
  struct Position {
    Position(const ScatterPass& op, Index pixel)
        : height(op.shape_.rows.output),
          width(op.shape_.columns.output),
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

  Index group_inputs() const { return shape_.inputs / shape_.groups; }
  Index group_outputs() const { return shape_.outputs / shape_.groups; }
  Index patch() const { return shape_.rows.kernel * shape_.columns.kernel * group_inputs(); }
  Index sample_size() const { return shape_.rows.input * shape_.columns.input * shape_.inputs; }

  /// Whether the pixels of a patch's row lie in memory one after the other.
  bool contiguous() const { return shape_.groups == 1 && shape_.columns.dilation == 1; }

  /// Whether tiles are full enough if all of their pixels come from one row of the output.
  bool rows_fill_tiles() const { return 2 * balanced_tile(shape_.columns.output) >= tile_rows<>; }

  /// work(first, count) for tiles of consecutive output pixels, of which no one lies in two runs.
  template <class F>
  void for_each_tile(Index pixels, Index run, F&& work) const {
    const Index step = balanced_tile(run);
    for (Index begin = 0; begin < pixels; begin += run)
      for (Index done = 0; done < run; done += step) work(begin + done, std::min(step, run - done));
  }

  /// Adds the patches of `count` output pixels to the gradient, each element in the order of the pixels.
  void scatter(Position at, Index count, const T* patches, Index stride, Index group, T* gradient) const {
    const Window &rows = shape_.rows, &columns = shape_.columns;
    const Index channels = group_inputs(), all = shape_.inputs, line = columns.input * all;
    const Index taps = contiguous() ? 1 : columns.kernel, width = columns.kernel / taps * channels;
    for (Index r = 0; r < count; ++r, at.next(), patches += stride) {
      const T* patch = patches;
      for (Index ky = 0; ky < rows.kernel; ++ky) {
        const Index y = rows.at(at.y, ky);
        const Index to = at.sample * sample_size() + y * line;
        for (Index tap = 0; tap < taps; ++tap, patch += width) {
          const Index first = columns.at(at.x, tap) * all + group * channels;
          const Index begin = std::max<Index>(-first, 0), end = std::min(width, line - first);
          if (rows.inside(y) && begin < end)
            accumulate<T>(end - begin, patch + begin, gradient + to + first + begin);
        }
      }
    }
  }

  /// Whether patches' rows are so short, and overlap so much, that adding one after the other to memory would
  /// mean waiting for memory.
  bool narrow() const {
    const Index width = shape_.columns.kernel * shape_.inputs;
    return contiguous() && rows_fill_tiles() && width <= 4 * lanes<T> &&
           shape_.columns.stride * shape_.inputs < width;
  }

  /// scatter() for narrow patches of pixels of one row of the output.
  void scatter_together(const Position& at, Index count, const T* patches, Index stride, T* gradient) const {
    const Window& rows = shape_.rows;
    const Index width = shape_.columns.kernel * shape_.inputs, line = shape_.columns.input * shape_.inputs;
    Index ky = 0, end = rows.kernel;
    while (ky < end && !rows.inside(rows.at(at.y, ky))) ++ky;
    while (ky < end && !rows.inside(rows.at(at.y, end - 1))) --end;
    const auto add = [&](auto lines) {
      for (; ky + static_cast<Index>(lines) <= end; ky += static_cast<Index>(lines))
        add_overlapping<lines>(count, patches + ky * width, stride,
                               shape_.columns.at(at.x, 0) * shape_.inputs,
                               gradient + at.sample * sample_size() + rows.at(at.y, ky) * line);
    };
    add(std::integral_constant<std::size_t, 5>());
    add(std::integral_constant<std::size_t, 3>());
    add(std::integral_constant<std::size_t, 1>());
  }

  /// Lines of the gradient receive the rows of `count` patches, each line from `first` on, in the registers.
  template <std::size_t lines>
  void add_overlapping(Index count, const T* from, Index stride, Index first, T* to) const {
    const Index width = shape_.columns.kernel * shape_.inputs, step = shape_.columns.stride * shape_.inputs;
    const Index size = shape_.columns.input * shape_.inputs, distance = shape_.rows.dilation * size;
    const Index end = std::min(size, first + (count - 1) * step + width);
    for (Index at = std::max<Index>(first, 0); at < end; at += lanes<T>) {
      for (; first + width <= at; first += step, from += stride) --count;
      const Index filled = std::min(lanes<T>, end - at);
      Pack<T> sum[lines];
      unroll<lines>(
          [&](auto j) { sum[j] = load_partial<T>(to + at + static_cast<Index>(j) * distance, filled); });
      const T* patch = from;
      for (Index r = 0, begin = first - at; r < count && begin < filled;
           ++r, begin += step, patch += stride) {
        const Index low = std::max<Index>(begin, 0), high = std::min(begin + width, filled);
        unroll<lines>([&](auto j) {
          sum[j] += load_between<T>(patch - begin + static_cast<Index>(j) * width, low, high);
        });
      }
      unroll<lines>(
          [&](auto j) { store_partial<T>(to + at + static_cast<Index>(j) * distance, sum[j], filled); });
    }
  }

  ConvolutionShape shape_;
  std::vector<T> zeros_;
  std::vector<PackedMatrix<T>> matrices_;
};

}  // namespace foil::nn
