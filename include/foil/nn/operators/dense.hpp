// SPDX-License-Identifier: MIT
/// \file
/// Fully connected layers.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/gemm.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/weights.hpp"

namespace foil::nn {

using namespace simd;

namespace detail {
/// rows x outputs scalar products over a depth of whole vectors, each summed lane by lane.
template <class T, std::size_t rows, std::size_t outputs, class = Isa>
void dot_tile(Index depth, const T* left, Index left_stride, const T* weights, Index weight_stride,
              const T* biases, T* to, Index stride) {
  Pack<T> sum[rows][outputs] = {};
  for (Index k = 0; k < depth; k += lanes<T>) {
    Pack<T> x[rows];
    if (k + lanes<T> <= depth)
      unroll<rows>([&](auto r) { x[r] = load<T>(left + static_cast<Index>(r) * left_stride + k); });
    else
      unroll<rows>(
          [&](auto r) { x[r] = load_partial<T>(left + static_cast<Index>(r) * left_stride + k, depth - k); });
    unroll<outputs>([&](auto o) {
      const Pack<T> w = load<T>(weights + static_cast<Index>(o) * weight_stride + k);
      unroll<rows>([&](auto r) { sum[r][o] = multiply_add<T>(x[r], w, sum[r][o]); });
    });
  }
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t o = 0; o < outputs; ++o)
      to[static_cast<Index>(r) * stride + static_cast<Index>(o)] = horizontal_sum<T>(sum[r][o]) + biases[o];
}

template <class T>
using DotKernel = void (*)(Index, const T*, Index, const T*, Index, const T*, T*, Index);

/// As many sums as fit the register file.
template <class = Isa>
inline constexpr std::size_t dot_rows = registers == 32 ? 4 : 2;
inline constexpr std::size_t dot_outputs = 5;

/// Entry [rows - 1][outputs - 1].
template <class T, class = Isa>
inline constexpr auto dot_kernels = []<std::size_t... i>(std::index_sequence<i...>) {
  return std::array<DotKernel<T>, sizeof...(i)>{&dot_tile<T, i / dot_outputs + 1, i % dot_outputs + 1>...};
}(std::make_index_sequence<dot_rows<> * dot_outputs>{});
}  // namespace detail

/// y = W x + b with constant W (outputs x inputs, row-major), applied to each of `rows` rows of a sample.
template <class T, class = Isa>
class Dense : public Operator<T> {
 public:
  Dense(Index rows, Index inputs, Index outputs, Weights<T> weights, std::vector<T> biases)
      : rows_(rows),
        inputs_(inputs),
        outputs_(outputs),
        weights_(std::move(weights)),
        biases_(std::move(biases)) {}

  bool absorb(const T* scale, const T* shift, Index channels) override {
    if (channels != outputs_ || rows_ != 1) return false;
    weights_.scale(scale, outputs_);
    for (Index o = 0; o < outputs_; ++o) {
      T& bias = biases_[static_cast<std::size_t>(o)];
      bias = bias * scale[o] + shift[o];
    }
    return true;
  }

  void prepare() override {
    std::vector<T> weights = weights_.take();
    const auto weight = [&](Index o, Index i) { return weights[static_cast<std::size_t>(o * inputs_ + i)]; };
    biases_.resize(static_cast<std::size_t>(round_up<T>(outputs_)));
    zeros_.resize(static_cast<std::size_t>(round_up<T>(inputs_)));
    if (few_outputs()) {
      backward_ = PackedMatrix<T>(outputs_, inputs_, weight, Packing::rows);
      return;
    }
    forward_ = PackedMatrix<T>(inputs_, outputs_, [&](Index i, Index o) { return weight(o, i); });
    weights = std::vector<T>();  // a large layer's need not lie in memory three times
    backward_ = PackedMatrix<T>(outputs_, inputs_, [&](Index o, Index i) { return forward_.at(i, o); });
  }

  Index multiply_adds() const override { return rows_ * inputs_ * outputs_; }

  Index weights() const override { return inputs_ * outputs_; }

  Index scratch() const override { return RowTile<T>::storage(std::max(inputs_, outputs_)); }

  void forward(Index batch, const T* const* inputs, T* output, T* scratch) const override {
    if (few_outputs())
      multiply_by_dots(batch * rows_, inputs[0], output);
    else
      multiply_by_tiles(batch * rows_, inputs[0], forward_, biases_.data(), output, scratch);
  }

  void backward(Index batch, const T* const*, const T*, const T* cotangent, T* const* gradients,
                T* scratch) const override {
    multiply_by_tiles(batch * rows_, cotangent, backward_, zeros_.data(), gradients[0], scratch);
  }

 private:
  /// Few outputs leave most of a tile's columns empty; scalar products along the inputs do not.
  bool few_outputs() const { return outputs_ <= 2 * lanes<T> && inputs_ >= 4 * lanes<T>; }

  void multiply_by_dots(Index count, const T* x, T* y) const {
    const Index depth = round_up<T>(inputs_), most = static_cast<Index>(detail::dot_outputs);
    for (Index r = 0; r < count;) {
      const Index rows = std::min<Index>(count - r, static_cast<Index>(detail::dot_rows<>));
      for (Index o = 0; o < outputs_;) {
        const Index outputs = std::min(outputs_ - o, most);
        detail::dot_kernels<T>[static_cast<std::size_t>((rows - 1) * most + outputs - 1)](
            inputs_, x + r * inputs_, inputs_, backward_.row(o), depth, biases_.data() + o,
            y + r * outputs_ + o, outputs_);
        o += outputs;
      }
      r += rows;
    }
  }

  static void multiply_by_tiles(Index count, const T* x, const PackedMatrix<T>& matrix, const T* start, T* y,
                                T* scratch) {
    const Index step = balanced_tile(count), depth = matrix.depth(), columns = matrix.columns();
    for (Index first = 0; first < count; first += step) {
      const Rows<T> rows = rows_at(x + first * depth, std::min(step, count - first), depth, depth, scratch);
      matrix.multiply(rows, start, y + first * columns, columns);
    }
  }

  Index rows_, inputs_, outputs_;
  Weights<T> weights_;
  std::vector<T> biases_, zeros_;
  PackedMatrix<T> forward_, backward_;  // few outputs: forward, too, by the latter's rows
};

}  // namespace foil::nn
