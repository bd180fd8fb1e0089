// SPDX-License-Identifier: MIT
/// \file
/// Evaluation of ONNX nodes that only see constants, as exporters leave them around shapes and weights.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/network.hpp"
#include "foil/nn/operators/constant.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/conversions.hpp"
#include "foil/onnx/counting.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/shapes.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

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
    at.require(x.per_sample.empty(),
               "the number of samples would become an activation, which would mix them");
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

/// The outputs of a node by its conversion.
template <class T>
std::vector<Value> values_of(const Convert<T>& convert, Builder<T>& build, const NodeView& at) {
  if (const auto* one = std::get_if<0>(&convert)) return {(*one)(build, at)};
  return std::get<1>(convert)(build, at);
}

/// The operators that only move elements, and which of their inputs those are that move.
inline std::vector<std::size_t> moved_inputs(const NodeView& at) {
  constexpr std::array<std::string_view, 16> first{
      "Reshape",  "Flatten",      "Squeeze",      "Unsqueeze", "Transpose", "Slice",
      "Split",    "Gather",       "Tile",         "Expand",    "Trilu",     "GatherElements",
      "GatherND", "DepthToSpace", "SpaceToDepth", "Identity"};
  const std::string_view type = at.node().type;
  if (std::find(first.begin(), first.end(), type) != first.end()) return {0};
  if (type == "ScatterND" || type == "ScatterElements") return {0, 2};
  std::vector<std::size_t> all;
  if (type == "Concat")
    for (std::size_t i = 0; i < at.node().inputs.size(); ++i) all.push_back(i);
  return all;
}

/// Runs the node on constants: its conversion, and the engine. `stands_for` are constants that take the place
/// of inputs.
template <class T>
std::vector<Constant> run(Builder<T>& build, const NodeView& at, const Convert<T>& convert,
                          const std::vector<std::pair<std::size_t, Constant>>& stands_for) {
  std::vector<Constant> out;
  for (std::size_t k = 0, count = 1; k < count; ++k) {
    Builder<T> inner = build.for_constants();
    for (const auto& [i, constant] : stands_for) inner.define(at.node().inputs[i], constant);
    std::vector<Value> values = values_of(convert, inner, at);
    count = values.size();
    const Value y = inner.planar(values[k]);
    Constant result{{}, ElementType::float32, IntDims(y.dims.begin(), y.dims.end()), {}, {}};
    if (const auto* as_is = dynamic_cast<const nn::Constant<T>*>(inner.graph().producer(y.slot))) {
      result.floats.assign(as_is->elements().begin(), as_is->elements().end());
    } else {
      inner.graph().finish(y.slot);
      Tensor<T, 2> nothing(1, 1);
      nothing.setZero();
      const Logits<T> row = nn::Network<T, 2>(std::move(inner.graph()), {1}, {}).logits(nothing);
      result.floats.assign(row.data(), row.data() + row.size());
    }
    build.spend_as(inner);
    out.push_back(std::move(result));
  }
  return out;
}

/// Moves integers, by moving their numbers.
template <class T>
std::vector<Constant> moved(Builder<T>& build, const NodeView& at, const Convert<T>& convert,
                            const std::vector<std::size_t>& inputs) {
  constexpr std::size_t most = std::size_t(1) << 24;  // whole numbers that a float can hold
  std::vector<std::pair<std::size_t, Constant>> stands_for;
  std::vector<std::pair<const Constant*, std::size_t>> elements;
  for (const std::size_t i : inputs) {
    const Constant& c = build.constant(at, i);
    at.require(!c.is_float(), "expected constants of one type");
    at.require(elements.size() + c.size() <= most, "a constant of ", c.size(), " integers is too large");
    Constant numbers{{}, ElementType::float32, c.dims, {}, {}};
    for (std::size_t k = 0; k < c.size(); ++k) {
      numbers.floats.push_back(static_cast<float>(elements.size()));
      elements.emplace_back(&c, k);
    }
    stands_for.emplace_back(i, std::move(numbers));
  }
  std::vector<Constant> out = run(build, at, convert, stands_for);
  for (Constant& result : out) {
    result.type = build.constant(at, inputs[0]).type;
    for (const float number : std::exchange(result.floats, {})) {
      const auto& [c, k] = elements[static_cast<std::size_t>(number)];
      append(result, count_at(*c, k));
    }
  }
  return out;
}

/// The values of a node whose inputs are all constants.
template <class T>
std::vector<Constant> fold(Builder<T>& build, const NodeView& at, const Convert<T>& convert) {
  const std::string_view type = at.node().type;
  if (type == "Identity" || type == "Dropout") return {build.constant(at, 0)};
  if (type == "Cast") return {fold_cast(build, at)};
  std::vector<const Constant*> operands;
  bool integers = true, empty = false;
  for (std::size_t i = 0; i < at.node().inputs.size(); ++i) {
    if (!at.has_input(i)) continue;
    operands.push_back(&build.constant(at, i));
    integers = integers && !operands.back()->is_float();
    empty = empty || operands.back()->size() == 0;
  }
  if (type == "Where") return {chosen(build, at, operands)};
  constexpr std::array<std::string_view, 14> functions{
      "Add",   "Sub", "Mul", "Div", "Mod", "Min", "Max", "Less", "LessOrEqual", "Greater", "GreaterOrEqual",
      "Equal", "And", "Or"};
  const bool combines =
      std::find(functions.begin(), functions.end(), type) != functions.end() || type == "Xor";
  if (integers && combines) return {combined(build, at, operands)};
  const auto moving = moved_inputs(at);
  if (!moving.empty() && !build.constant(at, moving[0]).is_float()) return moved(build, at, convert, moving);
  if (integers && (type == "ReduceProd" || type == "ReduceSum" || type == "ReduceMax" || type == "ReduceMin"))
    return {reduced(build, at, *operands[0], read_axes(build, at, type == "ReduceSum" ? 13 : 18))};
  at.require(!empty, "the operator ", type, " is not supported on constants without elements");
  std::vector<Constant> out = run(build, at, convert, {});
  const bool whole = (integers && !operands.empty()) || gives_truths(type);
  for (Constant& result : out) {
    if (!whole) continue;
    result.type = gives_truths(type) ? ElementType::boolean : operands[0]->type;
    for (const float v : std::exchange(result.floats, {})) {
      at.require(std::abs(v) < 0x1p24f, "computing with integers beyond 2^24 is not supported");
      result.integers.push_back(static_cast<std::int64_t>(v));
    }
  }
  return out;
}

}  // namespace foil::onnx::detail
