// SPDX-License-Identifier: MIT
/// \file
/// What foil throws. Every message says what was given and what was expected.
#pragma once

#include <charconv>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0)
#error foil: -ffast-math and -ffinite-math-only let the compiler drop the checks for NaN and infinity: compile without
#endif

namespace foil {

namespace detail {

/// Bytes of the UTF-8 character at the beginning of a text; 0 if there is none, or one that steers a terminal
/// or the direction of writing rather than being seen.
inline std::size_t visible_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return lead >= 0x20 && lead != 0x7f ? 1 : 0;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  unsigned code = lead & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3fu);
  }
  constexpr unsigned least[] = {0xa0, 0x800, 0x10000};  // below 0xa0 lie control characters
  const bool well_formed = code >= least[length - 2] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  const bool steers = (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
                      (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
  return well_formed && !steers ? length : 0;
}

}  // namespace detail

/// A text of doubtful origin made fit for a line of a terminal, a log or JSON: UTF-8, with a question mark
/// for every byte that is none or belongs to a control character, and of at most `longest` bytes, what is
/// longer without its middle.
inline std::string printable(std::string_view text, std::size_t longest = 600) {
  constexpr std::string_view gap = " ... ";
  std::string out;
  const auto copy = [&out](std::string_view from, std::size_t room) {
    while (!from.empty()) {
      const std::size_t length = detail::visible_character(from), width = length == 0 ? 1 : length;
      if (width > room) break;
      room -= width;
      if (length == 0)
        out += '?';
      else
        out += from.substr(0, length);
      from.remove_prefix(width);
    }
  };
  if (text.size() <= longest) {
    copy(text, longest);
    return out;
  }
  const std::size_t room = longest > gap.size() ? longest - gap.size() : 0, tail = room / 2;
  copy(text, room - tail);
  out += gap;
  std::string_view end = text.substr(text.size() - tail);
  for (int i = 0; i < 3 && !end.empty() && (static_cast<unsigned char>(end[0]) & 0xc0) == 0x80; ++i)
    end.remove_prefix(1);  // the rest of a character that begins in the gap
  copy(end, tail);
  return out;
}

/// Base of everything foil throws on its own account: bad arguments, unreadable files, unsupported networks.
/// Whatever a message quotes, it is printable(): one line of at most 600 bytes.
class Error : public std::runtime_error {
 public:
  explicit Error(std::string_view message) : std::runtime_error(printable(message)) {}
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
