// SPDX-License-Identifier: MIT
/// \file
/// What rewriting the nodes of a model as others works with.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"

namespace foil::onnx::detail {

/// Appends nodes and constants to a model. Their names begin with a space and a number, and a file that has
/// such names itself is refused for defining a tensor twice.
class Rewriter {
 public:
  explicit Rewriter(Model& model) : model_(model) {}

 protected:
  static const std::string& input(const NodeView& at) {
    at.require(!at.node().inputs.empty(), "it has no input");
    return at.node().inputs[0];
  }
  /// The scores' name; a classifier has the labels as output 0.
  static std::string output(const NodeView& at, std::size_t i) {
    return i < at.node().outputs.size() ? at.node().outputs[i] : std::string();
  }

  std::string fresh() { return text(" ", ++count_, " ", label_); }

  /// Appends a node and returns the name of its output, a new one if none is given.
  std::string add(const char* type, std::vector<std::string> inputs, std::vector<Attribute> attributes = {},
                  std::string to = {}) {
    if (to.empty()) to = fresh();
    Node node;
    node.name = label_;
    node.type = type;
    node.inputs = std::move(inputs);
    node.outputs = {to};
    node.attributes = std::move(attributes);
    model_.nodes.push_back(std::move(node));
    return to;
  }

  /// Keeps a node, but with a new output in the place of all.
  std::string keep(const NodeView& at, std::vector<Attribute> more = {}) {
    Node node = at.node();
    node.outputs = {fresh()};
    for (Attribute& attribute : more) node.attributes.push_back(std::move(attribute));
    model_.nodes.push_back(std::move(node));
    return model_.nodes.back().outputs[0];
  }

  template <class U>
  std::string constant(std::vector<std::int64_t> dims, std::vector<U> values) {
    Constant c(std::move(dims), std::move(values));
    c.name = fresh();
    model_.initializers.push_back(c);
    return c.name;
  }
  std::string number(float value) { return constant<float>({}, {value}); }
  std::string row(const std::vector<float>& values) {
    return constant<float>({static_cast<std::int64_t>(values.size())}, values);
  }

  static Attribute attribute(const char* name, std::int64_t value) {
    Attribute a;
    a.name = name;
    a.integer = value;
    return a;
  }

  /// x W^T + b, of `outputs` rows of weights.
  std::string dense(const std::string& x, std::vector<float> weights, std::vector<float> biases) {
    const std::int64_t outputs = static_cast<std::int64_t>(biases.size());
    const std::int64_t features = static_cast<std::int64_t>(weights.size()) / outputs;
    const std::string w = constant<float>({outputs, features}, std::move(weights));
    return add("Gemm", {x, w, row(biases)}, {attribute("transB", 1)});
  }

  /// (c - s, s) of a single column s.
  std::string pair(const std::string& s, float c) { return dense(s, {-1, 1}, {c, 0}); }

  void finish(const std::string& from, const std::string& to) {
    if (!to.empty()) add("Identity", {from}, {}, to);
  }

  // Transformations of scores.

  /// What a file says is done to its scores, by name or, in TreeEnsemble, by number.
  static std::string transform_of(const NodeView& at) {
    const std::vector<std::string> names{"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
    const Attribute* const given = at.node().find("post_transform");
    if (given == nullptr) return names[0];
    if (given->integer && *given->integer >= 0 && *given->integer < static_cast<std::int64_t>(names.size()))
      return names[static_cast<std::size_t>(*given->integer)];
    const std::string name = given->string.value_or(given->integer ? text(*given->integer) : "");
    at.require(std::find(names.begin(), names.end(), name) != names.end(), "unknown post_transform '", name,
               "'");
    return name;
  }

  /// Of at least two columns, but for PROBIT.
  std::string transformed(const NodeView& at, std::string scores, const std::string& transform) {
    if (transform == "SOFTMAX") return add("Softmax", {scores}, {attribute("axis", -1)});
    if (transform == "LOGISTIC") return add("Sigmoid", {scores});
    if (transform == "PROBIT") return probit(scores);
    if (transform == "SOFTMAX_ZERO") return softmax_zero(at, scores);
    return scores;
  }

  /// Two classes of the single column s of the second, as ONNX Runtime makes them: with a LOGISTIC the
  /// sigmoids of (-s, s), else without any transformation (-s, s) or (1 - s, s).
  std::string two_classes(const NodeView& at, const std::string& s, const std::string& transform,
                          bool from_one) {
    at.require(transform != "PROBIT", "a PROBIT of a single column leaves the first class without a score");
    if (transform == "LOGISTIC") return add("Sigmoid", {pair(s, 0)});
    return pair(s, from_one ? 1.f : 0.f);
  }

  /// Softmax without the scores that are 0, which stay so.
  std::string softmax_zero(const NodeView& at, const std::string& scores) {
    const std::string square = add("Mul", {scores, scores});
    const std::string present = add("Cast", {add("Greater", {square, number(1e-14f)})}, {attribute("to", 1)});
    const std::string share = add("Mul", {add("Softmax", {scores}, {attribute("axis", -1)}), present});
    return add("Div", {share, over_features(at, "ReduceSum", share, 13)});
  }

  /// A reduction of the last axis, which is named by an input from that opset on.
  std::string over_features(const NodeView& at, const char* type, const std::string& x,
                            std::int64_t by_input) {
    if (at.opset() >= by_input)
      return add(type, {x, constant<std::int64_t>({1}, {-1})}, {attribute("keepdims", 1)});
    Attribute axes;
    axes.name = "axes";
    axes.integers = {-1};
    return add(type, {x}, {std::move(axes), attribute("keepdims", 1)});
  }

  /// The quantile of the normal distribution, by Winitzki's approximation of the error function's inverse,
  /// which ONNX Runtime uses.
  std::string probit(const std::string& p) {
    constexpr float a = 0.147f, pi = 3.14159f;
    const std::string x = add("Sub", {add("Mul", {p, number(2)}), number(1)});
    const std::string log =
        add("Log", {add("Mul", {add("Sub", {number(1), x}), add("Add", {x, number(1)})})});
    const std::string half = add("Add", {add("Mul", {log, number(0.5f)}), number(2 / (pi * a))});
    const std::string inner = add("Sub", {add("Mul", {half, half}), add("Mul", {log, number(1 / a)})});
    const std::string size = add("Sqrt", {add("Sub", {add("Sqrt", {inner}), half})});
    return add("Mul", {add("Mul", {size, number(1.41421356f)}), add("Sign", {x})});
  }

  Model& model_;
  std::string label_{};

 private:
  std::size_t count_ = 0;
};

}  // namespace foil::onnx::detail
