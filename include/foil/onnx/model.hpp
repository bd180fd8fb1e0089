// SPDX-License-Identifier: MIT
/// \file
/// The contents of an ONNX file as plain structures, as far as the importer looks at them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "foil/core/error.hpp"

namespace foil::onnx {

/// The element types that the importer reads, with ONNX's numbers.
enum class ElementType : std::int32_t { float32 = 1, int32 = 6, int64 = 7, boolean = 9 };

/// More axes than any tensor of a network has.
inline constexpr std::size_t largest_rank = 32;

/// Throws if a tensor, which `what` describes, has too many axes.
inline void check_rank(std::size_t rank, std::string_view what) {
  require(rank <= largest_rank, "onnx: ", what, " has ", rank, " dimensions, expected at most ",
          largest_rank);
}

/// A constant. Exactly one of `floats` and `integers` holds the elements, according to the type. What is
/// computed from the shape of a tensor whose number of samples N is open may hold multiples of N: where
/// `per_sample` is set, the integer counts for each sample. It is empty if no element does.
struct Constant {
  std::string name;
  ElementType type = ElementType::float32;
  std::vector<std::int64_t> dims;
  std::vector<float> floats;
  std::vector<std::int64_t> integers;
  std::vector<bool> per_sample{};

  bool is_float() const { return type == ElementType::float32; }
  std::size_t size() const { return is_float() ? floats.size() : integers.size(); }
  bool holds_samples(std::size_t i) const { return !per_sample.empty() && per_sample[i]; }
};

struct Attribute {
  std::string name;
  std::optional<float> number;
  std::optional<std::int64_t> integer;
  std::optional<std::string> string;
  std::optional<Constant> tensor;
  std::vector<float> numbers;
  std::vector<std::int64_t> integers;
};

struct Node {
  std::string name, type, domain;
  std::vector<std::string> inputs, outputs;
  std::vector<Attribute> attributes;

  const Attribute* find(std::string_view attribute) const {
    for (const Attribute& a : attributes)
      if (a.name == attribute) return &a;
    return nullptr;
  }

  /// "node 'conv1' (Conv)", for messages; nodes without a name go by their first output.
  std::string label() const {
    const std::string& id = name.empty() && !outputs.empty() ? outputs[0] : name;
    return text("node '", printable(id, 100), "' (", printable(type, 100), ")");
  }
};

/// A graph input or output. Open dimensions are -1.
struct ValueInfo {
  std::string name;
  std::int64_t type = 0;
  std::optional<std::vector<std::int64_t>> dims;
};

struct Model {
  std::int64_t opset = 0;
  std::uint64_t bytes = 0;                            ///< of the file, and of external data that it refers to
  std::vector<std::filesystem::path> external_files;  ///< where that data lies
  std::vector<Node> nodes;
  std::vector<Constant> initializers;
  std::vector<ValueInfo> inputs, outputs;
};

}  // namespace foil::onnx
