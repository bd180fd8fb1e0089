// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's activations with parameters, and of functions of any number of tensors.
#pragma once

#include <cmath>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/lines.hpp"
#include "foil/nn/make.hpp"
#include "foil/nn/operators/activations.hpp"
#include "foil/nn/operators/binary.hpp"
#include "foil/nn/operators/binary_functions.hpp"
#include "foil/nn/operators/elementwise.hpp"
#include "foil/nn/operators/functions.hpp"
#include "foil/nn/operators/saturating.hpp"
#include "foil/nn/operators/steps.hpp"
#include "foil/onnx/arithmetic.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/constant.hpp"
#include "foil/onnx/functions.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

template <class T>
Value convert_leaky_relu(Builder<T>& build, const NodeView& at) {
  const T slope = static_cast<T>(at.number("alpha", 0.01f));
  const Value x = build.value(at, 0);
  if (slope < T(0)) return emit_elementwise<T>(build, x, nn::BentLine<T>{slope});
  return emit_elementwise<T>(build, x, nn::LeakyRelu<T>{slope});
}

template <class T>
Value convert_elu(Builder<T>& build, const NodeView& at) {
  const T alpha = static_cast<T>(at.number("alpha", 1));
  const Value x = build.value(at, 0);
  if (alpha < T(0)) return emit_elementwise<T>(build, x, nn::SeluOfAnySign<T>{alpha, T(1)});
  return emit_elementwise<T>(build, x, nn::Elu<T>{alpha});
}

template <class T>
Value convert_selu(Builder<T>& build, const NodeView& at) {
  const T alpha = static_cast<T>(at.number("alpha", 1.67326319217681884765625f));
  const T gain = static_cast<T>(at.number("gamma", 1.05070102214813232421875f));
  const Value x = build.value(at, 0);
  if (alpha < T(0) || gain <= T(0)) return emit_elementwise<T>(build, x, nn::SeluOfAnySign<T>{alpha, gain});
  return emit_elementwise<T>(build, x, nn::Selu<T>{alpha, gain});
}

template <class T>
Value convert_celu(Builder<T>& build, const NodeView& at) {
  const float alpha = at.number("alpha", 1);
  at.require(alpha != 0, "expected alpha other than 0");
  return emit_elementwise<T>(build, build.value(at, 0), nn::Celu<T>{static_cast<T>(alpha)});
}

template <class T>
Value convert_gelu(Builder<T>& build, const NodeView& at) {
  const std::string how = at.string("approximate", "none");
  at.require(how == "none" || how == "tanh", "expected none or tanh as approximation, got '", how, "'");
  if (how == "tanh") return emit_elementwise<T>(build, build.value(at, 0), nn::GeluTanh<T>{});
  return emit_elementwise<T>(build, build.value(at, 0), nn::Gelu<T>{});
}

template <class T>
Value convert_hard_sigmoid(Builder<T>& build, const NodeView& at) {
  const T slope = static_cast<T>(at.number("alpha", 0.2f)), shift = static_cast<T>(at.number("beta", 0.5f));
  return emit_elementwise<T>(build, build.value(at, 0), nn::HardSigmoid<T>{slope, shift});
}

template <class T>
Value convert_swish(Builder<T>& build, const NodeView& at) {
  return emit_elementwise<T>(build, build.value(at, 0), nn::Swish<T>{static_cast<T>(at.number("alpha", 1))});
}

template <class T>
Value convert_thresholded_relu(Builder<T>& build, const NodeView& at) {
  const T threshold = static_cast<T>(at.number("alpha", 1));
  return emit_elementwise<T>(build, build.value(at, 0), nn::ThresholdedRelu<T>{threshold});
}

template <class T>
Value convert_shrink(Builder<T>& build, const NodeView& at) {
  const T limit = static_cast<T>(at.number("lambd", 0.5f)), shift = static_cast<T>(at.number("bias", 0));
  return emit_elementwise<T>(build, build.value(at, 0), nn::Shrink<T>{limit, shift});
}

template <class T>
Value convert_is_infinite(Builder<T>& build, const NodeView& at) {
  nn::IsInfinite<T> f;
  f.negative = at.integer("detect_negative", 1) != 0;
  f.positive = at.integer("detect_positive", 1) != 0;
  return emit_elementwise<T>(build, build.value(at, 0), f);
}

/// As in C, since ONNX asks for that of floats.
template <class T>
Value convert_modulo(Builder<T>& build, const NodeView& at) {
  at.require(at.integer("fmod", 0) == 1, "expected fmod = 1, as floats need");
  return convert_binary<T, nn::Remainder<T>>(build, at);
}

/// Squares, roots and inverses are not computed as powers.
template <class T>
Value convert_power(Builder<T>& build, const NodeView& at) {
  const Constant* const exponent = build.find_constant(at.node().inputs[1]);
  const Value* const x = build.find_value(at.node().inputs[0]);
  if (x != nullptr && exponent != nullptr && exponent->size() == 1 && exponent->dims.size() <= x->rank()) {
    const double power = exponent->template numbers<double>()[0];
    if (power == 1) return *x;
    if (power == 2) return emit_elementwise<T>(build, *x, nn::Square<T>{});
    if (power == 0.5) return emit_elementwise<T>(build, *x, nn::Sqrt<T>{});
    if (power == -1) return emit_elementwise<T>(build, *x, nn::Reciprocal<T>{});
  }
  return convert_binary<T, nn::RaisedTo<T>>(build, at);
}

/// F of any number of tensors, from the first to the last.
template <class T, template <class...> class F>
Value convert_several(Builder<T>& build, const NodeView& at) {
  const std::size_t count = at.node().inputs.size();
  if (count == 2) return convert_binary<T, F<T>>(build, at);
  std::vector<Value> operands;
  for (std::size_t i = 0; i < count; ++i) operands.push_back(build.value(at, i));
  if (count == 1) return operands[0];
  const Broadcast to = broadcast(build, at, operands);
  Value y = stretched(build, operands[0], to);
  for (std::size_t i = 1; i < count; ++i) y = emit_binary<T, F<T>>(build, y, operands[i], to);
  return y;
}

template <class T>
Value convert_mean(Builder<T>& build, const NodeView& at) {
  const Value sum = convert_several<T, nn::Plus>(build, at);
  const T count = static_cast<T>(at.node().inputs.size());
  return build.emit(nn::make<nn::WithConstant<T, nn::Over<T>, false>>(nn::Lines{1, 1, volume(sum.dims)},
                                                                      std::vector<T>{count}),
                    {sum.slot}, sum.dims, sum.layout, sum.batch);
}

/// F, a sigmoid or a tanh of that rate, with the slopes that are asked for.
template <class T, class F>
Value emit_saturating(Builder<T>& build, const Value& x, int rate) {
  const Treatment& wanted = build.treatment();
  if (!wanted.stabilise && !wanted.surrogate_slopes) return emit_elementwise<T>(build, x, F{});
  if (wanted.surrogate_slopes)
    build.note(
        "gradients are not the network's: sigmoids and tanhs pull back by the slopes of flatter curves "
        "(BPDA)");
  const Index size = volume(x.dims);
  const nn::Slopes slopes = wanted.surrogate_slopes ? nn::Slopes::surrogate : nn::Slopes::exact;
  return build.emit(
      std::make_unique<nn::SteadySlopes<T>>(nn::make<nn::Elementwise<T, F>>(size, F{}), size, rate, slopes),
      {x.slot}, x.dims, x.layout, x.batch);
}

template <class T>
Value convert_tanh(Builder<T>& build, const NodeView& at) {
  return emit_saturating<T, nn::Tanh<T>>(build, build.value(at, 0), 2);
}

template <class T>
Value convert_sigmoid(Builder<T>& build, const NodeView& at) {
  const Value x = build.value(at, 0);
  const Value y = emit_saturating<T, nn::Sigmoid<T>>(build, x, 1);
  build.mark_sigmoid(y.slot, x.slot);
  return y;
}

/// A product; x sigmoid(x), as exporters write SiLU, in one pass.
template <class T>
Value convert_multiplication(Builder<T>& build, const NodeView& at) {
  for (std::size_t i = 0; i < 2; ++i) {
    const Value* const x = build.find_value(at.node().inputs[i]);
    const Value* const y = build.find_value(at.node().inputs[1 - i]);
    if (x != nullptr && y != nullptr && build.is_sigmoid(y->slot, x->slot) && x->dims == y->dims &&
        x->layout == y->layout && x->batch == y->batch)
      return emit_elementwise<T>(build, *x, nn::Swish<T>{T(1)});
  }
  return convert_arithmetic<T, nn::Times>(build, at);
}

}  // namespace foil::onnx::detail
