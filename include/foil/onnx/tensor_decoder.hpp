// SPDX-License-Identifier: MIT
/// \file
/// Decodes the constants of an ONNX file: elements in typed fields, as raw bytes, or in a file beside it.
#pragma once

#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <ios>
#include <limits>
#include <map>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/wire.hpp"

namespace foil::onnx::detail {

/// Bytes of a file, by default all from `offset` on. Throws foil::Error if it cannot be read or is shorter.
inline std::string read_file(const std::filesystem::path& path, std::uint64_t offset = 0,
                             std::uint64_t length = std::numeric_limits<std::uint64_t>::max()) {
  std::error_code failure;
  const std::uint64_t size = std::filesystem::file_size(path, failure);
  require(!failure, "onnx: cannot read '", path.string(), "': ", failure.message());
  require(offset <= size, "onnx: '", path.string(), "' has ", size, " bytes, expected data from byte ",
          offset);
  if (length == std::numeric_limits<std::uint64_t>::max()) length = size - offset;
  require(length <= size - offset, "onnx: '", path.string(), "' has ", size, " bytes, expected ", length,
          " from byte ", offset);
  std::string bytes(length, '\0');
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(bytes.data(), static_cast<std::streamsize>(length));
  require(static_cast<bool>(file), "onnx: cannot read '", path.string(), "'");
  return bytes;
}

/// Decodes TensorProto messages.
class TensorDecoder {
 public:
  /// `directory` is where external data may lie; empty forbids it.
  explicit TensorDecoder(std::filesystem::path directory) : directory_(std::move(directory)) {}

  Constant operator()(pbf_reader message) {
    Constant out;
    External external;
    std::int64_t type = 0, location = 0;
    std::string raw;
    std::vector<std::int64_t> small;
    bool has_raw = false;
    std::vector<pbf_reader> entries;
    while (message.next()) {
      if (take_integers(message, 1, out.dims) || take_numbers(message, 4, out.floats) ||
          take_integers(message, 5, small) || take_integers(message, 7, out.integers) ||
          take_text(message, 8, out.name))
        continue;
      if (is(message, 2, Wire::varint)) {
        type = message.get_int64();
      } else if (is(message, 9, Wire::length_delimited)) {
        raw = message.get_string();
        has_raw = true;
      } else if (is(message, 13, Wire::length_delimited)) {
        entries.push_back(message.get_message());
      } else if (is(message, 14, Wire::varint)) {
        location = message.get_int64();
      } else {
        message.skip();
      }
    }
    check_rank(out.dims.size(), "a tensor");
    const std::size_t width = element_width(type, out.name);
    out.type = static_cast<ElementType>(type);
    std::uint64_t count = 1, bound = 1;
    for (const std::int64_t d : out.dims) {
      const auto length = static_cast<std::uint64_t>(d);
      require(d >= 0 && length <= largest_tensor / bound, "onnx: tensor '", out.name,
              "' has an impossible dimension ", d);
      if (d > 0) bound *= length;
      count *= length;
    }
    if (location == 1) {
      for (const pbf_reader& entry : entries) external_entry(entry, out.name, external);
      raw = read_external(external, count * width, out.name);
      has_raw = true;
    }
    if (has_raw) {
      require(raw.size() == count * width, "onnx: tensor '", out.name, "' has ", raw.size(),
              " bytes, expected ", count * width, " for its shape");
      unpack(raw, out);
    } else if (out.type == ElementType::int32 || out.type == ElementType::boolean) {
      for (const std::int64_t v : small)
        out.integers.push_back(out.type == ElementType::boolean ? v != 0 : static_cast<std::int32_t>(v));
    }
    require(out.size() == count, "onnx: tensor '", out.name, "' has ", out.size(), " elements, expected ",
            count, " for its shape");
    return out;
  }

  /// How much external data has been read.
  std::uint64_t external_bytes() const { return external_bytes_; }

  /// The files that it was read from, without links in their paths.
  std::vector<std::filesystem::path> external_files() const {
    std::vector<std::filesystem::path> files;
    for (const auto& [file, bytes] : read_of_) files.push_back(file);
    return files;
  }

 private:
  struct External {
    std::string location;
    std::uint64_t offset = 0, length = std::numeric_limits<std::uint64_t>::max();
  };

  static void external_entry(pbf_reader message, const std::string& tensor, External& out) {
    std::string key, value;
    while (message.next())
      if (!take_text(message, 1, key) && !take_text(message, 2, value)) message.skip();
    if (key == "location") {
      out.location = value;
    } else if (key == "offset" || key == "length") {
      std::uint64_t number = 0;
      const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), number);
      require(failure == std::errc() && end == value.data() + value.size(), "onnx: tensor '", tensor,
              "': expected a number as ", key, " of its external data, got '", value, "'");
      (key == "offset" ? out.offset : out.length) = number;
    }
  }

  static constexpr std::uint64_t largest_tensor = std::uint64_t(1) << 40;

  static std::size_t element_width(std::int64_t type, const std::string& name) {
    switch (type) {
      case static_cast<int>(ElementType::float32):
      case static_cast<int>(ElementType::int32):
        return 4;
      case static_cast<int>(ElementType::int64):
        return 8;
      case static_cast<int>(ElementType::boolean):
        return 1;
      default:
        throw Error(foil::text("onnx: tensor '", name, "' has element type ", type,
                               ", expected float32 (1), int32 (6), int64 (7) or bool (9)"));
    }
  }

  /// Little-endian bytes to elements.
  static void unpack(const std::string& raw, Constant& out) {
    const auto bits = [&raw]<class Bits>(std::size_t i, Bits) {
      Bits value = 0;
      for (std::size_t b = 0; b < sizeof(Bits); ++b)
        value = static_cast<Bits>(
            value | static_cast<Bits>(static_cast<unsigned char>(raw[i * sizeof(Bits) + b])) << (8 * b));
      return value;
    };
    out.floats.clear();
    out.integers.clear();
    if (raw.empty()) return;
    if (out.is_float()) {
      out.floats.resize(raw.size() / 4);
      if constexpr (std::endian::native == std::endian::little)
        std::memcpy(out.floats.data(), raw.data(), raw.size());
      else
        for (std::size_t i = 0; i < out.floats.size(); ++i)
          out.floats[i] = std::bit_cast<float>(bits(i, std::uint32_t()));
    } else if (out.type == ElementType::boolean) {
      for (const char c : raw) out.integers.push_back(c != 0);
    } else if (out.type == ElementType::int32) {
      for (std::size_t i = 0; i < raw.size() / 4; ++i)
        out.integers.push_back(static_cast<std::int32_t>(bits(i, std::uint32_t())));
    } else {
      for (std::size_t i = 0; i < raw.size() / 8; ++i)
        out.integers.push_back(static_cast<std::int64_t>(bits(i, std::uint64_t())));
    }
  }

  std::string read_external(const External& external, std::uint64_t expected, const std::string& tensor) {
    require(!directory_.empty(), "onnx: tensor '", tensor,
            "' lies in another file, which a network given as bytes cannot have");
    std::error_code failure;
    const auto base = std::filesystem::weakly_canonical(directory_, failure);
    const auto path = std::filesystem::weakly_canonical(directory_ / external.location, failure);
    const auto relative = path.lexically_relative(base);
    require(!failure && !external.location.empty() && !relative.empty() && *relative.begin() != "..",
            "onnx: tensor '", tensor, "': its external data '", external.location,
            "' lies outside the directory of the model");
    const std::uint64_t length =
        external.length == std::numeric_limits<std::uint64_t>::max() ? expected : external.length;
    require(length == expected, "onnx: tensor '", tensor, "' has ", length,
            " bytes of external data, expected ", expected, " for its shape");
    // Tensors may share data, but a small file must not become many large constants.
    const std::uint64_t size = std::filesystem::file_size(path, failure);
    std::uint64_t& read = read_of_[path];
    require(failure || read <= 4 * size, "onnx: tensor '", tensor, "': its external data '",
            external.location, "' is used again and again");
    std::string bytes = read_file(path, external.offset, length);
    read += length;
    external_bytes_ += length;
    return bytes;
  }

  std::filesystem::path directory_;
  std::map<std::filesystem::path, std::uint64_t> read_of_;  ///< bytes read of each file
  std::uint64_t external_bytes_ = 0;
};

}  // namespace foil::onnx::detail
