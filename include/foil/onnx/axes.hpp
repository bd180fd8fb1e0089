// SPDX-License-Identifier: MIT
/// \file
/// Which part of a sample's memory runs along axes of a tensor.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/lines.hpp"
#include "foil/nn/operator.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/shapes.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

/// The marked axes of a sample of this shape as the middle one of three, with all that lies between them: the
/// lines, and the shape of what lies there.
struct Between {
  nn::Lines lines{1, 1, 1};
  Dims dims;
};
inline Between between(const Dims& dims, Layout layout, const std::vector<bool>& marked) {
  const std::vector<std::size_t> order = memory_order(layout, dims.size());
  std::size_t first = order.size(), end = 0;
  for (std::size_t i = 0; i < order.size(); ++i)
    if (marked[order[i]] && dims[order[i]] > 1) {
      first = std::min(first, i);
      end = i + 1;
    }
  Between out{{1, 1, 1}, Dims(dims.size(), 1)};
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Index extent = dims[order[i]];
    (i >= end ? out.lines.inner : i < first ? out.lines.outer : out.lines.length) *= extent;
    if (i >= first && i < end) out.dims[order[i]] = extent;
  }
  return out;
}

/// Lines along axis `axis` of x, as it lies.
inline nn::Lines lines_along(const Value& x, std::size_t axis) {
  std::vector<bool> marked(x.rank(), false);
  marked[axis] = true;
  return between(x.dims, x.layout, marked).lines;
}

/// The marked axes of a tensor side by side in memory: x, its other axes moved to the front if they were not.
struct AlongAxes {
  Value x;
  nn::Lines lines;
  std::vector<std::size_t> order;  ///< where each axis of x was before; empty if none was moved
};

template <class T>
AlongAxes along_axes(Builder<T>& build, const NodeView& at, const Value& x, const std::vector<bool>& marked) {
  Index length = 1;
  for (std::size_t i = 0; i < x.rank(); ++i)
    if (marked[i]) {
      at.keep_apart(x, i);
      length *= x.dims[i];
    }
  const nn::Lines lines = between(x.dims, x.layout, marked).lines;
  if (lines.length == length) return {x, lines, {}};
  std::vector<std::size_t> order;
  for (const bool along : {false, true})
    for (std::size_t i = 0; i < x.rank(); ++i)
      if (marked[i] == along) order.push_back(i);
  const Value moved = build.planar(transposed(build, x, order));
  return {moved, {volume(x.dims) / length, length, 1}, order};
}

/// An operator that works on the lines and keeps their elements where they are: its output in the shape of x.
template <class T>
Value emit_along(Builder<T>& build, std::unique_ptr<nn::Operator<T>> op, const AlongAxes& along) {
  const Value y = build.emit(std::move(op), {along.x.slot}, along.x.dims, along.x.layout, along.x.batch);
  if (along.order.empty()) return y;
  std::vector<std::size_t> back(along.order.size());
  for (std::size_t i = 0; i < back.size(); ++i) back[along.order[i]] = i;
  return transposed(build, y, back);
}

/// x without axes, which have length one and are not the samples'.
template <class T>
Value without_axes(Builder<T>& build, const Value& x, const std::vector<bool>& gone) {
  Value out = build.planar(x);
  out.dims.clear();
  for (std::size_t i = 0; i < x.rank(); ++i) {
    if (x.holds_samples(i)) out.batch.axis = out.dims.size();
    if (!gone[i]) out.dims.push_back(x.dims[i]);
  }
  return out;
}

}  // namespace foil::onnx::detail
