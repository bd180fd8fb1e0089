// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's arithmetic of two tensors, with broadcasting, and evaluation of what is constant.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/shape.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operators/binary.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/shapes.hpp"

namespace foil::onnx::detail {

/// The common shape of two tensors of the same rank; an axis of length one stretches.
inline Dims broadcast_dims(const NodeView& at, const Dims& a, const Dims& b) {
  Dims out(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    at.require(a[i] == b[i] || a[i] == 1 || b[i] == 1, "cannot combine the shapes ", batch_text(a), " and ",
               batch_text(b));
    out[i] = a[i] == 1 ? b[i] : a[i];
  }
  return out;
}

/// The value stretched to a shape.
template <class T>
Value stretched(Builder<T>& build, const Value& x, const Dims& dims) {
  if (x.dims == dims) return x;
  Dims strides = build.strides(x);
  for (std::size_t i = 0; i < dims.size(); ++i)
    if (x.dims[i] == 1) strides[i] = 0;
  return {dims, x.layout, build.rearrange(x, x.layout, dims, strides)};
}

/// The shape of a constant per sample, aligned with the axes of a tensor with `rank` axes besides the batch.
inline Dims aligned_dims(const NodeView& at, const Constant& c, std::size_t rank) {
  at.require(c.dims.size() <= rank + 1 && (c.dims.size() <= rank || c.dims[0] == 1),
             "a constant whose shape reaches the batch axis is not supported");
  Dims dims(c.dims.begin(), c.dims.end());
  if (dims.size() > rank) dims.erase(dims.begin());
  dims.insert(dims.begin(), rank - dims.size(), 1);
  return dims;
}

/// The elements of a constant of the given shape per sample, stretched to a value's shape and order.
template <class T, class Element>
std::vector<T> stretched(Builder<T>& build, const std::vector<Element>& constant, const Dims& aligned,
                         const Value& like) {
  Dims strides = build.strides(Value{aligned, Layout::planar, 0});
  for (std::size_t i = 0; i < aligned.size(); ++i)
    if (aligned[i] == 1) strides[i] = 0;
  std::vector<T> elements;
  for (const std::int32_t i : build.offsets(like.dims, like.layout, strides))
    elements.push_back(static_cast<T>(constant[static_cast<std::size_t>(i)]));
  return elements;
}

/// F is a function of two operands as in foil/nn/operators/binary.hpp.
template <class T, class F>
Value convert_binary(Builder<T>& build, const NodeView& at) {
  at.require(at.has_input(0) && at.has_input(1), "expected two inputs");
  const Constant* first = build.find_constant(at.node().inputs[0]);
  const Constant* second = build.find_constant(at.node().inputs[1]);
  if (first == nullptr && second == nullptr) {
    Value a = build.value(at, 0), b = build.value(at, 1);
    at.require(a.dims.size() == b.dims.size(), "combining ", batch_text(a.dims), " with ", batch_text(b.dims),
               " would mix samples");
    const bool last = a.layout == Layout::channels_last || b.layout == Layout::channels_last;
    const Layout layout = last ? Layout::channels_last : Layout::planar;
    const Dims dims = broadcast_dims(at, a.dims, b.dims);
    a = stretched(build, build.arranged(a, layout), dims);
    b = stretched(build, build.arranged(b, layout), dims);
    return build.emit(std::make_unique<nn::Binary<T, F>>(build.volume(dims)), {a.slot, b.slot}, dims, layout);
  }
  const bool constant_first = first != nullptr;
  const Constant& c = build.floats(at, constant_first ? 0 : 1);
  Value x = build.value(at, constant_first ? 1 : 0);
  const Dims aligned = aligned_dims(at, c, x.dims.size());
  x = stretched(build, x, broadcast_dims(at, x.dims, aligned));
  std::vector<T> elements = stretched(build, c.floats, aligned, x);
  if (constant_first)
    return build.emit(std::make_unique<nn::WithConstant<T, F, true>>(std::move(elements)), {x.slot}, x.dims,
                      x.layout);
  return build.emit(std::make_unique<nn::WithConstant<T, F, false>>(std::move(elements)), {x.slot}, x.dims,
                    x.layout);
}

template <class T, template <class...> class F>
Value convert_arithmetic(Builder<T>& build, const NodeView& at) {
  return convert_binary<T, F<T>>(build, at);
}

}  // namespace foil::onnx::detail
