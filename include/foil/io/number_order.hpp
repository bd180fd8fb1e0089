// SPDX-License-Identifier: MIT
/// \file
/// The order of names in which people count.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace foil::io::detail {

/// Whether one text comes before another where digits count as the number that they make, and the names in
/// a folder lie together.
inline bool comes_before_by_number(std::string_view a, std::string_view b) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto rank = [](char c) { return c == '/' ? 0 : int{static_cast<unsigned char>(c)}; };
  const auto number = [&](std::string_view& text) {
    const auto end =
        static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), digit) - text.begin());
    const std::string_view digits = text.substr(0, end);
    text.remove_prefix(end);
    return digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
  };
  while (!a.empty() && !b.empty()) {
    if (digit(a[0]) && digit(b[0])) {
      const std::string_view x = number(a), y = number(b);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
    } else {
      if (a[0] != b[0]) return rank(a[0]) < rank(b[0]);
      a.remove_prefix(1), b.remove_prefix(1);
    }
  }
  return a.empty() && !b.empty();
}

}  // namespace foil::io::detail
