// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's functions of single elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/operators/elementwise.hpp"
#include "foil/nn/operators/softmax.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/model.hpp"

namespace foil::onnx::detail {

template <class T, class F>
Value emit_elementwise(Builder<T>& build, const Value& x, F f) {
  return build.emit(std::make_unique<nn::Elementwise<T, F>>(build.volume(x.dims), std::move(f)), {x.slot},
                    x.dims, x.layout);
}

/// A function without parameters.
template <class T, template <class...> class F>
Value convert_function(Builder<T>& build, const NodeView& at) {
  return emit_elementwise<T>(build, build.value(at, 0), F<T>{});
}

template <class T>
Value convert_leaky_relu(Builder<T>& build, const NodeView& at) {
  const float slope = at.number("alpha", 0.01f);
  at.require(slope >= 0, "expected alpha >= 0, got ", slope);
  return emit_elementwise<T>(build, build.value(at, 0), nn::LeakyRelu<T>{static_cast<T>(slope)});
}

template <class T>
Value convert_elu(Builder<T>& build, const NodeView& at) {
  const float alpha = at.number("alpha", 1);
  at.require(alpha >= 0, "expected alpha >= 0, got ", alpha);
  return emit_elementwise<T>(build, build.value(at, 0), nn::Elu<T>{static_cast<T>(alpha)});
}

/// Nothing at inference.
template <class T>
Value convert_dropout(Builder<T>& build, const NodeView& at) {
  if (at.has_input(2)) {
    const std::vector<std::int64_t>& training = build.integers(at, 2);
    at.require(training.size() == 1 && training[0] == 0, "dropout in training mode is not supported");
  }
  return build.value(at, 0);
}

template <class T>
Value convert_cast(Builder<T>& build, const NodeView& at) {
  const std::int64_t type = at.integer("to", 0);
  at.require(type == static_cast<int>(ElementType::float32), "expected a cast to float32 (1), got ", type);
  return build.value(at, 0);
}

template <class T>
Value convert_clip(Builder<T>& build, const NodeView& at) {
  constexpr float widest = std::numeric_limits<float>::max();
  T low = static_cast<T>(at.number("min", -widest)), high = static_cast<T>(at.number("max", widest));
  if (at.opset() >= 11) {
    low = at.has_input(1) ? build.scalar(at, 1) : static_cast<T>(-widest);
    high = at.has_input(2) ? build.scalar(at, 2) : static_cast<T>(widest);
  }
  at.require(low <= high, "expected min <= max, got ", low, " and ", high);
  return emit_elementwise<T>(build, build.value(at, 0), nn::Clip<T>{low, high});
}

/// Along one axis; before opset 13, along that axis and all behind it.
template <class T>
Value convert_softmax(Builder<T>& build, const NodeView& at) {
  const Value x = build.planar(build.value(at, 0));
  const bool flattens = at.opset() < 13;
  const std::size_t axis = at.axis(at.integer("axis", flattens ? 1 : -1), x.dims.size() + 1);
  at.require(axis > 0, "softmax along axis 0 would mix samples");
  Index outer = 1, length = x.dims[axis - 1], inner = 1;
  for (std::size_t i = 0; i + 1 < axis; ++i) outer *= x.dims[i];
  for (std::size_t i = axis; i < x.dims.size(); ++i) (flattens ? length : inner) *= x.dims[i];
  return build.emit(std::make_unique<nn::Softmax<T>>(outer, length, inner), {x.slot}, x.dims, x.layout);
}

}  // namespace foil::onnx::detail
