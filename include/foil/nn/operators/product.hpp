// SPDX-License-Identifier: MIT
/// \file
/// Matrix products of two activations, or of an activation and constant matrices.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/matrix.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

using namespace simd;

/// Matrices of one size within a sample: where each one begins, and the distances between neighbours in a
/// column and in a row, one of which is 1 where products are to be fast. Several may begin at the same place.
struct Matrices {
  std::vector<Index> begins;
  Index row_step, column_step;
  Index sample;  ///< elements of a sample
};

/// Geometry of as many products as either factor has matrices. The output has rows x columns for each,
/// row-major.
struct ProductShape {
  Index rows, depth, columns;
  Matrices left, right;
  double scale = 1;  ///< of each product
};

/// The matrices of the left factor times those of the right one, each an input or a constant.
template <class T, class = Isa>
class Product : public Operator<T> {
 public:
  enum class Constant { none, left, right };

  explicit Product(const ProductShape& shape, Constant which = Constant::none, std::vector<T> constant = {})
      : rows_(shape.rows),
        depth_(shape.depth),
        columns_(shape.columns),
        scale_(static_cast<T>(shape.scale)),
        left_(shape.left, rows_, depth_, which == Constant::left),
        right_(shape.right, depth_, columns_, which == Constant::right),
        constant_(std::move(constant)) {}

  bool needs_inputs() const override { return !left_.constant && !right_.constant; }

  Index multiply_adds() const override { return pairs() * rows_ * depth_ * columns_; }

  Index weights() const override { return static_cast<Index>(constant_.size()); }

  Index scratch() const override {
    return std::max({Multiplier<T>::storage(rows_, depth_, columns_),
                     Multiplier<T>::storage(rows_, columns_, depth_),
                     Multiplier<T>::storage(depth_, rows_, columns_)});
  }

  void forward(Index batch, const T* const* inputs, T* output, T* scratch) const override {
    const T* const left = left_.constant ? constant_.data() : inputs[0];
    const T* const right = right_.constant ? constant_.data() : inputs[needs_inputs() ? 1 : 0];
    Multiplier<T> multiply(scratch, scale_);
    for_each(batch, [&](Index n, Index i) {
      multiply(left_.matrix(left, n, i), right_.matrix(right, n, i), product(output, n, i));
    });
  }

  void backward(Index batch, const T* const* inputs, const T*, const T* cotangent, T* const* gradients,
                T* scratch) const override {
    const T* const left = left_.constant ? constant_.data() : needs_inputs() ? inputs[0] : nullptr;
    const T* const right = right_.constant ? constant_.data() : needs_inputs() ? inputs[1] : nullptr;
    if (!left_.constant) {
      Multiplier<T> multiply(scratch, scale_);
      left_.clear(batch, gradients[0]);
      for_each(batch, [&](Index n, Index i) {
        multiply(product(cotangent, n, i), right_.matrix(right, n, i).transposed(),
                 left_.matrix(gradients[0], n, i), left_.adds);
      });
    }
    if (!right_.constant) {
      T* const gradient = gradients[needs_inputs() ? 1 : 0];
      Multiplier<T> multiply(scratch, scale_);
      right_.clear(batch, gradient);
      for_each(batch, [&](Index n, Index i) {
        multiply(left_.matrix(left, n, i).transposed(), product(cotangent, n, i),
                 right_.matrix(gradient, n, i), right_.adds);
      });
    }
  }

 private:
  struct Factor {
    Factor(const Matrices& m, Index r, Index c, bool is_constant)
        : where(m), rows(r), columns(c), constant(is_constant) {
      std::vector<Index> sorted = where.begins;
      std::sort(sorted.begin(), sorted.end());
      const bool repeats = std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end();
      adds = repeats || static_cast<Index>(sorted.size()) * rows * columns != where.sample;
    }

    template <class U>
    Matrix<U> matrix(U* data, Index n, Index i) const {
      return {data + (constant ? 0 : n * where.sample) + where.begins[static_cast<std::size_t>(i)], rows,
              columns, where.row_step, where.column_step};
    }

    void clear(Index batch, T* gradient) const {
      if (adds) std::fill_n(gradient, batch * where.sample, T(0));
    }

    Matrices where;
    Index rows, columns;
    bool constant;
    bool adds;  ///< elements have any number of parts in products, not one
  };

  Index pairs() const { return static_cast<Index>(left_.where.begins.size()); }

  template <class U>
  Matrix<U> product(U* data, Index n, Index i) const {
    return {data + (n * pairs() + i) * rows_ * columns_, rows_, columns_, columns_, 1};
  }

  /// work(n, i) for each product i of each sample n; where a factor is constant one product after the other,
  /// so that it is packed once.
  template <class F>
  void for_each(Index batch, F&& work) const {
    if (needs_inputs()) {
      for (Index n = 0; n < batch; ++n)
        for (Index i = 0; i < pairs(); ++i) work(n, i);
    } else {
      for (Index i = 0; i < pairs(); ++i)
        for (Index n = 0; n < batch; ++n) work(n, i);
    }
  }

  Index rows_, depth_, columns_;
  T scale_;
  Factor left_, right_;
  std::vector<T> constant_;
};

}  // namespace foil::nn
