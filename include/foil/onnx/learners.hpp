// SPDX-License-Identifier: MIT
/// \file
/// The operators of the domain ai.onnx.ml, which scikit-learn's models are exported to, written as operators
/// of ONNX wherever these can say it. What remains are ensembles of trees and support vectors, which then
/// have one output, their sums before any transformation.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/rewriter.hpp"
#include "foil/onnx/score_nodes.hpp"

namespace foil::onnx::detail {

/// Rewrites the nodes of a model.
class Learners : public Rewriter {
 public:
  using Rewriter::Rewriter;

  void rewrite() {
    const bool any = std::any_of(model_.nodes.begin(), model_.nodes.end(),
                                 [](const Node& node) { return node.domain == learners_domain; });
    if (!any) return;
    const bool alone = std::all_of(model_.nodes.begin(), model_.nodes.end(),
                                   [](const Node& node) { return node.domain == learners_domain; });
    if (alone && model_.opset == 0) model_.opset = 17;  // of ONNX's own operators, of which the file has none
    for (const Node& node : model_.nodes) used_.insert(node.inputs.begin(), node.inputs.end());
    for (const ValueInfo& value : model_.outputs) used_.insert(value.name);
    find_raw_decisions();
    std::vector<Node> nodes = std::move(model_.nodes);
    model_.nodes.clear();
    for (Node& node : nodes) {
      const auto rewriting = rewritings().find(node.type);
      if (node.domain != learners_domain || rewriting == rewritings().end()) {
        model_.nodes.push_back(std::move(node));
        continue;
      }
      label_ =
          text(node.name.empty() && !node.outputs.empty() ? node.outputs[0] : node.name, ", ", node.type);
      (this->*rewriting->second)(NodeView(node, model_.opset));
      node = Node();  // large ensembles are there but once
    }
  }

 private:
  using Rewriting = void (Learners::*)(const NodeView&);
  static const std::map<std::string_view, Rewriting>& rewritings() {
    static const std::map<std::string_view, Rewriting> table{
        {"ArrayFeatureExtractor", &Learners::extractor},
        {"Binarizer", &Learners::binarizer},
        {"FeatureVectorizer", &Learners::vectorizer},
        {"Imputer", &Learners::imputer},
        {"LinearClassifier", &Learners::linear_classifier},
        {"LinearRegressor", &Learners::linear_regressor},
        {"Normalizer", &Learners::normalizer},
        {"SVMClassifier", &Learners::svm_classifier},
        {"SVMRegressor", &Learners::svm_regressor},
        {"Scaler", &Learners::scaler},
        {"TreeEnsemble", &Learners::tree_regressor},
        {"TreeEnsembleClassifier", &Learners::tree_classifier},
        {"TreeEnsembleRegressor", &Learners::tree_regressor},
        {"ZipMap", &Learners::zip_map},
    };
    return table;
  }

  void zip_map(const NodeView& at) { finish(input(at), output(at, 0)); }

  /// Leaves a node for the labels of a classifier if they are used, and says which column is which class
  /// where labels are not the columns' numbers.
  void labels(const NodeView& at, std::string_view integers, std::string_view strings) {
    if (std::string name = output(at, 0); used_.contains(name)) {
      model_.nodes.push_back(Node{label_, labels_type, learners_domain, {input(at)}, {std::move(name)}, {}});
    }
    const std::vector<std::int64_t>& numbers = at.integers(integers);
    const std::vector<std::string>& names = at.strings(strings);
    bool counted = !numbers.empty();
    std::string list;
    for (std::size_t i = 0; i < std::max(numbers.size(), names.size()); ++i) {
      counted = counted && numbers[i] == static_cast<std::int64_t>(i);
      if (i == most_listed) list += ", ...";
      if (i >= most_listed) continue;
      list += (i == 0 ? "" : ", ") + (numbers.empty() ? text("'", names[i], "'") : text(numbers[i]));
    }
    if (!counted) note("the classes are in this order: " + list);
  }

  void note(std::string sentence) {
    if (std::find(model_.notes.begin(), model_.notes.end(), sentence) == model_.notes.end())
      model_.notes.push_back(std::move(sentence));
  }

  void scaler(const NodeView& at) {
    std::string x = input(at);
    const std::vector<float>&offset = at.numbers("offset"), &scale = at.numbers("scale");
    if (!offset.empty()) x = add("Sub", {x, row(offset)});
    if (!scale.empty()) x = add("Mul", {x, row(scale)});
    finish(x, output(at, 0));
  }

  void normalizer(const NodeView& at) {
    const std::string norm = at.string("norm", "MAX"), &x = input(at);
    at.require(norm == "MAX" || norm == "L1" || norm == "L2", "unknown norm '", norm, "'");
    if (norm == "MAX") {  // of the signed numbers, as ONNX Runtime has it; what is 0 divides nothing
      const std::string largest = over_features(at, "ReduceMax", x, 18);
      const std::string none = add("Cast", {add("Equal", {largest, number(0)})}, {attribute("to", 1)});
      finish(add("Div", {x, add("Add", {largest, none})}), output(at, 0));
    } else {
      finish(add("LpNormalization", {x}, {attribute("axis", -1), attribute("p", norm == "L1" ? 1 : 2)}),
             output(at, 0));
    }
  }

  void imputer(const NodeView& at) {
    const std::string& x = input(at);
    const std::vector<float>& values = at.numbers("imputed_value_floats");
    at.require(!values.empty(),
               "expected imputed_value_floats; other imputers than of floats are not supported");
    const float missing = at.number("replaced_value_float", 0);
    // A number is equal to itself, and NaN is not.
    const std::string present = add("Equal", {x, x});
    if (std::isnan(missing))
      finish(add("Where", {present, x, row(values)}), output(at, 0));
    else
      finish(add("Where", {add("Equal", {x, number(missing)}), row(values), x}), output(at, 0));
  }

  void binarizer(const NodeView& at) {
    const std::string above = add("Greater", {input(at), number(at.number("threshold", 0))});
    finish(add("Cast", {above}, {attribute("to", 1)}), output(at, 0));
  }

  void vectorizer(const NodeView& at) {
    finish(add("Concat", at.node().inputs, {attribute("axis", -1)}), output(at, 0));
  }

  void extractor(const NodeView& at) {
    at.require(at.node().inputs.size() == 2, "expected two inputs, got ", at.node().inputs.size());
    const std::string list = add("Reshape", {at.node().inputs[1], constant<std::int64_t>({1}, {-1})});
    finish(add("Gather", {input(at), list}, {attribute("axis", -1)}), output(at, 0));
  }

  void linear_classifier(const NodeView& at) {
    labels(at, "classlabels_ints", "classlabels_strings");
    const std::vector<float>&weights = at.numbers("coefficients"), &biases = at.numbers("intercepts");
    const std::size_t classes = labels_of(at, "classlabels_ints", "classlabels_strings");
    const std::string transform = transform_of(at);
    at.require(!biases.empty() && !weights.empty() && weights.size() % biases.size() == 0,
               "expected as many coefficients of each class and an intercept, got ", weights.size(), " and ",
               biases.size());
    at.require(biases.size() == classes || (biases.size() == 1 && classes == 2), "expected scores of ",
               classes, " classes, got ", biases.size());
    const std::string scores = dense(input(at), weights, biases);
    finish(biases.size() == 1 ? two_classes(at, scores, transform, true) : transformed(at, scores, transform),
           output(at, 1));
  }

  void linear_regressor(const NodeView& at) {
    const std::vector<float>& weights = at.numbers("coefficients");
    std::vector<float> biases = at.numbers("intercepts");
    const std::int64_t targets = at.integer("targets", 1);
    at.require(targets >= 1 && weights.size() % static_cast<std::size_t>(targets) == 0 && !weights.empty() &&
                   targets <= static_cast<std::int64_t>(weights.size()),
               "expected as many coefficients of each of ", targets, " targets, got ", weights.size());
    if (biases.empty()) biases.resize(static_cast<std::size_t>(targets));
    at.require(biases.size() == static_cast<std::size_t>(targets), "expected ", targets, " intercepts, got ",
               biases.size());
    regression(at, dense(input(at), weights, biases), biases.size());
  }

  /// A single number is transformed by PROBIT alone.
  void regression(const NodeView& at, const std::string& scores, std::size_t targets) {
    const std::string transform = transform_of(at);
    finish(targets > 1 || transform == "PROBIT" ? transformed(at, scores, transform) : scores, output(at, 0));
  }

  void tree_classifier(const NodeView& at) {
    labels(at, "classlabels_int64s", "classlabels_strings");
    const std::string transform = transform_of(at);
    const std::vector<float>& weights = at.numbers("class_weights");
    const bool positive = std::all_of(weights.begin(), weights.end(), [](float w) { return w >= 0; });
    const std::string scores = keep(at);
    finish(has_single_column(at) ? two_classes(at, scores, transform, positive)
                                 : transformed(at, scores, transform),
           output(at, 1));
  }

  void tree_regressor(const NodeView& at) {
    const std::int64_t targets = at.integer("n_targets", 1);
    at.require(targets >= 1 && targets <= (1 << 16), "expected 1 to 65536 targets, got ", targets);
    regression(at, keep(at), static_cast<std::size_t>(targets));
  }

  void svm_classifier(const NodeView& at) {
    labels(at, "classlabels_ints", "classlabels_strings");
    const std::size_t classes = labels_of(at, "classlabels_ints", "classlabels_strings");
    const std::string transform = transform_of(at);
    const std::string scores = output(at, 1);
    if (at.integers("vectors_per_class").empty()) {  // linear, one row of coefficients for each class
      const std::vector<float>&weights = at.numbers("coefficients"), &rho = at.numbers("rho");
      at.require(!rho.empty() && weights.size() % classes == 0 && !weights.empty(),
                 "expected as many coefficients of each of ", classes, " classes and a rho, got ",
                 weights.size(), " and ", rho.size());
      finish(transformed(at, dense(input(at), weights, std::vector<float>(classes, rho[0])), transform),
             scores);
    } else if (!at.numbers("prob_a").empty()) {
      note(
          "the scores are probabilities, by which the file's labels do not always go: these follow from "
          "votes");
      finish(transformed(at, keep(at), transform), scores);
    } else if (raw_decisions_.contains(scores)) {
      note(
          "the scores are the votes that the file's labels go by, with fractions that tell how clear they "
          "are");
      finish(keep(at, {attribute(votes_attribute, 1)}), scores);
    } else if (classes == 2) {
      finish(two_classes(at, keep(at), transform, transform != "NONE"), scores);
    } else {
      finish(transformed(at, keep(at), transform), scores);
    }
  }

  void svm_regressor(const NodeView& at) {
    std::string scores;
    if (at.integer("n_supports", 0) == 0) {
      const std::vector<float>&weights = at.numbers("coefficients"), &rho = at.numbers("rho");
      at.require(!weights.empty() && !rho.empty(), "expected coefficients and a rho");
      scores = dense(input(at), weights, {rho[0]});
    } else {
      scores = keep(at);
    }
    if (at.integer("one_class", 0) != 0)
      scores = add("Where", {add("Greater", {scores, number(0)}), number(1), number(-1)});
    finish(scores, output(at, 0));
  }

  /// The scores of classifiers by support vectors without probabilities that nothing is done to: what a file
  /// has there is one number for each pair of classes, or two with their signs turned, and what is wanted are
  /// scores of the classes that its labels go by.
  void find_raw_decisions() {
    const auto moves = [](const Node& node) {
      return node.type == "Identity" || node.type == "Cast" || node.type == "ZipMap";
    };
    std::set<std::string_view> computed_with, raw;
    for (const Node& node : model_.nodes)
      if (!moves(node)) computed_with.insert(node.inputs.begin(), node.inputs.end());
    const auto mark = [&](const std::string& name) {
      if (!computed_with.contains(name)) raw.insert(name);
    };
    for (const ValueInfo& value : model_.outputs) mark(value.name);
    for (auto node = model_.nodes.rbegin(); node != model_.nodes.rend(); ++node) {
      const bool leads = std::any_of(node->outputs.begin(), node->outputs.end(),
                                     [&](const std::string& name) { return raw.contains(name); });
      if (leads && moves(*node))
        for (const std::string& name : node->inputs) mark(name);
      if (leads && node->type == "SVMClassifier" && node->outputs.size() > 1 &&
          raw.contains(node->outputs[1]))
        raw_decisions_.insert(node->outputs[1]);
    }
  }

  static constexpr std::size_t most_listed = 20;

  std::set<std::string> used_{}, raw_decisions_{};
};

}  // namespace foil::onnx::detail
