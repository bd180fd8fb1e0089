// SPDX-License-Identifier: MIT
/// \file
/// Two-dimensional convolution on channels-last samples: gathered patches times packed weights forward, rows
/// of cotangents times packed weights scattered back onto the patches backward.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/gemm.hpp"
#include "foil/nn/memory.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/simd.hpp"

namespace foil::nn {

/// How a window slides along one axis.
struct Window {
  Index input = 1, output = 1, kernel = 1, stride = 1, dilation = 1, pad_begin = 0, pad_end = 0;

  /// The position in the input under tap `tap` of output `out`; outside [0, input) in the padding.
  Index at(Index out, Index tap) const { return out * stride + tap * dilation - pad_begin; }
  bool inside(Index position) const { return position >= 0 && position < input; }
};

/// Geometry of a convolution; channel counts include all groups.
struct ConvolutionShape {
  Window rows, columns;
  Index inputs = 1, outputs = 1, groups = 1;
};

/// Convolution with constant weights, given as (outputs, inputs / groups, rows, columns), and biases.
template <class T>
class Convolution : public Operator<T> {
 public:
  Convolution(ConvolutionShape shape, std::vector<T> weights, std::vector<T> biases)
      : shape_(shape), weights_(std::move(weights)), biases_(std::move(biases)) {}

  bool absorb(const T* scale, const T* shift, Index channels) override {
    if (channels != shape_.outputs) return false;
    const Index per_channel = static_cast<Index>(weights_.size()) / channels;
    for (Index c = 0; c < channels; ++c) {
      for (Index i = 0; i < per_channel; ++i)
        weights_[static_cast<std::size_t>(c * per_channel + i)] *= scale[c];
      T& bias = biases_[static_cast<std::size_t>(c)];
      bias = bias * scale[c] + shift[c];
    }
    return true;
  }

  void prepare() override {
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
    weights_ = {};
  }

  Index multiply_adds() const override {
    return shape_.rows.output * shape_.columns.output * shape_.outputs * patch();
  }

  Index scratch() const override {
    return std::max(RowTile<T>::storage(patch()),
                    RowTile<T>::storage(group_outputs()) + tile_rows * round_up<T>(patch()));
  }

  void forward(Index batch, const T* const* inputs, T* output, T* scratch) const override {
    for_each_tile(batch, [&](Index first, Index rows) {
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
    T* const patches = scratch + RowTile<T>::storage(group_outputs());
    const Index stride = round_up<T>(patch());
    std::fill(gradients[0], gradients[0] + batch * sample_size(), T(0));
    for_each_tile(batch, [&](Index first, Index rows) {
      for (Index g = 0; g < shape_.groups; ++g) {
        const RowTile<T> tile(scratch, rows);
        for (Index r = 0; r < rows; ++r)
          tile.row(r).copy(cotangent + (first + r) * shape_.outputs + g * group_outputs(), group_outputs());
        backward_[static_cast<std::size_t>(g)].multiply(tile, zeros_.data(), patches, stride);
        Position at(*this, first);
        for (Index r = 0; r < rows; ++r, at.next()) scatter(at, patches + r * stride, g, gradients[0]);
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

  template <class F>
  void for_each_tile(Index batch, F&& work) const {
    const Index pixels = batch * shape_.rows.output * shape_.columns.output, step = balanced_tile(pixels);
    for (Index first = 0; first < pixels; first += step) work(first, std::min(step, pixels - first));
  }

  /// Visits the patch under an output pixel from first to last element in runs of contiguous memory:
  /// inside(offset in the sample, length) or outside(length).
  template <class Inside, class Outside>
  void visit_patch(const Position& at, Index group, Inside&& inside, Outside&& outside) const {
    const Window &rows = shape_.rows, &columns = shape_.columns;
    const Index channels = group_inputs(), all = shape_.inputs;
    const bool contiguous = columns.dilation == 1 && shape_.groups == 1;
    const Index left = columns.at(at.x, 0);
    const Index begin = std::clamp<Index>(-left, 0, columns.kernel);
    const Index end = std::clamp<Index>(columns.input - left, begin, columns.kernel);
    if (contiguous && begin == 0 && end == columns.kernel && rows.pad_begin == 0 && rows.pad_end == 0) {
      const Index length = columns.kernel * channels, step = rows.dilation * columns.input * all;
      Index offset = (rows.at(at.y, 0) * columns.input + left) * all;
      for (Index ky = 0; ky < rows.kernel; ++ky, offset += step) inside(offset, length);
      return;
    }
    for (Index ky = 0; ky < rows.kernel; ++ky) {
      const Index y = rows.at(at.y, ky);
      if (!rows.inside(y)) {
        outside(columns.kernel * channels);
      } else if (contiguous) {
        if (begin > 0) outside(begin * channels);
        if (end > begin) inside((y * columns.input + left + begin) * all, (end - begin) * channels);
        if (end < columns.kernel) outside((columns.kernel - end) * channels);
      } else {
        for (Index kx = 0; kx < columns.kernel; ++kx) {
          const Index x = columns.at(at.x, kx);
          if (columns.inside(x))
            inside((y * columns.input + x) * all + group * channels, channels);
          else
            outside(channels);
        }
      }
    }
  }

  void gather(const Position& at, const T* input, Index group, typename RowTile<T>::Writer row) const {
    const T* const from = input + at.sample * sample_size();
    visit_patch(
        at, group, [&](Index offset, Index n) { row.copy(from + offset, n); },
        [&](Index n) { row.zeros(n); });
  }

  void scatter(const Position& at, const T* patch, Index group, T* gradient) const {
    T* const to = gradient + at.sample * sample_size();
    visit_patch(
        at, group,
        [&](Index offset, Index n) {
          accumulate<T>(n, patch, to + offset);
          patch += n;
        },
        [&](Index n) { patch += n; });
  }

  ConvolutionShape shape_;
  std::vector<T> weights_, biases_, zeros_;
  std::vector<PackedMatrix<T>> forward_, backward_;
};

}  // namespace foil::nn
