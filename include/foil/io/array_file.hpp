// SPDX-License-Identifier: MIT
/// \file
/// Which kind a data file is of, by its contents, and the arrays of .npy and .npz files. Needs zlib.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "foil/core/shape.hpp"
#include "foil/core/tensor.hpp"
#include "foil/io/bytes.hpp"
#include "foil/io/file.hpp"
#include "foil/io/npy.hpp"
#include "foil/io/zip.hpp"

namespace foil::io {

/// Names of arrays that are taken from an .npz archive of several.
using UsualNames = std::initializer_list<std::string_view>;

namespace detail {

enum class Kind { npy, npz, idx, picture, text, folder, other };

/// FILE.npz:NAME, where that is no file itself, in its two parts; else the name is empty.
inline std::pair<std::filesystem::path, std::string> split_place(const std::filesystem::path& path) {
  const std::string text = path.string();
  const auto colon = text.rfind(".npz:");
  std::error_code ignored;
  if (colon == text.npos || std::filesystem::exists(path, ignored)) return {path, {}};
  return {text.substr(0, colon + 4), text.substr(colon + 5)};
}

inline Kind kind_of(const std::filesystem::path& place) {
  const std::filesystem::path path = split_place(place).first;
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return Kind::folder;
  std::array<char, 256> start{};
  const File file = open_to_read(path);
  const std::string_view text(start.data(), std::fread(start.data(), 1, start.size(), file.get()));
  const auto starts = [&](std::initializer_list<std::string_view> magics) {
    return std::any_of(magics.begin(), magics.end(), [&](auto magic) { return text.starts_with(magic); });
  };
  if (starts({"\x93NUMPY"})) return Kind::npy;
  if (starts({"PK\3\4", "PK\5\6"})) return Kind::npz;
  if (starts({"\x1f\x8b", std::string_view("\0\0", 2)})) return Kind::idx;
  if (starts({"\x89PNG", "\xff\xd8\xff"})) return Kind::picture;
  const bool printable = std::all_of(text.begin(), text.end(), [](char c) {
    return c >= ' ' || c == '\t' || c == '\r' || c == '\n' || c < 0;
  });
  return printable && !text.empty() ? Kind::text : Kind::other;
}

/// The shape of so many samples.
inline std::string shape_text(Index rows, std::vector<Index> sample) {
  sample.insert(sample.begin(), rows);
  return extents_text(sample);
}

}  // namespace detail

/// The file that is read for a path, which may be FILE.npz:NAME.
inline std::filesystem::path file_of(const std::filesystem::path& path) {
  return detail::split_place(path).first;
}

/// Opens a .npy file, or an array of an .npz archive: FILE.npz:NAME, or FILE.npz for the only one, or the
/// first of the `usual` names that there is. Deflated arrays are inflated as they are read, from their
/// beginning again where one goes back; see NpyReader for those in Fortran order. Throws foil::Error.
inline NpyReader open_npy(const std::filesystem::path& path, UsualNames usual = {}) {
  if (detail::kind_of(path) != detail::Kind::npz) return NpyReader(path);
  const auto [file, name] = detail::split_place(path);
  auto archive = std::make_unique<FileBytes>(file);
  const Zip zip(*archive);
  const Zip::Member& member = find_array(zip, file, name, usual);
  return NpyReader(
      open_member(file.string() + ":" + detail::excerpt(member.name), std::move(archive), member));
}

}  // namespace foil::io
