// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's arithmetic of two tensors, with broadcasting, and evaluation of what is constant.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/lines.hpp"
#include "foil/nn/make.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/binary.hpp"
#include "foil/nn/operators/binary_along.hpp"
#include "foil/nn/table.hpp"
#include "foil/onnx/axes.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/constant.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/shapes.hpp"
#include "foil/onnx/value.hpp"
#include "foil/onnx/view.hpp"

namespace foil::onnx::detail {

/// x with axes of length one in front, so that it has that rank.
inline Value with_rank(Value x, std::size_t rank) {
  const std::size_t more = rank - std::min(rank, x.rank());
  x.dims.insert(x.dims.begin(), more, 1);
  if (x.batch.known()) x.batch.axis += more;
  return x;
}

/// What operands are brought to: a common rank and shape, and where the samples lie.
struct Broadcast {
  Dims dims;
  BatchAxis batch;
  Layout layout = Layout::planar;
};

/// ONNX's rule: shapes are aligned at their ends, and axes of length one stretch.
template <class T>
Broadcast broadcast(Builder<T>& build, const NodeView& at, std::vector<Value>& operands) {
  std::size_t rank = 0;
  for (const Value& x : operands) rank = std::max(rank, x.rank());
  Broadcast out{Dims(rank, 1), {}};
  for (Value& x : operands) {
    if (x.rank() != rank) x = with_rank(build.planar(x), rank);
    if (x.layout == Layout::channels_last) out.layout = x.layout;
    for (std::size_t i = 0; i < rank; ++i) {
      at.require(x.dims[i] > 0 && (x.dims[i] == out.dims[i] || x.dims[i] == 1 || out.dims[i] == 1),
                 "cannot combine ", operands[0].shape(), " and ", x.shape());
      out.dims[i] = std::max(out.dims[i], x.dims[i]);
    }
  }
  out.batch = common_batch(at, operands);
  return out;
}

/// The value stretched to a shape.
template <class T>
Value stretched(Builder<T>& build, const Value& x, const Broadcast& to) {
  Value out = build.arranged(x, to.layout);
  out.batch = to.batch;
  if (x.dims == to.dims) return out;
  Dims strides = build.strides(out);
  for (std::size_t i = 0; i < to.dims.size(); ++i)
    if (x.dims[i] == 1) strides[i] = 0;
  out.slot = build.rearrange(View{out.slot, volume(out.dims), 0, to.dims, std::move(strides)}, to.layout);
  out.dims = to.dims;
  return out;
}

/// A constant as a value of which only the shape matters.
inline Value shape_only(const Constant& c) {
  return Value{Dims(c.dims.begin(), c.dims.end())};
}

/// The elements of a constant stretched to that shape, in the order of a sample.
template <class T>
std::vector<T> stretched(Builder<T>& build, const Constant& c, const Broadcast& to) {
  const Dims dims = with_rank(shape_only(c), to.dims.size()).dims;
  Dims strides = strides_of(dims, Layout::planar);
  for (std::size_t i = 0; i < dims.size(); ++i)
    if (dims[i] == 1) strides[i] = 0;
  const Numbers<T> numbers = c.numbers<T>();
  std::vector<T> elements;
  for (const std::int32_t i : build.offsets(to.dims, to.layout, strides))
    elements.push_back(numbers[static_cast<std::size_t>(i)]);
  return elements;
}

/// The same, only along the axes that the constant has: a number for each position on lines of a sample.
template <class T>
std::pair<nn::Lines, std::vector<T>> positions(Builder<T>& build, const Constant& c, const Broadcast& to) {
  const Dims dims = with_rank(shape_only(c), to.dims.size()).dims;
  std::vector<bool> marked;
  for (const Index d : dims) marked.push_back(d > 1);
  Between part = between(to.dims, to.layout, marked);
  build.spend(static_cast<std::uint64_t>(
      std::min(part.lines.size(), nn::Table<T>::most_elements(part.lines.length))));
  return {part.lines, stretched(build, c, Broadcast{std::move(part.dims), {}, to.layout})};
}

/// F of two activations. The one with fewer elements is stretched no farther than along its own axes, and
/// those between them in memory.
template <class T, class F>
Value emit_binary(Builder<T>& build, const Value& a, const Value& b, const Broadcast& to) {
  const bool short_first = volume(a.dims) < volume(b.dims);
  const Value& brief = short_first ? a : b;
  std::vector<bool> marked;
  for (const Index d : brief.dims) marked.push_back(d > 1);
  const Between part = between(to.dims, to.layout, marked);
  const bool along = part.lines.length < part.lines.size();
  const Value full = stretched(build, short_first ? b : a, to);
  const Value other = stretched(build, brief, along ? Broadcast{part.dims, to.batch, to.layout} : to);
  std::unique_ptr<nn::Operator<T>> op;
  if (along)
    op = nn::make<nn::BinaryAlong<T, F>>(part.lines, short_first);
  else
    op = nn::make<nn::Binary<T, F>>(volume(to.dims));
  return build.emit(std::move(op),
                    short_first ? std::vector{other.slot, full.slot} : std::vector{full.slot, other.slot},
                    to.dims, to.layout, to.batch);
}

/// F is a function of two operands as in foil/nn/operators/binary.hpp.
template <class T, class F>
Value convert_binary(Builder<T>& build, const NodeView& at) {
  const Constant* first = build.find_constant(at.node().inputs[0]);
  const Constant* second = build.find_constant(at.node().inputs[1]);
  if ((first == nullptr) == (second == nullptr)) {
    std::vector<Value> operands{build.value(at, 0), build.value(at, 1)};
    const Broadcast to = broadcast(build, at, operands);
    return emit_binary<T, F>(build, operands[0], operands[1], to);
  }
  const bool constant_first = first != nullptr;
  const Constant& c = build.constant(at, constant_first ? 0 : 1);
  std::vector<Value> operands{build.value(at, constant_first ? 1 : 0), shape_only(c)};
  const Broadcast to = broadcast(build, at, operands);
  const Value x = stretched(build, operands[0], to);
  const auto [lines, numbers] = positions(build, c, to);
  if (constant_first)
    return build.emit(nn::make<nn::WithConstant<T, F, true>>(lines, numbers), {x.slot}, x.dims, x.layout,
                      x.batch);
  return build.emit(nn::make<nn::WithConstant<T, F, false>>(lines, numbers), {x.slot}, x.dims, x.layout,
                    x.batch);
}

template <class T, template <class...> class F>
Value convert_arithmetic(Builder<T>& build, const NodeView& at) {
  return convert_binary<T, F<T>>(build, at);
}

}  // namespace foil::onnx::detail
