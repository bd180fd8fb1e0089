// SPDX-License-Identifier: MIT
/// \file
/// From the contents of an ONNX file to a network.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/graph.hpp"
#include "foil/nn/network.hpp"
#include "foil/nn/operators/binary.hpp"
#include "foil/nn/operators/elementwise.hpp"
#include "foil/nn/operators/softmax.hpp"
#include "foil/nn/operators/steps.hpp"
#include "foil/onnx/arithmetic.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/choices.hpp"
#include "foil/onnx/folding.hpp"
#include "foil/onnx/functions.hpp"
#include "foil/onnx/head.hpp"
#include "foil/onnx/layers.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/options.hpp"
#include "foil/onnx/shapes.hpp"

namespace foil::onnx {

namespace detail {

/// How many inputs and outputs a node may list, over all opsets from 9 on. Which optional ones may be left
/// out in between is the conversion's to know.
struct Arity {
  static constexpr std::size_t any = std::numeric_limits<std::size_t>::max();
  std::size_t least_inputs = 1, most_inputs = 1, most_outputs = 1;

  /// Throws for a node that lists other numbers of them.
  void check(const NodeView& at) const {
    const std::size_t inputs = at.node().inputs.size(), outputs = at.node().outputs.size();
    const std::string expected = least_inputs == most_inputs ? text(least_inputs)
                                 : most_inputs == any        ? text(least_inputs, " or more")
                                                             : text(least_inputs, " to ", most_inputs);
    at.require(inputs >= least_inputs && inputs <= most_inputs, "its inputs: expected ", expected, ", got ",
               inputs);
    at.require(outputs <= most_outputs, "its outputs: expected at most ", most_outputs, ", got ", outputs);
  }
};

/// An operator of ONNX: how it becomes operators of the engine, and its arity.
template <class T>
struct Conversion {
  Value (*convert)(Builder<T>&, const NodeView&);
  Arity arity{};
};

template <class T>
const std::map<std::string_view, Conversion<T>>& conversions() {
  static const std::map<std::string_view, Conversion<T>> table{
      {"Add", {convert_arithmetic<T, nn::Plus>, {2, 2}}},
      {"And", {convert_arithmetic<T, nn::Times>, {2, 2}}},
      {"AveragePool", {convert_pooling<T, PoolingKind::average>}},
      {"BatchNormalization", {convert_batch_normalization<T>, {5, 5, 5}}},
      {"Cast", {convert_cast<T>}},
      {"Ceil", {convert_step<T, nn::Ceil>}},
      {"Clip", {convert_clip<T>, {1, 3}}},
      {"Concat", {convert_concat<T>, {1, Arity::any}}},
      {"Constant", {nullptr, {0, 0}}},  // folded, as are all nodes whose inputs are constants
      {"Conv", {convert_conv<T>, {2, 3}}},
      {"Div", {convert_arithmetic<T, nn::Over>, {2, 2}}},
      {"Dropout", {convert_dropout<T>, {1, 3, 2}}},
      {"Elu", {convert_elu<T>}},
      {"Equal", {convert_comparison<T, nn::Equal>, {2, 2}}},
      {"Exp", {convert_function<T, nn::Exp>}},
      {"Flatten", {convert_flatten<T>}},
      {"Floor", {convert_step<T, nn::Floor>}},
      {"Gemm", {convert_gemm<T>, {2, 3}}},
      {"GlobalAveragePool", {convert_pooling<T, PoolingKind::global_average>}},
      {"Greater", {convert_comparison<T, nn::Greater>, {2, 2}}},
      {"GreaterOrEqual", {convert_comparison<T, nn::GreaterOrEqual>, {2, 2}}},
      {"Identity", {convert_identity<T>}},
      {"LeakyRelu", {convert_leaky_relu<T>}},
      {"Less", {convert_comparison<T, nn::Less>, {2, 2}}},
      {"LessOrEqual", {convert_comparison<T, nn::LessOrEqual>, {2, 2}}},
      {"Log", {convert_function<T, nn::Log>}},
      {"LogSoftmax", {convert_softmax<T, nn::LogSoftmax>}},
      {"MatMul", {convert_matmul<T>, {2, 2}}},
      {"MaxPool", {convert_pooling<T, PoolingKind::max>, {1, 1, 2}}},
      {"Mul", {convert_arithmetic<T, nn::Times>, {2, 2}}},
      {"Neg", {convert_function<T, nn::Negate>}},
      {"Not", {convert_function<T, nn::Complement>}},
      {"Or", {convert_arithmetic<T, nn::Either>, {2, 2}}},
      {"Pow", {convert_arithmetic<T, nn::RaisedTo>, {2, 2}}},
      {"Relu", {convert_function<T, nn::Relu>}},
      {"Reshape", {convert_reshape<T>, {2, 2}}},
      {"Round", {convert_step<T, nn::Round>}},
      {"Sigmoid", {convert_function<T, nn::Sigmoid>}},
      {"Sign", {convert_step<T, nn::Sign>}},
      {"Softmax", {convert_softmax<T, nn::Softmax>}},
      {"Sqrt", {convert_function<T, nn::Sqrt>}},
      {"Squeeze", {convert_squeeze<T>, {1, 2}}},
      {"Sub", {convert_arithmetic<T, nn::Minus>, {2, 2}}},
      {"Tanh", {convert_function<T, nn::Tanh>}},
      {"Transpose", {convert_transpose<T>}},
      {"Unsqueeze", {convert_unsqueeze<T>, {1, 2}}},
      {"Where", {convert_where<T>, {3, 3}}},
  };
  return table;
}

/// The one input that is not an initializer, of shape (N, ...).
inline const ValueInfo& find_input(const Model& model) {
  const ValueInfo* found = nullptr;
  std::set<std::string_view> initialized;
  for (const Constant& c : model.initializers)
    require(initialized.insert(c.name).second, "onnx: the initializer '", c.name, "' is defined twice");
  for (const ValueInfo& input : model.inputs) {
    if (initialized.contains(input.name)) continue;
    require(found == nullptr, "onnx: expected one input, got '", found == nullptr ? "" : found->name,
            "' and '", input.name, "'");
    found = &input;
  }
  require(found != nullptr, "onnx: the network has no input");
  require(found->type == static_cast<int>(ElementType::float32),
          "onnx: expected an input of float32 (1), got type ", found->type);
  require(found->dims.has_value(), "onnx: the input '", found->name, "' has no shape");
  require(found->dims->size() >= 2, "onnx: the input '", found->name, "' has rank ", found->dims->size(),
          ", expected a batch of samples, (N, ...)");
  for (std::size_t i = 1; i < found->dims->size(); ++i)
    require((*found->dims)[i] > 0, "onnx: dimension ", i, " of the input '", found->name,
            "' is open or empty; only the first may be");
  return *found;
}

/// The input's shape per sample.
inline Dims sample_dims(const ValueInfo& input) {
  return Dims(input.dims->begin() + 1, input.dims->end());
}

template <class T>
void convert_node(Builder<T>& build, const Node& node, std::int64_t opset) {
  const NodeView at(node, opset);
  at.require(node.domain.empty() || node.domain == "ai.onnx", "operators of domain '", node.domain,
             "' are not supported");
  for (const std::string& name : node.inputs)
    at.require(name.empty() || build.known(name), "its input '", name,
               "' is no input, initializer or output of an earlier node: the graph is cyclic, unordered or "
               "incomplete");
  at.require(!node.outputs.empty() && !node.outputs[0].empty(), "it has no output");
  for (const std::string& name : node.outputs)
    at.require(!build.known(name), "its output '", name, "' is defined twice");
  const auto found = conversions<T>().find(node.type);
  at.require(found != conversions<T>().end(), "the operator ", node.type, " is not supported");
  found->second.arity.check(at);
  bool constant = true;
  for (const std::string& name : node.inputs) constant = constant && build.find_value(name) == nullptr;
  if (constant) {
    build.define(node.outputs[0], fold(build, at));
    return;
  }
  build.define(node.outputs[0], found->second.convert(build, at));
  if (node.type == "Conv" || node.type == "Gemm" || node.type == "MatMul") build.mark_layer(node.outputs[0]);
}

/// The nodes that write tensors, and of these whatever `output` depends on.
inline Producers find_producers(const Model& model) {
  Producers out;
  for (const Node& node : model.nodes)
    if (!node.outputs.empty()) out.emplace(node.outputs[0], &node);
  return out;
}
inline std::vector<const Node*> needed_nodes(const Model& model, const std::string& output) {
  std::set<std::string_view> tensors{output};
  std::vector<const Node*> nodes;
  for (auto node = model.nodes.rbegin(); node != model.nodes.rend(); ++node) {
    const auto wanted = [&](const std::string& name) { return tensors.contains(name); };
    if (std::none_of(node->outputs.begin(), node->outputs.end(), wanted)) continue;
    tensors.insert(node->inputs.begin(), node->inputs.end());
    nodes.push_back(&*node);
  }
  std::reverse(nodes.begin(), nodes.end());
  return nodes;
}

/// A graph that ends in logits.
template <class T>
struct Imported {
  nn::Graph<T> graph;
  Head head;
};

/// The network that leads to one of the file's outputs.
template <class T>
Imported<T> import_output(const Model& model, const std::string& output, const Options<T>& options) {
  const ValueInfo& input = find_input(model);
  const Dims dims = sample_dims(input);
  Builder<T> build(dims, (*input.dims)[0], model.bytes, options.straight_through);
  build.define(input.name, Value{dims, Layout::planar, 0});
  for (const Constant& c : model.initializers) build.define(c.name, c);
  for (const Node& node : model.nodes)
    for (const std::string& tensor : node.inputs) build.count_use(tensor);
  for (const ValueInfo& value : model.outputs) build.count_use(value.name);
  if (model.outputs.size() == 1)
    for (const Node& node : model.nodes) convert_node(build, node, model.opset);
  else
    for (const Node* node : needed_nodes(model, output)) convert_node(build, *node, model.opset);
  Head head = find_head(build, find_producers(model), model.opset, output, options);
  build.graph().finish(head.slot);
  return {std::move(build.graph()), std::move(head)};
}

/// Of several outputs the first that has several classes, or else the first that can be read as two.
template <class T>
Imported<T> import_network(const Model& model, const Options<T>& options) {
  require(!model.outputs.empty(), "onnx: the network has no output");
  std::string names, first_failure;
  std::optional<Imported<T>> found;
  constexpr std::size_t most_tried = 16;
  for (std::size_t i = 0, tried = 0; i < model.outputs.size() && tried < most_tried; ++i) {
    const ValueInfo& output = model.outputs[i];
    names += (names.empty() ? "'" : ", '") + output.name + "'";
    if (!options.output.empty() && output.name != options.output) continue;
    ++tried;
    try {
      Imported<T> imported = import_output(model, output.name, options);
      if (found && imported.head.single) continue;
      if (model.outputs.size() > 1)
        imported.head.notes.insert(
            imported.head.notes.begin(),
            text("of the network's ", model.outputs.size(), " outputs, the classes are '", output.name, "'",
                 options.output.empty() ? ", the first that fits" : ""));
      const bool single = imported.head.single;
      found.emplace(std::move(imported));
      if (!single) break;
    } catch (const Error& error) {
      if (first_failure.empty()) first_failure = error.what();
    }
  }
  require(found || !first_failure.empty(), "onnx: the network has no output '", options.output, "', it has ",
          names);
  require(found.has_value(), first_failure);
  return std::move(*found);
}

template <class T, int Rank>
nn::Network<T, Rank> build_network(const Model& model, const Options<T>& options) {
  require(model.opset >= 9 && model.opset <= 17, "onnx: expected an opset from 9 to 17, got ", model.opset);
  const ValueInfo& input = find_input(model);
  const Dims dims = sample_dims(input);
  require(dims.size() + 1 == static_cast<std::size_t>(Rank), "onnx: the input '", input.name, "' has rank ",
          dims.size() + 1, ", expected ", Rank, "; load<Scalar, Rank>() takes the rank");
  Imported<T> imported = import_network(model, options);
  typename nn::Network<T, Rank>::Shape shape;
  std::copy(dims.begin(), dims.end(), shape.begin());
  return nn::Network<T, Rank>(std::move(imported.graph), shape, options.network(),
                              std::move(imported.head.notes));
}

}  // namespace detail
}  // namespace foil::onnx
