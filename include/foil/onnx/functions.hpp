// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's functions of single elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/lines.hpp"
#include "foil/nn/make.hpp"
#include "foil/nn/operators/elementwise.hpp"
#include "foil/nn/operators/softmax.hpp"
#include "foil/nn/operators/steps.hpp"
#include "foil/onnx/axes.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/element_type.hpp"
#include "foil/onnx/model.hpp"

namespace foil::onnx::detail {

template <class T, class F>
Value emit_elementwise(Builder<T>& build, const Value& x, F f) {
  return build.emit(nn::make<nn::Elementwise<T, F>>(volume(x.dims), std::move(f)), {x.slot}, x.dims, x.layout,
                    x.batch);
}

/// A function without parameters.
template <class T, template <class...> class F>
Value convert_function(Builder<T>& build, const NodeView& at) {
  return emit_elementwise<T>(build, build.value(at, 0), F<T>{});
}

/// Nothing at inference.
template <class T>
Value convert_dropout(Builder<T>& build, const NodeView& at) {
  if (at.has_input(2)) {
    const std::vector<std::int64_t> training = build.integers(at, 2);
    at.require(training.size() == 1 && training[0] == 0, "dropout in training mode is not supported");
  }
  return build.value(at, 0);
}

/// A function whose derivative is zero unless it is asked to be passed straight through.
template <class T, template <class...> class F>
Value convert_step(Builder<T>& build, const NodeView& at) {
  if (build.straight_through())
    return emit_elementwise<T>(build, build.value(at, 0), nn::StraightThrough<T, F<T>>{});
  return emit_elementwise<T>(build, build.value(at, 0), F<T>{});
}

/// Tells, once, of a type of floats that the file computes in, from some place on, and the engine does not;
/// or refuses it, as Options::strict_types has it.
template <class T>
void note_type(Builder<T>& build, std::int64_t type, const std::string& place) {
  const ElementType computed = sizeof(T) == 4 ? ElementType::float32 : ElementType::float64;
  const bool other = is_float_type(type) && type != static_cast<int>(ElementType::float32) &&
                     type != static_cast<int>(computed);
  if (!other) return;
  require(!build.treatment().strict_types, "onnx: ", place, ": the network computes in ", type_text(type),
          " from here on, expected ", type_text(computed), " throughout");
  build.note(text("computed in ", type_text(computed), ", the file asks for ", type_text(type)));
}

/// Truths are 1 and 0 in the engine, and floats are of one type: what becomes a float stays as it is.
template <class T>
Value convert_cast(Builder<T>& build, const NodeView& at) {
  const std::int64_t type = at.integer("to", 0);
  if (type == static_cast<int>(ElementType::boolean)) return convert_step<T, nn::NotZero>(build, at);
  at.require(is_float_type(type), "expected a cast to floats or bool (9), got ", type_text(type));
  note_type(build, type, at.node().label());
  return build.value(at, 0);
}

/// The range of a Clip.
struct Range {
  float low = -std::numeric_limits<float>::max(), high = std::numeric_limits<float>::max();
};
template <class T>
Range clip_range(const Builder<T>& build, const NodeView& at) {
  Range range;
  if (at.opset() < 11) return {at.number("min", range.low), at.number("max", range.high)};
  if (at.has_input(1)) range.low = build.scalar(at, 1);
  if (at.has_input(2)) range.high = build.scalar(at, 2);
  return range;
}

template <class T>
Value convert_clip(Builder<T>& build, const NodeView& at) {
  const auto [low, high] = clip_range(build, at);
  at.require(low <= high, "expected min <= max, got ", low, " and ", high);
  return emit_elementwise<T>(build, build.value(at, 0),
                             nn::Clip<T>{static_cast<T>(low), static_cast<T>(high)});
}

/// Along one axis; before opset 13, along that axis and all behind it, in the order of the file.
inline nn::Lines softmax_lines(const NodeView& at, const Value& x) {
  const bool flattens = at.opset() < 13;
  const std::size_t axis = at.axis(at.integer("axis", flattens ? 1 : -1), x.rank());
  std::vector<bool> marked(x.rank(), false);
  for (std::size_t i = axis; i < (flattens ? x.rank() : axis + 1); ++i) {
    at.keep_apart(x, i);
    marked[i] = true;
  }
  return between(x.dims, x.layout, marked).lines;
}

template <class T, template <class...> class Operator>
Value convert_softmax(Builder<T>& build, const NodeView& at) {
  const Value input = build.value(at, 0), x = at.opset() < 13 ? build.planar(input) : input;
  return build.emit(nn::make<Operator<T>>(softmax_lines(at, x)), {x.slot}, x.dims, x.layout, x.batch);
}

}  // namespace foil::onnx::detail
