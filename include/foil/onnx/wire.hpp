// SPDX-License-Identifier: MIT
/// \file
/// The fields of a protocol buffer as the ONNX schema uses them: each function takes the field that a message
/// stands at if it is the one asked for, and says whether it was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <protozero/pbf_reader.hpp>
#include <protozero/types.hpp>
#include <string>
#include <vector>

#include "foil/core/error.hpp"

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

inline bool take_doubles(pbf_reader& message, std::uint32_t tag, std::vector<double>& out) {
  if (is(message, tag, Wire::fixed64)) {
    out.push_back(message.get_double());
  } else if (is(message, tag, Wire::length_delimited)) {
    for (const double value : message.get_packed_double()) out.push_back(value);
  } else {
    return false;
  }
  return true;
}

/// A name, or another short text.
inline bool take_text(pbf_reader& message, std::uint32_t tag, std::string& out) {
  if (!is(message, tag, Wire::length_delimited)) return false;
  const auto view = message.get_view();
  constexpr std::size_t longest = 4096;
  require(view.size() <= longest, "onnx: the name '", printable({view.data(), view.size()}, 100), "' has ",
          view.size(), " bytes, expected at most ", longest);
  out.assign(view.data(), view.size());
  return true;
}

}  // namespace foil::onnx::detail
