// SPDX-License-Identifier: MIT
/// \file
/// The operators of ONNX that foil knows, and how each becomes operators of the engine.
#pragma once

#include <cstddef>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/nn/operators/binary.hpp"
#include "foil/nn/operators/elementwise.hpp"
#include "foil/nn/operators/softmax.hpp"
#include "foil/nn/operators/steps.hpp"
#include "foil/onnx/arithmetic.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/choices.hpp"
#include "foil/onnx/functions.hpp"
#include "foil/onnx/layers.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/parts.hpp"
#include "foil/onnx/products.hpp"
#include "foil/onnx/resize.hpp"
#include "foil/onnx/scatter.hpp"
#include "foil/onnx/score_nodes.hpp"
#include "foil/onnx/shapes.hpp"
#include "foil/onnx/sizes.hpp"
#include "foil/onnx/support_vectors.hpp"
#include "foil/onnx/trees.hpp"
#include "foil/onnx/value.hpp"
#include "foil/onnx/volumes.hpp"

namespace foil::onnx::detail {

/// How many inputs and outputs a node may list, over all opsets from 7 on. Which optional ones may be left
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

/// How a node becomes operators of the engine: to its first output, to all of them in order (an output that
/// nobody asks for may be left out at the end), or to a constant that follows from shapes alone.
template <class T>
using Convert = std::variant<Value (*)(Builder<T>&, const NodeView&),
                             std::vector<Value> (*)(Builder<T>&, const NodeView&),
                             Constant (*)(Builder<T>&, const NodeView&)>;

/// An operator of ONNX.
template <class T>
struct Conversion {
  Convert<T> convert;
  Arity arity{};
};

template <class T>
const std::map<std::string_view, Conversion<T>>& conversions() {
  static const std::map<std::string_view, Conversion<T>> table{
      {"Add", {convert_arithmetic<T, nn::Plus>, {2, 2}}},
      {"And", {convert_arithmetic<T, nn::Times>, {2, 2}}},
      {"AveragePool", {convert_any_pooling<T, WindowKind::average, false>}},
      {"BatchNormalization", {convert_batch_normalization<T>, {5, 5, 5}}},
      {"Cast", {convert_cast<T>}},
      {"Ceil", {convert_step<T, nn::Ceil>}},
      {"Clip", {convert_clip<T>, {1, 3}}},
      {"Concat", {convert_concat<T>, {1, Arity::any}}},
      {"Constant", {evaluate_constant<T>, {0, 0}}},
      {"ConstantOfShape", {evaluate_constant_of_shape<T>}},
      {"Conv", {convert_any_conv<T>, {2, 3}}},
      {"ConvTranspose", {convert_conv_transpose<T>, {2, 3}}},
      {"DepthToSpace", {convert_blocks<T, true>}},
      {"Div", {convert_arithmetic<T, nn::Over>, {2, 2}}},
      {"Dropout", {convert_dropout<T>, {1, 3, 2}}},
      {"Elu", {convert_elu<T>}},
      {"Equal", {convert_comparison<T, nn::Equal>, {2, 2}}},
      {"Exp", {convert_function<T, nn::Exp>}},
      {"Expand", {convert_expand<T>, {2, 2}}},
      {"Flatten", {convert_flatten<T>}},
      {"Floor", {convert_step<T, nn::Floor>}},
      {"Gather", {convert_gather<T>, {2, 2}}},
      {"GatherElements", {convert_gather_elements<T>, {2, 2}}},
      {"GatherND", {convert_gather_nd<T>, {2, 2}}},
      {"Gemm", {convert_gemm<T>, {2, 3}}},
      {"GlobalAveragePool", {convert_any_pooling<T, WindowKind::average, true>}},
      {"GlobalLpPool", {convert_any_pooling<T, WindowKind::norm, true>}},
      {"GlobalMaxPool", {convert_any_pooling<T, WindowKind::max, true>}},
      {"Greater", {convert_comparison<T, nn::Greater>, {2, 2}}},
      {"GreaterOrEqual", {convert_comparison<T, nn::GreaterOrEqual>, {2, 2}}},
      {"Identity", {convert_identity<T>}},
      {labels_type, {convert_labels<T>}},
      {"LeakyRelu", {convert_leaky_relu<T>}},
      {"Less", {convert_comparison<T, nn::Less>, {2, 2}}},
      {"LessOrEqual", {convert_comparison<T, nn::LessOrEqual>, {2, 2}}},
      {"Log", {convert_function<T, nn::Log>}},
      {"LogSoftmax", {convert_softmax<T, nn::LogSoftmax>}},
      {"LpPool", {convert_any_pooling<T, WindowKind::norm, false>}},
      {"MatMul", {convert_matmul<T>, {2, 2}}},
      {"MaxPool", {convert_any_pooling<T, WindowKind::max, false>, {1, 1, 2}}},
      {"Mul", {convert_arithmetic<T, nn::Times>, {2, 2}}},
      {"Neg", {convert_function<T, nn::Negate>}},
      {"NonZero", {evaluate_non_zero<T>}},
      {"Not", {convert_function<T, nn::Complement>}},
      {"Or", {convert_arithmetic<T, nn::Either>, {2, 2}}},
      {"Pad", {convert_pad<T>, {1, 4}}},
      {"Pow", {convert_arithmetic<T, nn::RaisedTo>, {2, 2}}},
      {"Range", {evaluate_range<T>, {3, 3}}},
      {"Relu", {convert_function<T, nn::Relu>}},
      {"Reshape", {convert_reshape<T>, {2, 2}}},
      {"Resize", {convert_resize<T>, {1, 4}}},
      {"Round", {convert_step<T, nn::Round>}},
      {"Scatter", {convert_scatter_elements<T>, {3, 3}}},
      {"ScatterElements", {convert_scatter_elements<T>, {3, 3}}},
      {"ScatterND", {convert_scatter_nd<T>, {3, 3}}},
      {"Shape", {evaluate_shape<T>}},
      {"SVMClassifier", {convert_svm_classifier<T>}},
      {"SVMRegressor", {convert_svm_regressor<T>}},
      {"Sigmoid", {convert_function<T, nn::Sigmoid>}},
      {"Sign", {convert_step<T, nn::Sign>}},
      {"Size", {evaluate_size<T>}},
      {"Slice", {convert_slice<T>, {1, 5}}},
      {"Softmax", {convert_softmax<T, nn::Softmax>}},
      {"SpaceToDepth", {convert_blocks<T, false>}},
      {"Split", {convert_split<T>, {1, 2, Arity::any}}},
      {"Sqrt", {convert_function<T, nn::Sqrt>}},
      {"Squeeze", {convert_squeeze<T>, {1, 2}}},
      {"Sub", {convert_arithmetic<T, nn::Minus>, {2, 2}}},
      {"Tanh", {convert_function<T, nn::Tanh>}},
      {"Tile", {convert_tile<T>, {2, 2}}},
      {"Transpose", {convert_transpose<T>}},
      {"Trilu", {convert_trilu<T>, {1, 2}}},
      {"TreeEnsemble", {convert_tree_ensemble<T>}},
      {"TreeEnsembleClassifier", {convert_tree_classifier<T>}},
      {"TreeEnsembleRegressor", {convert_tree_regressor<T>}},
      {"Unsqueeze", {convert_unsqueeze<T>, {1, 2}}},
      {"Upsample", {convert_resize<T>, {1, 2}}},
      {"Where", {convert_where<T>, {3, 3}}},
  };
  return table;
}

}  // namespace foil::onnx::detail
