// SPDX-License-Identifier: MIT
/// \file
/// Operators that compute with quantised integers, written as operators of floats: QLinearConv and its like
/// between DequantizeLinear and QuantizeLinear; ConvInteger and MatMulInteger on the integers less their zero
/// points.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/rewriter.hpp"

namespace foil::onnx::detail {

/// Rewrites the nodes of a model.
class QuantisedOperators : public Rewriter {
 public:
  using Rewriter::Rewriter;

  void rewrite() {
    const auto rewriting_of = [](const Node& node) {
      const auto found = rewritings().find(node.type);
      const bool known = node.domain.empty() || node.domain == "ai.onnx" || node.domain == "com.microsoft";
      return found == rewritings().end() || !known ? nullptr : &found->second;
    };
    if (std::none_of(model_.nodes.begin(), model_.nodes.end(), rewriting_of)) return;
    std::vector<Node> nodes = std::move(model_.nodes);
    model_.nodes.clear();
    for (Node& node : nodes) {
      const Rewriting* const rewriting = rewriting_of(node);
      if (rewriting == nullptr) {
        model_.nodes.push_back(std::move(node));
        continue;
      }
      label_ =
          text(node.name.empty() && !node.outputs.empty() ? node.outputs[0] : node.name, ", ", node.type);
      const NodeView at(node, model_.opset);
      at.require(at.integer("channels_last", 0) == 0, "channels as the last axis are not supported");
      at.require(node.outputs.size() == 1, "its outputs: expected 1, got ", node.outputs.size());
      (this->*rewriting->rewrite)(at, rewriting->type);
    }
  }

 private:
  struct Rewriting {
    void (QuantisedOperators::*rewrite)(const NodeView&, const char* type);
    const char* type;  ///< of the operator of floats
  };
  static const std::map<std::string_view, Rewriting>& rewritings() {
    static const std::map<std::string_view, Rewriting> table{
        {"ConvInteger", {&QuantisedOperators::conv_integer, "Conv"}},
        {"MatMulInteger", {&QuantisedOperators::matmul_integer, "MatMul"}},
        {"QGemm", {&QuantisedOperators::gemm, "Gemm"}},
        {"QLinearAdd", {&QuantisedOperators::two_operands, "Add"}},
        {"QLinearAveragePool", {&QuantisedOperators::one_operand, "AveragePool"}},
        {"QLinearConcat", {&QuantisedOperators::concat, "Concat"}},
        {"QLinearConv", {&QuantisedOperators::conv, "Conv"}},
        {"QLinearGlobalAveragePool", {&QuantisedOperators::one_operand, "GlobalAveragePool"}},
        {"QLinearLeakyRelu", {&QuantisedOperators::one_operand, "LeakyRelu"}},
        {"QLinearMatMul", {&QuantisedOperators::two_operands, "MatMul"}},
        {"QLinearMul", {&QuantisedOperators::two_operands, "Mul"}},
        {"QLinearSigmoid", {&QuantisedOperators::one_operand, "Sigmoid"}},
    };
    return table;
  }

  void expect_inputs(const NodeView& at, std::size_t least, std::size_t most) const {
    const std::size_t inputs = at.node().inputs.size();
    at.require(inputs >= least && inputs <= most, "its inputs: expected ", least, " to ", most, ", got ",
               inputs);
    for (std::size_t i = 0; i < least; ++i) at.require(at.has_input(i), "input ", i, " is missing");
  }

  static std::string name(const NodeView& at, std::size_t i) {
    return at.has_input(i) ? at.node().inputs[i] : std::string();
  }

  /// DequantizeLinear of input i, whose scale and zero point come next; several of these run along an axis.
  std::string floats(const NodeView& at, std::size_t i, std::int64_t axis) {
    return add("DequantizeLinear", {name(at, i), name(at, i + 1), name(at, i + 2)},
               {attribute("axis", axis)});
  }

  /// QuantizeLinear to the output, by the scale in input i and the zero point behind it.
  void quantise(const NodeView& at, const std::string& y, std::size_t i) {
    add("QuantizeLinear", {y, name(at, i), name(at, i + 1)}, {}, at.node().outputs[0]);
  }

  /// A bias of integers whose steps are `factor` times the product of two scales.
  std::string bias(const std::string& integers, const std::string& a, const std::string& b, float factor) {
    std::string scale = add("Mul", {a, b});
    if (factor != 1) scale = add("Mul", {scale, number(factor)});
    return add("DequantizeLinear", {integers, scale}, {attribute("axis", 0)});
  }

  void conv(const NodeView& at, const char* type) {
    expect_inputs(at, 8, 9);
    std::vector<std::string> inputs{floats(at, 0, 1), floats(at, 3, 0)};
    if (at.has_input(8)) inputs.push_back(bias(name(at, 8), name(at, 1), name(at, 4), 1));
    quantise(at, add(type, std::move(inputs), at.node().attributes), 6);
  }

  void gemm(const NodeView& at, const char* type) {
    expect_inputs(at, 6, 9);
    std::vector<std::string> inputs{floats(at, 0, 1), floats(at, 3, at.integer("transB", 0) != 0 ? 0 : 1)};
    if (at.has_input(6)) inputs.push_back(bias(name(at, 6), name(at, 1), name(at, 4), at.number("alpha", 1)));
    if (at.has_input(7))
      quantise(at, add(type, std::move(inputs), at.node().attributes), 7);
    else
      add(type, std::move(inputs), at.node().attributes, at.node().outputs[0]);
  }

  /// The scales of a matrix on the right may differ by columns.
  void two_operands(const NodeView& at, const char* type) {
    expect_inputs(at, 7, 8);
    const std::string a = floats(at, 0, 1), b = floats(at, 3, -1);
    quantise(at, add(type, {a, b}, at.node().attributes), 6);
  }

  void one_operand(const NodeView& at, const char* type) {
    expect_inputs(at, 4, 5);
    quantise(at, add(type, {floats(at, 0, 1)}, at.node().attributes), 3);
  }

  /// The output's scale and zero point, then operands with theirs.
  void concat(const NodeView& at, const char* type) {
    const std::size_t inputs = at.node().inputs.size();
    at.require(inputs >= 5 && inputs % 3 == 2, "its inputs: expected 2, and 3 for each operand, got ",
               inputs);
    std::vector<std::string> operands;
    for (std::size_t i = 2; i < inputs; i += 3) operands.push_back(floats(at, i, 1));
    quantise(at, add(type, std::move(operands), at.node().attributes), 0);
  }

  /// Input i as numbers, less the zero point in input `zero`, if there is one.
  std::string less_zero(const NodeView& at, std::size_t i, std::size_t zero) {
    const std::string x = add("Cast", {name(at, i)}, {attribute("to", 1)});
    return at.has_input(zero) ? add("Sub", {x, add("Cast", {name(at, zero)}, {attribute("to", 1)})}) : x;
  }

  /// How many numbers a constant of the file has; 1 for what is none.
  std::size_t size_of(const std::string& constant) const {
    for (const Constant& c : model_.initializers)
      if (c.name == constant) return c.size();
    return 1;
  }

  /// The zero points of the weights may differ by channels.
  void conv_integer(const NodeView& at, const char* type) {
    expect_inputs(at, 2, 4);
    at.require(size_of(name(at, 2)) == 1, "expected one zero point of the input");
    const std::string scales = constant<float>({static_cast<std::int64_t>(size_of(name(at, 3)))},
                                               std::vector<float>(size_of(name(at, 3)), 1));
    const std::string w = add("DequantizeLinear", {name(at, 1), scales, name(at, 3)}, {attribute("axis", 0)});
    add(type, {less_zero(at, 0, 2), w}, at.node().attributes, at.node().outputs[0]);
  }

  void matmul_integer(const NodeView& at, const char* type) {
    expect_inputs(at, 2, 4);
    at.require(size_of(name(at, 2)) == 1, "zero points for each row are not supported");
    const std::string a = less_zero(at, 0, 2), b = less_zero(at, 1, 3);
    add(type, {a, b}, {}, at.node().outputs[0]);
  }
};

}  // namespace foil::onnx::detail
