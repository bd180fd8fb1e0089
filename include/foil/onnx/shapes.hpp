// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's operators that only rearrange elements. None may touch the batch axis.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "foil/core/shape.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operators/shape.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/model.hpp"

namespace foil::onnx::detail {

/// The same elements in the order of the file under another shape.
template <class T>
Value reshaped(Builder<T>& build, const Value& x, Dims dims) {
  Value out = build.planar(x);
  out.dims = std::move(dims);
  return out;
}

template <class T>
Value convert_identity(Builder<T>& build, const NodeView& at) {
  return build.value(at, 0);
}

template <class T>
Value convert_flatten(Builder<T>& build, const NodeView& at) {
  const Value& x = build.value(at, 0);
  const std::int64_t axis = at.integer("axis", 1), rank = static_cast<std::int64_t>(x.dims.size()) + 1;
  at.require(axis >= -rank && axis <= rank, "axis ", axis, " is out of range for rank ", rank);
  const std::int64_t first = axis < 0 ? axis + rank : axis;
  bool separate = first > 0;  // nothing but the batch goes into the first dimension
  for (std::int64_t i = 1; i < first; ++i)
    separate = separate && x.dims[static_cast<std::size_t>(i - 1)] == 1;
  at.require(separate, "flattening ", batch_text(x.dims), " from axis ", axis, " would mix samples");
  return reshaped(build, x, {build.volume(x.dims)});
}

template <class T>
Value convert_reshape(Builder<T>& build, const NodeView& at) {
  const Value& x = build.value(at, 0);
  const std::vector<std::int64_t>& target = build.integers(at, 1);
  const Index size = build.volume(x.dims);
  at.require(!target.empty(), "reshaping to a single number would mix samples");
  const bool keeps_zero = at.integer("allowzero", 0) != 0;
  Dims dims;
  Index known = 1;
  std::size_t open = 0;
  for (std::size_t i = 1; i < target.size(); ++i) {
    std::int64_t d = target[i];
    at.require(d >= -1 && d <= largest_value && !(d == 0 && keeps_zero), "cannot reshape to a dimension of ",
               d);
    if (d == 0) {
      at.require(i <= x.dims.size(), "the input has no dimension ", i, " to copy");
      d = x.dims[i - 1];
    }
    if (d == -1) {
      at.require(open == 0, "at most one dimension may be -1");
      open = i;
      d = 1;
    }
    at.require(d <= largest_value / known, "the new shape is too large");
    known *= static_cast<Index>(d);
    dims.push_back(static_cast<Index>(d));
  }
  if (open > 0) {
    at.require(size % known == 0, "cannot reshape ", size, " elements per sample to a multiple of ", known);
    dims[open - 1] = size / known;
    known = size;
  }
  const std::int64_t batch = target[0];
  const bool keeps_batch = batch == 0 || batch == -1 || batch == 1 || batch == build.file_batch();
  at.require(known == size && keeps_batch && !(batch == -1 && open > 0) && !(batch == 0 && keeps_zero),
             "reshaping ", batch_text(x.dims), " to ", batch_text(dims), " with a first dimension of ", batch,
             " would mix samples");
  return reshaped(build, x, std::move(dims));
}

/// The axes of a Squeeze or Unsqueeze: an attribute before opset 13, an input since.
template <class T>
std::vector<std::int64_t> read_axes(Builder<T>& build, const NodeView& at) {
  if (at.opset() >= 13) return at.has_input(1) ? build.integers(at, 1) : std::vector<std::int64_t>{};
  const Attribute* axes = at.node().find("axes");
  return axes == nullptr ? std::vector<std::int64_t>{} : axes->integers;
}

template <class T>
Value convert_squeeze(Builder<T>& build, const NodeView& at) {
  const Value& x = build.value(at, 0);
  const std::vector<std::int64_t> axes = read_axes(build, at);
  std::vector<bool> gone(x.dims.size() + 1, false);
  at.require(!axes.empty(), "without axes the batch would be squeezed, too, if it holds one sample");
  for (const std::int64_t a : axes) {
    const std::size_t axis = at.axis(a, gone.size());
    at.require(axis > 0, "squeezing axis 0 would mix samples");
    at.require(!gone[axis], "axis ", axis, " is given twice");
    at.require(x.dims[axis - 1] == 1, "cannot squeeze axis ", axis, " of ", batch_text(x.dims));
    gone[axis] = true;
  }
  Dims dims;
  for (std::size_t i = 0; i < x.dims.size(); ++i)
    if (!gone[i + 1]) dims.push_back(x.dims[i]);
  return reshaped(build, x, std::move(dims));
}

template <class T>
Value convert_unsqueeze(Builder<T>& build, const NodeView& at) {
  const Value& x = build.value(at, 0);
  const std::vector<std::int64_t> axes = read_axes(build, at);
  at.require(!axes.empty() && axes.size() <= 8, "expected one to eight axes, got ", axes.size());
  std::vector<bool> fresh(x.dims.size() + 1 + axes.size(), false);
  for (const std::int64_t a : axes) {
    const std::size_t axis = at.axis(a, fresh.size());
    at.require(axis > 0, "inserting an axis before the batch would mix samples");
    at.require(!fresh[axis], "axis ", axis, " is given twice");
    fresh[axis] = true;
  }
  Dims dims;
  std::size_t next = 0;
  for (std::size_t i = 1; i < fresh.size(); ++i) dims.push_back(fresh[i] ? 1 : x.dims[next++]);
  return reshaped(build, x, std::move(dims));
}

/// perm as axes of the tensor; reversed by default.
inline std::vector<std::size_t> read_permutation(const NodeView& at, std::size_t rank) {
  std::vector<std::size_t> axes(rank);
  const Attribute* perm = at.node().find("perm");
  at.require(perm == nullptr || perm->integers.size() == rank, "expected a permutation of ", rank, " axes");
  std::vector<bool> seen(rank, false);
  for (std::size_t i = 0; i < rank; ++i) {
    axes[i] = perm == nullptr ? rank - 1 - i : at.axis(perm->integers[i], rank);
    at.require(!seen[axes[i]], "axis ", axes[i], " occurs twice in the permutation");
    seen[axes[i]] = true;
  }
  return axes;
}

template <class T>
Value convert_transpose(Builder<T>& build, const NodeView& at) {
  const Value& x = build.value(at, 0);
  const std::vector<std::size_t> axes = read_permutation(at, x.dims.size() + 1);
  at.require(axes[0] == 0, "moving axis 0 would mix samples");
  const Dims steps = build.strides(x);
  Dims dims, strides;
  for (std::size_t i = 1; i < axes.size(); ++i) {
    dims.push_back(x.dims[axes[i] - 1]);
    strides.push_back(steps[axes[i] - 1]);
  }
  const std::size_t slot = build.rearrange(x, Layout::planar, dims, strides);
  return {std::move(dims), Layout::planar, slot};
}

template <class T>
Value convert_concat(Builder<T>& build, const NodeView& at) {
  std::vector<Value> parts;
  Layout layout = Layout::planar;
  for (std::size_t i = 0; i < at.node().inputs.size(); ++i) {
    parts.push_back(build.value(at, i));
    if (parts.back().layout == Layout::channels_last) layout = Layout::channels_last;
  }
  Dims dims = parts[0].dims;
  at.require(at.node().find("axis") != nullptr, "the attribute 'axis' is missing");
  const std::size_t axis = at.axis(at.integer("axis", 0), dims.size() + 1);
  at.require(axis > 0, "concatenating along axis 0 would mix samples");
  std::vector<std::size_t> slots;
  std::vector<Index> widths;
  Index blocks = 1, total = 0;
  for (const Value& part : parts) {
    Dims same = part.dims;
    if (same.size() == dims.size()) same[axis - 1] = dims[axis - 1];
    at.require(same == dims, "cannot concatenate ", batch_text(parts[0].dims), " and ", batch_text(part.dims),
               " along axis ", axis);
    blocks = 1;
    Index width = 1;
    bool behind = false;
    for (const std::size_t a : build.memory_order(layout, dims.size())) {
      behind = behind || a + 1 == axis;
      (behind ? width : blocks) *= part.dims[a];
    }
    widths.push_back(width);
    slots.push_back(build.arranged(part, layout).slot);
    total += part.dims[axis - 1];
  }
  dims[axis - 1] = total;
  return build.emit(std::make_unique<nn::Concatenate<T>>(blocks, std::move(widths)), std::move(slots), dims,
                    layout);
}

}  // namespace foil::onnx::detail
