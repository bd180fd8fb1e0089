// SPDX-License-Identifier: MIT
/// \file
/// How many inputs and outputs ONNX gives its operators.
#pragma once

#include <cstddef>
#include <limits>
#include <map>
#include <string>
#include <string_view>

#include "foil/core/error.hpp"

namespace foil::onnx::detail {

/// The numbers of inputs and outputs that a node may list, over all opsets from 9 on. Which optional ones may
/// be left out in between is the converter's to know.
struct Arity {
  static constexpr std::size_t any = std::numeric_limits<std::size_t>::max();
  std::size_t least_inputs = 1, most_inputs = 1, most_outputs = 1;

  /// How many inputs are allowed, as "2" or "2 to 3".
  std::string inputs() const {
    if (least_inputs == most_inputs) return text(least_inputs);
    return text(least_inputs, most_inputs == any ? " or more" : text(" to ", most_inputs));
  }
};

/// The arity of an operator: one input and one output but for those listed here.
inline Arity arity_of(std::string_view type) {
  constexpr std::size_t any = Arity::any;
  static const std::map<std::string_view, Arity> unusual{
      {"Add", {2, 2}},
      {"And", {2, 2}},
      {"Attention", {3, 7, 4}},
      {"BatchNormalization", {5, 5, 5}},
      {"CastLike", {2, 2}},
      {"Clip", {1, 3}},
      {"Concat", {1, any}},
      {"Constant", {0, 0}},
      {"Conv", {2, 3}},
      {"ConvInteger", {2, 4}},
      {"ConvTranspose", {2, 3}},
      {"CumSum", {2, 2}},
      {"DequantizeLinear", {2, 3}},
      {"Div", {2, 2}},
      {"Dropout", {1, 3, 2}},
      {"DynamicQuantizeLinear", {1, 1, 3}},
      {"Einsum", {1, any}},
      {"Equal", {2, 2}},
      {"Expand", {2, 2}},
      {"GRU", {3, 6, 2}},
      {"Gather", {2, 2}},
      {"GatherElements", {2, 2}},
      {"GatherND", {2, 2}},
      {"Gemm", {2, 3}},
      {"Greater", {2, 2}},
      {"GreaterOrEqual", {2, 2}},
      {"GroupNormalization", {3, 3}},
      {"InstanceNormalization", {3, 3}},
      {"LSTM", {3, 8, 3}},
      {"LayerNormalization", {2, 3, 3}},
      {"Less", {2, 2}},
      {"LessOrEqual", {2, 2}},
      {"MatMul", {2, 2}},
      {"MatMulInteger", {2, 4}},
      {"Max", {1, any}},
      {"MaxPool", {1, 1, 2}},
      {"Mean", {1, any}},
      {"Min", {1, any}},
      {"Mod", {2, 2}},
      {"Mul", {2, 2}},
      {"Or", {2, 2}},
      {"PRelu", {2, 2}},
      {"Pad", {1, 4}},
      {"Pow", {2, 2}},
      {"QLinearConv", {8, 9}},
      {"QLinearMatMul", {8, 8}},
      {"QuantizeLinear", {2, 3}},
      {"RMSNormalization", {2, 2}},
      {"RNN", {3, 6, 2}},
      {"Range", {3, 3}},
      {"ReduceL1", {1, 2}},
      {"ReduceL2", {1, 2}},
      {"ReduceLogSum", {1, 2}},
      {"ReduceLogSumExp", {1, 2}},
      {"ReduceMax", {1, 2}},
      {"ReduceMean", {1, 2}},
      {"ReduceMin", {1, 2}},
      {"ReduceProd", {1, 2}},
      {"ReduceSum", {1, 2}},
      {"ReduceSumSquare", {1, 2}},
      {"Reshape", {2, 2}},
      {"Resize", {1, 4}},
      {"Slice", {1, 5}},
      {"Split", {1, 2, any}},
      {"Squeeze", {1, 2}},
      {"Sub", {2, 2}},
      {"Sum", {1, any}},
      {"Tile", {2, 2}},
      {"TopK", {1, 2, 2}},
      {"Trilu", {1, 2}},
      {"Unsqueeze", {1, 2}},
      {"Upsample", {2, 2}},
      {"Where", {3, 3}},
      {"Xor", {2, 2}},
  };
  const auto found = unusual.find(type);
  return found == unusual.end() ? Arity{} : found->second;
}

}  // namespace foil::onnx::detail
