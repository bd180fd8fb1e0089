// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's functions of single elements.
#pragma once

#include <limits>
#include <memory>
#include <utility>

#include "foil/core/tensor.hpp"
#include "foil/nn/onnx_builder.hpp"
#include "foil/nn/operators_elementwise.hpp"

namespace foil::onnx::detail {

template <class T, class F>
Value emit_elementwise(Builder<T>& build, const Value& x, F f) {
  return build.emit(std::make_unique<nn::Elementwise<T, F>>(build.volume(x.dims), std::move(f)), {x.slot},
                    x.dims, x.layout);
}

/// A function without parameters.
template <class T, template <class> class F>
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

}  // namespace foil::onnx::detail
