// SPDX-License-Identifier: MIT
/// \file
/// An ONNX file without the elements of its large constants, whose places are noted instead.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/onnx/source.hpp"

namespace foil::onnx::detail {

/// Where some bytes lie in the file.
struct ByteRange {
  std::uint64_t offset = 0, length = 0;
};

/// The file's messages. In a tensor, raw data and packed floats of some size are replaced by a field that
/// says which of `ranges` they are; such fields never come from the file.
struct Skeleton {
  static constexpr std::uint32_t raw_data = (1u << 29) - 1, float_data = (1u << 29) - 2;
  static constexpr std::uint64_t large = 1024;  ///< bytes

  std::string bytes{};
  std::vector<ByteRange> ranges{};
};

/// Deeper than the graphs within graphs of any network.
inline constexpr int deepest_graph = 8;

/// Makes the skeleton of a file, in time and memory linear in its size, and in memory without those elements.
class Skeletonizer {
 public:
  explicit Skeletonizer(const Source& source) : scanner_(source, 0, source.size()), end_(source.size()) {}

  Skeleton operator()() {
    message(Message::model, end_, 0, out_.bytes);
    return std::move(out_);
  }

 private:
  enum class Message { none, model, graph, node, attribute, tensor };

  static Message child_of(Message parent, std::uint64_t field) {
    if (parent == Message::model) return field == 7 ? Message::graph : Message::none;
    if (parent == Message::graph)
      return field == 1 ? Message::node : field == 5 ? Message::tensor : Message::none;
    if (parent == Message::node) return field == 5 ? Message::attribute : Message::none;
    if (parent == Message::attribute)
      return field == 5 || field == 10   ? Message::tensor
             : field == 6 || field == 11 ? Message::graph
                                         : Message::none;
    return Message::none;
  }

  static void put(std::uint64_t value, std::string& to) {
    for (; value >= 0x80; value >>= 7) to += static_cast<char>(value | 0x80);
    to += static_cast<char>(value);
  }

  void message(Message kind, std::uint64_t end, int depth, std::string& to) {
    while (scanner_.at() < end) {
      const std::uint64_t tag = scanner_.varint(), field = tag >> 3;
      const bool reserved =
          kind == Message::tensor && (field == Skeleton::raw_data || field == Skeleton::float_data);
      std::string ignored;
      std::string& out = reserved ? ignored : to;
      switch (tag & 7) {
        case 0:
          put(tag, out);
          put(scanner_.varint(), out);
          break;
        case 1:
          put(tag, out);
          scanner_.append(8, out);
          break;
        case 5:
          put(tag, out);
          scanner_.append(4, out);
          break;
        case 2: {
          const std::uint64_t length = scanner_.varint();
          require(scanner_.at() <= end && length <= end - scanner_.at(),
                  "onnx: the file is damaged or no ONNX file: it ends too early");
          delimited(kind, tag, length, depth, out);
          break;
        }
        default:
          throw Error("onnx: the file is damaged or no ONNX file: it has a field of an unknown kind");
      }
    }
    require(scanner_.at() == end, "onnx: the file is damaged or no ONNX file: a field ends too late");
  }

  void delimited(Message parent, std::uint64_t tag, std::uint64_t length, int depth, std::string& out) {
    const std::uint64_t field = tag >> 3;
    if (parent == Message::tensor && (field == 9 || field == 4) && length >= Skeleton::large) {
      put(std::uint64_t{field == 9 ? Skeleton::raw_data : Skeleton::float_data} << 3, out);
      put(out_.ranges.size(), out);
      out_.ranges.push_back({scanner_.at(), length});
      scanner_.skip(length);
      return;
    }
    put(tag, out);
    const Message child = child_of(parent, field);
    if (child == Message::none) {
      put(length, out);
      scanner_.append(length, out);
      return;
    }
    require(child != Message::graph || depth < deepest_graph, "onnx: graphs lie within graphs, more than ",
            deepest_graph, " deep");
    std::string inside;
    message(child, scanner_.at() + length, depth + (child == Message::graph ? 1 : 0), inside);
    put(inside.size(), out);
    out += inside;
  }

  Scanner scanner_;
  std::uint64_t end_;
  Skeleton out_{};
};

}  // namespace foil::onnx::detail
