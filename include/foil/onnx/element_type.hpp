// SPDX-License-Identifier: MIT
/// \file
/// The element types of ONNX's tensors, and what their bits mean.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "foil/core/error.hpp"

namespace foil::onnx {

/// The element types that the importer reads, with ONNX's numbers.
enum class ElementType : std::int32_t {
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  uint16 = 4,
  int16 = 5,
  int32 = 6,
  int64 = 7,
  boolean = 9,
  float16 = 10,
  float64 = 11,
  uint32 = 12,
  uint64 = 13,
  bfloat16 = 16,
  float8_e4m3fn = 17,
  float8_e5m2 = 19,
  uint4 = 21,
  int4 = 22
};

/// What a constant's elements become: single precision, double precision or 64-bit integers.
enum class Kind { single, twice, integer };

namespace detail {

/// The name that ONNX gives to the type of this number, with the number; that of types that are not read,
/// too.
inline std::string type_text(std::int64_t type) {
  constexpr std::string_view names[] = {
      "undefined",      "float32",  "uint8",        "int8",           "uint16",
      "int16",          "int32",    "int64",        "string",         "bool",
      "float16",        "float64",  "uint32",       "uint64",         "complex64",
      "complex128",     "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2",
      "float8e5m2fnuz", "uint4",    "int4",         "float4e2m1",     "float8e8m0"};
  const bool named = type >= 0 && static_cast<std::uint64_t>(type) < std::size(names);
  return text(named ? names[static_cast<std::size_t>(type)] : std::string_view("an unknown type"), " (", type,
              ")");
}
inline std::string type_text(ElementType type) {
  return type_text(static_cast<std::int64_t>(type));
}

/// Bits of an element; 0 if elements of that type are not read.
inline unsigned element_bits(std::int64_t type) {
  switch (type) {
    case static_cast<int>(ElementType::uint4):
    case static_cast<int>(ElementType::int4):
      return 4;
    case static_cast<int>(ElementType::uint8):
    case static_cast<int>(ElementType::int8):
    case static_cast<int>(ElementType::boolean):
    case static_cast<int>(ElementType::float8_e4m3fn):
    case static_cast<int>(ElementType::float8_e5m2):
      return 8;
    case static_cast<int>(ElementType::uint16):
    case static_cast<int>(ElementType::int16):
    case static_cast<int>(ElementType::float16):
    case static_cast<int>(ElementType::bfloat16):
      return 16;
    case static_cast<int>(ElementType::float32):
    case static_cast<int>(ElementType::int32):
    case static_cast<int>(ElementType::uint32):
      return 32;
    case static_cast<int>(ElementType::float64):
    case static_cast<int>(ElementType::int64):
    case static_cast<int>(ElementType::uint64):
      return 64;
    default:
      return 0;
  }
}
inline unsigned element_bits(ElementType type) {
  return element_bits(static_cast<std::int64_t>(type));
}

inline Kind kind_of(ElementType type) {
  switch (type) {
    case ElementType::float32:
    case ElementType::float16:
    case ElementType::bfloat16:
    case ElementType::float8_e4m3fn:
    case ElementType::float8_e5m2:
      return Kind::single;
    case ElementType::float64:
      return Kind::twice;
    default:
      return Kind::integer;
  }
}

/// Whether this number is that of a type of floating-point numbers that is read.
inline bool is_float_type(std::int64_t type) {
  return element_bits(type) != 0 && kind_of(static_cast<ElementType>(type)) != Kind::integer;
}

/// The least and the largest integer of a type; of uint64 what int64 holds.
struct IntegerRange {
  std::int64_t lowest, highest;
};
inline IntegerRange integer_range(ElementType type) {
  if (type == ElementType::boolean) return {0, 1};
  const unsigned bits = element_bits(type);
  const bool is_signed = type == ElementType::int4 || type == ElementType::int8 ||
                         type == ElementType::int16 || type == ElementType::int32 ||
                         type == ElementType::int64;
  const std::int64_t all = std::numeric_limits<std::int64_t>::max();
  if (!is_signed) return {0, bits >= 64 ? all : (std::int64_t{1} << bits) - 1};
  const std::int64_t highest = bits >= 64 ? all : (std::int64_t{1} << (bits - 1)) - 1;
  return {-highest - 1, highest};
}

/// The values of the formats that C++ has no type for. All are exact.
inline float float_of_half(std::uint16_t bits) {
  const std::uint32_t sign = std::uint32_t(bits & 0x8000u) << 16, exponent = bits >> 10 & 0x1fu;
  const std::uint32_t fraction = bits & 0x3ffu;
  if (exponent == 0) {
    const float tiny = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -tiny : tiny;
  }
  const std::uint32_t wide = exponent == 0x1f ? 0xffu : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}
inline float float_of_bfloat(std::uint16_t bits) {
  return std::bit_cast<float>(std::uint32_t{bits} << 16);
}
inline float float_of_e5m2(std::uint8_t bits) {
  return float_of_half(static_cast<std::uint16_t>(bits << 8));
}
inline float float_of_e4m3fn(std::uint8_t bits) {
  const int exponent = bits >> 3 & 0xf, fraction = bits & 7;
  float value = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -9)
                              : std::ldexp(static_cast<float>(8 + fraction), exponent - 10);
  if (exponent == 0xf && fraction == 7) value = std::numeric_limits<float>::quiet_NaN();
  return (bits & 0x80) != 0 ? -value : value;
}

}  // namespace detail
}  // namespace foil::onnx
