// SPDX-License-Identifier: MIT
/// \file
/// What an output of a file is made from: who writes it, and the scores that it is the largest one of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "foil/onnx/builder.hpp"
#include "foil/onnx/head.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

/// The nodes that write tensors, by the tensor.
inline Producers find_producers(const Model& model) {
  Producers out;
  for (const Node& node : model.nodes)
    if (!node.outputs.empty()) out.emplace(node.outputs[0], &node);
  return out;
}

/// What an output is chosen from: the scores before an ArgMax, if it is one, or itself.
struct Choice {
  std::string scores;
  const Node* argmax = nullptr;
};
inline Choice before_argmax(const Model& model, const std::string& output) {
  const Producers producers = find_producers(model);
  std::string at = output;
  for (std::size_t i = 0; i <= model.nodes.size(); ++i) {
    const auto found = producers.find(at);
    if (found == producers.end() || found->second->inputs.empty()) break;
    const Node& node = *found->second;
    at = node.inputs[0];
    if (node.type == "ArgMax") return {at, &node};
    if (node.type != "Cast" && node.type != "Identity" && node.type != "Squeeze" && node.type != "Reshape")
      break;
  }
  return {output};
}

/// Checks that the largest score is sought among the classes.
template <class T>
void check_argmax(const Builder<T>& build, const Choice& choice, std::int64_t opset) {
  const NodeView at(*choice.argmax, opset);
  const Value* const x = build.find_value(choice.scores);
  if (x == nullptr) return;
  const std::size_t axis = at.axis(at.integer("axis", 0), x->rank());
  at.keep_apart(*x, axis);
  at.require(x->dims[axis] == volume(x->dims), "expected it along the classes, got axis ", axis, " of ",
             x->shape());
}

}  // namespace foil::onnx::detail
