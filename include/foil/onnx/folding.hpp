// SPDX-License-Identifier: MIT
/// \file
/// Evaluation of ONNX nodes that only see constants, as exporters leave them around shapes and weights.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/network.hpp"
#include "foil/nn/operators/constant.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/casts.hpp"
#include "foil/onnx/constant.hpp"
#include "foil/onnx/conversions.hpp"
#include "foil/onnx/counting.hpp"
#include "foil/onnx/element_type.hpp"
#include "foil/onnx/functions.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/parts.hpp"
#include "foil/onnx/quantization.hpp"
#include "foil/onnx/shapes.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

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
    Constant result(ElementType::float32, IntDims(y.dims.begin(), y.dims.end()));
    if (const auto* as_is = dynamic_cast<const nn::Constant<T>*>(inner.graph().producer(y.slot))) {
      result.set(std::vector<T>(as_is->elements().begin(), as_is->elements().end()));
    } else {
      inner.graph().finish(y.slot);
      Tensor<T, 2> nothing(1, 1);
      nothing.setZero();
      const Logits<T> row = nn::Network<T, 2>(std::move(inner.graph()), {1}, {}).logits(nothing);
      result.set(std::vector<T>(row.data(), row.data() + row.size()));
    }
    build.spend_as(inner);
    out.push_back(std::move(result));
  }
  return out;
}

/// Concat of lists of integers, which may be empty.
template <class T>
Constant joined(Builder<T>& build, const NodeView& at) {
  std::vector<Count> counts;
  for (std::size_t i = 0; i < at.node().inputs.size(); ++i) {
    const std::vector<Count> more = counts_of(build.constant(at, i));
    counts.insert(counts.end(), more.begin(), more.end());
  }
  build.spend(counts.size());
  return constant_of(counts);
}

/// Slice of a list of integers, of which nothing may be left.
template <class T>
Constant sliced(Builder<T>& build, const NodeView& at) {
  const std::vector<Count> from = counts_of(build.constant(at, 0));
  const auto starts = list_at(build, at, "starts", 1, 10), ends = list_at(build, at, "ends", 2, 10),
             steps = list_at(build, at, "steps", 4, 10);
  for (const auto* list : {&starts, &ends})
    at.require(*list != nullptr && (*list)->size() == 1 && (*list)->per_sample.empty(),
               "expected one start and one end for a list");
  const auto length = static_cast<std::int64_t>(from.size());
  const std::int64_t step = steps == nullptr || steps->size() == 0 ? 1 : steps->integers()[0];
  at.require(step != 0, "expected a step other than zero");
  const auto clamped = [&](std::int64_t i) {
    if (i < 0) i = i < -length ? -1 : i + length;
    return step > 0 ? std::clamp<std::int64_t>(i, 0, length) : std::clamp<std::int64_t>(i, -1, length - 1);
  };
  std::vector<Count> out;
  const std::int64_t end = clamped(ends->integers()[0]);
  for (std::int64_t i = clamped(starts->integers()[0]); step > 0 ? i < end : i > end;) {
    out.push_back(from[static_cast<std::size_t>(i)]);
    if (step > length || step < -length) break;
    i += step;
  }
  return constant_of(out);
}

/// Moves integers, by moving their numbers.
template <class T>
std::vector<Constant> moved(Builder<T>& build, const NodeView& at, const Convert<T>& convert,
                            const std::vector<std::size_t>& inputs) {
  constexpr std::size_t most = std::size_t(1) << 24;  // whole numbers that a float can hold
  std::vector<std::pair<std::size_t, Constant>> stands_for;
  std::vector<Count> elements;
  for (const std::size_t i : inputs) {
    const Constant& c = build.constant(at, i);
    at.require(!c.is_float(), "expected constants of one type");
    at.require(elements.size() + c.size() <= most, "a constant of ", c.size(), " integers is too large");
    std::vector<float> numbers;
    for (const Count count : counts_of(c)) {
      numbers.push_back(static_cast<float>(elements.size()));
      elements.push_back(count);
    }
    stands_for.emplace_back(i, Constant(c.dims, std::move(numbers)));
  }
  std::vector<Constant> out = run(build, at, convert, stands_for);
  for (Constant& result : out) {
    std::vector<Count> counts;
    for (const float number : result.floats()) counts.push_back(elements[static_cast<std::size_t>(number)]);
    result.type = build.constant(at, inputs[0]).type;
    set_counts(result, counts);
  }
  return out;
}

/// The values of a node whose inputs are all constants, each with the number of samples one where it occurs
/// as the length of an axis.
template <class T>
std::vector<Constant> fold_for_one(Builder<T>& build, const NodeView& at, const Convert<T>& convert) {
  const std::string_view type = at.node().type;
  if (type == "Identity" || type == "Dropout") return {build.constant(at, 0)};
  if (type == "Cast") return {fold_cast(build, at)};
  if (type == "QuantizeLinear") return {fold_quantize(build, at)};
  if (type == "DequantizeLinear") return {fold_dequantize(build, at)};
  std::vector<const Constant*> operands;
  bool integers = true, empty = false;
  ElementType of = ElementType::float32;  // the floats
  for (std::size_t i = 0; i < at.node().inputs.size(); ++i) {
    if (!at.has_input(i)) continue;
    operands.push_back(&build.constant(at, i));
    integers = integers && !operands.back()->is_float();
    if (of == ElementType::float32 && operands.back()->is_float()) of = operands.back()->type;
    empty = empty || operands.back()->size() == 0;
  }
  if (type == "Where") return {chosen(build, at, operands)};
  constexpr std::array<std::string_view, 14> functions{
      "Add",   "Sub", "Mul", "Div", "Mod", "Min", "Max", "Less", "LessOrEqual", "Greater", "GreaterOrEqual",
      "Equal", "And", "Or"};
  const bool combines =
      std::find(functions.begin(), functions.end(), type) != functions.end() || type == "Xor";
  if (integers && combines) return {wrapped(at, combined(build, at, operands))};
  const bool lists = integers && std::all_of(operands.begin(), operands.end(),
                                             [](const Constant* c) { return c->dims.size() == 1; });
  if (lists && type == "Concat") return {joined(build, at)};
  if (lists && type == "Slice") return {sliced(build, at)};
  const auto moving = moved_inputs(at);
  if (!moving.empty() && !build.constant(at, moving[0]).is_float()) return moved(build, at, convert, moving);
  if (integers && (type == "ReduceProd" || type == "ReduceSum" || type == "ReduceMax" || type == "ReduceMin"))
    return {
        wrapped(at, reduced(build, at, *operands[0], read_axes(build, at, type == "ReduceSum" ? 13 : 18)))};
  at.require(!empty, "the operator ", type, " is not supported on constants without elements");
  if (moving.empty()) note_type(build, static_cast<std::int64_t>(of), at.node().label());
  std::vector<Constant> out = run(build, at, convert, {});
  const bool whole = (integers && !operands.empty()) || gives_truths(type);
  for (Constant& result : out) {
    if (!whole) {
      result.type = of;
      continue;
    }
    std::vector<std::int64_t> elements;
    for (const float v : result.floats()) {
      at.require(std::abs(v) < 0x1p24f, "computing with integers beyond 2^24 is not supported");
      elements.push_back(static_cast<std::int64_t>(v));
    }
    result.type = gives_truths(type) ? ElementType::boolean : operands[0]->type;
    result.set(std::move(elements));
    result = wrapped(at, std::move(result));
  }
  return out;
}

/// Whether an operator does the same with every element, or moves them: what holds for one sample then holds
/// for each.
inline bool treats_samples_alike(const NodeView& at) {
  constexpr std::array<std::string_view, 34> functions{
      "Add",   "Sub",  "Mul",     "Div",         "Mod",     "Pow",   "Min",           "Max",  "And",
      "Or",    "Xor",  "Not",     "Less",        "Greater", "Equal", "Neg",           "Abs",  "Sign",
      "Floor", "Ceil", "Round",   "Sqrt",        "Exp",     "Log",   "Erf",           "Relu", "Sigmoid",
      "Tanh",  "Clip", "Dropout", "LessOrEqual", "Where",   "Cast",  "GreaterOrEqual"};
  return !moved_inputs(at).empty() ||
         std::find(functions.begin(), functions.end(), at.node().type) != functions.end();
}

/// The values of a node whose inputs are all constants.
template <class T>
std::vector<Constant> fold(Builder<T>& build, const NodeView& at, const Convert<T>& convert) {
  bool for_each_sample = false, counts = false;
  for (const std::string& name : at.node().inputs)
    if (const Constant* const c = build.find_constant(name); c != nullptr) {
      for_each_sample = for_each_sample || c->for_each_sample;
      counts = counts || !c->per_sample.empty();
    }
  if (for_each_sample && !treats_samples_alike(at)) depends_on_samples(at);
  std::vector<Constant> out = fold_for_one(build, at, convert);
  const bool stretches = at.node().type == "Expand" || at.node().type == "Tile";
  for (Constant& result : out) result.for_each_sample = for_each_sample || (stretches && counts);
  return out;
}

}  // namespace foil::onnx::detail
