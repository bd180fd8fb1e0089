// SPDX-License-Identifier: MIT
/// \file
/// Pages that are put together of markup and of texts from outside, such that no text is taken for markup.
#pragma once

#include <concepts>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "foil/core/error.hpp"

namespace foil::report::html {

/// How every page begins, by which it is known as one of foil's.
inline constexpr std::string_view page_head = "<!DOCTYPE html>\n<!-- written by foil -->\n";

/// A text as it stands between tags or in the quotes of an attribute. Bytes that are no UTF-8, and characters
/// that steer rather than being seen, are question marks.
inline std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : printable(text, std::numeric_limits<std::size_t>::max())) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\'')
      out += "&#39;";
    else
      out += c;
  }
  return out;
}

/// A piece of a page. What is added is markup where it stands in the program's source as a literal, or is a
/// Markup itself; everything else, names and numbers, is text and escaped().
class Markup {
 public:
  Markup() = default;
  template <class... Parts>
    requires(sizeof...(Parts) > 1 || (!std::same_as<Parts, Markup> && ...))
  explicit Markup(const Parts&... parts) {
    (*this)(parts...);
  }

  template <class... Parts>
  Markup& operator()(const Parts&... parts) {
    (add(parts), ...);
    return *this;
  }
  const std::string& str() const { return text_; }
  bool empty() const { return text_.empty(); }

 private:
  template <class Part>
  void add(const Part& part) {
    if constexpr (std::is_array_v<Part>)
      text_ += part;
    else if constexpr (std::same_as<Part, Markup>)
      text_ += part.text_;
    else
      text_ += escaped(foil::text(part));
  }

  std::string text_{};
};

}  // namespace foil::report::html
