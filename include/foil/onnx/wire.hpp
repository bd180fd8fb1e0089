// SPDX-License-Identifier: MIT
/// \file
/// The fields of a protocol buffer as the ONNX schema uses them: each function takes the field that a message
/// stands at if it is the one asked for, and says whether it was.
#pragma once

#include <cstdint>
#include <protozero/pbf_reader.hpp>
#include <protozero/types.hpp>
#include <string>
#include <vector>

namespace foil::onnx::detail {

using protozero::pbf_reader;
using Wire = protozero::pbf_wire_type;

inline bool is(const pbf_reader& message, std::uint32_t tag, Wire wire) {
  return message.tag() == tag && message.wire_type() == wire;
}

/// A repeated varint field, packed or not.
inline bool take_integers(pbf_reader& message, std::uint32_t tag, std::vector<std::int64_t>& out) {
  if (is(message, tag, Wire::varint)) {
    out.push_back(message.get_int64());
  } else if (is(message, tag, Wire::length_delimited)) {
    for (const std::int64_t value : message.get_packed_int64()) out.push_back(value);
  } else {
    return false;
  }
  return true;
}

inline bool take_numbers(pbf_reader& message, std::uint32_t tag, std::vector<float>& out) {
  if (is(message, tag, Wire::fixed32)) {
    out.push_back(message.get_float());
  } else if (is(message, tag, Wire::length_delimited)) {
    for (const float value : message.get_packed_float()) out.push_back(value);
  } else {
    return false;
  }
  return true;
}

inline bool take_text(pbf_reader& message, std::uint32_t tag, std::string& out) {
  if (!is(message, tag, Wire::length_delimited)) return false;
  out = message.get_string();
  return true;
}

}  // namespace foil::onnx::detail
