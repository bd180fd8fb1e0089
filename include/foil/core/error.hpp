// SPDX-License-Identifier: MIT
/// \file
/// What foil throws. Every message says what was given and what was expected.
#pragma once

#include <charconv>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace foil {

/// Base of everything foil throws on its own account: bad arguments, unreadable files, unsupported networks.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

namespace detail {

inline void append(std::string& out, std::string_view text) {
  out += text;
}

template <class Number>
  requires std::is_arithmetic_v<Number>
void append(std::string& out, Number value) {
  if constexpr (std::is_same_v<Number, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::is_same_v<Number, char>) {
    out += value;
  } else {
    char buffer[64];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    out.append(buffer, end);
  }
}

}  // namespace detail

/// Glues texts, characters and numbers together; numbers in their shortest exact form.
template <class... Parts>
std::string text(const Parts&... parts) {
  std::string out;
  (detail::append(out, parts), ...);
  return out;
}

/// Throws foil::Error with the glued parts unless `condition` holds.
template <class... Parts>
void require(bool condition, const Parts&... parts) {
  if (!condition) throw Error(text(parts...));
}

}  // namespace foil
