// SPDX-License-Identifier: MIT
/// \file
/// One node under conversion: checked access to its attributes, and its name in messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

class NodeView {
 public:
  NodeView(const Node& node, std::int64_t opset) : node_(node), opset_(opset) {}

  const Node& node() const { return node_; }
  std::int64_t opset() const { return opset_; }

  template <class... Parts>
  void require(bool condition, const Parts&... parts) const {
    if (!condition) throw Error(text("onnx: ", node_.label(), ": ", parts...));
  }

  /// Throws if the node, which works along that axis of x, would combine elements of different samples.
  void keep_apart(const Value& x, std::size_t axis) const {
    require(!x.holds_samples(axis), "along axis ", axis, " of ", x.shape(), " it would mix samples");
  }

  bool has_input(std::size_t i) const { return i < node_.inputs.size() && !node_.inputs[i].empty(); }
  bool has(std::string_view attribute) const { return node_.find(attribute) != nullptr; }

  std::int64_t integer(std::string_view name, std::int64_t fallback) const {
    const Attribute* a = node_.find(name);
    if (a == nullptr) return fallback;
    require(a->integer.has_value(), "expected an integer as attribute '", name, "'");
    return *a->integer;
  }

  float number(std::string_view name, float fallback) const {
    const Attribute* a = node_.find(name);
    if (a == nullptr) return fallback;
    require(a->number.has_value(), "expected a number as attribute '", name, "'");
    return *a->number;
  }

  std::string string(std::string_view name, std::string fallback) const {
    const Attribute* a = node_.find(name);
    if (a == nullptr) return fallback;
    require(a->string.has_value(), "expected a string as attribute '", name, "'");
    return *a->string;
  }

  /// The list in an attribute; empty if there is none.
  const std::vector<float>& numbers(std::string_view name) const { return list(name, &Attribute::numbers); }
  const std::vector<std::int64_t>& integers(std::string_view name) const {
    return list(name, &Attribute::integers);
  }
  const std::vector<std::string>& strings(std::string_view name) const {
    return list(name, &Attribute::strings);
  }

  /// A list of `count` integers in [lowest, 2^20]; all equal to `fallback` if absent.
  Dims sizes(std::string_view name, std::size_t count, Index fallback, Index lowest) const {
    const Attribute* a = node_.find(name);
    if (a == nullptr || a->integers.empty()) return Dims(count, fallback);
    require(a->integers.size() == count, "expected ", count, " values in attribute '", name, "', got ",
            a->integers.size());
    Dims out;
    for (const std::int64_t v : a->integers) {
      require(v >= lowest && v <= (1 << 20), "expected values from ", lowest, " to 2^20 in attribute '", name,
              "', got ", v);
      out.push_back(static_cast<Index>(v));
    }
    return out;
  }

  /// Maps an axis of a tensor of this rank from [-rank, rank) to [0, rank).
  std::size_t axis(std::int64_t axis, std::size_t rank) const {
    const auto r = static_cast<std::int64_t>(rank);
    require(axis >= -r && axis < r, "axis ", axis, " is out of range for rank ", r);
    return static_cast<std::size_t>(axis < 0 ? axis + r : axis);
  }

  /// Which of the axes of a tensor of this rank are listed; each may be once.
  std::vector<bool> marked(const std::vector<std::int64_t>& axes, std::size_t rank) const {
    std::vector<bool> out(rank, false);
    for (const std::int64_t a : axes) {
      const std::size_t i = axis(a, rank);
      require(!out[i], "axis ", i, " is given twice");
      out[i] = true;
    }
    return out;
  }

 private:
  template <class U>
  const std::vector<U>& list(std::string_view name, std::vector<U> Attribute::* member) const {
    static const std::vector<U> none;
    const Attribute* const a = node_.find(name);
    return a == nullptr ? none : a->*member;
  }

  const Node& node_;
  std::int64_t opset_;
};

}  // namespace foil::onnx::detail
