// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's reductions and cumulative sums.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/make.hpp"
#include "foil/nn/operators/reductions.hpp"
#include "foil/onnx/axes.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/constant.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/shapes.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

/// A reduction, whose axes are an attribute before opset `since`: Op is an operator of the engine for lines.
/// Without axes it is over all of them, or over none: then each element is a line of its own.
template <class T, class Op, std::int64_t since = 18>
Value convert_reduction(Builder<T>& build, const NodeView& at) {
  const Value input = build.value(at, 0);
  const std::vector<std::int64_t> axes = read_axes(build, at, since);
  std::vector<bool> marked = at.marked(axes, input.rank());
  const bool none = at.opset() >= since && at.integer("noop_with_empty_axes", 0) != 0;
  if (axes.empty() && !none) marked.assign(input.rank(), true);
  const AlongAxes along = along_axes(build, at, input, marked);
  Value y = along.x;
  for (std::size_t i = 0; i < y.rank(); ++i)
    if (marked[along.order.empty() ? i : along.order[i]]) y.dims[i] = 1;
  y = build.emit(nn::make<Op>(along.lines), {along.x.slot}, y.dims, y.layout, y.batch);
  if (!along.order.empty()) {  // the other axes come first, in their order: no element has to move
    y.dims = input.dims;
    for (std::size_t i = 0; i < y.rank(); ++i)
      if (marked[i]) y.dims[i] = 1;
    y.batch = input.batch;
  }
  return at.integer("keepdims", 1) != 0 ? y : without_axes(build, y, marked);
}

/// Where F is what foil/nn/operators/reductions.hpp offers for nn::Reduction.
template <class T, template <class...> class F, std::int64_t since = 18>
Value convert_reduction_by(Builder<T>& build, const NodeView& at) {
  return convert_reduction<T, nn::Reduction<T, F<T>>, since>(build, at);
}

template <class T>
Value convert_cumulative_sum(Builder<T>& build, const NodeView& at) {
  const Value x = build.value(at, 0);
  const Constant& axis = build.constant(at, 1);
  at.require(!axis.is_float() && axis.size() == 1 && axis.per_sample.empty(), "expected one integer as axis");
  const std::size_t i = at.axis(axis.integers()[0], x.rank());
  at.keep_apart(x, i);
  return build.emit(std::make_unique<nn::CumulativeSum<T>>(lines_along(x, i), at.integer("exclusive", 0) != 0,
                                                           at.integer("reverse", 0) != 0),
                    {x.slot}, x.dims, x.layout, x.batch);
}

}  // namespace foil::onnx::detail
