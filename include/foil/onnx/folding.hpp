// SPDX-License-Identifier: MIT
/// \file
/// Evaluation of ONNX nodes that only see constants, as exporters leave them around shapes and weights.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operators/shape.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/shapes.hpp"

namespace foil::onnx::detail {

using IntDims = std::vector<std::int64_t>;

/// Number of elements of a shape; throws if it is absurd.
inline std::int64_t checked_count(const NodeView& at, const IntDims& dims) {
  std::int64_t count = 1, bound = 1;
  for (const std::int64_t d : dims) {
    at.require(d >= 0 && d <= largest_value / bound, "a constant of that shape is too large");
    if (d > 0) bound *= d;
    count *= d;
  }
  return count;
}

/// The elements at the given offsets, in both kinds of storage.
inline void take(const Constant& from, const std::vector<std::int32_t>& offsets, Constant& to) {
  for (const std::int32_t i : offsets) {
    if (from.is_float())
      to.floats.push_back(from.floats[static_cast<std::size_t>(i)]);
    else
      to.integers.push_back(from.integers[static_cast<std::size_t>(i)]);
  }
}

template <class T>
std::vector<std::int32_t> constant_offsets(const Builder<T>& build, const NodeView& at, const IntDims& dims,
                                           const Dims& strides) {
  const std::int64_t count = checked_count(at, dims);
  if (count == 0) return {};
  build.spend(static_cast<std::uint64_t>(count));
  return nn::index_map(Dims(dims.begin(), dims.end()), strides);
}

/// Row-major strides; zero along axes of length one if they are to stretch.
inline Dims constant_strides(const IntDims& dims, bool stretch) {
  Dims out(dims.size());
  Index step = 1;
  for (std::size_t i = dims.size(); i-- > 0; step *= static_cast<Index>(dims[i]))
    out[i] = stretch && dims[i] == 1 ? 0 : step;
  return out;
}

/// The Constant operator.
inline Constant constant_of_node(const NodeView& at) {
  const Node& node = at.node();
  Constant out;
  if (const Attribute* a = node.find("value"); a != nullptr && a->tensor) return *a->tensor;
  if (const Attribute* a = node.find("value_float"); a != nullptr && a->number) {
    out.floats = {*a->number};
  } else if (const Attribute* b = node.find("value_floats"); b != nullptr) {
    out.floats = b->numbers;
    out.dims = {static_cast<std::int64_t>(out.floats.size())};
  } else if (const Attribute* c = node.find("value_int"); c != nullptr && c->integer) {
    out.type = ElementType::int64;
    out.integers = {*c->integer};
  } else if (const Attribute* d = node.find("value_ints"); d != nullptr) {
    out.type = ElementType::int64;
    out.integers = d->integers;
    out.dims = {static_cast<std::int64_t>(out.integers.size())};
  } else {
    at.require(false, "expected one of the attributes value, value_float(s) and value_int(s)");
  }
  return out;
}

/// As ONNX defines the cast of one element: floats lose their fraction, integers their upper bits, and what
/// is not zero is true. What no integer holds ONNX leaves open; here it is an error.
inline std::int64_t cast_to_integer(const NodeView& at, double value, ElementType type) {
  if (type == ElementType::boolean) return value != 0 ? 1 : 0;
  const double whole = std::trunc(value), limit = type == ElementType::int32 ? 0x1p31 : 0x1p63;
  at.require(whole >= -limit && whole < limit, "cannot cast ", value, " to an integer");
  return static_cast<std::int64_t>(whole);
}
inline std::int64_t cast_to_integer(const NodeView&, std::int64_t value, ElementType type) {
  if (type == ElementType::boolean) return value != 0 ? 1 : 0;
  return type == ElementType::int32 ? static_cast<std::int32_t>(value) : value;
}

template <class T>
Constant fold_cast(Builder<T>& build, const NodeView& at) {
  Constant x = build.constant(at, 0);
  const std::int64_t number = at.integer("to", 0);
  const auto type = static_cast<ElementType>(number);
  if (type == ElementType::float32) {
    if (!x.is_float()) x.floats.assign(x.integers.begin(), x.integers.end());
    x.integers.clear();
  } else {
    at.require(number == static_cast<int>(ElementType::int64) ||
                   number == static_cast<int>(ElementType::int32) ||
                   number == static_cast<int>(ElementType::boolean),
               "cannot cast a constant of type ", static_cast<int>(x.type), " to type ", number);
    for (std::int64_t& v : x.integers) v = cast_to_integer(at, v, type);
    for (const float v : x.floats) x.integers.push_back(cast_to_integer(at, double{v}, type));
    x.floats.clear();
  }
  x.type = type;
  return x;
}

/// Reshape, Flatten, Squeeze and Unsqueeze: the same elements under new dimensions.
template <class T>
Constant fold_shape(Builder<T>& build, const NodeView& at) {
  Constant x = build.constant(at, 0);
  const std::string& type = at.node().type;
  IntDims dims;
  if (type == "Flatten") {
    const std::int64_t axis = at.integer("axis", 1), rank = static_cast<std::int64_t>(x.dims.size());
    at.require(axis >= -rank && axis <= rank, "axis ", axis, " is out of range for rank ", rank);
    dims = {1, 1};
    for (std::int64_t i = 0; i < rank; ++i)
      dims[i < (axis < 0 ? axis + rank : axis) ? 0 : 1] *= x.dims[static_cast<std::size_t>(i)];
  } else if (type == "Reshape") {
    dims = build.integers(at, 1);
    std::int64_t known = 1, *open = nullptr;
    for (std::size_t i = 0; i < dims.size(); ++i) {
      if (dims[i] == 0 && i < x.dims.size() && at.integer("allowzero", 0) == 0) dims[i] = x.dims[i];
      at.require(dims[i] >= -1 && (dims[i] != -1 || open == nullptr), "impossible shape for a constant");
      if (dims[i] == -1)
        open = &dims[i];
      else
        known = checked_count(at, {known, dims[i]});
    }
    if (open != nullptr) *open = known == 0 ? 0 : static_cast<std::int64_t>(x.size()) / known;
  } else {
    const IntDims axes = read_axes(build, at);
    const bool inserts = type == "Unsqueeze";
    at.require(axes.size() <= 8, "more than eight axes");
    std::vector<bool> marked(x.dims.size() + (inserts ? axes.size() : 0), !inserts && axes.empty());
    std::size_t next = 0;
    for (const std::int64_t a : axes) {
      const std::size_t axis = at.axis(a, marked.size());
      at.require(!marked[axis], "axis ", axis, " is given twice");
      marked[axis] = true;
    }
    for (std::size_t i = 0; i < marked.size(); ++i) {
      if (inserts)
        dims.push_back(marked[i] || next == x.dims.size() ? 1 : x.dims[next++]);
      else if (!marked[i] || (axes.empty() && x.dims[i] != 1))
        dims.push_back(x.dims[i]);
    }
  }
  at.require(checked_count(at, dims) == static_cast<std::int64_t>(x.size()), "the constant has ", x.size(),
             " elements, which do not fit the new shape");
  x.dims = std::move(dims);
  return x;
}

template <class T>
Constant fold_transpose(Builder<T>& build, const NodeView& at) {
  const Constant& x = build.constant(at, 0);
  const Dims steps = constant_strides(x.dims, false);
  Constant out{{}, x.type, {}, {}, {}};
  Dims strides;
  for (const std::size_t axis : read_permutation(at, x.dims.size())) {
    out.dims.push_back(x.dims[axis]);
    strides.push_back(steps[axis]);
  }
  take(x, constant_offsets(build, at, out.dims, strides), out);
  return out;
}

template <class T>
Constant fold_concat(Builder<T>& build, const NodeView& at) {
  Constant out;
  for (std::size_t i = 0; i < at.node().inputs.size(); ++i) {
    const Constant& x = build.constant(at, i);
    at.require(x.dims.size() == 1 && (i == 0 || x.type == out.type),
               "only lists of one type can be concatenated");
    out.type = x.type;
    out.floats.insert(out.floats.end(), x.floats.begin(), x.floats.end());
    out.integers.insert(out.integers.end(), x.integers.begin(), x.integers.end());
  }
  out.dims = {static_cast<std::int64_t>(out.size())};
  return out;
}

template <class T>
Constant fold_function(Builder<T>& build, const NodeView& at, float (*f)(float)) {
  Constant x = build.floats(at, 0);
  for (float& v : x.floats) v = f(v);
  return x;
}

template <class T>
Constant fold_arithmetic(Builder<T>& build, const NodeView& at, float (*f)(float, float)) {
  const Constant &a = build.floats(at, 0), &b = build.floats(at, 1);
  IntDims left = a.dims, right = b.dims;
  const std::size_t rank = std::max(left.size(), right.size());
  left.insert(left.begin(), rank - left.size(), 1);
  right.insert(right.begin(), rank - right.size(), 1);
  Constant out;
  for (std::size_t i = 0; i < rank; ++i) {
    at.require(left[i] == right[i] || left[i] == 1 || right[i] == 1,
               "the shapes of the constants do not match");
    out.dims.push_back(left[i] == 1 ? right[i] : left[i]);
  }
  const auto first = constant_offsets(build, at, out.dims, constant_strides(left, true));
  const auto second = constant_offsets(build, at, out.dims, constant_strides(right, true));
  for (std::size_t i = 0; i < first.size(); ++i)
    out.floats.push_back(
        f(a.floats[static_cast<std::size_t>(first[i])], b.floats[static_cast<std::size_t>(second[i])]));
  return out;
}

/// The value of a node whose inputs are all constants.
template <class T>
Constant fold(Builder<T>& build, const NodeView& at) {
  const std::string& type = at.node().type;
  if (type == "Constant") return constant_of_node(at);
  if (type == "Identity" || type == "Dropout") return build.constant(at, 0);
  if (type == "Cast") return fold_cast(build, at);
  if (type == "Reshape" || type == "Flatten" || type == "Squeeze" || type == "Unsqueeze")
    return fold_shape(build, at);
  if (type == "Transpose") return fold_transpose(build, at);
  if (type == "Concat") return fold_concat(build, at);
  if (type == "Neg") return fold_function<T>(build, at, [](float x) { return -x; });
  if (type == "Sqrt") return fold_function<T>(build, at, [](float x) { return std::sqrt(x); });
  if (type == "Exp") return fold_function<T>(build, at, [](float x) { return std::exp(x); });
  if (type == "Log") return fold_function<T>(build, at, [](float x) { return std::log(x); });
  if (type == "Add") return fold_arithmetic<T>(build, at, [](float a, float b) { return a + b; });
  if (type == "Sub") return fold_arithmetic<T>(build, at, [](float a, float b) { return a - b; });
  if (type == "Mul") return fold_arithmetic<T>(build, at, [](float a, float b) { return a * b; });
  if (type == "Div") return fold_arithmetic<T>(build, at, [](float a, float b) { return a / b; });
  if (type == "Pow") return fold_arithmetic<T>(build, at, [](float a, float b) { return std::pow(a, b); });
  throw Error(text("onnx: ", at.node().label(), ": the operator ", type, " is not supported on constants"));
}

}  // namespace foil::onnx::detail
