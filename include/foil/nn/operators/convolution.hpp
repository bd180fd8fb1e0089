// SPDX-License-Identifier: MIT
/// \file
/// Two-dimensional convolution on channels-last samples: gathered patches times packed weights forward, rows
/// of cotangents times packed weights scattered back onto the patches backward.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/gemm.hpp"
#include "foil/nn/memory.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/convolution_pass.hpp"
#include "foil/nn/operators/lane_pass.hpp"
#include "foil/nn/operators/window.hpp"
#include "foil/nn/weights.hpp"

namespace foil::nn {

using namespace simd;

/// Convolution with constant weights, given as (outputs, inputs / groups, rows, columns), and biases.
template <class T, class = Isa>
class Convolution : public Operator<T> {
 public:
  Convolution(ConvolutionShape shape, Weights<T> weights, std::vector<T> biases)
      : shape_(shape), source_(std::move(weights)), biases_(std::move(biases)) {}

  bool absorb(const T* scale, const T* shift, Index channels) override {
    if (channels != shape_.outputs) return false;
    source_.scale(scale, channels);
    for (Index c = 0; c < channels; ++c) {
      T& bias = biases_[static_cast<std::size_t>(c)];
      bias = bias * scale[c] + shift[c];
    }
    return true;
  }

  void prepare() override {
    weights_ = source_.take();
    const ConvolutionView<T> there{shape_, Direction::forward, weights_},
        back{shape_, Direction::backward, weights_};
    if (LanePass<T>::suits(there) && LanePass<T>::suits(back)) {
      forward_pass_ = std::make_unique<LanePass<T>>(there, biases_);
      backward_pass_ = std::make_unique<LanePass<T>>(back, std::vector<T>());
      biases_ = std::vector<T>();
      weights_ = std::vector<T>();
      return;
    }
    const Index in = group_inputs(), out = group_outputs(), taps = shape_.rows.kernel * shape_.columns.kernel;
    biases_.resize(static_cast<std::size_t>(shape_.groups * round_up<T>(out)));
    for (Index g = shape_.groups - 1; g >= 0; --g)  // each group's biases start at a whole vector
      for (Index o = round_up<T>(out) - 1; o >= 0; --o)
        biases_[static_cast<std::size_t>(g * round_up<T>(out) + o)] =
            o < out ? biases_[static_cast<std::size_t>(g * out + o)] : T(0);
    zeros_.resize(static_cast<std::size_t>(round_up<T>(patch())));
    for (Index g = 0; g < shape_.groups; ++g) {
      const auto weight = [&](Index k, Index o) {  // k counts (row, column, input channel)
        return weights_[static_cast<std::size_t>(((g * out + o) * in + k % in) * taps + k / in)];
      };
      forward_.emplace_back(patch(), out, weight);
      backward_.emplace_back(out, patch(), [&](Index o, Index k) { return weight(k, o); });
    }
    weights_ = std::vector<T>();
  }

  Index multiply_adds() const override {
    return shape_.rows.output * shape_.columns.output * shape_.outputs * patch();
  }

  Index weights() const override { return shape_.outputs * patch(); }

  Index scratch() const override {
    if (forward_pass_) return std::max(forward_pass_->scratch(), backward_pass_->scratch());
    return std::max({RowTile<T>::storage(patch()), shape_.rows.kernel * reach() * shape_.inputs,
                     RowTile<T>::storage(group_outputs()) + tile_rows<> * round_up<T>(patch())});
  }

  void forward(Index batch, const T* const* inputs, T* output, T* scratch) const override {
    if (forward_pass_) {
      forward_pass_->run(batch, inputs[0], output, scratch);
      return;
    }
    if (readable_in_place()) {
      forward_by_rows(batch, inputs[0], output, scratch);
      return;
    }
    const Index all = batch * shape_.rows.output * shape_.columns.output;
    for_each_tile(all, all, [&](Index first, Index rows) {
      for (Index g = 0; g < shape_.groups; ++g) {
        const RowTile<T> tile(scratch, rows);
        Position at(*this, first);
        for (Index r = 0; r < rows; ++r, at.next()) gather(at, inputs[0], g, tile.row(r));
        forward_[static_cast<std::size_t>(g)].multiply(
            tile, biases_.data() + g * round_up<T>(group_outputs()),
            output + first * shape_.outputs + g * group_outputs(), shape_.outputs);
      }
    });
  }

  void backward(Index batch, const T* const*, const T*, const T* cotangent, T* const* gradients,
                T* scratch) const override {
    if (backward_pass_) {
      backward_pass_->run(batch, cotangent, gradients[0], scratch);
      return;
    }
    T* const patches = scratch + RowTile<T>::storage(group_outputs());
    const Index stride = round_up<T>(patch());
    std::fill(gradients[0], gradients[0] + batch * sample_size(), T(0));
    const Index all = batch * shape_.rows.output * shape_.columns.output;
    for_each_tile(all, narrow() ? shape_.columns.output : all, [&](Index first, Index rows) {
      const Position at(*this, first);
      for (Index g = 0; g < shape_.groups; ++g) {
        backward_[static_cast<std::size_t>(g)].multiply(
            rows_at(cotangent + first * shape_.outputs + g * group_outputs(), rows, shape_.outputs,
                    group_outputs(), scratch),
            zeros_.data(), patches, stride);
        if (narrow())
          scatter_together(at, rows, patches, stride, gradients[0]);
        else
          scatter(at, rows, patches, stride, g, gradients[0]);
      }
    });
  }

 private:
  /// An output pixel: sample, row, column.
  struct Position {
    Position(const Convolution& op, Index pixel)
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

  /// Columns of the input, padding included, that a row of output pixels sees.
  Index reach() const { return (shape_.columns.output - 1) * shape_.columns.stride + shape_.columns.kernel; }

  /// Whether the pixels of a patch's row lie in memory one after the other.
  bool contiguous() const { return shape_.groups == 1 && shape_.columns.dilation == 1; }

  /// Whether tiles are full enough if all of their pixels come from one row of the output.
  bool rows_fill_tiles() const { return 2 * balanced_tile(shape_.columns.output) >= tile_rows<>; }

  /// Whether patches need not be gathered: those of neighbours lie at a constant distance.
  bool readable_in_place() const {
    return contiguous() && rows_fill_tiles() && !collide<T>(shape_.columns.stride * shape_.inputs);
  }

  void forward_by_rows(Index batch, const T* input, T* output, T* band) const {
    const Window &rows = shape_.rows, &columns = shape_.columns;
    const Index channels = shape_.inputs, line = columns.input * channels;
    const bool padded =
        rows.pad_begin > 0 || rows.pad_end > 0 || columns.pad_begin > 0 || columns.pad_end > 0;
    const Index tile = balanced_tile(columns.output);
    for (Index n = 0; n < batch; ++n, input += sample_size())
      for (Index y = 0; y < rows.output; ++y) {
        if (padded) copy_band(input, y, band);
        Rows<T> left{padded ? band : input + rows.at(y, 0) * line, 0, columns.stride * channels,
                     columns.kernel * channels, padded ? reach() * channels : rows.dilation * line};
        for (Index x = 0; x < columns.output; x += tile) {
          left.count = std::min(tile, columns.output - x);
          forward_[0].multiply(left, biases_.data(), output, shape_.outputs);
          left.data += left.count * left.step;
          output += left.count * shape_.outputs;
        }
      }
  }

  /// The rows of the input that a row of output pixels sees, with their padding.
  void copy_band(const T* input, Index y, T* band) const {
    const Window &rows = shape_.rows, &columns = shape_.columns;
    const Index channels = shape_.inputs, width = reach();
    const Index before = std::min(columns.pad_begin, width), count = std::min(columns.input, width - before);
    for (Index ky = 0; ky < rows.kernel; ++ky, band += width * channels) {
      const Index row = rows.at(y, ky);
      if (!rows.inside(row)) {
        std::fill_n(band, width * channels, T(0));
        continue;
      }
      T* const end = std::copy_n(input + row * columns.input * channels, count * channels,
                                 std::fill_n(band, before * channels, T(0)));
      std::fill(end, band + width * channels, T(0));
    }
  }

  /// work(first, count) for tiles of consecutive output pixels, of which no one lies in two runs.
  template <class F>
  void for_each_tile(Index pixels, Index run, F&& work) const {
    const Index step = balanced_tile(run);
    for (Index begin = 0; begin < pixels; begin += run)
      for (Index done = 0; done < run; done += step) work(begin + done, std::min(step, run - done));
  }

  void gather(const Position& at, const T* input, Index group, typename RowTile<T>::Writer row) const {
    const Window &rows = shape_.rows, &columns = shape_.columns;
    const Index channels = group_inputs(), all = shape_.inputs;
    const Index left = columns.at(at.x, 0);
    const Index begin = std::clamp<Index>(-left, 0, columns.kernel);
    const Index end = std::clamp<Index>(columns.input - left, begin, columns.kernel);
    const T* const sample = input + at.sample * sample_size();
    for (Index ky = 0; ky < rows.kernel; ++ky) {
      const Index y = rows.at(at.y, ky);
      const Index line = y * columns.input * all;
      if (!rows.inside(y)) {
        row.zeros(columns.kernel * channels);
      } else if (contiguous()) {
        row.zeros(begin * channels);
        row.copy(sample + line + (left + begin) * all, (end - begin) * channels);
        row.zeros((columns.kernel - end) * channels);
      } else {
        for (Index kx = 0; kx < columns.kernel; ++kx) {
          const Index x = columns.at(at.x, kx);
          if (columns.inside(x))
            row.copy(sample + line + x * all + group * channels, channels);
          else
            row.zeros(channels);
        }
      }
    }
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
  Weights<T> source_;
  std::vector<T> weights_, biases_, zeros_;
  std::vector<PackedMatrix<T>> forward_, backward_;
  std::unique_ptr<ConvolutionPass<T>> forward_pass_, backward_pass_;
};

}  // namespace foil::nn
