// SPDX-License-Identifier: MIT
/// \file
/// NumPy's .npy files: versions 1 to 3, C order, little-endian float32, float64, int32, int64 and uint8.
/// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/io/file.hpp"

namespace foil::io {

static_assert(std::endian::native == std::endian::little, "foil/io/npy.hpp needs a little-endian machine");

namespace detail {

template <class T>
inline constexpr std::string_view npy_type = "";
template <>
inline constexpr std::string_view npy_type<float> = "<f4";
template <>
inline constexpr std::string_view npy_type<double> = "<f8";
template <>
inline constexpr std::string_view npy_type<std::int32_t> = "<i4";
template <>
inline constexpr std::string_view npy_type<std::int64_t> = "<i8";
template <>
inline constexpr std::string_view npy_type<std::uint8_t> = "|u1";

/// Calls function(T{}) with the C++ type of a .npy element type; false if it is none of ours.
template <class Function>
bool with_npy_type(std::string_view type, Function&& function) {
  const auto call = [&]<class T>(T zero) { return type == npy_type<T> && (function(zero), true); };
  return call(float{}) || call(double{}) || call(std::int32_t{}) || call(std::int64_t{}) ||
         call(std::uint8_t{});
}

}  // namespace detail

/// The content of a .npy file.
struct NpyArray {
  std::filesystem::path path;        ///< where it came from, for messages
  std::string type;                  ///< "<f4", "<f8", "<i4", "<i8" or "|u1"
  std::vector<Index> shape;          ///< empty for a scalar
  std::vector<unsigned char> bytes;  ///< the elements in C order

  /// The elements converted to T: integers only from integers, and only if they fit.
  template <class T>
  std::vector<T> values() const {
    std::vector<T> out;
    detail::with_npy_type(type, [&]<class Stored>(Stored value) {
      if constexpr (std::is_integral_v<T> && !std::is_integral_v<Stored>) {
        detail::require(false, path, "expected integers, found elements of type ", type);
      } else {
        out.reserve(bytes.size() / sizeof value);
        for (std::size_t at = 0; at < bytes.size(); at += sizeof value) {
          std::memcpy(&value, bytes.data() + at, sizeof value);
          if constexpr (std::is_integral_v<T>)
            detail::require(std::in_range<T>(value), path, "the value ", value, " at position ", out.size(),
                            " is too large");
          out.push_back(static_cast<T>(value));
        }
      }
    });
    return out;
  }
};

namespace detail {

/// The beginning of a text of doubtful origin, fit for a one-line message.
inline std::string printable(std::string_view text) {
  std::string out(text.substr(0, 20));
  for (char& c : out)
    if (c < ' ' || c > '~') c = '?';
  return out;
}

/// Reads the Python dictionary literal that heads a .npy file.
class NpyHeader {
 public:
  NpyHeader(const std::filesystem::path& path, std::string_view text) : path_(path), rest_(text) {
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && !type) {
        skip_space();
        require(!rest_.starts_with('['), path_, "expected a plain .npy element type, found a record type");
        type = quoted();
      } else if (key == "fortran_order" && !fortran) {
        fortran = accept("True");
        if (!*fortran) expect("False");
      } else if (key == "shape" && !shape) {
        shape = tuple();
      } else {
        require(false, path_, "unexpected or repeated key '", printable(key), "' in the .npy header");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    require(rest_.empty(), path_, "unexpected text after the .npy header: '", printable(rest_), "'");
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
    require(accept(token), path_, "expected '", token, "' in the .npy header, found '", printable(rest_),
            "'");
  }
  void expect(char token) { expect(std::string_view(&token, 1)); }

  std::string quoted() {
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
              printable(rest_), "'");
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

}  // namespace detail

/// Reads a .npy file. Throws foil::Error for other element types, Fortran order, and files whose size is not
/// what the header says; nothing is allocated before that is known.
inline NpyArray read_npy(const std::filesystem::path& path) {
  using detail::require;
  const detail::File file = detail::open_to_read(path);
  std::error_code failure;
  std::uint64_t left = std::filesystem::file_size(path, failure);
  require(!failure, path, "cannot be read: ", failure.message());
  const auto read = [&](void* out, std::size_t size) {
    require(size <= left && (size == 0 || std::fread(out, 1, size, file.get()) == size), path,
            "truncated: expected ", size, " more bytes of the .npy file, found ", left);
    left -= size;
  };

  std::array<unsigned char, 8> magic{};
  read(magic.data(), magic.size());
  require(std::memcmp(magic.data(), "\x93NUMPY", 6) == 0, path, "expected a .npy file, found another format");
  const int version = magic[6];
  require(version >= 1 && version <= 3, path, "expected .npy version 1, 2 or 3, found ", version);
  std::array<unsigned char, 4> length{};
  read(length.data(), version == 1 ? 2 : 4);
  std::uint32_t header_size = 0;
  for (std::size_t i = 4; i-- > 0;) header_size = header_size << 8 | length[i];
  require(header_size <= left, path, "truncated: the .npy header should have ", header_size, " bytes, found ",
          left);
  std::string text(header_size, ' ');
  read(text.data(), text.size());

  detail::NpyHeader header(path, text);
  NpyArray array{path, *header.type, *header.shape, {}};
  if (array.type == "<u1") array.type = "|u1";
  std::uint64_t bytes = 0;
  require(detail::with_npy_type(array.type, [&](auto zero) { bytes = sizeof zero; }), path,
          "expected elements of type <f4, <f8, <i4, <i8 or |u1, found ", detail::printable(array.type));
  require(!*header.fortran || array.shape.size() < 2, path,
          "expected an array in C order, found Fortran order (save numpy.ascontiguousarray(a) instead)");
  std::string shape;
  for (const Index extent : array.shape) shape += (shape.empty() ? "" : ", ") + std::to_string(extent);
  bool fits = true;
  if (std::count(array.shape.begin(), array.shape.end(), 0) > 0) bytes = 0;
  for (const Index extent : array.shape) {
    const auto factor = static_cast<std::uint64_t>(extent);
    fits = fits && (bytes == 0 || bytes <= left / factor);
    bytes *= fits ? factor : 1;
  }
  require(fits && bytes == left, path, "the .npy header announces elements of type ", array.type,
          " in shape (", shape, "), which does not fit the ", left, " bytes that follow");
  array.bytes.resize(static_cast<std::size_t>(bytes));
  read(array.bytes.data(), array.bytes.size());
  return array;
}

/// Writes numbers in C order as a .npy file, all or nothing.
template <class T>
void write_npy(const std::filesystem::path& path, std::span<const T> values,
               const std::vector<Index>& shape) {
  static_assert(!detail::npy_type<T>.empty(), "foil: .npy holds float, double, int32, int64 or uint8");
  Index count = 1;
  std::string dimensions;
  for (const Index extent : shape) {
    count *= extent;
    dimensions += std::to_string(extent) + ", ";
  }
  detail::require(count == static_cast<Index>(values.size()), path, "asked to write ", values.size(),
                  " numbers in a shape for ", count);
  std::string header = "{'descr': '" + std::string(detail::npy_type<T>) +
                       "', 'fortran_order': False, 'shape': (" + dimensions + "), }";
  if (shape.size() > 1) header.erase(header.size() - 6, 2);  // (3,) but (3, 4)
  header.append(63 - (10 + header.size()) % 64, ' ') += '\n';
  detail::require(header.size() < 65536, path, "too many dimensions for a .npy file");

  AtomicFile file(path);
  file.write(std::string_view("\x93NUMPY\x01\x00", 8));
  const std::array<unsigned char, 2> length{static_cast<unsigned char>(header.size() % 256),
                                            static_cast<unsigned char>(header.size() / 256)};
  file.write(length.data(), length.size());
  file.write(header);
  file.write(values.data(), values.size_bytes());
  file.commit();
}

/// Writes a batch as a .npy file of the same shape, all or nothing.
template <Batch T>
void write_npy(const std::filesystem::path& path, const T& batch) {
  const auto& shape = batch.dimensions();
  write_npy(path, std::span<const typename T::Scalar>(batch.data(), static_cast<std::size_t>(batch.size())),
            std::vector<Index>(shape.begin(), shape.end()));
}

}  // namespace foil::io
