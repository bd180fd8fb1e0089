// SPDX-License-Identifier: MIT
/// \file
/// What people write: numbers, and names that are nearly right.
#pragma once

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <clocale>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"

namespace foil {

/// A whole number in decimal digits, whatever the zeros before it; nothing for all else, and for numbers that
/// the type does not hold.
template <std::integral T>
std::optional<T> parse_whole(std::string_view text) {
  T value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

namespace detail {

/// A decimal number by what every standard library has. std::strtod reads in the program's locale, and more
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

/// The same by std::from_chars, which libc++ has for integers only before its version 20.
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

/// A decimal number, or a fraction of two, "8/255". Nothing for all else, and where the number is beyond what
/// a double holds; "inf", "-inf" and "nan" are what they say. The same in every locale.
inline std::optional<double> parse_real(std::string_view text) {
  if (const auto slash = text.find('/'); slash != text.npos) {
    const auto over = parse_real(text.substr(0, slash)), under = parse_real(text.substr(slash + 1));
    if (!over || !under || text.find('/', slash + 1) != text.npos) return std::nullopt;
    const double value = *over / *under;
    return std::isfinite(value) && std::isfinite(*under) ? std::optional(value) : std::nullopt;
  }
  if (text == "inf" || text == "-inf")
    return (text == "inf" ? 1 : -1) * std::numeric_limits<double>::infinity();
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  const bool decimal =
      !text.empty() && text.front() != '+' && text.find_first_not_of("0123456789.-+eE") == text.npos;
  if (!decimal) return std::nullopt;
  return detail::parse_by_from_chars(text, 0.0);
}

/// What is between separators: "a+b" by '+' is "a" and "b". At least one part, which may be empty.
inline std::vector<std::string_view> parts_of(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (auto end = text.find(separator); end != text.npos; end = text.find(separator)) {
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  parts.push_back(text);
  return parts;
}

/// The fewest letters to change, add, drop or swap with the next one that make one word of the other. Small
/// and capital letters are the same, and so are - and _.
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  const auto folded = [](char c) {
    return c == '_' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  const auto same = [&](std::size_t i, std::size_t j) { return folded(a[i]) == folded(b[j]); };
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) now[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::swap(before, last);
    std::swap(last, now);
    now[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      now[j + 1] = std::min({now[j] + 1, last[j + 1] + 1, last[j] + (same(i, j) ? 0 : 1)});
      if (i > 0 && j > 0 && same(i, j - 1) && same(i - 1, j))
        now[j + 1] = std::min(now[j + 1], before[j - 1] + 1);
    }
  }
  return now[b.size()];
}

/// "; did you mean linf-pgd?": those of the names, three at most, that are the fewest edits away from what
/// was given; empty if that takes more than a third of its letters.
template <class Names>
std::string did_you_mean(std::string_view given, const Names& names) {
  std::vector<std::string_view> close;
  std::size_t least = std::max<std::size_t>(1, given.size() / 3);
  for (const std::string_view name : names) {
    const std::size_t distance = edit_distance(given, name);
    if (distance > least || distance >= name.size()) continue;
    if (distance < least) close.clear();
    least = distance;
    if (std::find(close.begin(), close.end(), name) == close.end()) close.push_back(name);
  }
  std::string out;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, close.size()); ++i)
    out += text(i == 0 ? "; did you mean " : " or ", close[i]);
  return out.empty() ? out : out + '?';
}

}  // namespace foil
