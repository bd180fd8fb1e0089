// SPDX-License-Identifier: MIT
/// \file
/// The contents of an ONNX file as plain structures, as far as the importer looks at them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/onnx/constant.hpp"

namespace foil::onnx {

/// More axes than any tensor of a network has.
inline constexpr std::size_t largest_rank = 32;

/// Throws if a tensor, which `what` describes, has too many axes.
inline void check_rank(std::size_t rank, std::string_view what) {
  require(rank <= largest_rank, "onnx: ", what, " has ", rank, " dimensions, expected at most ",
          largest_rank);
}

struct Graph;

struct Attribute {
  std::string name;
  std::optional<float> number;
  std::optional<std::int64_t> integer;
  std::optional<std::string> string;
  std::optional<Constant> tensor;
  std::vector<float> numbers;
  std::vector<std::int64_t> integers;
  std::vector<std::string> strings;
  std::vector<Constant> tensors;
  std::vector<Graph> graphs;  ///< one, as the branches of an If have; or a list
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

/// Nodes in the order of evaluation, with the constants that they use.
struct Graph {
  std::vector<Node> nodes;
  std::vector<Constant> initializers;
  std::vector<ValueInfo> inputs, outputs;
};

struct Model : Graph {
  std::int64_t opset = 0;                             ///< of ONNX's own operators
  std::map<std::string, std::int64_t> opsets;         ///< of each domain; ONNX's own is ""
  std::uint64_t bytes = 0;                            ///< of the file, and of external data that it refers to
  std::vector<std::filesystem::path> external_files;  ///< where that data lies
  std::vector<std::string> notes{};                   ///< what has been done to it, in sentences for people
};

}  // namespace foil::onnx
