// SPDX-License-Identifier: MIT
/// \file
/// From the contents of an ONNX file to a network.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/network.hpp"
#include "foil/nn/operators/binary.hpp"
#include "foil/nn/operators/elementwise.hpp"
#include "foil/onnx/arithmetic.hpp"
#include "foil/onnx/arity.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/folding.hpp"
#include "foil/onnx/functions.hpp"
#include "foil/onnx/layers.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/shapes.hpp"

namespace foil::onnx {

/// Options of load() and parse(): bounds of the inputs ([0, 1]) and threads per call (1).
template <class Scalar>
using Options = nn::NetworkOptions<Scalar>;

namespace detail {

template <class T>
using Converter = Value (*)(Builder<T>&, const NodeView&);

/// Operators of ONNX that become operators of the engine.
template <class T>
const std::map<std::string_view, Converter<T>>& converters() {
  static const std::map<std::string_view, Converter<T>> table{
      {"Add", convert_arithmetic<T, nn::Plus>},
      {"AveragePool", convert_pooling<T, PoolingKind::average>},
      {"BatchNormalization", convert_batch_normalization<T>},
      {"Cast", convert_cast<T>},
      {"Clip", convert_clip<T>},
      {"Concat", convert_concat<T>},
      {"Conv", convert_conv<T>},
      {"Div", convert_arithmetic<T, nn::Over>},
      {"Dropout", convert_dropout<T>},
      {"Elu", convert_elu<T>},
      {"Exp", convert_function<T, nn::Exp>},
      {"Flatten", convert_flatten<T>},
      {"Gemm", convert_gemm<T>},
      {"GlobalAveragePool", convert_pooling<T, PoolingKind::global_average>},
      {"Identity", convert_identity<T>},
      {"LeakyRelu", convert_leaky_relu<T>},
      {"Log", convert_function<T, nn::Log>},
      {"MatMul", convert_matmul<T>},
      {"MaxPool", convert_pooling<T, PoolingKind::max>},
      {"Mul", convert_arithmetic<T, nn::Times>},
      {"Neg", convert_function<T, nn::Negate>},
      {"Pow", convert_arithmetic<T, nn::RaisedTo>},
      {"Relu", convert_function<T, nn::Relu>},
      {"Reshape", convert_reshape<T>},
      {"Sigmoid", convert_function<T, nn::Sigmoid>},
      {"Sign", convert_function<T, nn::Sign>},
      {"Softmax", convert_softmax<T>},
      {"Sqrt", convert_function<T, nn::Sqrt>},
      {"Squeeze", convert_squeeze<T>},
      {"Sub", convert_arithmetic<T, nn::Minus>},
      {"Tanh", convert_function<T, nn::Tanh>},
      {"Transpose", convert_transpose<T>},
      {"Unsqueeze", convert_unsqueeze<T>},
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
  const auto converter = converters<T>().find(node.type);
  at.require(node.type == "Constant" || converter != converters<T>().end(), "the operator ", node.type,
             " is not supported");
  const Arity arity = arity_of(node.type);
  const std::size_t inputs = node.inputs.size(), outputs = node.outputs.size();
  at.require(inputs >= arity.least_inputs && inputs <= arity.most_inputs, "its inputs: expected ",
             arity.inputs(), ", got ", inputs);
  at.require(outputs <= arity.most_outputs, "its outputs: expected at most ", arity.most_outputs, ", got ",
             outputs);
  bool constant = true;
  for (const std::string& name : node.inputs) constant = constant && build.find_value(name) == nullptr;
  if (constant) {
    build.define(node.outputs[0], fold(build, at));
    return;
  }
  build.define(node.outputs[0], converter->second(build, at));
  if (node.type == "Conv" || node.type == "Gemm" || node.type == "MatMul") build.mark_layer(node.outputs[0]);
}

template <class T, int Rank>
nn::Network<T, Rank> build_network(const Model& model, const Options<T>& options) {
  require(model.opset >= 9 && model.opset <= 17, "onnx: expected an opset from 9 to 17, got ", model.opset);
  const ValueInfo& input = find_input(model);
  const Dims dims = sample_dims(input);
  require(dims.size() + 1 == static_cast<std::size_t>(Rank), "onnx: the input '", input.name, "' has rank ",
          dims.size() + 1, ", expected ", Rank, "; load<Scalar, Rank>() takes the rank");
  Builder<T> build(dims, (*input.dims)[0], model.bytes);
  build.define(input.name, Value{dims, Layout::planar, 0});
  for (const Constant& c : model.initializers) build.define(c.name, c);
  for (const Node& node : model.nodes)
    for (const std::string& tensor : node.inputs) build.count_use(tensor);
  for (const ValueInfo& value : model.outputs) build.count_use(value.name);
  for (const Node& node : model.nodes) convert_node(build, node, model.opset);

  require(model.outputs.size() == 1, "onnx: expected one output, got ", model.outputs.size());
  const std::string& name = model.outputs[0].name;
  const Value* output = build.find_value(name);
  require(output != nullptr, "onnx: the output '", name, "' ",
          build.known(name) ? "does not depend on the input" : "is written by no node");
  require(output->dims.size() == 1, "onnx: expected an output of shape (N, classes), got '", name,
          "' of shape ", dims_text(output->dims));
  build.graph().finish(output->slot);
  typename nn::Network<T, Rank>::Shape shape;
  std::copy(dims.begin(), dims.end(), shape.begin());
  return nn::Network<T, Rank>(std::move(build.graph()), shape, options);
}

}  // namespace detail
}  // namespace foil::onnx
