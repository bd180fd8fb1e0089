// SPDX-License-Identifier: MIT
/// \file
/// Reads ONNX files into networks: the entry points and the decoding of the file format. The only header of
/// foil that needs protozero.
#pragma once

#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <protozero/exception.hpp>
#include <protozero/pbf_reader.hpp>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/onnx/importer.hpp"
#include "foil/onnx/model.hpp"

namespace foil::onnx {

namespace detail {

using foil::require;
using protozero::pbf_reader;
using Wire = protozero::pbf_wire_type;

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

/// Decodes the messages of the ONNX schema. Fields that the importer does not need are skipped.
class Decoder {
 public:
  /// `directory` is where external data may lie; empty forbids it.
  explicit Decoder(std::filesystem::path directory) : directory_(std::move(directory)) {}

  Model model(pbf_reader message) const {
    Model out;
    bool has_graph = false;
    while (message.next()) {
      if (is(message, 7, Wire::length_delimited)) {
        graph(message.get_message(), out);
        has_graph = true;
      } else if (is(message, 8, Wire::length_delimited)) {
        operator_set(message.get_message(), out);
      } else {
        message.skip();
      }
    }
    require(has_graph, "onnx: the file holds no graph");
    return out;
  }

 private:
  static bool is(const pbf_reader& message, std::uint32_t tag, Wire wire) {
    return message.tag() == tag && message.wire_type() == wire;
  }

  /// A repeated varint field, packed or not.
  static bool integers(pbf_reader& message, std::uint32_t tag, std::vector<std::int64_t>& out) {
    if (is(message, tag, Wire::varint)) {
      out.push_back(message.get_int64());
    } else if (is(message, tag, Wire::length_delimited)) {
      for (const std::int64_t value : message.get_packed_int64()) out.push_back(value);
    } else {
      return false;
    }
    return true;
  }

  static bool numbers(pbf_reader& message, std::uint32_t tag, std::vector<float>& out) {
    if (is(message, tag, Wire::fixed32)) {
      out.push_back(message.get_float());
    } else if (is(message, tag, Wire::length_delimited)) {
      for (const float value : message.get_packed_float()) out.push_back(value);
    } else {
      return false;
    }
    return true;
  }

  static bool text(pbf_reader& message, std::uint32_t tag, std::string& out) {
    if (!is(message, tag, Wire::length_delimited)) return false;
    out = message.get_string();
    return true;
  }

  static void operator_set(pbf_reader message, Model& out) {
    std::string domain;
    std::int64_t version = 0;
    while (message.next()) {
      if (text(message, 1, domain)) continue;
      if (is(message, 2, Wire::varint))
        version = message.get_int64();
      else
        message.skip();
    }
    if (domain.empty() || domain == "ai.onnx") out.opset = version;
  }

  void graph(pbf_reader message, Model& out) const {
    while (message.next()) {
      if (is(message, 1, Wire::length_delimited)) {
        out.nodes.push_back(node(message.get_message()));
      } else if (is(message, 5, Wire::length_delimited)) {
        out.initializers.push_back(tensor(message.get_message()));
      } else if (is(message, 11, Wire::length_delimited)) {
        out.inputs.push_back(value_info(message.get_message()));
      } else if (is(message, 12, Wire::length_delimited)) {
        out.outputs.push_back(value_info(message.get_message()));
      } else {
        require(message.tag() != 15, "onnx: sparse initializers are not supported");
        message.skip();
      }
    }
  }

  Node node(pbf_reader message) const {
    Node out;
    while (message.next()) {
      std::string name;
      if (text(message, 3, out.name) || text(message, 4, out.type) || text(message, 7, out.domain)) continue;
      if (text(message, 1, name))
        out.inputs.push_back(std::move(name));
      else if (text(message, 2, name))
        out.outputs.push_back(std::move(name));
      else if (is(message, 5, Wire::length_delimited))
        out.attributes.push_back(attribute(message.get_message()));
      else
        message.skip();
    }
    return out;
  }

  Attribute attribute(pbf_reader message) const {
    Attribute out;
    while (message.next()) {
      if (text(message, 1, out.name) || numbers(message, 7, out.numbers) ||
          integers(message, 8, out.integers))
        continue;
      if (is(message, 2, Wire::fixed32))
        out.number = message.get_float();
      else if (is(message, 3, Wire::varint))
        out.integer = message.get_int64();
      else if (is(message, 4, Wire::length_delimited))
        out.string = message.get_string();
      else if (is(message, 5, Wire::length_delimited))
        out.tensor = tensor(message.get_message());
      else
        message.skip();
    }
    return out;
  }

  static ValueInfo value_info(pbf_reader message) {
    ValueInfo out;
    while (message.next()) {
      if (text(message, 1, out.name)) continue;
      if (!is(message, 2, Wire::length_delimited)) {
        message.skip();
        continue;
      }
      pbf_reader type = message.get_message();
      while (type.next(1)) {
        if (type.wire_type() != Wire::length_delimited) {
          type.skip();
          continue;
        }
        pbf_reader tensor = type.get_message();
        while (tensor.next()) {
          if (is(tensor, 1, Wire::varint))
            out.type = tensor.get_int64();
          else if (is(tensor, 2, Wire::length_delimited))
            out.dims = shape(tensor.get_message());
          else
            tensor.skip();
        }
      }
    }
    return out;
  }

  static std::vector<std::int64_t> shape(pbf_reader message) {
    std::vector<std::int64_t> dims;
    while (message.next()) {
      if (!is(message, 1, Wire::length_delimited)) {
        message.skip();
        continue;
      }
      dims.push_back(-1);
      pbf_reader dimension = message.get_message();
      while (dimension.next()) {
        if (is(dimension, 1, Wire::varint))
          dims.back() = dimension.get_int64();
        else
          dimension.skip();
      }
    }
    return dims;
  }

  struct External {
    std::string location;
    std::uint64_t offset = 0, length = std::numeric_limits<std::uint64_t>::max();
  };

  static void external_entry(pbf_reader message, const std::string& tensor, External& out) {
    std::string key, value;
    while (message.next())
      if (!text(message, 1, key) && !text(message, 2, value)) message.skip();
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

  Constant tensor(pbf_reader message) const {
    Constant out;
    External external;
    std::int64_t type = 0, location = 0;
    std::string raw;
    std::vector<std::int64_t> small;
    bool has_raw = false;
    std::vector<pbf_reader> entries;
    while (message.next()) {
      if (integers(message, 1, out.dims) || numbers(message, 4, out.floats) || integers(message, 5, small) ||
          integers(message, 7, out.integers) || text(message, 8, out.name))
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
      out.integers = std::move(small);
    }
    require(out.size() == count, "onnx: tensor '", out.name, "' has ", out.size(), " elements, expected ",
            count, " for its shape");
    return out;
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

  std::string read_external(const External& external, std::uint64_t expected,
                            const std::string& tensor) const {
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
    return read_file(path, external.offset, length);
  }

  std::filesystem::path directory_;
};

inline Model decode(std::string_view bytes, std::filesystem::path directory) {
  require(!bytes.empty(), "onnx: the file is empty");
  try {
    return Decoder(std::move(directory)).model(pbf_reader(bytes.data(), bytes.size()));
  } catch (const protozero::exception& problem) {
    throw Error(foil::text("onnx: the file is damaged or no ONNX file: ", problem.what()));
  }
}

}  // namespace detail

/// Reads a network from the bytes of an ONNX file; see load(). External data is not allowed.
template <class Scalar = float, int Rank = 4>
nn::Network<Scalar, Rank> parse(std::string_view bytes, const Options<Scalar>& options = {}) {
  return detail::build_network<Scalar, Rank>(detail::decode(bytes, {}), options);
}

/// Reads a classifier from an ONNX file (opsets 9 to 17, float32 weights, computed in Scalar). The network
/// has one input of shape (N, ...) with Rank dimensions, whose first one may be open or fixed in the file;
/// any N can be evaluated. Throws foil::Error naming node and reason if the file is damaged, uses an operator
/// that is not supported, or mixes samples.
template <class Scalar = float, int Rank = 4>
nn::Network<Scalar, Rank> load(const std::filesystem::path& path, const Options<Scalar>& options = {}) {
  const std::string bytes = detail::read_file(path);
  std::filesystem::path directory = path.parent_path();
  if (directory.empty()) directory = ".";
  return detail::build_network<Scalar, Rank>(detail::decode(bytes, std::move(directory)), options);
}

}  // namespace foil::onnx
