// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's matrix products.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/make.hpp"
#include "foil/nn/operators/dense.hpp"
#include "foil/nn/operators/elementwise.hpp"
#include "foil/nn/operators/product.hpp"
#include "foil/nn/operators/shape.hpp"
#include "foil/nn/weights.hpp"
#include "foil/onnx/arithmetic.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/constant.hpp"
#include "foil/onnx/layers.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/value.hpp"
#include "foil/onnx/view.hpp"

namespace foil::onnx::detail {

/// Fully connected, on the last axis of x.
template <class T>
Value emit_dense(Builder<T>& build, const Value& input, Index outputs, nn::Weights<T> weights,
                 std::vector<T> biases) {
  const Value x = build.planar(input);
  const Index inputs = x.dims.back(), rows = volume(x.dims) / inputs;
  Dims dims = x.dims;
  dims.back() = outputs;
  return build.emit(nn::make<nn::Dense<T>>(rows, inputs, outputs, std::move(weights), std::move(biases)),
                    {x.slot}, std::move(dims), Layout::planar, x.batch);
}

/// Constant factor as a row-major (outputs x inputs) matrix, from (inputs x outputs) or its transpose.
template <class T>
nn::Weights<T> dense_weights(const Constant& b, bool transposed, T scale, Index inputs, Index outputs) {
  const auto turn = [b, inputs, outputs](T* to) {
    constexpr Index few = 16;
    const Numbers<T> numbers = b.numbers<T>();
    for (Index first = 0; first < outputs; first += few)  // in squares, for the sake of the caches
      for (Index i = 0; i < inputs; ++i)
        for (Index o = first; o < std::min(outputs, first + few); ++o)
          to[o * inputs + i] = numbers[static_cast<std::size_t>(i * outputs + o)];
  };
  nn::Weights<T> out = transposed ? weights_of<T>(b) : nn::Weights<T>(inputs * outputs, turn);
  if (scale != T(1)) out.scale(std::vector<T>(static_cast<std::size_t>(outputs), scale).data(), outputs);
  return out;
}

/// A factor of a product: an activation, or a constant, of which then the shape alone is in `x`. Matrices are
/// its last two axes, turned if `turned`.
struct Factor {
  Value x;
  const Constant* constant = nullptr;
  bool turned = false;

  std::size_t row_axis() const { return x.rank() - (turned ? 1 : 2); }
  std::size_t column_axis() const { return x.rank() - (turned ? 2 : 1); }
  Index rows() const { return x.dims[row_axis()]; }
  Index columns() const { return x.dims[column_axis()]; }
};

/// Input i of a product; `other` is the one that has to be an activation if both are constant.
template <class T>
Factor factor_at(Builder<T>& build, const NodeView& at, std::size_t i, bool as_activation) {
  at.require(at.has_input(i), "input ", i, " is missing");
  if (as_activation || build.find_value(at.node().inputs[i]) != nullptr)
    return {build.planar(build.value(at, i))};
  const Constant& c = build.floats(at, i);
  at.require(c.size() > 0 && !c.for_each_sample, "expected a matrix as input ", i,
             " that has elements and does not depend on the number of samples");
  return {shape_only(c), &c};
}
template <class T>
std::pair<Factor, Factor> factors_at(Builder<T>& build, const NodeView& at) {
  at.require(at.has_input(1), "input 1 is missing");
  const bool both =
      build.find_value(at.node().inputs[1]) == nullptr;  // then the first one has to be an activation
  return {factor_at(build, at, 0, both), factor_at(build, at, 1, false)};
}

/// Where the samples are in a product of that rank, whose factors have it, too. A row of all samples, (1, V
/// N), that meets a matrix for one of them was written down while tracing one sample: it stands for (N, V).
inline BatchAxis product_batch(const NodeView& at, Factor& a, const Factor& b) {
  const std::size_t rank = a.x.rank(), row = rank - 2, column = rank - 1;
  if (b.constant != nullptr && !a.turned && rank == 2 && a.x.dims[0] == 1 && a.x.batch == BatchAxis{1, 1} &&
      b.rows() == a.x.dims[1])
    a.x.batch = {0, 1};
  at.keep_apart(a.x, a.column_axis());
  at.keep_apart(b.x, b.row_axis());
  BatchAxis left = a.x.batch, right = b.x.batch;
  if (left.known() && left.axis >= row) left.axis = row;
  if (right.known() && right.axis >= row) right.axis = column;
  const bool apart = left.known() && right.known() ? left == right && left.axis < row
                     : left.known()                ? left.axis == row || b.x.dims[left.axis] == 1
                     : right.known()               ? right.axis == column || a.x.dims[right.axis] == 1
                                                   : true;
  at.require(apart, "multiplying ", a.x.shape(), " by ", b.x.shape(), " would mix samples");
  return left.known() ? left : right;
}

/// The matrices of a factor, for products with these leading axes, where they can be read; the factor's slot
/// becomes the one that they lie in.
template <class T>
nn::Matrices matrices_of(Builder<T>& build, Factor& f, const Dims& leading) {
  const std::size_t row = f.row_axis(), column = f.column_axis();
  View view{f.x.slot, volume(f.x.dims), 0, f.x.dims, strides_of(f.x.dims, Layout::planar)};
  if (f.constant == nullptr) {
    const View moved = build.view(f.x);
    const auto near = [&](std::size_t axis) { return moved.strides[axis] == 1 || moved.dims[axis] == 1; };
    if (near(row) || near(column)) view = moved;
  }
  f.x.slot = view.slot;
  nn::Matrices out{{}, view.strides[row], view.strides[column], view.size};
  view.strides.resize(leading.size());
  for (std::size_t i = 0; i < leading.size(); ++i)
    if (f.x.dims[i] == 1) view.strides[i] = 0;
  build.spend(static_cast<std::uint64_t>(volume(leading)));
  for (const std::int32_t begin : nn::index_map(leading, view.strides))
    out.begins.push_back(view.begin + begin);
  return out;
}

/// The products of matrices, whose factors' leading axes are stretched to each other.
template <class T>
Value emit_product(Builder<T>& build, const NodeView& at, Factor a, Factor b, double scale = 1) {
  const std::size_t rank = std::max(a.x.rank(), b.x.rank());
  a.x = with_rank(a.x, rank);
  b.x = with_rank(b.x, rank);
  at.require(a.columns() == b.rows(), "cannot multiply ", a.x.shape(), " by ", b.x.shape(), ": expected ",
             a.columns(), " rows, got ", b.rows());
  const BatchAxis batch = product_batch(at, a, b);
  Dims leading(a.x.dims.begin(), a.x.dims.end() - 2);
  bool single = true;  // a single right factor
  for (std::size_t i = 0; i < leading.size(); ++i) {
    const Index other = b.x.dims[i];
    at.require(other == leading[i] || other == 1 || leading[i] == 1, "cannot multiply ", a.x.shape(), " by ",
               b.x.shape());
    leading[i] = std::max(leading[i], other);
    single = single && other == 1;
  }
  Dims dims = leading;
  dims.push_back(a.rows());
  dims.push_back(b.columns());
  if (single && !a.turned && b.constant != nullptr) {
    Value y =
        emit_dense<T>(build, a.x, b.columns(),
                      dense_weights<T>(*b.constant, b.turned, static_cast<T>(scale), b.rows(), b.columns()),
                      std::vector<T>(static_cast<std::size_t>(b.columns()), T(0)));
    return y.viewed(dims, batch);
  }
  nn::ProductShape shape{a.rows(), a.columns(), b.columns(), {}, {}, scale};
  if (single && !a.turned) {  // all rows at once
    shape.rows = volume(a.x.dims) / shape.depth;
    leading.clear();
    a.x.dims = {shape.rows, shape.depth};
    b.x.dims = {b.x.dims[rank - 2], b.x.dims[rank - 1]};
  }
  shape.left = matrices_of(build, a, leading);
  shape.right = matrices_of(build, b, leading);
  using Product = nn::Product<T>;
  if (a.constant != nullptr)
    return build.emit(
        nn::make<Product>(shape, Product::Constant::left, a.constant->template numbers<T>().list()),
        {b.x.slot}, std::move(dims), Layout::planar, batch);
  if (b.constant != nullptr)
    return build.emit(
        nn::make<Product>(shape, Product::Constant::right, b.constant->template numbers<T>().list()),
        {a.x.slot}, std::move(dims), Layout::planar, batch);
  return build.emit(nn::make<Product>(shape), {a.x.slot, b.x.slot}, std::move(dims), Layout::planar, batch);
}

template <class T>
Value convert_matmul(Builder<T>& build, const NodeView& at) {
  auto [a, b] = factors_at(build, at);
  at.require(a.x.rank() > 0 && b.x.rank() > 0, "expected factors with axes");
  const bool row = a.x.rank() == 1, column = b.x.rank() == 1;
  if (row) a.x = with_rank(a.x, 2);
  if (column) b.x.dims.push_back(1);
  Value y = emit_product(build, at, a, b);
  const auto drop = [&](std::size_t axis) {
    y.dims.erase(y.dims.begin() + static_cast<std::ptrdiff_t>(axis));
    if (y.batch.known() && y.batch.axis > axis) --y.batch.axis;
  };
  if (row) at.keep_apart(y, y.rank() - 2);
  if (row) drop(y.rank() - 2);
  if (column) drop(y.rank() - 1);
  return y;
}

/// alpha A B + beta C, of which A and B may be turned.
template <class T>
Value convert_gemm(Builder<T>& build, const NodeView& at) {
  auto [a, b] = factors_at(build, at);
  at.require(a.x.rank() == 2 && b.x.rank() == 2, "expected matrices, got ", a.x.shape(), " and ",
             b.x.shape());
  a.turned = at.integer("transA", 0) != 0;
  b.turned = at.integer("transB", 0) != 0;
  at.require(a.columns() == b.rows(), "expected a second factor with ", a.columns(), " rows, got ", b.rows());
  const T alpha = static_cast<T>(at.number("alpha", 1)), beta = static_cast<T>(at.number("beta", 1));
  const Index outputs = b.columns();
  const Constant* const c = at.has_input(2) ? build.find_constant(at.node().inputs[2]) : nullptr;
  const bool row = !at.has_input(2) || (c != nullptr && c->is_float() &&
                                        (c->size() == 1 || (static_cast<Index>(c->size()) == outputs &&
                                                            static_cast<Index>(c->dims.back()) == outputs)));
  if (b.constant != nullptr && !a.turned && row) {
    product_batch(at, a, b);
    std::vector<T> biases(static_cast<std::size_t>(outputs), T(0));
    if (c != nullptr) {
      build.spend(c->size());
      const Numbers<T> numbers = c->numbers<T>();
      for (std::size_t o = 0; o < biases.size(); ++o) biases[o] = beta * numbers[c->size() == 1 ? 0 : o];
    }
    return emit_dense<T>(build, a.x, outputs,
                         dense_weights<T>(*b.constant, b.turned, alpha, b.rows(), outputs),
                         std::move(biases));
  }
  const auto scaled = [&](const Value& x, T factor) {
    if (factor == T(1)) return x;
    std::vector<T> factors(static_cast<std::size_t>(volume(x.dims)), factor);
    build.spend(factors.size());
    return build.emit(nn::make<nn::WithConstant<T, nn::Times<T>, false>>(std::move(factors)), {x.slot},
                      x.dims, x.layout, x.batch);
  };
  const Value y = emit_product(build, at, a, b, static_cast<double>(at.number("alpha", 1)));
  if (!at.has_input(2)) return y;
  std::vector<Value> summands{y, scaled(build.value(at, 2), beta)};
  const Broadcast to = broadcast(build, at, summands);
  at.require(to.dims == y.dims, "cannot add ", summands[1].shape(), " to ", y.shape());
  const Value left = stretched(build, summands[0], to), right = stretched(build, summands[1], to);
  return build.emit(nn::make<nn::Binary<T, nn::Plus<T>>>(volume(to.dims)), {left.slot, right.slot}, to.dims,
                    to.layout, to.batch);
}

}  // namespace foil::onnx::detail
