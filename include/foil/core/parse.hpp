// SPDX-License-Identifier: MIT
/// \file
/// Numbers from texts.
#pragma once

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <clocale>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace foil {

namespace detail {

/// parse_double() by what every standard library has. std::strtod reads in the program's locale, and more
/// than std::from_chars does: white space and a plus in front, and hexadecimal numbers.
inline std::optional<double> parse_by_strtod(std::string_view text) {
  if (text.empty() || std::string_view(" \t\n\v\f\r+").find(text[0]) != std::string_view::npos ||
      text.find_first_of("xX") != std::string_view::npos)
    return std::nullopt;
  std::string local(text);
  std::replace(local.begin(), local.end(), '.', *std::localeconv()->decimal_point);
  char* end = nullptr;
  errno = 0;
  const double value = std::strtod(local.c_str(), &end);
  const bool out_of_range = errno == ERANGE && (value == 0 || std::isinf(value));
  if (end != local.c_str() + local.size() || out_of_range) return std::nullopt;
  return value;
}

/// parse_double() by std::from_chars, which libc++ has for integers only before its version 20.
template <class Number>
std::optional<double> parse_by_from_chars(std::string_view text, Number value) {
  if constexpr (requires { std::from_chars(text.data(), text.data(), value); }) {
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
  } else {
    return parse_by_strtod(text);
  }
}

}  // namespace detail

/// The decimal number that a text is from its first character to its last, whatever the locale; nothing if it
/// is none, or if no double comes near it.
inline std::optional<double> parse_double(std::string_view text) {
  return detail::parse_by_from_chars(text, 0.0);
}

}  // namespace foil
