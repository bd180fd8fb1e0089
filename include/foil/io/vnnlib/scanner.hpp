// SPDX-License-Identifier: MIT
/// \file
/// The words of a VNN-LIB file, and how to complain about one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "foil/core/error.hpp"
#include "foil/io/file.hpp"

namespace foil::io::detail {

/// A word, a parenthesis, a bracket, a comma or a quoted text; empty at the end. Refers to the text.
struct Word {
  std::string_view text{};
  std::size_t at = 0;

  bool is(std::string_view other) const { return text == other; }
  /// Whether it is neither punctuation nor the end.
  bool is_name() const { return !text.empty() && std::string_view("()[],\"").find(text[0]) == text.npos; }
};

/// Takes a text apart, word by word; comments begin with a semicolon. Lines end with LF, CR, or both.
class Scanner {
 public:
  /// \param name  of the file, for messages
  Scanner(std::string_view text, std::filesystem::path name) : text_(text), name_(std::move(name)) {
    advance();
  }

  const Word& next() const { return next_; }
  Word take() {
    const Word taken = next_;
    advance();
    return taken;
  }
  bool take_if(std::string_view word) {
    const bool found = next_.is(word);
    if (found) advance();
    return found;
  }
  void expect(std::string_view word) {
    if (!take_if(word)) require(false, next_.at, "expected ", word, ", found ", found());
  }
  Word expect_name(std::string_view what) {
    if (!next_.is_name()) require(false, next_.at, "expected ", what, ", found ", found());
    return take();
  }
  /// What comes next, in words.
  std::string found() const {
    return next_.text.empty() ? std::string("the end of the file") : "'" + shown(next_) + "'";
  }

  /// Throws foil::Error with the line and the column of a place unless `condition` holds. Lines are counted
  /// only then, and words made fit to be shown.
  template <class... Parts>
  void require(bool condition, std::size_t at, const Parts&... parts) const {
    if (condition) return;
    const std::size_t line_begin = at == 0 ? 0 : text_.find_last_of(line_ends, at - 1) + 1;  // npos + 1 is 0
    io::require(false, name_, "line ", line_of(at), ", column ", at - line_begin + 1, ": ", shown(parts)...);
  }
  std::size_t line_of(std::size_t at) const {
    std::size_t lines = 1;
    for (std::size_t i = 0; i < at; ++i)  // of CR LF the latter counts
      lines += text_[i] == '\n' || (text_[i] == '\r' && text_.substr(i + 1, 1) != "\n");
    return lines;
  }
  const std::filesystem::path& name() const { return name_; }

 private:
  static constexpr std::size_t longest_quotation = 60;
  static constexpr std::string_view line_ends = "\n\r";

  static std::string shown(const Word& word) { return printable(word.text, longest_quotation); }
  template <class Part>
  static const Part& shown(const Part& part) {
    return part;
  }

  void advance() {
    constexpr std::string_view space = " \t\r\n\f\v";
    std::size_t at = next_.at + next_.text.size();
    for (;;) {
      at = std::min(text_.find_first_not_of(space, at), text_.size());
      if (at == text_.size() || text_[at] != ';') break;
      at = std::min(text_.find_first_of(line_ends, at), text_.size());
    }
    std::size_t end = at;
    if (at < text_.size() && text_[at] == '"') {
      end = text_.find('"', at + 1);
      next_ = {text_.substr(at, 1), at};
      require(end != text_.npos, at, "a quotation mark is not closed");
      ++end;
    } else if (at < text_.size() && std::string_view("()[],").find(text_[at]) != std::string_view::npos) {
      end = at + 1;
    } else {
      end = std::min(text_.find_first_of(" \t\r\n\f\v()[],;\"", at), text_.size());
    }
    next_ = {text_.substr(at, end - at), at};
  }

  std::string_view text_;
  std::filesystem::path name_;
  Word next_{};
};

}  // namespace foil::io::detail
