// SPDX-License-Identifier: MIT
/// \file
/// Class labels as they lie on disk. Needs zlib.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/model.hpp"
#include "foil/core/shape.hpp"
#include "foil/core/tensor.hpp"
#include "foil/io/array_file.hpp"
#include "foil/io/file.hpp"
#include "foil/io/idx.hpp"
#include "foil/io/npy.hpp"
#include "foil/io/table.hpp"

namespace foil::io {

namespace detail {

/// Whether a text is a number of whatever kind and size, hexadecimal, infinite and NaN as well.
inline bool is_number(std::string_view text) {
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  if (text == "inf" || text == "nan") return true;
  const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
  const std::string_view digits = hexadecimal ? "0123456789abcdefABCDEF" : "0123456789";
  if (hexadecimal) text.remove_prefix(2);
  const auto first = text.find_first_not_of('.');
  return first <= 1 && digits.find(text[first]) != digits.npos &&
         text.find_first_not_of(std::string(digits) + ".+-eEpP") == text.npos;
}

/// Whether a table has a first line of names: there is a letter in it, and no cell is a number. What is
/// neither a name nor a label is no header either, so that it is complained about rather than dropped.
inline bool has_header(const Table& table) {
  if (table.lines().empty()) return false;
  const auto& cells = table.lines()[0];
  const auto has_letter = [](const std::string& cell) {
    return std::any_of(cell.begin(), cell.end(),
                       [](unsigned char c) { return std::isalpha(c) != 0 || c >= 0x80; });
  };
  return std::none_of(cells.begin(), cells.end(), is_number) &&
         std::any_of(cells.begin(), cells.end(), has_letter);
}

inline std::vector<int> label_column(const Table& table) {
  const std::size_t first = has_header(table) ? 1 : 0;
  std::vector<int> values;
  if (table.lines().size() <= first) return values;
  const Index named = first == 1 ? table.column("label") : -1;
  require(named >= 0 || table.lines()[0].size() == 1, table.path(),
          "expected one label per line, or a column named 'label', found ", table.lines()[0].size(),
          " columns");
  for (std::size_t line = first; line < table.lines().size(); ++line)
    values.push_back(table.natural(line, static_cast<std::size_t>(std::max<Index>(named, 0))));
  return values;
}

inline bool one_per_row(const std::vector<Index>& shape) {
  return shape.size() == 1 || (shape.size() == 2 && shape[1] == 1);
}

}  // namespace detail

/// So many labels nobody has.
inline constexpr Index most_labels = 1'000'000'000;

/// Reads one class index per row: from a .npy or .npz file of integers (of any type, in shape (N)
/// or (N, 1)), from idx, or from text: one number per line, with or without a header, or CSV with a column
/// `label`. Throws foil::Error for anything else, for labels outside 0 ... 2^31 - 1, and for more than
/// `most`, before these are read.
inline Labels read_labels(const std::filesystem::path& path, Index most = most_labels,
                          UsualNames usual = {"labels", "y"}) {
  std::vector<Index> shape;
  std::vector<int> values;
  const auto check = [&] {
    const bool one_hot = shape.size() == 2 && shape[1] > 1;
    require(detail::one_per_row(shape) && shape[0] > 0, path,
            "expected one label per sample in a shape (N), found ", extents_text(shape),
            one_hot ? "; of one-hot labels, take the argmax" : "");
    require(shape[0] <= most, path, "expected at most ", most, " labels, found ", shape[0]);
  };
  const detail::Kind kind = detail::kind_of(path);
  if (kind == detail::Kind::npy || kind == detail::Kind::npz) {
    NpyReader reader = open_npy(path, usual);
    require(reader.type()[1] == 'i' || reader.type()[1] == 'u', path,
            "expected labels that are integers, found elements of type ", reader.type(),
            reader.type()[1] == 'b' ? " (bools: which class is true?)" : "");
    shape = reader.shape();
    check();
    values = reader.next(shape[0]).values<int>();
  } else if (kind == detail::Kind::text) {
    values = detail::label_column(Table(path, most));
    shape = {static_cast<Index>(values.size())};
    check();
  } else {
    require(kind == detail::Kind::idx, path, "expected labels in .npy, .npz, idx, CSV or text, found ",
            kind == detail::Kind::folder ? "a folder" : "another format");
    IdxReader reader(path);
    shape = reader.shape();
    check();
    const IdxArray array = reader.next(shape[0]);
    values.assign(array.data.begin(), array.data.end());
  }
  Labels labels(shape[0]);
  for (Index i = 0; i < shape[0]; ++i) {
    labels[i] = values[static_cast<std::size_t>(i)];
    require(labels[i] >= 0, path, "expected labels from 0 upwards, found ", labels[i], " in row ", i);
  }
  return labels;
}

/// Whether read_labels() rather than read_images() is for this file: idx with one dimension, .npy or .npz of
/// one integer per row, text that begins with a number.
inline bool holds_labels(const std::filesystem::path& path) {
  switch (detail::kind_of(path)) {
    case detail::Kind::npy:
    case detail::Kind::npz: {
      const NpyReader file = open_npy(path);
      return file.type().find('f') == std::string::npos && detail::one_per_row(file.shape());
    }
    case detail::Kind::idx:
      return IdxReader(path).shape().size() == 1;
    case detail::Kind::text:
      return !detail::has_header(Table(path, most_labels));
    default:
      return false;
  }
}

}  // namespace foil::io
