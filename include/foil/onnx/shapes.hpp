// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's operators that only rearrange elements, and where the samples are afterwards.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/operators/shape.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/constant.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/value.hpp"
#include "foil/onnx/view.hpp"

namespace foil::onnx::detail {

/// An extent that is asked for: a number, or so many times the number of samples.
struct Extent {
  std::int64_t size;
  bool per_sample = false;
};

/// The axis that runs over the samples once the elements of x, in the order of the file, have these extents;
/// the extents become those of one sample. Of `total` elements per sample.
template <class T>
BatchAxis batch_of(const Builder<T>& build, const Value& x, std::vector<Extent>& extents, Index total) {
  Index before = x.batch.before;  // elements in front of the first sample's and the second's
  for (std::size_t i = 0; i < x.batch.axis; ++i) before *= x.dims[i];
  const std::int64_t samples = build.file_batch();  // in numbers, if the file has a fixed batch
  std::int64_t product = 1;
  for (const Extent& e : extents) product *= e.size;
  // Written down while tracing one sample: the leading one stands for all of them.
  if (before == 1 && product == total && !extents.empty() && extents[0].size == 1 &&
      std::none_of(extents.begin(), extents.end(), [](const Extent& e) { return e.per_sample; }))
    return {0, 1};
  if (product != (samples > 1 ? total * samples : total)) return {};
  Index done = 1;
  for (std::size_t i = 0; i < extents.size() && before % done == 0; ++i) {
    Extent& e = extents[i];
    const Index inside = before / done;
    if (samples > 1 ? e.size % (inside * samples) == 0 : e.per_sample && e.size % inside == 0) {
      if (samples > 1) e.size /= samples;
      return {i, inside};
    }
    done *= e.size;
  }
  return {};
}

/// The same elements in the order of the file with other extents, of which one may be -1: what is left over.
template <class T>
Value reshaped(Builder<T>& build, const NodeView& at, const Value& x, std::vector<Extent> extents) {
  const Index total = volume(x.dims);
  const bool tracked = x.batch.known();
  const std::int64_t factor = tracked && build.file_batch() > 1 ? build.file_batch() : 1;
  std::int64_t known = 1;
  Extent* open = nullptr;
  bool any_per_sample = false;
  for (Extent& e : extents) {
    at.require(e.size >= -1 && e.size != 0 && e.size <= largest_value, "cannot reshape to an extent of ",
               e.size);
    if (e.size == -1) {
      at.require(open == nullptr, "at most one extent may be -1");
      open = &e;
      continue;
    }
    at.require(e.size <= largest_value / known, "the new shape is too large");
    known *= e.size;
    any_per_sample = any_per_sample || e.per_sample;
  }
  if (open != nullptr) {
    const std::int64_t all = total * factor;
    at.require(all % known == 0, "cannot reshape ", total, " elements per sample to a multiple of ", known);
    *open = {all / known, tracked && factor == 1 && !any_per_sample};
  }
  std::vector<Extent> wanted = extents;
  Value out = build.planar(x);
  out.batch = tracked ? batch_of(build, x, extents, total) : BatchAxis{};
  out.dims.clear();
  Index product = 1;
  for (const Extent& e : extents) {
    out.dims.push_back(static_cast<Index>(e.size));
    product *= static_cast<Index>(e.size);
  }
  if (product == total && out.batch.known() == tracked) return out;
  std::string shape;
  for (const Extent& e : wanted) shape += text(shape.empty() ? "(" : ", ", e.size, e.per_sample ? "N" : "");
  at.require(false, "reshaping ", x.shape(), " to ", shape.empty() ? "(" : shape, ") would mix samples",
             tracked && !any_per_sample
                 ? "; if the shape was written down while tracing, export with a batch "
                   "of 1 or with the batch as a dynamic axis"
                 : "");
  return out;
}

/// Extent i of x as the file has it.
template <class T>
Extent extent_of(const Builder<T>& build, const Value& x, std::size_t i) {
  if (!x.holds_samples(i)) return {x.dims[i]};
  if (build.file_batch() > 1) return {x.dims[i] * build.file_batch()};
  return {x.dims[i], true};
}

template <class T>
Value convert_identity(Builder<T>& build, const NodeView& at) {
  return build.value(at, 0);
}

template <class T>
Value convert_flatten(Builder<T>& build, const NodeView& at) {
  const Value x = build.value(at, 0);
  const std::int64_t axis = at.integer("axis", 1), rank = static_cast<std::int64_t>(x.rank());
  at.require(axis >= -rank && axis <= rank, "axis ", axis, " is out of range for rank ", rank);
  const std::size_t first = static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
  Value out = build.planar(x);
  out.dims = {1, 1};
  for (std::size_t i = 0; i < x.rank(); ++i) out.dims[i < first ? 0 : 1] *= x.dims[i];
  if (!x.batch.known()) return out;
  out.batch.axis = x.batch.axis < first ? 0 : 1;
  for (std::size_t i = out.batch.axis == 0 ? 0 : first; i < x.batch.axis; ++i) out.batch.before *= x.dims[i];
  return out;
}

template <class T>
Value convert_reshape(Builder<T>& build, const NodeView& at) {
  const Value x = build.value(at, 0);
  const Constant& target = build.integer_list(at, 1);
  const bool copies = at.integer("allowzero", 0) == 0;
  const Numbers<std::int64_t> sizes = target.integers();
  std::vector<Extent> extents;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const std::int64_t size = sizes[i];
    at.require(size != 0 || !copies || i < x.rank(), "the input has no dimension ", i, " to copy");
    extents.push_back(size == 0 && copies ? extent_of(build, x, i) : Extent{size, target.holds_samples(i)});
  }
  return reshaped(build, at, x, std::move(extents));
}

/// Axes, of a Squeeze say: an attribute before an opset, an input since. Empty if not given.
template <class T>
std::vector<std::int64_t> read_axes(Builder<T>& build, const NodeView& at, std::int64_t input_since = 13) {
  if (at.opset() >= input_since) return at.has_input(1) ? build.integers(at, 1) : std::vector<std::int64_t>{};
  const Attribute* axes = at.node().find("axes");
  return axes == nullptr ? std::vector<std::int64_t>{} : axes->integers;
}

/// The axes that a list names, each at most once; the first `count` ones if there is none.
inline std::vector<std::size_t> listed_axes(const NodeView& at, const Constant* list, std::size_t count,
                                            std::size_t rank) {
  std::vector<std::int64_t> axes(count);
  for (std::size_t i = 0; i < count; ++i)
    axes[i] = list == nullptr ? static_cast<std::int64_t>(i) : list->integers()[i];
  at.marked(axes, rank);
  std::vector<std::size_t> out;
  for (const std::int64_t axis : axes) out.push_back(at.axis(axis, rank));
  return out;
}

template <class T>
Value convert_squeeze(Builder<T>& build, const NodeView& at) {
  const Value x = build.value(at, 0);
  const std::vector<std::int64_t> axes = read_axes(build, at);
  std::vector<bool> gone = at.marked(axes, x.rank());
  Value out = build.planar(x);
  out.dims.clear();
  for (std::size_t i = 0; i < x.rank(); ++i) {
    if (axes.empty()) gone[i] = x.dims[i] == 1 && !x.holds_samples(i);
    at.require(!gone[i] || (x.dims[i] == 1 && !x.holds_samples(i)), "cannot squeeze axis ", i, " of ",
               x.shape(), x.holds_samples(i) ? ", that would mix samples" : "");
    if (x.holds_samples(i)) out.batch.axis = out.dims.size();
    if (!gone[i]) out.dims.push_back(x.dims[i]);
  }
  return out;
}

template <class T>
Value convert_unsqueeze(Builder<T>& build, const NodeView& at) {
  const Value x = build.value(at, 0);
  const std::vector<std::int64_t> axes = read_axes(build, at);
  at.require(!axes.empty() && axes.size() <= 8, "expected one to eight axes, got ", axes.size());
  const std::vector<bool> fresh = at.marked(axes, x.rank() + axes.size());
  Value out = build.planar(x);
  out.dims.clear();
  for (std::size_t i = 0, next = 0; i < fresh.size(); ++i) {
    if (!fresh[i] && x.holds_samples(next)) out.batch.axis = i;
    out.dims.push_back(fresh[i] ? 1 : x.dims[next++]);
  }
  return out;
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

/// x with its axes in another order: axis i of the result is axis order[i] of x.
template <class T>
Value transposed(Builder<T>& build, const Value& x, const std::vector<std::size_t>& order) {
  const View from = build.view(x);
  View turned{from.slot, from.size, from.begin, {}, {}};
  Value out{{}, Layout::planar, from.slot, x.batch};
  for (std::size_t i = 0; i < order.size(); ++i) {
    turned.dims.push_back(x.dims[order[i]]);
    turned.strides.push_back(from.strides[order[i]]);
    if (x.holds_samples(order[i])) out.batch.axis = i;
  }
  out.dims = turned.dims;
  if (turned.whole(Layout::planar)) return out;
  if (order.size() >= 3 && turned.whole(Layout::channels_last))
    out.layout = Layout::channels_last;
  else
    out.slot = build.rearrange(turned, Layout::planar);
  return out;
}

template <class T>
Value convert_transpose(Builder<T>& build, const NodeView& at) {
  const Value x = build.value(at, 0);
  return transposed(build, x, read_permutation(at, x.rank()));
}

/// Where the samples of several tensors of the same rank lie, which are combined element by element; what is
/// the same for every sample has an axis of length one there.
inline BatchAxis common_batch(const NodeView& at, const std::vector<Value>& parts) {
  const Value* first = nullptr;
  for (const Value& part : parts)
    if (part.batch.known() && first == nullptr) first = &part;
  if (first == nullptr) return {};
  for (const Value& part : parts)
    at.require(part.batch.known() ? part.batch == first->batch : part.dims[first->batch.axis] == 1,
               "combining ", first->shape(), " with ", part.shape(), " would mix samples");
  return first->batch;
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
  at.require(at.has("axis"), "the attribute 'axis' is missing");
  const std::size_t axis = at.axis(at.integer("axis", 0), dims.size());
  for (const Value& part : parts) {
    Dims same = part.dims;
    if (same.size() == dims.size()) same[axis] = dims[axis];
    at.require(same == dims, "cannot concatenate ", parts[0].shape(), " and ", part.shape(), " along axis ",
               axis);
    at.keep_apart(part, axis);
  }
  const BatchAxis batch = common_batch(at, parts);
  std::vector<std::size_t> slots;
  std::vector<Index> widths;
  Index blocks = 1, total = 0;
  for (const Value& part : parts) {
    blocks = 1;
    Index width = 1;
    bool behind = false;
    for (const std::size_t a : memory_order(layout, dims.size())) {
      behind = behind || a == axis;
      (behind ? width : blocks) *= part.dims[a];
    }
    widths.push_back(width);
    slots.push_back(build.arranged(part, layout).slot);
    total += part.dims[axis];
  }
  dims[axis] = total;
  return build.emit(std::make_unique<nn::Concatenate<T>>(blocks, std::move(widths)), std::move(slots), dims,
                    layout, batch);
}

}  // namespace foil::onnx::detail
