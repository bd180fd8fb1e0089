// SPDX-License-Identifier: MIT
/// \file
/// Casts of ONNX's constants.
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/onnx/builder.hpp"
#include "foil/onnx/constant.hpp"
#include "foil/onnx/element_type.hpp"
#include "foil/onnx/functions.hpp"
#include "foil/onnx/node_view.hpp"

namespace foil::onnx::detail {

/// As ONNX defines the cast of one element: floats lose their fraction, integers their upper bits, and what
/// is not zero is true. What no integer holds ONNX leaves open; here it is an error.
inline std::int64_t cast_to_integer(const NodeView& at, double value, ElementType type) {
  if (type == ElementType::boolean) return value != 0 ? 1 : 0;
  const IntegerRange range = integer_range(type);
  const double whole = std::trunc(value);
  at.require(whole >= static_cast<double>(range.lowest) && whole < static_cast<double>(range.highest) + 1,
             "cannot cast ", value, " to ", type_text(type));
  return static_cast<std::int64_t>(whole);
}
inline std::int64_t cast_to_integer(const NodeView& at, std::int64_t value, ElementType type) {
  if (type == ElementType::boolean) return value != 0 ? 1 : 0;
  const unsigned bits = element_bits(type);
  const IntegerRange range = integer_range(type);
  at.require(bits < 64 || value >= range.lowest, "cannot cast ", value, " to ", type_text(type));
  if (bits == 64) return value;
  const std::int64_t all = std::int64_t{1} << bits, low = value & (all - 1);
  return low > range.highest ? low - all : low;
}

/// The nearest number of a type of half precision; all others as they are.
inline float rounded_to(ElementType type, float value) {
  if (type == ElementType::float16) return static_cast<float>(static_cast<Eigen::half>(value));
  if (type == ElementType::bfloat16) return static_cast<float>(static_cast<Eigen::bfloat16>(value));
  return value;
}

/// Integers of a type with what is beyond it cut off, as machines compute.
inline Constant wrapped(const NodeView& at, Constant c) {
  if (c.type == ElementType::boolean || element_bits(c.type) == 64 || !c.per_sample.empty()) return c;
  std::vector<std::int64_t> elements = c.integers().list();
  for (std::int64_t& v : elements) v = cast_to_integer(at, v, c.type);
  c.set(std::move(elements));
  return c;
}

template <class T>
Constant fold_cast(Builder<T>& build, const NodeView& at) {
  const Constant& x = build.constant(at, 0);
  const std::int64_t number = at.integer("to", 0);
  at.require(element_bits(number) > 0, "cannot cast a constant of ", type_text(x.type), " to ",
             type_text(number));
  Constant out = x;
  out.type = static_cast<ElementType>(number);
  if (out.is_float()) {
    at.require(x.per_sample.empty(),
               "the number of samples would become an activation, which would mix them");
    if (out.kind() == Kind::twice) {
      out.set(x.numbers<double>().list());
      return out;
    }
    if (element_bits(number) == 8) note_type(build, number, at.node().label());  // is not rounded to
    std::vector<float> elements = x.floats().list();
    for (float& v : elements) v = rounded_to(out.type, v);
    out.set(std::move(elements));
    return out;
  }
  x.visit([&]<class U>(const Numbers<U>& numbers) {
    using Wide = std::conditional_t<std::is_integral_v<U>, std::int64_t, double>;
    std::vector<std::int64_t> elements;
    for (const U v : numbers) elements.push_back(cast_to_integer(at, Wide{v}, out.type));
    out.set(std::move(elements));
  });
  return out;
}

}  // namespace foil::onnx::detail
