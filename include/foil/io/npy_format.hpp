// SPDX-License-Identifier: MIT
/// \file
/// The format of NumPy's .npy files: the element types, and the header read and written.
/// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/io/file.hpp"

namespace foil::io {

static_assert(std::endian::native == std::endian::little, "foil/io/ needs a little-endian machine");

namespace detail {

/// The element types, as NumPy writes them on a little-endian machine.
template <class T>
inline constexpr std::string_view npy_type = "";
template <>
inline constexpr std::string_view npy_type<Eigen::half> = "<f2";
template <>
inline constexpr std::string_view npy_type<float> = "<f4";
template <>
inline constexpr std::string_view npy_type<double> = "<f8";
template <>
inline constexpr std::string_view npy_type<bool> = "|b1";
template <>
inline constexpr std::string_view npy_type<std::int8_t> = "|i1";
template <>
inline constexpr std::string_view npy_type<std::uint8_t> = "|u1";
template <>
inline constexpr std::string_view npy_type<std::int16_t> = "<i2";
template <>
inline constexpr std::string_view npy_type<std::uint16_t> = "<u2";
template <>
inline constexpr std::string_view npy_type<std::int32_t> = "<i4";
template <>
inline constexpr std::string_view npy_type<std::uint32_t> = "<u4";
template <>
inline constexpr std::string_view npy_type<std::int64_t> = "<i8";
template <>
inline constexpr std::string_view npy_type<std::uint64_t> = "<u8";

/// Calls function(T{}) with the C++ type of a .npy element type; false if it is none of ours.
template <class Function>
bool with_npy_type(std::string_view type, Function&& function) {
  const auto one_of = [&]<class... T>(T... zeros) {
    return ((type == npy_type<T> && (function(zeros), true)) || ...);
  };
  return one_of(Eigen::half{}, float{}, double{}, false, std::int8_t{}, std::uint8_t{}, std::int16_t{},
                std::uint16_t{}, std::int32_t{}, std::uint32_t{}, std::int64_t{}, std::uint64_t{});
}

/// A text of doubtful origin as a message quotes it.
inline std::string excerpt(std::string_view text) {
  constexpr std::size_t longest = 40;
  return printable(text, longest);
}

/// Reads the Python dictionary literal that heads a .npy file.
class NpyHeader {
 public:
  NpyHeader(const std::filesystem::path& path, std::string_view text) : path_(path), rest_(text) {
    expect('{');
    while (!accept('}')) {
      const std::string key = literal();
      expect(':');
      if (key == "descr" && !type) {
        skip_space();
        require(!rest_.starts_with('['), path_, "expected a plain .npy element type, found a record type");
        type = literal();
      } else if (key == "fortran_order" && !fortran) {
        fortran = accept("True");
        if (!*fortran) expect("False");
      } else if (key == "shape" && !shape) {
        shape = tuple();
      } else {
        require(false, path_, "unexpected or repeated key '", excerpt(key), "' in the .npy header");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    require(rest_.empty(), path_, "unexpected text after the .npy header: '", excerpt(rest_), "'");
    require(type && fortran && shape, path_,
            "the .npy header lacks one of the keys 'descr', 'fortran_order', 'shape'");
  }

  std::optional<std::string> type;
  std::optional<bool> fortran;
  std::optional<std::vector<Index>> shape;

 private:
  void skip_space() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n' || rest_.front() == '\t'))
      rest_.remove_prefix(1);
  }

  bool accept(std::string_view token) {
    skip_space();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  bool accept(char token) { return accept(std::string_view(&token, 1)); }

  void expect(std::string_view token) {
    require(accept(token), path_, "expected '", token, "' in the .npy header, found '", excerpt(rest_), "'");
  }
  void expect(char token) { expect(std::string_view(&token, 1)); }

  std::string literal() {
    const char quote = accept('"') ? '"' : '\'';
    if (quote == '\'') expect('\'');
    const auto end = rest_.find(quote);
    require(end != rest_.npos, path_, "unfinished text in the .npy header");
    std::string out(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return out;
  }

  std::vector<Index> tuple() {
    std::vector<Index> out;
    expect('(');
    while (!accept(')')) {
      skip_space();
      std::int64_t extent = 0;
      const auto [end, code] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), extent);
      require(code == std::errc() && extent >= 0, path_, "expected a dimension in the .npy shape, found '",
              excerpt(rest_), "'");
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      out.push_back(static_cast<Index>(extent));
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return out;
  }

  const std::filesystem::path& path_;
  std::string_view rest_;
};

/// The beginning of a .npy file, padded to a multiple of 64 bytes and to `at_least` so many.
inline std::string npy_header(std::string_view type, const std::vector<Index>& shape, std::size_t at_least) {
  std::string dimensions;
  for (const Index extent : shape) dimensions += (dimensions.empty() ? "" : ", ") + std::to_string(extent);
  if (shape.size() == 1) dimensions += ',';
  std::string text("\x93NUMPY\x01\x00\0\0", 10);
  text += "{'descr': '" + std::string(type) + "', 'fortran_order': False, 'shape': (" + dimensions + "), }";
  text.resize(std::max((text.size() / 64 + 1) * 64, at_least) - 1, ' ');
  text += '\n';
  const std::size_t length = text.size() - 10;
  foil::require(length < 65536, "npy: ", shape.size(), " dimensions are too many");
  text[8] = static_cast<char>(length % 256);
  text[9] = static_cast<char>(length / 256);
  return text;
}

}  // namespace detail

}  // namespace foil::io
