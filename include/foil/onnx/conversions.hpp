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
#include "foil/nn/operators/activations.hpp"
#include "foil/nn/operators/binary.hpp"
#include "foil/nn/operators/binary_functions.hpp"
#include "foil/nn/operators/elementwise.hpp"
#include "foil/nn/operators/functions.hpp"
#include "foil/nn/operators/reductions.hpp"
#include "foil/nn/operators/softmax.hpp"
#include "foil/nn/operators/steps.hpp"
#include "foil/onnx/activations.hpp"
#include "foil/onnx/arithmetic.hpp"
#include "foil/onnx/attention.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/choices.hpp"
#include "foil/onnx/einsum.hpp"
#include "foil/onnx/functions.hpp"
#include "foil/onnx/layers.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/normalization.hpp"
#include "foil/onnx/padding.hpp"
#include "foil/onnx/parts.hpp"
#include "foil/onnx/products.hpp"
#include "foil/onnx/quantization.hpp"
#include "foil/onnx/recurrent.hpp"
#include "foil/onnx/reductions.hpp"
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

/// How many inputs and outputs a node may list, over all opsets from 7 on. The least number of inputs, and
/// all of those that may be any number, have to be there; which others may be left out in between, listed
/// without a name, is the conversion's to know.
struct Arity {
  static constexpr std::size_t any = std::numeric_limits<std::size_t>::max();
  std::size_t least_inputs = 1, most_inputs = 1, most_outputs = 1;

  /// Throws for a node that lists other numbers of them, or leaves out one that has to be there.
  void check(const NodeView& at) const {
    const std::size_t inputs = at.node().inputs.size(), outputs = at.node().outputs.size();
    const std::string expected = least_inputs == most_inputs ? text(least_inputs)
                                 : most_inputs == any        ? text(least_inputs, " or more")
                                                             : text(least_inputs, " to ", most_inputs);
    at.require(inputs >= least_inputs && inputs <= most_inputs, "its inputs: expected ", expected, ", got ",
               inputs);
    for (std::size_t i = 0; i < (most_inputs == any ? inputs : least_inputs); ++i)
      at.require(at.has_input(i), "input ", i, " is missing");
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
      {"Abs", {convert_function<T, nn::Absolute>}},
      {"Acos", {convert_function<T, nn::Acos>}},
      {"Acosh", {convert_function<T, nn::Acosh>}},
      {"Add", {convert_arithmetic<T, nn::Plus>, {2, 2}}},
      {"And", {convert_arithmetic<T, nn::Times>, {2, 2}}},
      {"Asin", {convert_function<T, nn::Asin>}},
      {"Asinh", {convert_function<T, nn::Asinh>}},
      {"Atan", {convert_function<T, nn::Atan>}},
      {"Atanh", {convert_function<T, nn::Atanh>}},
      {"Attention", {convert_attention<T>, {3, 7, 4}}},
      {"AveragePool", {convert_any_pooling<T, WindowKind::average, false>}},
      {"BatchNormalization", {convert_batch_normalization<T>, {5, 5, 5}}},
      {"Cast", {convert_cast<T>}},
      {"Ceil", {convert_step<T, nn::Ceil>}},
      {"Celu", {convert_celu<T>}},
      {"Clip", {convert_clip<T>, {1, 3}}},
      {"Concat", {convert_concat<T>, {1, Arity::any}}},
      {"Constant", {evaluate_constant<T>, {0, 0}}},
      {"ConstantOfShape", {evaluate_constant_of_shape<T>}},
      {"Conv", {convert_any_conv<T>, {2, 3}}},
      {"ConvTranspose", {convert_conv_transpose<T>, {2, 3}}},
      {"Cos", {convert_function<T, nn::Cos>}},
      {"Cosh", {convert_function<T, nn::Cosh>}},
      {"CumSum", {convert_cumulative_sum<T>, {2, 2}}},
      {"DepthToSpace", {convert_blocks<T, true>}},
      {"DequantizeLinear", {convert_dequantize<T>, {2, 3}}},
      {"Div", {convert_arithmetic<T, nn::Over>, {2, 2}}},
      {"Dropout", {convert_dropout<T>, {1, 3, 2}}},
      {"DynamicQuantizeLinear", {convert_dynamic_quantize<T>, {1, 1, 3}}},
      {"Einsum", {convert_einsum<T>, {1, Arity::any}}},
      {"Elu", {convert_elu<T>}},
      {"Equal", {convert_comparison<T, nn::Equal>, {2, 2}}},
      {"Erf", {convert_function<T, nn::Erf>}},
      {"Exp", {convert_function<T, nn::Exp>}},
      {"Expand", {convert_expand<T>, {2, 2}}},
      {"Flatten", {convert_flatten<T>}},
      {"Floor", {convert_step<T, nn::Floor>}},
      {"GRU", {convert_gru<T>, {3, 6, 2}}},
      {"Gather", {convert_gather<T>, {2, 2}}},
      {"GatherElements", {convert_gather_elements<T>, {2, 2}}},
      {"GatherND", {convert_gather_nd<T>, {2, 2}}},
      {"Gelu", {convert_gelu<T>}},
      {"Gemm", {convert_gemm<T>, {2, 3}}},
      {"GlobalAveragePool", {convert_any_pooling<T, WindowKind::average, true>}},
      {"GlobalLpPool", {convert_any_pooling<T, WindowKind::norm, true>}},
      {"GlobalMaxPool", {convert_any_pooling<T, WindowKind::max, true>}},
      {"Greater", {convert_comparison<T, nn::Greater>, {2, 2}}},
      {"GreaterOrEqual", {convert_comparison<T, nn::GreaterOrEqual>, {2, 2}}},
      {"GroupNormalization", {convert_group_normalization<T>, {3, 3}}},
      {"HardSigmoid", {convert_hard_sigmoid<T>}},
      {"HardSwish", {convert_function<T, nn::HardSwish>}},
      {"Identity", {convert_identity<T>}},
      {"InstanceNormalization", {convert_instance_normalization<T>, {3, 3}}},
      {"IsInf", {convert_is_infinite<T>}},
      {"IsNaN", {convert_function<T, nn::IsNan>}},
      {"LRN", {convert_local_response<T>}},
      {"LayerNormalization", {convert_layer_normalization<T, true>, {2, 3, 3}}},
      {labels_type, {convert_labels<T>}},
      {"LSTM", {convert_lstm<T>, {3, 8, 3}}},
      {"LeakyRelu", {convert_leaky_relu<T>}},
      {"Less", {convert_comparison<T, nn::Less>, {2, 2}}},
      {"LessOrEqual", {convert_comparison<T, nn::LessOrEqual>, {2, 2}}},
      {"Log", {convert_function<T, nn::Log>}},
      {"LogSoftmax", {convert_softmax<T, nn::LogSoftmax>}},
      {"LpNormalization", {convert_length_normalization<T>}},
      {"LpPool", {convert_any_pooling<T, WindowKind::norm, false>}},
      {"MatMul", {convert_matmul<T>, {2, 2}}},
      {"Max", {convert_several<T, nn::Larger>, {1, Arity::any}}},
      {"MaxPool", {convert_any_pooling<T, WindowKind::max, false>, {1, 1, 2}}},
      {"Mean", {convert_mean<T>, {1, Arity::any}}},
      {"MeanVarianceNormalization", {convert_mean_variance_normalization<T>}},
      {"Min", {convert_several<T, nn::Smaller>, {1, Arity::any}}},
      {"Mish", {convert_function<T, nn::Mish>}},
      {"Mod", {convert_modulo<T>, {2, 2}}},
      {"Mul", {convert_multiplication<T>, {2, 2}}},
      {"Neg", {convert_function<T, nn::Negate>}},
      {"NonZero", {evaluate_non_zero<T>}},
      {"Not", {convert_function<T, nn::Complement>}},
      {"OneHot", {evaluate_one_hot<T>, {3, 3}}},
      {"Or", {convert_arithmetic<T, nn::Either>, {2, 2}}},
      {"PRelu", {convert_arithmetic<T, nn::RectifiedBy>, {2, 2}}},
      {"Pad", {convert_pad<T>, {1, 4}}},
      {"Pow", {convert_power<T>, {2, 2}}},
      {"QuantizeLinear", {convert_quantize<T>, {2, 3}}},
      {"RMSNormalization", {convert_layer_normalization<T, false>, {2, 2}}},
      {"RNN", {convert_rnn<T>, {3, 6, 2}}},
      {"Range", {evaluate_range<T>, {3, 3}}},
      {"Reciprocal", {convert_function<T, nn::Reciprocal>}},
      {"ReduceL1", {convert_reduction_by<T, nn::SizeOf>, {1, 2}}},
      {"ReduceL2", {convert_reduction_by<T, nn::LengthOf>, {1, 2}}},
      {"ReduceLogSum", {convert_reduction_by<T, nn::LogOfSum>, {1, 2}}},
      {"ReduceLogSumExp", {convert_reduction_by<T, nn::LogOfSumOfExponentials>, {1, 2}}},
      {"ReduceMax", {convert_reduction_by<T, nn::LargestOf>, {1, 2}}},
      {"ReduceMean", {convert_reduction_by<T, nn::MeanOf>, {1, 2}}},
      {"ReduceMin", {convert_reduction_by<T, nn::SmallestOf>, {1, 2}}},
      {"ReduceProd", {convert_reduction<T, nn::ProductAlong<T>>, {1, 2}}},
      {"ReduceSum", {convert_reduction_by<T, nn::SumOf, 13>, {1, 2}}},
      {"ReduceSumSquare", {convert_reduction_by<T, nn::SumOfSquares>, {1, 2}}},
      {"Relu", {convert_function<T, nn::Relu>}},
      {"Reshape", {convert_reshape<T>, {2, 2}}},
      {"Resize", {convert_resize<T>, {1, 4}}},
      {"Round", {convert_step<T, nn::Round>}},
      {"SVMClassifier", {convert_svm_classifier<T>}},
      {"SVMRegressor", {convert_svm_regressor<T>}},
      {"Scatter", {convert_scatter_elements<T>, {3, 3}}},
      {"ScatterElements", {convert_scatter_elements<T>, {3, 3}}},
      {"ScatterND", {convert_scatter_nd<T>, {3, 3}}},
      {"Selu", {convert_selu<T>}},
      {"Shape", {evaluate_shape<T>}},
      {"Shrink", {convert_shrink<T>}},
      {"Sigmoid", {convert_sigmoid<T>}},
      {"Sign", {convert_step<T, nn::Sign>}},
      {"SimplifiedLayerNormalization", {convert_layer_normalization<T, false>, {2, 2, 2}}},
      {"Sin", {convert_function<T, nn::Sin>}},
      {"Sinh", {convert_function<T, nn::Sinh>}},
      {"Size", {evaluate_size<T>}},
      {"Slice", {convert_slice<T>, {1, 5}}},
      {"Softmax", {convert_softmax<T, nn::Softmax>}},
      {"Softplus", {convert_function<T, nn::Softplus>}},
      {"Softsign", {convert_function<T, nn::Softsign>}},
      {"SpaceToDepth", {convert_blocks<T, false>}},
      {"Split", {convert_split<T>, {1, 2, Arity::any}}},
      {"Sqrt", {convert_function<T, nn::Sqrt>}},
      {"Squeeze", {convert_squeeze<T>, {1, 2}}},
      {"Sub", {convert_arithmetic<T, nn::Minus>, {2, 2}}},
      {"Sum", {convert_several<T, nn::Plus>, {1, Arity::any}}},
      {"Swish", {convert_swish<T>}},
      {"Tan", {convert_function<T, nn::Tan>}},
      {"Tanh", {convert_tanh<T>}},
      {"ThresholdedRelu", {convert_thresholded_relu<T>}},
      {"Tile", {convert_tile<T>, {2, 2}}},
      {"Transpose", {convert_transpose<T>}},
      {"TreeEnsemble", {convert_tree_ensemble<T>}},
      {"TreeEnsembleClassifier", {convert_tree_classifier<T>}},
      {"TreeEnsembleRegressor", {convert_tree_regressor<T>}},
      {"Trilu", {convert_trilu<T>, {1, 2}}},
      {"Unsqueeze", {convert_unsqueeze<T>, {1, 2}}},
      {"Upsample", {convert_resize<T>, {1, 2}}},
      {"Where", {convert_where<T>, {3, 3}}},
      {"Xor", {convert_arithmetic<T, nn::EitherAlone>, {2, 2}}},
  };
  return table;
}

}  // namespace foil::onnx::detail
