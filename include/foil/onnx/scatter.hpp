// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's operators that take or put elements at any places.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/operators/assemble.hpp"
#include "foil/nn/operators/shape.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/parts.hpp"
#include "foil/onnx/shapes.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

/// The table of all elements of a tensor of this shape, as they lie.
template <class T>
std::vector<std::int32_t> table_of(const Builder<T>& build, const Dims& dims) {
  return build.offsets(dims, Layout::planar, strides_of(dims, Layout::planar));
}

/// The shape of constant indices.
template <class T>
Dims index_dims(const Builder<T>& build, const NodeView& at, std::size_t i) {
  const auto& dims = build.find_constant(at.node().inputs[i])->dims;
  return Dims(dims.begin(), dims.end());
}

/// For each of the indices, which has the rank of x and replaces the coordinate along one axis, the place in
/// x.
template <class T>
std::vector<std::int32_t> element_places(Builder<T>& build, const NodeView& at, const Value& x,
                                         std::size_t axis) {
  at.keep_apart(x, axis);
  const Picks picks = indices_at(build, at, 1, x.dims[axis]);
  const Dims dims = index_dims(build, at, 1);
  at.require(dims.size() == x.rank(), "expected indices of rank ", x.rank(), ", got ", dims.size());
  for (std::size_t i = 0; i < dims.size(); ++i)
    at.require(i == axis || dims[i] == x.dims[i] || (dims[i] < x.dims[i] && !x.holds_samples(i)),
               "expected at most ", x.dims[i], " indices along axis ", i, ", got ", dims[i]);
  Dims strides = strides_of(x.dims, Layout::planar);
  const Index step = std::exchange(strides[axis], 0);
  std::vector<std::int32_t> out = build.offsets(dims, Layout::planar, strides);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] += static_cast<std::int32_t>(picks[i] * step);
  return out;
}

template <class T>
Value convert_gather_elements(Builder<T>& build, const NodeView& at) {
  const Value x = build.planar(build.value(at, 0));
  const std::size_t axis = at.axis(at.integer("axis", 0), x.rank());
  const auto source = element_places(build, at, x, axis);
  return assembled(build, x, source, index_dims(build, at, 1), x.batch);
}

/// Where the slices of x begin to which the indices of a GatherND or ScatterND point, whose last axis lists
/// coordinates along the axes of x from `first` on.
struct SliceBegins {
  Dims outer;       ///< axes of the indices but for the last one
  std::size_t end;  ///< the axis of x behind the last coordinate
  std::vector<std::int32_t> begins;
};
template <class T>
SliceBegins slice_begins(Builder<T>& build, const NodeView& at, const Value& x, std::size_t first) {
  const Constant& c = build.constant(at, 1);
  at.require(!c.is_float() && c.per_sample.empty() && c.size() > 0,
             "expected integers as input 1 that do not depend on the number of samples");
  SliceBegins out{index_dims(build, at, 1), 0, {}};
  at.require(out.outer.size() > first, "expected indices of rank ", first + 1, " or more, got ",
             out.outer.size());
  const auto coordinates = static_cast<std::size_t>(out.outer.back());
  out.outer.pop_back();
  at.require(coordinates <= x.rank() - first, "expected at most ", x.rank() - first, " coordinates, got ",
             coordinates);
  out.end = first + coordinates;
  const Dims strides = strides_of(x.dims, Layout::planar);
  Dims outer_strides(out.outer.size(), 0);
  for (std::size_t i = 0; i < first; ++i) {
    at.require(out.outer[i] == x.dims[i], "expected ", x.dims[i], " indices along axis ", i, ", got ",
               out.outer[i]);
    outer_strides[i] = strides[i];
  }
  out.begins = build.offsets(out.outer, Layout::planar, outer_strides);
  const Numbers<std::int64_t> indices = c.integers();
  for (std::size_t i = 0; i < out.begins.size(); ++i)
    for (std::size_t k = 0; k < coordinates; ++k) {
      const std::int64_t length = x.dims[first + k], index = indices[i * coordinates + k];
      at.require(index >= -length && index < length, "index ", index, " is out of range for an axis of ",
                 length);
      out.begins[i] += static_cast<std::int32_t>((index < 0 ? index + length : index) * strides[first + k]);
    }
  for (std::size_t i = first; i < out.end; ++i) at.keep_apart(x, i);
  return out;
}

/// The places of all elements of the slices, one slice after the other.
template <class T>
std::vector<std::int32_t> slice_places(const Builder<T>& build, const Value& x, const SliceBegins& slices) {
  const Dims inner(x.dims.begin() + static_cast<std::ptrdiff_t>(slices.end), x.dims.end());
  const Index length = volume(inner);
  build.spend(static_cast<std::uint64_t>(length) * slices.begins.size());
  std::vector<std::int32_t> out;
  for (const std::int32_t begin : slices.begins)
    for (Index i = 0; i < length; ++i) out.push_back(begin + static_cast<std::int32_t>(i));
  return out;
}

template <class T>
Value convert_gather_nd(Builder<T>& build, const NodeView& at) {
  const Value x = build.planar(build.value(at, 0));
  const std::int64_t shared = at.integer("batch_dims", 0);
  at.require(shared >= 0 && shared < static_cast<std::int64_t>(x.rank()), "expected batch_dims from 0 to ",
             x.rank() - 1, ", got ", shared);
  const SliceBegins slices = slice_begins(build, at, x, static_cast<std::size_t>(shared));
  Dims dims = slices.outer;
  dims.insert(dims.end(), x.dims.begin() + static_cast<std::ptrdiff_t>(slices.end), x.dims.end());
  BatchAxis batch = x.batch;
  if (batch.known() && batch.axis >= slices.end) batch.axis = batch.axis - slices.end + slices.outer.size();
  return assembled(build, x, slice_places(build, x, slices), std::move(dims), batch);
}

/// x, whose elements at `places` are replaced by those of y in their order.
template <class T>
Value replaced(Builder<T>& build, const NodeView& at, const Value& x, const Value& y,
               const std::vector<std::int32_t>& places, BatchAxis batch) {
  at.require(at.string("reduction", "none") == "none", "only the reduction 'none' is supported");
  at.require(static_cast<Index>(places.size()) == volume(y.dims), "expected ", places.size(),
             " updates, got ", volume(y.dims));
  std::vector<std::int32_t> source = table_of(build, x.dims);
  const auto first = static_cast<std::int32_t>(source.size());
  for (std::size_t i = 0; i < places.size(); ++i)
    source[static_cast<std::size_t>(places[i])] = first + static_cast<std::int32_t>(i);
  return build.emit(std::make_unique<nn::Assemble<T>>(std::vector<Index>{volume(x.dims), volume(y.dims)},
                                                      std::vector<T>{}, source),
                    {x.slot, y.slot}, x.dims, Layout::planar, batch);
}

template <class T>
Value convert_scatter_elements(Builder<T>& build, const NodeView& at) {
  const Value x = build.planar(build.value(at, 0)), y = build.planar(build.value(at, 2));
  const std::size_t axis = at.axis(at.integer("axis", 0), x.rank());
  const auto places = element_places(build, at, x, axis);
  at.require(y.dims == index_dims(build, at, 1), "expected as many updates as indices, got ", y.shape());
  at.keep_apart(y, axis);
  return replaced(build, at, x, y, places, common_batch(at, {x, y}));
}

template <class T>
Value convert_scatter_nd(Builder<T>& build, const NodeView& at) {
  const Value x = build.planar(build.value(at, 0)), y = build.planar(build.value(at, 2));
  const SliceBegins slices = slice_begins(build, at, x, 0);
  Dims dims = slices.outer;
  dims.insert(dims.end(), x.dims.begin() + static_cast<std::ptrdiff_t>(slices.end), x.dims.end());
  at.require(y.dims == dims, "expected updates of shape ", Value{dims}.shape(), ", got ", y.shape());
  // Each axis of the updates behind those of the indices is one of x.
  Value like_x = y;
  like_x.dims = x.dims;
  if (y.batch.known()) {
    at.require(y.batch.axis >= slices.outer.size(), "putting ", y.shape(), " into ", x.shape(),
               " would mix samples");
    like_x.batch.axis = y.batch.axis - slices.outer.size() + slices.end;
  }
  return replaced(build, at, x, y, slice_places(build, x, slices), common_batch(at, {x, like_x}));
}

/// The upper or lower triangle of the matrices in the last two axes.
template <class T>
Value convert_trilu(Builder<T>& build, const NodeView& at) {
  const Value x = build.planar(build.value(at, 0));
  at.require(x.rank() >= 2, "expected matrices, got ", x.shape());
  at.keep_apart(x, x.rank() - 1);
  at.keep_apart(x, x.rank() - 2);
  const bool upper = at.integer("upper", 1) != 0;
  std::int64_t k = 0;
  if (at.has_input(1)) {
    const auto& given = build.integers(at, 1);
    at.require(given.size() == 1, "expected one diagonal, got ", given.size());
    k = std::clamp<std::int64_t>(given[0], -largest_value, largest_value);
  }
  std::vector<std::int32_t> source = table_of(build, x.dims);
  const Index columns = x.dims[x.rank() - 1], rows = x.dims[x.rank() - 2];
  for (std::size_t i = 0; i < source.size(); ++i) {
    const Index place = static_cast<Index>(i), distance = place % columns - place / columns % rows;
    if (upper ? distance < k : distance > k) source[i] = -1;
  }
  return assembled(build, x, source, x.dims, x.batch, {T(0)});
}

/// Blocks of pixels become channels, or the other way round.
template <class T, bool to_space>
Value convert_blocks(Builder<T>& build, const NodeView& at) {
  const Value x = build.value(at, 0);
  const std::int64_t size = at.integer("blocksize", 0);
  at.require(x.rank() == 4, "expected an input of shape (N, C, H, W), got ", x.shape());
  for (std::size_t i = 1; i < 4; ++i) at.keep_apart(x, i);
  at.require(size >= 1 && size <= (1 << 10), "expected a blocksize from 1 to 1024, got ", size);
  const Index b = static_cast<Index>(size);
  const std::string mode = at.string("mode", "DCR");
  at.require(mode == "DCR" || (to_space && mode == "CRD"), "unknown mode '", mode, "'");
  const Dims s = build.strides(x);
  at.require(to_space ? x.dims[1] % (b * b) == 0 : x.dims[2] % b == 0 && x.dims[3] % b == 0, "blocks of ", b,
             " do not divide ", x.shape());
  // The axes of the result in parts, fastest behind slowest: N, C (in two parts, or one), H and W.
  Dims dims, parts, strides;
  if (to_space) {
    const Index c = x.dims[1] / (b * b), block = mode == "DCR" ? c * s[1] : s[1];
    dims = {x.dims[0], c, x.dims[2] * b, x.dims[3] * b};
    parts = {x.dims[0], c, x.dims[2], b, x.dims[3], b};
    strides = {s[0], mode == "DCR" ? s[1] : b * b * s[1], s[2], b * block, s[3], block};
    if (x.layout == Layout::channels_last) {
      parts = {parts[0], parts[2], parts[3], parts[4], parts[5], parts[1]};
      strides = {strides[0], strides[2], strides[3], strides[4], strides[5], strides[1]};
    }
  } else {
    dims = {x.dims[0], x.dims[1] * b * b, x.dims[2] / b, x.dims[3] / b};
    parts = {x.dims[0], b, b, x.dims[1], dims[2], dims[3]};
    strides = {s[0], s[2], s[3], s[1], b * s[2], b * s[3]};
    if (x.layout == Layout::channels_last) {
      parts = {parts[0], parts[4], parts[5], b, b, parts[3]};
      strides = {strides[0], strides[4], strides[5], strides[1], strides[2], strides[3]};
    }
  }
  build.spend(static_cast<std::uint64_t>(volume(dims)));
  return build.emit(std::make_unique<nn::Rearrange<T>>(volume(x.dims), parts, strides), {x.slot}, dims,
                    x.layout, x.batch);
}

}  // namespace foil::onnx::detail
