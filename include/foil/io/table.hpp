// SPDX-License-Identifier: MIT
/// \file
/// Small tables in text files: CSV, or one entry per line.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/io/file.hpp"
#include "foil/io/gzip.hpp"
#include "foil/io/npy_format.hpp"

namespace foil::io {

/// The lines of a text file, plain or gzipped, split at commas. Cells may be quoted as in CSV ("a, b");
/// spaces around them, empty lines at the end, a byte order mark and carriage returns are passed over.
class Table {
 public:
  static constexpr std::size_t longest_line = 1 << 16;

  /// Reads a table of at most `most` lines beside a header. Throws foil::Error, naming the line, for one that
  /// is empty, too long, not text or not of as many cells as the first, and if there are more.
  explicit Table(std::filesystem::path path, Index most) : path_(std::move(path)) {
    GzipFile file(path_);
    std::array<char, 1 << 14> chunk{};
    std::string line;
    while (const std::size_t got = file.read(chunk.data(), static_cast<unsigned>(chunk.size())))
      for (const char c : std::string_view(chunk.data(), got)) {
        if (c == '\n') {
          add(std::exchange(line, {}), most);
          continue;
        }
        require((c >= ' ' || c == '\t' || c == '\r' || c < 0) && line.size() < longest_line, path_,
                "expected lines of text, found something else in line ", lines_ + 1);
        line += c;
      }
    if (!line.empty()) add(std::move(line), most);
  }

  const std::filesystem::path& path() const { return path_; }
  /// The lines, the header among them if there is one.
  const std::vector<std::vector<std::string>>& lines() const { return cells_; }
  /// Where the column of that name is in the first line; -1 if there is none. Throws foil::Error if there are
  /// two.
  Index column(std::string_view name) const {
    if (cells_.empty()) return -1;
    const auto found = std::find(cells_[0].begin(), cells_[0].end(), name);
    require(std::count(found, cells_[0].end(), name) <= 1, path_, "the column '", name, "' is there twice");
    return found == cells_[0].end() ? -1 : found - cells_[0].begin();
  }

  /// A cell that has to say something. Throws foil::Error, naming the line, for an empty one.
  const std::string& text(std::size_t line, std::size_t column) const {
    require(!cells_[line][column].empty(), path_, "expected something in cell ", column + 1, " of line ",
            line + 1, ", found nothing");
    return cells_[line][column];
  }

  /// An integer from 0 on.
  int natural(std::size_t line, std::size_t column) const {
    const std::string& cell = cells_[line][column];
    int value = 0;
    const auto [end, code] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    require(code == std::errc() && end == cell.data() + cell.size() && value >= 0, path_,
            "expected a class from 0 to 2^31 - 1, found '", detail::excerpt(cell), "' in line ", line + 1);
    return value;
  }

 private:
  void add(std::string line, Index most) {
    if (lines_ == 0 && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);
    ++lines_;
    auto cells = split(line);
    if (cells.size() == 1 && cells[0].empty()) {
      ++empty_;
      return;
    }
    require(empty_ == 0, path_, "line ", lines_ - empty_, " is empty");
    require(cells_.empty() || cells.size() == cells_[0].size(), path_, "expected ",
            cells_.empty() ? 0 : cells_[0].size(), " cells in line ", lines_, ", found ", cells.size());
    require(static_cast<Index>(cells_.size()) <= most, path_, "expected at most ", most,
            " lines, found more");
    cells_.push_back(std::move(cells));
  }

  std::vector<std::string> split(std::string_view line) const {
    std::vector<std::string> cells(1);
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '"') {
        if (quoted && i + 1 < line.size() && line[i + 1] == '"')
          cells.back() += line[++i];
        else
          quoted = !quoted;
      } else if (line[i] == ',' && !quoted) {
        cells.emplace_back();
      } else {
        cells.back() += line[i];
      }
    }
    require(!quoted, path_, "a quotation mark is not closed in line ", lines_);
    for (std::string& cell : cells) {
      constexpr std::string_view space = " \t\r";
      cell.erase(0, std::min(cell.find_first_not_of(space), cell.size()));
      cell.erase(cell.find_last_not_of(space) + 1);
    }
    return cells;
  }

  std::filesystem::path path_;
  std::vector<std::vector<std::string>> cells_{};
  Index lines_ = 0, empty_ = 0;
};

}  // namespace foil::io
