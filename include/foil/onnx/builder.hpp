// SPDX-License-Identifier: MIT
/// \file
/// What the conversion of ONNX nodes works with: the graph under construction, the tensors known so far, and
/// checked access to a node's inputs and attributes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/shape.hpp"
#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/graph.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/shape.hpp"
#include "foil/onnx/model.hpp"

namespace foil::onnx::detail {

using foil::require;
using foil::text;
using Dims = std::vector<Index>;

/// Order of the elements of a sample: as in the file, or with the channels (axis 1) last.
enum class Layout { planar, channels_last };

/// A tensor that depends on the input: its shape per sample, without the leading batch axis.
struct Value {
  Dims dims;
  Layout layout = Layout::planar;
  std::size_t slot = 0;
};

/// More elements per sample than any network that fits a machine.
inline constexpr Index largest_value = Index(1) << 26;

/// One node under conversion, for checked access and messages.
class NodeView {
 public:
  NodeView(const Node& node, std::int64_t opset) : node_(node), opset_(opset) {}

  const Node& node() const { return node_; }
  std::int64_t opset() const { return opset_; }

  template <class... Parts>
  void require(bool condition, const Parts&... parts) const {
    if (!condition) throw Error(text("onnx: ", node_.label(), ": ", parts...));
  }

  bool has_input(std::size_t i) const { return i < node_.inputs.size() && !node_.inputs[i].empty(); }

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

 private:
  const Node& node_;
  std::int64_t opset_;
};

/// The graph under construction.
template <class T, class = simd::Isa>
class Builder {
 public:
  /// For a file of so many bytes, external data included.
  Builder(const Dims& input, std::int64_t batch, std::uint64_t file_bytes, bool straight_through)
      : graph_(volume(input)),
        file_batch_(batch),
        straight_through_(straight_through),
        allowance_((1 << 23) + 16 * file_bytes + static_cast<std::uint64_t>(volume(input))) {}

  nn::Graph<T>& graph() { return graph_; }

  /// Options::straight_through.
  bool straight_through() const { return straight_through_; }

  /// The batch size written in the file; -1 if open.
  std::int64_t file_batch() const { return file_batch_; }

  /// Number of elements of a sample; throws if it is absurd.
  static Index volume(const Dims& dims) {
    Index product = 1;
    for (const Index d : dims) {
      require(d > 0 && d <= largest_value / product, "onnx: a tensor of shape ", batch_text(dims),
              " is empty or too large");
      product *= d;
    }
    return product;
  }

  /// Pays for so many elements of constants read or made and of index tables, of which a graph may use in all
  /// what is generous for a real network of the file's and its input's size: a small file cannot fill the
  /// memory.
  void spend(std::uint64_t elements) const {
    require(elements <= allowance_ - spent_,
            "onnx: the constants and index tables that follow from the graph have more than ", allowance_,
            " elements, too many for a file of that size");
    spent_ += elements;
  }

  void define(const std::string& name, Value value) {
    check_rank(value.dims.size(), "a tensor");
    values_[name] = std::move(value);
  }
  void define(const std::string& name, Constant constant) {
    check_rank(constant.dims.size(), "a constant");
    constants_[name] = std::move(constant);
  }

  /// How often each tensor is used in the file, and which can absorb a batch normalisation.
  void count_use(const std::string& name) { ++uses_[name]; }
  bool used_once(const std::string& name) const {
    const auto it = uses_.find(name);
    return it != uses_.end() && it->second == 1;
  }
  void mark_layer(const std::string& name) { layers_.insert(name); }
  bool is_layer(const std::string& name) const { return layers_.contains(name); }

  bool known(const std::string& name) const { return values_.contains(name) || constants_.contains(name); }
  const Value* find_value(const std::string& name) const {
    const auto it = values_.find(name);
    return it == values_.end() ? nullptr : &it->second;
  }
  const Constant* find_constant(const std::string& name) const {
    const auto it = constants_.find(name);
    return it == constants_.end() ? nullptr : &it->second;
  }

  /// Input i, which has to depend on the network's input.
  const Value& value(const NodeView& at, std::size_t i) const {
    at.require(at.has_input(i), "input ", i, " is missing");
    const Value* found = find_value(at.node().inputs[i]);
    at.require(found != nullptr, "input ", i, " ('", at.node().inputs[i],
               "') is a constant, which is not supported there");
    return *found;
  }

  /// Input i, which has to be a constant.
  const Constant& constant(const NodeView& at, std::size_t i) const {
    at.require(at.has_input(i), "input ", i, " is missing");
    const Constant* found = find_constant(at.node().inputs[i]);
    at.require(found != nullptr, "input ", i, " ('", at.node().inputs[i],
               "') depends on the network's input; only constants are supported there");
    spend(found->size());
    return *found;
  }

  const Constant& floats(const NodeView& at, std::size_t i) const {
    const Constant& c = constant(at, i);
    at.require(c.is_float(), "expected float32 as input ", i);
    return c;
  }

  const std::vector<std::int64_t>& integers(const NodeView& at, std::size_t i) const {
    const Constant& c = constant(at, i);
    at.require(!c.is_float() && c.dims.size() <= 1, "expected a list of integers as input ", i);
    return c.integers;
  }

  /// The single float in input i.
  float scalar(const NodeView& at, std::size_t i) const {
    const Constant& c = floats(at, i);
    at.require(c.size() == 1, "expected a single number as input ", i, ", got ", c.size());
    return c.floats[0];
  }

  /// The value with its elements in the given order; channels-last only exists for (C, H, W).
  Value arranged(const Value& value, Layout layout) {
    if (value.layout == layout) return value;
    require(value.dims.size() == 3, "onnx: internal error, channels-last with rank ", value.dims.size());
    const Index channels = value.dims[0], pixels = value.dims[1] * value.dims[2];
    Value out{value.dims, layout, value.slot};
    if (channels == 1 || pixels == 1) return out;
    auto [known, fresh] = rearranged_.try_emplace({value.slot, value.dims}, 0);
    if (fresh) known->second = rearrange(value, layout, value.dims, strides(value));
    out.slot = known->second;
    return out;
  }

  Value planar(const Value& value) { return arranged(value, Layout::planar); }

  /// Distances in memory between neighbours along each axis of a sample.
  static Dims strides(const Value& value) {
    Dims out(value.dims.size());
    Index step = 1;
    const std::vector<std::size_t> axes = memory_order(value.layout, out.size());
    for (std::size_t i = axes.size(); i-- > 0; step *= value.dims[axes[i]]) out[axes[i]] = step;
    return out;
  }

  /// The axes of a sample from slowest to fastest.
  static std::vector<std::size_t> memory_order(Layout layout, std::size_t rank) {
    if (layout == Layout::channels_last) return {1, 2, 0};
    std::vector<std::size_t> axes(rank);
    for (std::size_t i = 0; i < rank; ++i) axes[i] = i;
    return axes;
  }

  static Dims in_memory_order(Layout layout, const Dims& of_axes) {
    Dims out;
    for (const std::size_t axis : memory_order(layout, of_axes.size())) out.push_back(of_axes[axis]);
    return out;
  }

  /// For each element of a sample of this shape and layout, the offset in a tensor with these strides.
  std::vector<std::int32_t> offsets(const Dims& dims, Layout layout, const Dims& strides) const {
    spend(static_cast<std::uint64_t>(volume(dims)));
    return nn::index_map(in_memory_order(layout, dims), in_memory_order(layout, strides));
  }

  /// Appends a rearrangement: the slot of a tensor of this shape and layout whose elements lie in `value` at
  /// the given strides.
  std::size_t rearrange(const Value& value, Layout layout, const Dims& dims, const Dims& strides) {
    spend(static_cast<std::uint64_t>(volume(dims)));
    return graph_.add(std::make_unique<nn::Rearrange<T>>(volume(value.dims), in_memory_order(layout, dims),
                                                         in_memory_order(layout, strides)),
                      {value.slot}, volume(dims));
  }

  /// Appends an operator and describes its output.
  Value emit(std::unique_ptr<nn::Operator<T>> op, std::vector<std::size_t> inputs, Dims dims, Layout layout) {
    const Index size = volume(dims);
    return {std::move(dims), layout, graph_.add(std::move(op), std::move(inputs), size)};
  }

 private:
  nn::Graph<T> graph_;
  std::int64_t file_batch_;
  bool straight_through_;
  std::uint64_t allowance_;
  mutable std::uint64_t spent_ = 0;
  std::map<std::string, Value> values_;
  std::map<std::string, Constant> constants_;
  std::map<std::pair<std::size_t, Dims>, std::size_t> rearranged_;
  std::map<std::string, std::size_t> uses_;
  std::set<std::string> layers_;
};

}  // namespace foil::onnx::detail
