// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's operators that pick, repeat or pad along axes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/operators/assemble.hpp"
#include "foil/onnx/arithmetic.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/counting.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/shapes.hpp"
#include "foil/onnx/value.hpp"
#include "foil/onnx/view.hpp"

namespace foil::onnx::detail {

/// For each position along an axis of the result, the position in the operand that is taken; -1 for a
/// constant.
using Picks = std::vector<std::int32_t>;

inline Picks all_of(Index length) {
  Picks out;
  for (Index i = 0; i < length; ++i) out.push_back(static_cast<std::int32_t>(i));
  return out;
}

/// An assembly of the elements of one value, whose table this is in the order of the result's memory.
template <class T>
Value assembled(Builder<T>& build, const Value& x, const std::vector<std::int32_t>& source, Dims dims,
                BatchAxis batch, std::vector<T> constants = {}) {
  return build.emit(
      std::make_unique<nn::Assemble<T>>(std::vector<Index>{volume(x.dims)}, std::move(constants), source),
      {x.slot}, std::move(dims), x.layout, batch);
}

/// What is picked along every axis of a view, if that is evenly spaced.
inline std::optional<View> part_of(View view, const std::vector<Picks>& picks) {
  for (std::size_t i = 0; i < picks.size(); ++i) {
    const Picks& p = picks[i];
    const std::int32_t step = p.size() > 1 ? p[1] - p[0] : 1;
    for (std::size_t k = 0; k < p.size(); ++k)
      if (p[k] < 0 || p[k] != p[0] + static_cast<std::int32_t>(k) * step) return std::nullopt;
    view.begin += p[0] * view.strides[i];
    view.dims[i] = static_cast<Index>(p.size());
    view.strides[i] *= step;
  }
  return view;
}

/// What is picked along every axis of x, `fill` where nothing is.
template <class T>
Value picked(Builder<T>& build, const NodeView& at, const Value& x, const std::vector<Picks>& picks,
             T fill = T(0)) {
  Dims dims;
  bool same = true;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    dims.push_back(static_cast<Index>(picks[i].size()));
    const bool all = picks[i] == all_of(x.dims[i]);
    if (!all) at.keep_apart(x, i);
    same = same && all;
  }
  if (same) return x;
  build.spend(static_cast<std::uint64_t>(volume(dims)));
  const Dims strides = build.strides(x);
  std::vector<std::int32_t> source{0};
  const std::vector<std::size_t> order = memory_order(x.layout, x.rank());
  for (std::size_t k = order.size(); k-- > 0;) {
    const std::size_t axis = order[k];
    std::vector<std::int32_t> inner = std::exchange(source, {});
    source.reserve(inner.size() * picks[axis].size());
    for (const std::int32_t pick : picks[axis]) {
      const auto begin = static_cast<std::int32_t>(pick * strides[axis]);
      for (const std::int32_t i : inner) source.push_back(pick < 0 || i < 0 ? -1 : begin + i);
    }
  }
  const Value out = assembled(build, x, source, std::move(dims), x.batch, {fill});
  if (x.layout == Layout::planar)
    if (auto part = part_of(build.view(x), picks)) build.remember(out.slot, std::move(*part));
  return out;
}

/// picked() along one axis.
template <class T>
Value picked(Builder<T>& build, const NodeView& at, const Value& x, std::size_t axis, Picks picks) {
  std::vector<Picks> all;
  for (const Index d : x.dims) all.push_back(all_of(d));
  all[axis] = std::move(picks);
  return picked(build, at, x, all);
}

/// A list that was an attribute before an opset, and is an input since; null if not given.
template <class T>
std::unique_ptr<Constant> list_at(Builder<T>& build, const NodeView& at, const char* name, std::size_t input,
                                  std::int64_t input_since) {
  if (at.opset() >= input_since)
    return at.has_input(input) ? std::make_unique<Constant>(build.integer_list(at, input)) : nullptr;
  const Attribute* const a = at.node().find(name);
  if (a == nullptr) return nullptr;
  return std::make_unique<Constant>(std::vector<std::int64_t>{static_cast<std::int64_t>(a->integers.size())},
                                    a->integers);
}

/// Whether an entry of a list is the extent of that axis of x, all samples included.
template <class T>
bool is_extent(const Builder<T>& build, const Value& x, std::size_t axis, const Constant& list,
               std::size_t entry) {
  const Extent whole = extent_of(build, x, axis);
  return whole.per_sample == list.holds_samples(entry) && list.integers()[entry] == whole.size;
}

/// Whether an entry of a list is that extent or more.
template <class T>
bool reaches_end(const Builder<T>& build, const Value& x, std::size_t axis, const Constant& list,
                 std::size_t entry) {
  const Extent whole = extent_of(build, x, axis);
  const std::int64_t end = list.integers()[entry];
  if (whole.per_sample && !list.holds_samples(entry)) return end >= std::numeric_limits<std::int32_t>::max();
  return whole.per_sample == list.holds_samples(entry) && end >= whole.size;
}

template <class T>
Value convert_slice(Builder<T>& build, const NodeView& at) {
  const Value x = build.value(at, 0);
  const auto starts = list_at(build, at, "starts", 1, 10), ends = list_at(build, at, "ends", 2, 10),
             axes = list_at(build, at, "axes", 3, 10), steps = list_at(build, at, "steps", 4, 10);
  at.require(starts != nullptr && ends != nullptr && starts->size() == ends->size(),
             "expected as many starts as ends");
  const std::size_t count = starts->size();
  at.require((axes == nullptr || axes->size() == count) && (steps == nullptr || steps->size() == count),
             "expected ", count, " axes and steps");
  std::vector<Picks> picks;
  for (const Index d : x.dims) picks.push_back(all_of(d));
  const std::vector<std::size_t> along = listed_axes(at, axes.get(), count, x.rank());
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t axis = along[i];
    const std::int64_t length = x.dims[axis], step = steps == nullptr ? 1 : steps->integers()[i];
    std::int64_t start = starts->integers()[i], end = ends->integers()[i];
    if (x.holds_samples(axis)) {
      if (start == 0 && step == 1 && reaches_end(build, x, axis, *ends, i)) continue;
      at.keep_apart(x, axis);
    }
    at.require(!starts->holds_samples(i) && !ends->holds_samples(i), "a slice along axis ", axis,
               " depends on the number of samples");
    at.require(step != 0, "expected steps other than 0");
    constexpr std::int64_t far = std::numeric_limits<std::int64_t>::max() / 4;
    const auto place = [&](std::int64_t v, std::int64_t low, std::int64_t high) {
      v = std::clamp(v, -far, far);
      return std::clamp(v < 0 ? v + length : v, low, high);
    };
    const bool up = step > 0;
    start = up ? place(start, 0, length) : place(start, 0, length - 1);
    end = up ? place(end, 0, length) : place(end, -1, length - 1);
    picks[axis].clear();
    const std::int64_t stride = std::clamp(step, -length, length);
    for (std::int64_t k = start; up ? k < end : k > end; k += stride)
      picks[axis].push_back(static_cast<std::int32_t>(k));
    at.require(!picks[axis].empty(), "nothing is left of axis ", axis, " of ", x.shape());
  }
  return picked(build, at, x, picks);
}

/// The lengths of the outputs of a Split along an axis of that length.
template <class T>
std::vector<std::int64_t> split_lengths(Builder<T>& build, const NodeView& at, Index length) {
  const auto given = list_at(build, at, "split", 1, 13);
  if (given != nullptr) {
    at.require(given->per_sample.empty(), "the lengths depend on the number of samples");
    return given->integers().list();
  }
  const auto parts = static_cast<std::int64_t>(at.node().outputs.size());
  at.require(at.integer("num_outputs", parts) == parts, "expected as many outputs as num_outputs says");
  at.require(length % parts == 0 || at.opset() >= 18, "cannot split ", length, " elements into ", parts,
             " equal parts");
  std::vector<std::int64_t> out(static_cast<std::size_t>(parts), (length + parts - 1) / parts);
  out.back() = length - (parts - 1) * out.back();
  return out;
}

template <class T>
std::vector<Value> convert_split(Builder<T>& build, const NodeView& at) {
  const Value x = build.value(at, 0);
  at.require(x.rank() > 0, "expected an input with axes");
  const std::size_t axis = at.axis(at.integer("axis", 0), x.rank());
  at.keep_apart(x, axis);
  const std::vector<std::int64_t> lengths = split_lengths(build, at, x.dims[axis]);
  at.require(lengths.size() == at.node().outputs.size(), "expected ", lengths.size(), " outputs, got ",
             at.node().outputs.size());
  std::vector<Value> out;
  std::int64_t begin = 0;
  for (const std::int64_t length : lengths) {
    at.require(length > 0 && length <= x.dims[axis] - begin, "cannot take ", length, " of ",
               x.dims[axis] - begin, " elements that are left");
    Picks part;
    for (std::int64_t i = 0; i < length; ++i) part.push_back(static_cast<std::int32_t>(begin + i));
    out.push_back(picked(build, at, x, axis, std::move(part)));
    begin += length;
  }
  at.require(begin == x.dims[axis], "the parts have ", begin, " of ", x.dims[axis], " elements");
  return out;
}

/// Input i as constant indices of any shape into an axis of that length, from 0 on.
template <class T>
Picks indices_at(Builder<T>& build, const NodeView& at, std::size_t i, Index length) {
  const Constant& c = build.constant(at, i);
  at.require(!c.is_float() && c.per_sample.empty(), "expected integers as input ", i,
             " that do not depend on the number of samples");
  at.require(c.size() > 0, "input ", i, " is empty");
  Picks out;
  for (const std::int64_t k : c.integers()) {
    at.require(k >= -length && k < length, "index ", k, " is out of range for an axis of ", length);
    out.push_back(static_cast<std::int32_t>(k < 0 ? k + length : k));
  }
  return out;
}

template <class T>
Value convert_gather(Builder<T>& build, const NodeView& at) {
  Value x = build.value(at, 0);
  at.require(x.rank() > 0, "expected an input with axes");
  const std::size_t axis = at.axis(at.integer("axis", 0), x.rank());
  at.keep_apart(x, axis);
  if (build.constant(at, 1).for_each_sample) depends_on_samples(at);
  Picks picks = indices_at(build, at, 1, x.dims[axis]);
  const auto& shape = build.find_constant(at.node().inputs[1])->dims;
  if (shape.size() != 1) x = build.planar(x);
  Value out = picked(build, at, x, axis, std::move(picks));
  if (shape.size() == 1) return out;
  out.dims.erase(out.dims.begin() + static_cast<std::ptrdiff_t>(axis));
  out.dims.insert(out.dims.begin() + static_cast<std::ptrdiff_t>(axis), shape.begin(), shape.end());
  if (out.batch.known() && out.batch.axis > axis) out.batch.axis = out.batch.axis + shape.size() - 1;
  return out;
}

template <class T>
Value convert_tile(Builder<T>& build, const NodeView& at) {
  const Value x = build.value(at, 0);
  const Constant& repeats = build.integer_list(at, 1);
  at.require(repeats.size() == x.rank(), "expected ", x.rank(), " numbers of repetitions, got ",
             repeats.size());
  std::vector<Picks> picks;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    const std::int64_t times = repeats.integers()[i];
    at.require(times >= 1 && times <= largest_value / x.dims[i], "cannot repeat axis ", i, " ", times,
               " times");
    at.require(!x.batch.known() || !repeats.holds_samples(i), "repeating axis ", i, " of ", x.shape(),
               " for each sample would mix them");
    picks.emplace_back();
    build.spend(static_cast<std::uint64_t>(times * x.dims[i]));
    for (std::int64_t k = 0; k < times; ++k)
      for (Index j = 0; j < x.dims[i]; ++j) picks[i].push_back(static_cast<std::int32_t>(j));
  }
  return picked(build, at, x, picks);
}

template <class T>
Value convert_expand(Builder<T>& build, const NodeView& at) {
  const Constant& shape = build.integer_list(at, 1);
  Value x = build.value(at, 0);
  const std::size_t rank = std::max(x.rank(), shape.size()), before = rank - shape.size();
  check_rank(rank, "a tensor");
  if (x.rank() < rank) x = with_rank(build.planar(x), rank);
  std::vector<Picks> picks;
  for (std::size_t i = 0; i < rank; ++i) {
    picks.push_back(all_of(x.dims[i]));
    if (i < before || (x.holds_samples(i) && is_extent(build, x, i, shape, i - before))) continue;
    at.require(!x.batch.known() || !shape.holds_samples(i - before), "stretching axis ", i, " of ", x.shape(),
               " to the number of samples would mix them");
    const std::int64_t size = shape.integers()[i - before];
    at.require(size == 1 || x.dims[i] == 1 || size == x.dims[i], "cannot stretch axis ", i, " of ", x.shape(),
               " to ", size);
    at.require(size >= 1 && size <= largest_value, "cannot stretch an axis to ", size);
    if (size == 1 || size == x.dims[i]) continue;
    build.spend(static_cast<std::uint64_t>(size));
    picks[i].assign(static_cast<std::size_t>(size), 0);
  }
  return picked(build, at, x, picks);
}

}  // namespace foil::onnx::detail
