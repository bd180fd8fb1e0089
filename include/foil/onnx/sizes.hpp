// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's operators that make constants: of nothing, or of shapes alone.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/onnx/builder.hpp"
#include "foil/onnx/constant.hpp"
#include "foil/onnx/counting.hpp"
#include "foil/onnx/element_type.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/shapes.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

/// The Constant operator.
template <class T>
Constant evaluate_constant(Builder<T>&, const NodeView& at) {
  const Node& node = at.node();
  const auto list = [](auto elements) {
    IntDims dims{static_cast<std::int64_t>(elements.size())};
    return Constant(std::move(dims), std::move(elements));
  };
  if (const Attribute* a = node.find("value"); a != nullptr && a->tensor) return *a->tensor;
  if (const Attribute* a = node.find("value_float"); a != nullptr && a->number)
    return Constant({}, std::vector<float>{*a->number});
  if (const Attribute* a = node.find("value_int"); a != nullptr && a->integer)
    return Constant({}, std::vector<std::int64_t>{*a->integer});
  if (const Attribute* a = node.find("value_floats"); a != nullptr) return list(a->numbers);
  if (const Attribute* a = node.find("value_ints"); a != nullptr) return list(a->integers);
  for (const auto* name : {"value_string", "value_strings"})
    at.require(node.find(name) == nullptr, "constants of strings are not supported");
  at.require(false, "expected one of the attributes value, value_float(s) and value_int(s)");
  return {};
}

/// The extents of a tensor, of which one may count samples.
template <class T>
std::vector<Count> extents_of(const Builder<T>& build, const NodeView& at) {
  at.require(at.has_input(0), "input 0 is missing");
  std::vector<Count> out;
  if (const Value* x = build.find_value(at.node().inputs[0]); x != nullptr)
    for (std::size_t i = 0; i < x->rank(); ++i) {
      const Extent e = extent_of(build, *x, i);
      out.push_back({e.size, e.per_sample});
    }
  else if (const Constant& c = build.constant(at, 0); c.for_each_sample)
    depends_on_samples(at);
  else
    for (const std::int64_t d : c.dims) out.push_back({d});
  return out;
}

template <class T>
Constant evaluate_shape(Builder<T>& build, const NodeView& at) {
  const std::vector<Count> extents = extents_of(build, at);
  const auto rank = static_cast<std::int64_t>(extents.size());
  const auto clamped = [&](std::int64_t i) {
    return std::clamp<std::int64_t>(i < 0 ? i + rank : i, 0, rank);
  };
  std::vector<Count> wanted;
  const std::int64_t end = clamped(at.integer("end", rank));
  for (std::int64_t i = clamped(at.integer("start", 0)); i < end; ++i)
    wanted.push_back(extents[static_cast<std::size_t>(i)]);
  return constant_of(wanted);
}

template <class T>
Constant evaluate_size(Builder<T>& build, const NodeView& at) {
  Count product{1};
  for (const Count e : extents_of(build, at)) {
    at.require(e.size <= largest_value / std::max<std::int64_t>(product.size, 1), "the tensor is too large");
    product = {product.size * e.size, product.per_sample || e.per_sample};
  }
  Constant out = constant_of({product});
  out.dims.clear();
  return out;
}

/// Extents that count samples are those of one sample: the constant is the same for all.
template <class T>
Constant evaluate_constant_of_shape(Builder<T>& build, const NodeView& at) {
  const Constant& shape = build.integer_list(at, 0);
  Constant out(ElementType::float32, shape.integers().list());
  out.for_each_sample = !shape.per_sample.empty();
  const auto count = static_cast<std::size_t>(checked_count(at, out.dims));
  build.spend(count);
  const Attribute* const value = at.node().find("value");
  if (value == nullptr) {
    out.set(std::vector<float>(count));
    return out;
  }
  at.require(value->tensor && value->tensor->size() == 1, "expected one number as attribute 'value'");
  out.type = value->tensor->type;
  value->tensor->visit([&](const auto& numbers) { out.set(std::vector(count, numbers[0])); });
  return out;
}

template <class T>
Constant evaluate_range(Builder<T>& build, const NodeView& at) {
  const Constant *const start = &build.constant(at, 0), *const limit = &build.constant(at, 1),
                        *const step = &build.constant(at, 2);
  for (const Constant* c : {start, limit, step})
    at.require(c->size() == 1 && c->type == start->type && c->per_sample.empty(),
               "expected three numbers of one type that do not depend on the number of samples");
  const auto number = [](const Constant& c) { return c.numbers<double>()[0]; };
  const double length = std::ceil((number(*limit) - number(*start)) / number(*step));
  at.require(length <= static_cast<double>(largest_value), "expected a range of at most ", largest_value,
             " numbers, got ", length);
  const auto count = static_cast<std::size_t>(std::max(0., length));
  build.spend(count);
  Constant out(start->type, {static_cast<std::int64_t>(count)});
  start->visit([&]<class U>(const Numbers<U>& first) {
    const U difference = step->numbers<U>()[0];
    std::vector<U> elements;
    for (std::size_t i = 0; i < count; ++i) {
      if constexpr (std::is_integral_v<U>)  // wraps around, where hostile numbers ask for it
        elements.push_back(static_cast<U>(static_cast<std::uint64_t>(first[0]) +
                                          i * static_cast<std::uint64_t>(difference)));
      else
        elements.push_back(first[0] + static_cast<U>(i) * difference);
    }
    out.set(std::move(elements));
  });
  return out;
}

/// The positions of a constant's elements that are not zero, one column for each.
template <class T>
Constant evaluate_non_zero(Builder<T>& build, const NodeView& at) {
  const Constant& x = build.constant(at, 0);
  if (x.for_each_sample) depends_on_samples(at);
  std::vector<std::int64_t> found;
  x.visit([&](const auto& numbers) {
    for (std::size_t i = 0; i < numbers.size(); ++i)
      if (numbers[i] != 0) found.push_back(static_cast<std::int64_t>(i));
  });
  const Dims strides = constant_strides(x.dims, false);
  std::vector<std::int64_t> positions;
  IntDims dims{static_cast<std::int64_t>(x.dims.size()), static_cast<std::int64_t>(found.size())};
  build.spend(found.size() * x.dims.size());
  for (std::size_t axis = 0; axis < x.dims.size(); ++axis)
    for (const std::int64_t i : found) positions.push_back(i / strides[axis] % x.dims[axis]);
  return Constant(std::move(dims), std::move(positions));
}

/// A new axis for every index, which holds one value at the index and the other elsewhere. Indices out of
/// range are nowhere.
template <class T>
Constant evaluate_one_hot(Builder<T>& build, const NodeView& at) {
  const Constant &indices = build.constant(at, 0), &depth = build.constant(at, 1),
                 &values = build.constant(at, 2);
  at.require(indices.per_sample.empty() && depth.per_sample.empty() && values.per_sample.empty() &&
                 !indices.for_each_sample,
             "expected indices, a depth and values that do not depend on the number of samples");
  at.require(depth.size() == 1 && values.size() == 2, "expected one depth and two values, got ", depth.size(),
             " and ", values.size());
  const double classes = depth.numbers<double>()[0];
  at.require(classes >= 1 && classes <= static_cast<double>(largest_value), "expected a depth from 1 to ",
             largest_value, ", got ", classes);
  const auto length = static_cast<std::size_t>(classes);
  const std::size_t axis = at.axis(at.integer("axis", -1), indices.dims.size() + 1);
  Constant out(values.type, indices.dims);
  out.dims.insert(out.dims.begin() + static_cast<std::ptrdiff_t>(axis), static_cast<std::int64_t>(length));
  const auto count = static_cast<std::size_t>(checked_count(at, out.dims));
  build.spend(count);
  std::size_t inner = 1;
  for (std::size_t i = axis; i < indices.dims.size(); ++i) inner *= static_cast<std::size_t>(indices.dims[i]);
  const Numbers<double> hot = indices.numbers<double>();
  values.visit([&]<class U>(const Numbers<U>& pair) {
    std::vector<U> elements(count, pair[0]);
    for (std::size_t i = 0; i < hot.size(); ++i) {
      if (!(hot[i] >= -classes && hot[i] < classes)) continue;
      const auto k = static_cast<std::size_t>(hot[i] < 0 ? hot[i] + static_cast<double>(length) : hot[i]);
      if (k < length) elements[(i / inner * length + k) * inner + i % inner] = pair[1];
    }
    out.set(std::move(elements));
  });
  return out;
}

}  // namespace foil::onnx::detail
