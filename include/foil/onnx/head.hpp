// SPDX-License-Identifier: MIT
/// \file
/// The end of a network: which tensor holds the scores of the classes. Layers that saturate and change
/// nothing in the order of the classes, Softmax above all, are found here to be taken off.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operators/two_classes.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/constant.hpp"
#include "foil/onnx/element_type.hpp"
#include "foil/onnx/functions.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/options.hpp"
#include "foil/onnx/places.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

/// The nodes that write tensors, by the tensor.
using Producers = std::map<std::string_view, const Node*>;

/// The layers at the end of a network through which the scores of the classes can be followed.
template <class T>
class Tail {
 public:
  /// The chain of nodes with one input that is no constant, from `output` backwards.
  Tail(const Builder<T>& build, const Producers& producers, std::int64_t opset, std::string output)
      : build_(build), opset_(opset) {
    classes_ = volume(build.find_value(output)->dims);
    constexpr std::size_t longest = 64;  // more than people write; what a file costs to read stays linear
    while (chain_.size() < longest) {
      const auto found = producers.find(output);
      if (found == producers.end()) return;
      const Node& node = *found->second;
      const std::string* only = nullptr;
      for (const std::string& input : node.inputs) {
        if (build.find_value(input) == nullptr) continue;
        if (only != nullptr) return;
        only = &input;
      }
      if (only == nullptr || volume(build.find_value(*only)->dims) != classes_) return;
      chain_.push_back({&node, *only});
      output = *only;
    }
  }

  /// The name of the scores before the first Softmax, LogSoftmax or Sigmoid behind which everything keeps the
  /// order of the classes, and the layers from there on.
  struct Cut {
    std::string scores, layers;
  };

  /// For two classes or more.
  std::optional<Cut> cut() const {
    std::optional<Cut> out;
    for (std::size_t begin = 0; begin < chain_.size(); ++begin)
      if (keeps_order(begin)) out = Cut{chain_[begin].input, layers(begin)};
    return out;
  }

  /// For one output: the logit whose Sigmoid it is, left as it is or clipped.
  std::optional<Cut> logit() const {
    for (std::size_t i = 0; i < chain_.size(); ++i) {
      const Node& node = *chain_[i].node;
      if (node.type == "Sigmoid") return Cut{chain_[i].input, layers(i)};
      if (node.type == "Clip") {
        const auto [low, high] = clip_range(build_, view(node));
        if (!(low < 0.5f && high > 0.5f)) return std::nullopt;
      } else if (!moves_elements(node)) {
        return std::nullopt;
      }
    }
    return std::nullopt;
  }

  /// Whether the output is a Softmax of a single number.
  bool is_constant() const {
    return classes_ == 1 && std::any_of(chain_.begin(), chain_.end(), [](const Link& link) {
             return link.node->type == "Softmax" || link.node->type == "LogSoftmax";
           });
  }

 private:
  struct Link {
    const Node* node;
    std::string input;
  };

  NodeView view(const Node& node) const { return NodeView(node, opset_); }

  static bool moves_elements(const Node& node) {
    constexpr std::array<std::string_view, 7> types{"Identity", "Dropout", "Cast",     "Flatten",
                                                    "Reshape",  "Squeeze", "Unsqueeze"};
    const bool found = std::find(types.begin(), types.end(), node.type) != types.end();
    const Attribute* const to = node.find("to");
    return found && (to == nullptr || (to->integer && is_float_type(*to->integer)));
  }

  /// The layers from a link of the chain to the output, but for those that only move elements.
  std::string layers(std::size_t begin) const {
    std::string out;
    for (std::size_t i = begin + 1; i-- > 0;)
      if (!moves_elements(*chain_[i].node)) out += (out.empty() ? "" : ", ") + chain_[i].node->type;
    return out;
  }

  /// Whether the chain from this link on begins with a layer to be taken off and keeps the order of classes.
  bool keeps_order(std::size_t begin) const {
    std::optional<Places> places;
    for (std::size_t i = begin + 1; i-- > 0;) {
      const Node& node = *chain_[i].node;
      if (node.type == "Softmax" || node.type == "LogSoftmax") {
        const nn::Lines lines = softmax_lines(view(node), *build_.find_value(chain_[i].input));
        if (lines.length != classes_) return false;
        places = Places::of_softmax(classes_, places ? places->closest() : Places::finest);
        const bool logarithm = node.type == "LogSoftmax";
        if (!places->move([&](double p) { return logarithm ? std::log(p) : p; })) return false;
      } else if (!places && node.type == "Sigmoid") {
        places = Places::of_sigmoid();
      } else if (!places || !follow(chain_[i], *places)) {
        return false;
      }
    }
    return true;
  }

  /// Moves the places through a layer; false unless that is increasing and the same for every class.
  bool follow(const Link& link, Places& places) const {
    const Node& node = *link.node;
    const std::string& type = node.type;
    if (moves_elements(node)) return true;
    if (type == "Clip") return places.clip(clip_range(build_, view(node)));
    if (type == "Relu") return places.lowest() >= 0;
    if (type == "Log") return places.lowest() >= 0 && places.move([](double x) { return std::log(x); });
    if (type == "Sqrt") return places.lowest() >= 0 && places.move([](double x) { return std::sqrt(x); });
    if (type == "Exp") return places.move([](double x) { return std::exp(x); });
    if (type == "Tanh") return places.move([](double x) { return std::tanh(x); });
    if (type == "Sigmoid") return places.move([](double x) { return 1 / (1 + std::exp(-x)); });
    if (type == "LpNormalization") {  // divides a sample's shares by one number, at most that of the classes
      const Dims& dims = build_.find_value(link.input)->dims;
      const std::size_t axis = view(node).axis(view(node).integer("axis", -1), dims.size());
      return dims[axis] == classes_ && places.lowest() >= 0 &&
             places.move([&](double x) { return x / static_cast<double>(classes_); });
    }
    if (node.inputs.size() != 2) return false;
    const bool second = node.inputs[0] == link.input;  // whether the constant is the second operand
    const std::optional<double> c = number(node.inputs[second ? 1 : 0]);
    if (!c) return false;
    if (type == "Add") return places.move([&](double x) { return x + *c; });
    if (type == "Mul") return *c > 0 && places.move([&](double x) { return x * *c; });
    if (!second) return false;
    if (type == "Sub") return places.move([&](double x) { return x - *c; });
    if (type == "Div") return *c > 0 && places.move([&](double x) { return x / *c; });
    if (type == "Pow")
      return *c > 0 && places.lowest() >= 0 && places.move([&](double x) { return std::pow(x, *c); });
    return false;
  }

  /// The constant of that name if all its elements are the same number.
  std::optional<double> number(const std::string& name) const {
    const Constant* const c = build_.find_constant(name);
    if (c == nullptr || !c->is_float() || c->size() == 0) return std::nullopt;
    const Numbers<double> numbers = c->numbers<double>();
    for (const double v : numbers)
      if (v != numbers[0] || !std::isfinite(v)) return std::nullopt;
    return numbers[0];
  }

  const Builder<T>& build_;
  std::int64_t opset_;
  Index classes_ = 0;
  std::vector<Link> chain_;
};

/// The tensor that holds the logits of the classes, and what has been done to come by it.
struct Head {
  std::size_t slot = 0;
  bool single = false;  ///< whether two classes were made of a single output
  std::vector<std::string> notes{};
};

template <class T>
std::size_t two_classes(Builder<T>& build, const Value& x, nn::SingleAnswer answer) {
  return build.emit(std::make_unique<nn::TwoClasses<T>>(answer), {x.slot}, {1, 2}, Layout::planar, {}).slot;
}

/// What the output of that name is as logits.
template <class T>
Head find_head(Builder<T>& build, const Producers& producers, std::int64_t opset, const std::string& name,
               const Options<T>& options) {
  const Value* const output = build.find_value(name);
  require(output != nullptr, "onnx: the output '", name, "' ",
          build.known(name) ? "does not depend on the input" : "is written by no node");
  const Index classes = volume(output->dims);
  require(!output->batch.known() || output->dims[output->batch.axis] == 1,
          "onnx: expected an output of shape ", "(N, classes), the shape of '", name, "', ", output->shape(),
          ", would mix samples");
  if (options.flattened) {
    require(!options.binary,
            "onnx: Options::binary (--binary) is for networks with a single output, not for "
            "one that is taken as it is (Options::flattened)");
    return {build.planar(*output).slot};
  }
  require(std::count_if(output->dims.begin(), output->dims.end(), [](Index d) { return d != 1; }) <= 1,
          "onnx: expected an output of shape (N, classes), got '", name, "' of shape ", output->shape());
  const Tail<T> tail(build, producers, opset, name);
  if (classes > 1) {
    require(!options.binary, "onnx: Options::binary (--binary) is for networks with a single output, '", name,
            "' has ", classes, " classes");
    const auto cut = options.keep_output_layer ? std::nullopt : tail.cut();
    if (!cut) return {build.planar(*output).slot, false, {}};
    return {
        build.planar(*build.find_value(cut->scores)).slot,
        false,
        {text(
            "taken off the end of the network: ", cut->layers,
            "; the order of the classes is the same but for ties where such layers saturate, where gradients "
            "vanish as well")}};
  }
  require(!tail.is_constant(), "onnx: the output '", name,
          "' is a softmax over a single class, the same whatever the input");
  if (const auto cut = tail.logit(); cut && !options.keep_output_layer)
    return {
        two_classes<T>(build, *build.find_value(cut->scores), nn::SingleAnswer::logit),
        true,
        {text("the network's single output, a sigmoid, is read as two classes: 1 above one half, else 0 (",
              cut->layers, " taken off)")}};
  else if (cut)
    return {two_classes<T>(build, *output, nn::SingleAnswer::probability),
            true,
            {"the network's single output p, a sigmoid, is read as the scores 1 - p and p of two classes"}};
  require(options.binary, "onnx: the network has a single output '", name,
          "': if it is the logit of class 1 against class 0, say so by Options::binary (--binary)");
  if (options.single_column) return {build.planar(*output).slot, true, {}};
  return {two_classes<T>(build, *output, nn::SingleAnswer::logit),
          true,
          {"the network's single output is read as the logit of class 1 against class 0"}};
}

}  // namespace foil::onnx::detail
