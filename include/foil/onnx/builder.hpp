// SPDX-License-Identifier: MIT
/// \file
/// The graph under construction, and the tensors known so far.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/graph.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/constant.hpp"
#include "foil/nn/operators/shape.hpp"
#include "foil/onnx/constant.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/value.hpp"
#include "foil/onnx/view.hpp"

namespace foil::onnx::detail {

/// What is asked of derivatives and types: members of Options.
struct Treatment {
  bool straight_through = false, stabilise = false, surrogate_slopes = false;  ///< of derivatives
  bool strict_types = false;
};

/// The graph under construction.
template <class T, class = simd::Isa>
class Builder {
 public:
  /// For an input whose axes are these for one sample, `batch` samples according to the file (-1 if open), in
  /// a file of so many bytes, external data included.
  Builder(const Dims& input, std::int64_t batch, std::uint64_t file_bytes, Treatment treatment)
      : graph_(volume(input)),
        file_batch_(batch),
        treatment_(treatment),
        allowance_((1 << 23) + 16 * file_bytes + static_cast<std::uint64_t>(volume(input))) {}

  nn::Graph<T>& graph() { return graph_; }

  /// What is asked of derivatives and types, see Options.
  const Treatment& treatment() const { return treatment_; }
  bool straight_through() const { return treatment_.straight_through; }

  /// The batch size written in the file; -1 if open.
  std::int64_t file_batch() const { return file_batch_; }

  /// Pays for so many elements of constants read or made and of index tables, of which a graph may use in all
  /// what is generous for a real network of the file's and its input's size: a small file cannot fill the
  /// memory.
  void spend(std::uint64_t elements) const {
    require(elements <= allowance_ - spent_,
            "onnx: the constants and index tables that follow from the graph have more than ", allowance_,
            " elements, too many for a file of that size");
    spent_ += elements;
  }

  /// A builder that knows the constants of this one, for a graph that computes with nothing else.
  Builder for_constants() const {
    Builder inner({1}, 1, 0, {});
    inner.outer_ = this;
    inner.allowance_ = allowance_ - spent_;
    return inner;
  }

  /// Pays for what that builder has spent.
  void spend_as(const Builder& inner) const { spend(inner.spent_); }

  void define(const std::string& name, Value value) {
    check_rank(value.rank(), "a tensor");
    values_[name] = std::move(value);
  }
  void define(const std::string& name, Constant constant) {
    check_rank(constant.dims.size(), "a constant");
    constants_[name] = std::move(constant);
  }

  /// Frees a name for another tensor.
  void forget(const std::string& name) {
    values_.erase(name);
    constants_.erase(name);
    layers_.erase(name);
    truths_.erase(name);
  }

  /// Remembers that one slot holds the Sigmoid of another, element by element.
  void mark_sigmoid(std::size_t slot, std::size_t of) { sigmoids_[slot] = of; }
  bool is_sigmoid(std::size_t slot, std::size_t of) const {
    const auto it = sigmoids_.find(slot);
    return it != sigmoids_.end() && it->second == of;
  }

  /// Remembers that the file has a tensor as truths, which are zeros and ones here.
  void mark_truths(const std::string& name) { truths_.insert(name); }
  bool holds_truths(const std::string& name) const { return truths_.contains(name); }

  /// How often each tensor is used in the file, and which can absorb a batch normalisation.
  void count_use(const std::string& name) { ++uses_[name]; }
  bool used_once(const std::string& name) const {
    const auto it = uses_.find(name);
    return it != uses_.end() && it->second == 1;
  }
  /// Remembers that the tensor comes from a layer whose outputs lie along axis 1.
  void mark_layer(const std::string& name) { layers_.insert(name); }
  bool is_layer(const std::string& name) const { return layers_.contains(name); }

  /// Remembers what is to be known of the network, once.
  void note(std::string text) {
    if (std::find(notes_.begin(), notes_.end(), text) == notes_.end()) notes_.push_back(std::move(text));
  }
  const std::vector<std::string>& notes() const { return notes_; }

  /// Remembers that the file has a tensor as integers, which stand for the value's numbers by a quantisation
  /// with that key; see quantization.hpp.
  void mark_quantised(const std::string& name, std::string key) { quantised_[name] = std::move(key); }
  const std::string* quantised(const std::string& name) const {
    const auto it = quantised_.find(name);
    return it == quantised_.end() ? nullptr : &it->second;
  }

  bool known(const std::string& name) const { return values_.contains(name) || constants_.contains(name); }
  const Value* find_value(const std::string& name) const {
    const auto it = values_.find(name);
    return it == values_.end() ? nullptr : &it->second;
  }
  const Constant* find_constant(const std::string& name) const {
    const auto it = constants_.find(name);
    if (it != constants_.end()) return &it->second;
    return outer_ == nullptr ? nullptr : outer_->find_constant(name);
  }

  /// Input i; a constant becomes an activation that is the same for every sample.
  Value value(const NodeView& at, std::size_t i) {
    at.require(at.has_input(i), "input ", i, " is missing");
    const Value* const found = find_value(at.node().inputs[i]);
    return found != nullptr ? *found : activation(constant(at, i));
  }

  /// A constant as an activation.
  Value activation(const Constant& c) {
    const Dims dims(c.dims.begin(), c.dims.end());
    require(!dims.empty() || c.size() == 1, "onnx: a constant without axes holds ", c.size(), " numbers");
    spend(static_cast<std::uint64_t>(volume(dims)));
    require(c.per_sample.empty(),
            "onnx: the number of samples is used as an activation, which would mix them");
    return emit(std::make_unique<nn::Constant<T>>(c.numbers<T>().list()), {}, dims, Layout::planar, {});
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
    at.require(c.is_float(), "expected floats as input ", i);
    return c;
  }

  /// Input i, a list of integers, of which some may count samples.
  const Constant& integer_list(const NodeView& at, std::size_t i) const {
    const Constant& c = constant(at, i);
    at.require(!c.is_float() && c.dims.size() <= 1, "expected a list of integers as input ", i);
    return c;
  }

  std::vector<std::int64_t> integers(const NodeView& at, std::size_t i) const {
    const Constant& c = integer_list(at, i);
    at.require(c.per_sample.empty(), "input ", i, " depends on the number of samples");
    return c.integers().list();
  }

  /// The single float in input i.
  float scalar(const NodeView& at, std::size_t i) const {
    const Constant& c = floats(at, i);
    at.require(c.size() == 1, "expected a single number as input ", i, ", got ", c.size());
    return c.floats()[0];
  }

  /// The value with its elements in the given order.
  Value arranged(const Value& value, Layout layout) {
    if (value.layout == layout) return value;
    require(value.rank() >= 3, "onnx: internal error, channels-last with rank ", value.rank());
    Value out = value;
    out.layout = layout;
    const Index channels = value.dims[1], pixels = volume(value.dims) / (value.dims[0] * channels);
    if (channels == 1 || pixels == 1) return out;
    const View from = view(value);
    if (from.whole(layout)) {
      out.slot = from.slot;
      return out;
    }
    auto [known, fresh] = rearranged_.try_emplace({value.slot, layout, value.dims}, 0);
    if (fresh) known->second = rearrange(from, layout);
    out.slot = known->second;
    return out;
  }

  Value planar(const Value& value) { return arranged(value, Layout::planar); }

  /// Where the elements of a value can be read, as far up as nothing but moves them.
  View view(const Value& value) const {
    const auto moved = views_.find(value.slot);
    if (value.layout == Layout::planar && moved != views_.end())
      if (auto found = moved->second.along(value.dims)) return *found;
    return {value.slot, volume(value.dims), 0, value.dims, strides(value)};
  }

  /// Remembers that the elements of a slot, in the order of the file, are those of a view.
  void remember(std::size_t slot, View view) { views_.insert_or_assign(slot, std::move(view)); }

  /// Appends a rearrangement: the slot of a tensor that has the elements of a view by itself.
  std::size_t rearrange(const View& from, Layout layout) {
    spend(static_cast<std::uint64_t>(volume(from.dims)));
    const std::size_t slot =
        graph_.add(std::make_unique<nn::Rearrange<T>>(from.size, in_memory_order(layout, from.dims),
                                                      in_memory_order(layout, from.strides), from.begin),
                   {from.slot}, volume(from.dims));
    if (layout == Layout::planar) remember(slot, from);
    return slot;
  }

  /// Distances in memory between neighbours along each axis of a sample.
  static Dims strides(const Value& value) { return strides_of(value.dims, value.layout); }

  /// For each element of a sample of this shape and layout, the offset in a tensor with these strides.
  std::vector<std::int32_t> offsets(const Dims& dims, Layout layout, const Dims& strides) const {
    spend(static_cast<std::uint64_t>(volume(dims)));
    return nn::index_map(in_memory_order(layout, dims), in_memory_order(layout, strides));
  }

  /// Appends an operator and describes its output.
  Value emit(std::unique_ptr<nn::Operator<T>> op, std::vector<std::size_t> inputs, Dims dims, Layout layout,
             BatchAxis batch) {
    const Index size = volume(dims);
    return {std::move(dims), layout, graph_.add(std::move(op), std::move(inputs), size), batch};
  }

 private:
  nn::Graph<T> graph_;
  std::int64_t file_batch_;
  Treatment treatment_;
  std::uint64_t allowance_;
  mutable std::uint64_t spent_ = 0;
  const Builder* outer_ = nullptr;
  std::map<std::string, Value> values_;
  std::map<std::string, Constant> constants_;
  std::map<std::tuple<std::size_t, Layout, Dims>, std::size_t> rearranged_;
  std::map<std::size_t, View> views_;
  std::map<std::string, std::size_t> uses_;
  std::map<std::size_t, std::size_t> sigmoids_;
  std::set<std::string> layers_;
  std::set<std::string> truths_{};
  std::vector<std::string> notes_{};
  std::map<std::string, std::string> quantised_{};
};

}  // namespace foil::onnx::detail
