// SPDX-License-Identifier: MIT
/// \file
/// From the contents of an ONNX file to a network.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/graph.hpp"
#include "foil/nn/network.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/conversions.hpp"
#include "foil/onnx/counting.hpp"
#include "foil/onnx/element_type.hpp"
#include "foil/onnx/folding.hpp"
#include "foil/onnx/head.hpp"
#include "foil/onnx/inputs.hpp"
#include "foil/onnx/learners.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/needed.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/options.hpp"
#include "foil/onnx/outputs.hpp"
#include "foil/onnx/quantization.hpp"
#include "foil/onnx/score_nodes.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx {

namespace detail {

template <class T>
void convert_node(Builder<T>& build, const Node& node, std::int64_t opset);

/// Remembers which of the node's outputs are truths: those of a comparison or a cast, and truths that are
/// moved.
template <class T>
void follow_truths(Builder<T>& build, const NodeView& at) {
  const Node& node = at.node();
  bool truths = gives_truths(node.type) || node.type == "IsNaN" || node.type == "IsInf";
  if (node.type == "Cast") truths = at.integer("to", 0) == static_cast<std::int64_t>(ElementType::boolean);
  const auto found = [&](std::size_t i) { return at.has_input(i) && build.holds_truths(node.inputs[i]); };
  for (const std::size_t i : moved_inputs(at)) truths = truths || found(i);
  if (node.type == "Where") truths = found(1) || found(2);
  if (!truths) return;
  for (const std::string& output : node.outputs) build.mark_truths(output);
}

/// An If whose condition is known becomes the branch that it chooses.
template <class T>
void convert_if(Builder<T>& build, const NodeView& at) {
  const Node& node = at.node();
  at.require(node.inputs.size() == 1 && build.find_constant(node.inputs[0]) != nullptr,
             "expected one condition that does not depend on the network's input; a choice between branches "
             "for every sample is written as Where");
  const Constant& condition = build.constant(at, 0);
  at.require(!condition.is_float() && condition.size() == 1 && condition.per_sample.empty(),
             "expected a single truth as condition");
  const char* const name = condition.integers()[0] != 0 ? "then_branch" : "else_branch";
  const Attribute* const attribute = node.find(name);
  at.require(attribute != nullptr && attribute->graphs.size() == 1, "the attribute '", name,
             "' is missing or holds no graph");
  const Graph& branch = attribute->graphs[0];
  at.require(branch.outputs.size() == node.outputs.size(), "its branch has ", branch.outputs.size(),
             " outputs, expected ", node.outputs.size());
  for (const Constant& c : branch.initializers) {
    at.require(!build.known(c.name), "the initializer '", c.name, "' of its branch is defined twice");
    build.define(c.name, c);
  }
  for (const Node& inner : branch.nodes) convert_node(build, inner, at.opset());
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    const std::string& from = branch.outputs[i].name;
    if (const Value* x = build.find_value(from); x != nullptr)
      build.define(node.outputs[i], Value(*x));
    else if (const Constant* c = build.find_constant(from); c != nullptr)
      build.define(node.outputs[i], Constant(*c));
    else
      at.require(false, "output '", from, "' of its branch is written by no node");
  }
  // Other branches may use the same names.
  for (const Constant& c : branch.initializers) build.forget(c.name);
  for (const Node& inner : branch.nodes)
    for (const std::string& output : inner.outputs)
      if (std::find(node.outputs.begin(), node.outputs.end(), output) == node.outputs.end())
        build.forget(output);
}

template <class T>
void convert_node(Builder<T>& build, const Node& node, std::int64_t opset) {
  const NodeView at(node, opset);
  const std::string_view remedy = quantisation_remedy(node.type);
  at.require(remedy.empty(), remedy);
  const bool quantises = node.type == "QuantizeLinear" || node.type == "DequantizeLinear";
  at.require(
      quantises || node.domain != "com.microsoft",
      "operators of ONNX Runtime's own domain, com.microsoft, are not supported; save the model without "
      "its optimisations, or use the file that these were made from");
  at.require(node.domain.empty() || node.domain == "ai.onnx" || node.domain == learners_domain || quantises,
             "operators of domain '", node.domain, "' are not supported");
  for (const std::string& name : node.inputs)
    at.require(name.empty() || build.known(name), "its input '", name,
               "' is no input, initializer or output of another node: the graph is cyclic or incomplete");
  at.require(!node.outputs.empty() && !node.outputs[0].empty(), "it has no output");
  for (const std::string& name : node.outputs)
    at.require(!build.known(name), "its output '", name, "' is defined twice");
  if (node.type == "If") return convert_if(build, at);
  const auto found = conversions<T>().find(node.type);
  at.require(found != conversions<T>().end(), "the operator ", node.type,
             " is not supported; docs/onnx.md lists those that are");
  const Conversion<T>& conversion = found->second;
  conversion.arity.check(at);
  follow_quantised(build, at);
  const auto define = [&](auto results) {
    for (std::size_t i = 0; i < results.size() && i < node.outputs.size(); ++i)
      if (!node.outputs[i].empty()) build.define(node.outputs[i], std::move(results[i]));
  };
  if (const auto* evaluate = std::get_if<Constant (*)(Builder<T>&, const NodeView&)>(&conversion.convert)) {
    build.define(node.outputs[0], (*evaluate)(build, at));
    return;
  }
  const bool constant = std::none_of(node.inputs.begin(), node.inputs.end(), [&](const std::string& name) {
    return build.find_value(name) != nullptr;
  });
  if (constant)
    define(fold(build, at, conversion.convert));
  else
    define(values_of(conversion.convert, build, at));
  follow_truths(build, at);
  const Value* const y = build.find_value(node.outputs[0]);
  if (y != nullptr &&
      (node.type == "Conv" || ((node.type == "Gemm" || node.type == "MatMul") && y->rank() == 2)))
    build.mark_layer(node.outputs[0]);
}

/// A graph that ends in logits.
template <class T>
struct Imported {
  nn::Graph<T> graph;
  Head head;
};

/// The network that leads to one of the file's outputs.
template <class T>
Imported<T> import_output(const Model& model, const std::string& name, const Options<T>& options) {
  const Choice choice = options.flattened ? Choice{name} : before_argmax(model, name);
  const std::string& output = choice.scores;
  const ValueInfo& input = find_input(model);
  Dims dims = sample_dims(input, options.input_shape);
  const std::int64_t batch = file_batch(input);
  if (axes_of_batch(input) == 1) dims.insert(dims.begin(), 1);
  Builder<T> build(
      dims, batch, model.bytes,
      {options.straight_through, options.stabilise, options.surrogate_slopes, options.strict_types});
  note_type(build, input.type, "the input '" + input.name + "'");
  if (options.stabilise)
    build.note(
        "gradients are stabilised: where a sample's true ones have no entry as large as 2^-30, they are "
        "multiplied by a power of two; their directions are true then, their sizes are not");
  if (input.type == static_cast<int>(ElementType::uint8)) {
    require(!options.strict_types, "onnx: the input '", input.name,
            "' takes whole numbers, uint8 (2), expected floats");
    build.note(
        "the file's input is uint8 (2): whole numbers from 0 to 255; the network takes what the cast behind "
        "it "
        "yields, any number");
  }
  build.define(input.name, Value{dims, Layout::planar, 0, batch == 1 ? BatchAxis{} : BatchAxis{0, 1}});
  for (const Constant& c : model.initializers) build.define(c.name, c);
  const std::vector<const Node*> nodes = needed_nodes(model, output);
  for (const Node* node : nodes)
    for (const std::string_view tensor : tensors_read(*node)) build.count_use(std::string(tensor));
  build.count_use(output);
  for (const Node* node : nodes) convert_node(build, *node, model.opset);
  if (choice.argmax != nullptr) check_argmax(build, choice, model.opset);
  require(build.quantised(output) == nullptr, "onnx: the output '", output,
          "' is written by QuantizeLinear; DequantizeLinear would have to follow");
  Head head = find_head(build, find_producers(model), model.opset, output, options);
  if (choice.argmax != nullptr)
    build.note(text("the output '", printable(name, 100), "' is the ArgMax of '", printable(output, 100),
                    "', which is read instead"));
  head.notes.insert(head.notes.begin(), build.notes().begin(), build.notes().end());
  build.graph().finish(head.slot);
  return {std::move(build.graph()), std::move(head)};
}

/// Of several outputs the first that has several classes, or else the first that can be read as two; of those
/// that are no classes, the first.
template <class T>
Imported<T> import_network(const Model& model, const Options<T>& options) {
  require(!model.outputs.empty(), "onnx: the network has no output");
  std::string names, first_failure;
  std::optional<Imported<T>> found;
  constexpr std::size_t most_tried = 16;
  const auto holds_scores = [](const ValueInfo& output) {
    return output.type == 0 || is_float_type(output.type);
  };
  const bool scores = std::any_of(model.outputs.begin(), model.outputs.end(), holds_scores);
  for (std::size_t i = 0, tried = 0; i < model.outputs.size() && tried < most_tried; ++i) {
    const ValueInfo& output = model.outputs[i];
    names += (names.empty() ? "'" : ", '") + output.name + "'";
    if (options.output.empty() ? !options.flattened && scores && !holds_scores(output)
                               : output.name != options.output)
      continue;
    ++tried;
    try {
      Imported<T> imported = import_output(model, output.name, options);
      if (found && imported.head.single) continue;
      if (model.outputs.size() > 1)
        imported.head.notes.insert(
            imported.head.notes.begin(),
            text("of the network's ", model.outputs.size(), " outputs, ",
                 options.flattened ? "the one that is read is '" : "the classes are '", output.name, "'",
                 !options.output.empty() ? ""
                 : options.flattened     ? ", the first"
                                         : ", the first that fits"));
      const bool single = imported.head.single;
      found.emplace(std::move(imported));
      if (!single) break;
    } catch (const Error& error) {
      if (first_failure.empty()) first_failure = error.what();
    }
    if (options.flattened) break;
  }
  require(found || !first_failure.empty(), "onnx: the network has no output '", options.output, "', it has ",
          names);
  require(found.has_value(), first_failure);
  return std::move(*found);
}

template <class T, int Rank>
nn::Network<T, Rank> build_network(const Model& model, const Options<T>& options) {
  require(model.opset >= 7, "onnx: expected an opset from 7 on, got ", model.opset);
  const ValueInfo& input = find_input(model);
  Dims dims = sample_dims(input, options.input_shape);
  if (options.flat_input) dims = {volume(dims)};
  require(dims.size() + 1 == static_cast<std::size_t>(Rank), "onnx: the input '", input.name, "' has rank ",
          dims.size() + 1, options.flat_input ? " as it is flattened" : "", ", expected ", Rank,
          "; load<Scalar, Rank>() takes the rank");
  Imported<T> imported = import_network(model, options);
  typename nn::Network<T, Rank>::Shape shape;
  std::copy(dims.begin(), dims.end(), shape.begin());
  std::vector<std::string>& notes = imported.head.notes;
  notes.insert(notes.begin(), model.notes.begin(), model.notes.end());
  return nn::Network<T, Rank>(std::move(imported.graph), shape, options.network(), std::move(notes));
}

}  // namespace detail
}  // namespace foil::onnx
