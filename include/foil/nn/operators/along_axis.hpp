// SPDX-License-Identifier: MIT
/// \file
/// Sparse constant matrices along one axis: interpolation, sums.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

using namespace simd;

/// A sparse matrix, row by row: each row lists its columns with their weights.
template <class T>
struct SparseRows {
  std::vector<std::size_t> ends;  ///< of each row in the lists
  std::vector<std::int32_t> columns;
  std::vector<T> weights;

  Index rows() const { return static_cast<Index>(ends.size()); }
  void add(Index column, T weight) {
    columns.push_back(static_cast<std::int32_t>(column));
    weights.push_back(weight);
  }
  void end_row() { ends.push_back(columns.size()); }

  /// work(column, weight) for the entries of a row.
  template <class F>
  void for_each(Index row, F&& work) const {
    const auto r = static_cast<std::size_t>(row);
    for (std::size_t k = r == 0 ? 0 : ends[r - 1]; k < ends[r]; ++k)
      work(static_cast<Index>(columns[k]), weights[k]);
  }
};

/// Replaces the middle axis of samples of shape (outer, length, inner) by the product of a matrix with it.
/// Sums are taken in the order of the entries.
template <class T, class = Isa>
class AlongAxis : public Operator<T> {
 public:
  AlongAxis(Index outer, Index length, Index inner, SparseRows<T> matrix)
      : outer_(outer), length_(length), inner_(inner), matrix_(std::move(matrix)) {}

  Index multiply_adds() const override {
    return outer_ * inner_ * static_cast<Index>(matrix_.columns.size());
  }

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    const T* x = inputs[0];
    for (Index o = 0; o < batch * outer_; ++o, x += length_ * inner_)
      for (Index row = 0; row < matrix_.rows(); ++row, output += inner_) {
        bool first = true;
        if (inner_ == 1) {
          T sum = 0;
          matrix_.for_each(row, [&](Index column, T weight) { sum += x[column] * weight; });
          *output = sum;
          continue;
        }
        matrix_.for_each(row, [&](Index column, T weight) {
          const Pack<T> w = broadcast<T>(weight);
          if (std::exchange(first, false))
            map<T>(inner_, output, [w](Pack<T> v) { return v * w; }, x + column * inner_);
          else
            map<T>(
                inner_, output, [w](Pack<T> v, Pack<T> sum) { return multiply_add<T>(v, w, sum); },
                x + column * inner_, output);
        });
        if (first) std::fill_n(output, inner_, T(0));
      }
  }

  void backward(Index batch, const T* const*, const T*, const T* cotangent, T* const* gradients,
                T*) const override {
    T* dx = gradients[0];
    std::fill_n(dx, batch * outer_ * length_ * inner_, T(0));
    for (Index o = 0; o < batch * outer_; ++o, dx += length_ * inner_)
      for (Index row = 0; row < matrix_.rows(); ++row, cotangent += inner_)
        matrix_.for_each(row, [&](Index column, T weight) {
          T* const to = dx + column * inner_;
          if (inner_ == 1) {
            *to += *cotangent * weight;
            return;
          }
          const Pack<T> w = broadcast<T>(weight);
          map<T>(
              inner_, to, [w](Pack<T> g, Pack<T> sum) { return multiply_add<T>(g, w, sum); }, cotangent, to);
        });
  }

 private:
  Index outer_, length_, inner_;
  SparseRows<T> matrix_;
};

}  // namespace foil::nn
