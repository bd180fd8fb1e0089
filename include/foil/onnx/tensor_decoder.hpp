// SPDX-License-Identifier: MIT
/// \file
/// Decodes the constants of an ONNX file: elements in typed fields, as raw bytes, or in a file beside it.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/onnx/constant.hpp"
#include "foil/onnx/element_type.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/skeleton.hpp"
#include "foil/onnx/source.hpp"
#include "foil/onnx/wire.hpp"

namespace foil::onnx::detail {

/// Decodes TensorProto messages of a file's skeleton.
class TensorDecoder {
 public:
  /// `directory` is where external data may lie; empty forbids it.
  TensorDecoder(std::shared_ptr<const Source> file, std::vector<ByteRange> ranges,
                std::filesystem::path directory)
      : file_(std::move(file)), ranges_(std::move(ranges)), directory_(std::move(directory)) {}

  Constant operator()(pbf_reader message) {
    Constant out;
    Fields fields;
    while (message.next()) read_field(message, fields, out);
    check_rank(out.dims.size(), "a tensor");
    const std::size_t bits = element_bits(fields.type);
    require(bits > 0, "onnx: tensor '", out.name, "' holds elements of ", type_text(fields.type),
            ", which are not supported");
    out.type = static_cast<ElementType>(fields.type);
    std::uint64_t count = 1, bound = 1;
    for (const std::int64_t d : out.dims) {
      const auto length = static_cast<std::uint64_t>(d);
      require(d >= 0 && length <= largest_tensor / bound, "onnx: tensor '", out.name,
              "' has an impossible dimension ", d);
      if (d > 0) bound *= length;
      count *= length;
    }
    const std::uint64_t bytes = (count * bits + 7) / 8;
    if (fields.location == 1) {
      set_external(fields.entries, count, bytes, out);
    } else if (fields.has_raw) {
      const std::uint64_t size = fields.raw ? fields.raw->length : fields.small.size();
      require(size == bytes, "onnx: tensor '", out.name, "' has ", size, " bytes, expected ", bytes,
              " for its shape");
      if (fields.raw)
        out.set(file_, fields.raw->offset, count);
      else
        keep(std::move(fields.small), count, out);
    } else {
      set_typed(fields, count, bytes, out);
    }
    require(out.size() == count, "onnx: tensor '", out.name, "' has ", out.size(), " elements, expected ",
            count, " for its shape");
    return out;
  }

  /// How much external data is referred to.
  std::uint64_t external_bytes() const { return external_bytes_; }

  /// The files in which it lies, without links in their paths.
  std::vector<std::filesystem::path> external_files() const {
    std::vector<std::filesystem::path> files;
    for (const auto& [file, used] : externals_) files.push_back(file);
    return files;
  }

 private:
  /// What a message says besides name and shape.
  struct Fields {
    std::int64_t type = 0, location = 0;
    bool has_raw = false;
    const ByteRange* raw = nullptr;   ///< large raw data
    std::string small{};              ///< raw data that is not
    std::vector<ByteRange> packed{};  ///< large lists of floats
    std::vector<float> floats{};
    std::vector<double> doubles{};
    std::vector<std::int64_t> narrow{}, wide{}, unsigned_wide{};
    std::vector<pbf_reader> entries{};
  };

  struct External {
    std::shared_ptr<const Source> source{};
    std::uint64_t used = 0;
  };

  void read_field(pbf_reader& message, Fields& fields, Constant& out) const {
    if (take_integers(message, 1, out.dims) || take_numbers(message, 4, fields.floats) ||
        take_integers(message, 5, fields.narrow) || take_integers(message, 7, fields.wide) ||
        take_text(message, 8, out.name) || take_doubles(message, 10, fields.doubles) ||
        take_integers(message, 11, fields.unsigned_wide))
      return;
    if (is(message, 2, Wire::varint)) {
      fields.type = message.get_int64();
    } else if (is(message, 9, Wire::length_delimited)) {
      fields.small = message.get_string();
      fields.raw = nullptr;
      fields.has_raw = true;
    } else if (is(message, Skeleton::raw_data, Wire::varint)) {
      fields.raw = &ranges_.at(message.get_uint64());
      fields.has_raw = true;
    } else if (is(message, Skeleton::float_data, Wire::varint)) {
      fields.packed.push_back(ranges_.at(message.get_uint64()));
    } else if (is(message, 13, Wire::length_delimited)) {
      fields.entries.push_back(message.get_message());
    } else if (is(message, 14, Wire::varint)) {
      fields.location = message.get_int64();
    } else {
      message.skip();
    }
  }

  /// Elements in the field that ONNX has for their type.
  void set_typed(Fields& fields, std::uint64_t count, std::uint64_t bytes, Constant& out) const {
    if (out.type == ElementType::float32) {
      const bool one = fields.packed.size() == 1 && fields.floats.empty();
      if (one && fields.packed[0].length == bytes) {
        out.set(file_, fields.packed[0].offset, count);
        return;
      }
      for (const ByteRange& extent : fields.packed) {  // pieces that no writer makes: their order is not kept
        std::vector<float> piece(extent.length / sizeof(float));
        require(extent.length % sizeof(float) == 0, "onnx: tensor '", out.name, "' ends within a number");
        Constant read(ElementType::float32, {});
        read.set(file_, extent.offset, piece.size());
        const Numbers<float> numbers = read.floats();
        fields.floats.insert(fields.floats.end(), numbers.begin(), numbers.end());
      }
      out.set(std::move(fields.floats));
    } else if (out.type == ElementType::float64) {
      out.set(std::move(fields.doubles));
    } else if (out.type == ElementType::int64) {
      out.set(std::move(fields.wide));
    } else {
      const bool wide = out.type == ElementType::uint32 || out.type == ElementType::uint64;
      const std::vector<std::int64_t>& from = wide ? fields.unsigned_wide : fields.narrow;
      const unsigned width = (element_bits(out.type) + 7) / 8;
      const std::uint64_t expected = bytes / width;
      require(from.size() == expected, "onnx: tensor '", out.name, "' has ", from.size(),
              " elements, expected ", expected, " for its shape");
      std::string raw;
      for (const std::int64_t v : from) {
        const std::int64_t element = out.type == ElementType::boolean ? v != 0 : v;
        for (unsigned b = 0; b < width; ++b)
          raw += static_cast<char>(static_cast<std::uint64_t>(element) >> (8 * b));
      }
      keep(std::move(raw), count, out);
    }
  }

  /// Decodes small data for good; keeps large data as it is, for it may be several times shorter.
  static void keep(std::string raw, std::uint64_t count, Constant& out) {
    const bool small = raw.size() < Skeleton::large;
    out.set(std::make_shared<const Source>(Source::copy(std::move(raw))), 0, count);
    if (small) settle(out);
  }

  void set_external(const std::vector<pbf_reader>& entries, std::uint64_t count, std::uint64_t bytes,
                    Constant& out) {
    constexpr std::uint64_t unsaid = std::numeric_limits<std::uint64_t>::max();
    std::string location;
    std::uint64_t offset = 0, length = unsaid;
    for (pbf_reader entry : entries) {
      std::string key, value;
      while (entry.next())
        if (!take_text(entry, 1, key) && !take_text(entry, 2, value)) entry.skip();
      if (key == "location") location = value;
      if (key == "offset" || key == "length")
        (key == "offset" ? offset : length) = parse_number(key, value, out.name);
    }
    require(!directory_.empty(), "onnx: tensor '", out.name,
            "' lies in another file, which a network given as bytes cannot have");
    std::error_code failure;
    const auto base = std::filesystem::weakly_canonical(directory_, failure);
    const auto path = std::filesystem::weakly_canonical(directory_ / location, failure);
    const auto relative = path.lexically_relative(base);
    require(!failure && !location.empty() && !relative.empty() && *relative.begin() != "..", "onnx: tensor '",
            out.name, "': its external data '", location, "' lies outside the directory of the model");
    require(length == unsaid || length == bytes, "onnx: tensor '", out.name, "' has ", length,
            " bytes of external data, expected ", bytes, " for its shape");
    External& external = externals_[path];
    if (!external.source) external.source = std::make_shared<const Source>(path);
    const std::uint64_t size = external.source->size();
    // Tensors may share data, but a small file must not become many large constants.
    require(external.used <= 4 * size, "onnx: tensor '", out.name, "': its external data '", location,
            "' is used again and again");
    external.source->check(offset, bytes);
    external.used += bytes;
    external_bytes_ += bytes;
    out.set(external.source, offset, count);
    if (bytes < Skeleton::large) settle(out);
  }

  /// Decodes the elements for good.
  static void settle(Constant& out) {
    out.visit([&](const auto& numbers) { out.set(numbers.list()); });
  }

  static std::uint64_t parse_number(const std::string& key, const std::string& value,
                                    const std::string& tensor) {
    std::uint64_t number = 0;
    const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), number);
    require(failure == std::errc() && end == value.data() + value.size(), "onnx: tensor '", tensor,
            "': expected a number as ", key, " of its external data, got '", value, "'");
    return number;
  }

  static constexpr std::uint64_t largest_tensor = std::uint64_t(1) << 40;

  std::shared_ptr<const Source> file_;
  std::vector<ByteRange> ranges_;
  std::filesystem::path directory_;
  std::map<std::filesystem::path, External> externals_{};
  std::uint64_t external_bytes_ = 0;
};

}  // namespace foil::onnx::detail
