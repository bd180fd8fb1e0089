// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's recurrent layers: LSTM, GRU and RNN.
#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/assemble.hpp"
#include "foil/nn/operators/cells.hpp"
#include "foil/nn/operators/recurrent.hpp"
#include "foil/nn/operators/repeated.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/parts.hpp"
#include "foil/onnx/shapes.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

/// The function of that name, of ONNX's list, with its parameters or their defaults.
template <class T>
nn::Gate<T> gate_of(const NodeView& at, std::string name, const float* alpha, const float* beta) {
  using Kind = typename nn::Gate<T>::Kind;
  struct Known {
    const char* name;
    Kind kind;
    float alpha, beta;
  };
  constexpr float none = std::numeric_limits<float>::infinity();  // ONNX names no default
  static constexpr std::array<Known, 11> known{{{"sigmoid", Kind::sigmoid, 0, 0},
                                                {"tanh", Kind::tanh, 0, 0},
                                                {"relu", Kind::relu, 0, 0},
                                                {"affine", Kind::affine, none, none},
                                                {"leakyrelu", Kind::leaky_relu, 0.01f, 0},
                                                {"thresholdedrelu", Kind::thresholded_relu, 1, 0},
                                                {"scaledtanh", Kind::scaled_tanh, none, none},
                                                {"hardsigmoid", Kind::hard_sigmoid, 0.2f, 0.5f},
                                                {"elu", Kind::elu, 1, 0},
                                                {"softsign", Kind::softsign, 0, 0},
                                                {"softplus", Kind::softplus, 0, 0}}};
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const Known& k : known) {
    if (name != k.name) continue;
    const float a = alpha == nullptr ? k.alpha : *alpha, b = beta == nullptr ? k.beta : *beta;
    const bool positive =
        k.kind == Kind::leaky_relu || k.kind == Kind::thresholded_relu || k.kind == Kind::elu;
    at.require(a != none && b != none, "the activation '", name,
               "' takes an activation_alpha and an activation_beta");
    at.require(!positive || a >= 0, "expected an activation_alpha >= 0, got ", a);
    return {k.kind, static_cast<T>(a), static_cast<T>(b)};
  }
  at.require(false, "unknown activation '", name, "'");
  return {};
}

/// What the three kinds of layers have in common: their geometry, and access to their constants direction by
/// direction.
template <class T>
struct RecurrentNode {
  Builder<T>& build;
  const NodeView& at;
  Value x;  ///< (rows, steps, inputs), rows among the samples' or several for each
  bool rows_first;
  Index directions, hidden, gates;
  bool starts_at_end;

  RecurrentNode(Builder<T>& b, const NodeView& node, Index gate_count)
      : build(b),
        at(node),
        x(b.value(node, 0)),
        rows_first(node.integer("layout", 0) != 0),
        gates(gate_count) {
    at.require(x.rank() == 3, "expected a sequence of shape ", rows_first ? "(N, L, C)" : "(L, N, C)",
               ", got ", x.shape());
    at.keep_apart(x, 2);
    at.keep_apart(x, rows_first ? 1 : 0);
    x = build.planar(x);
    if (!rows_first) x = build.planar(transposed(build, x, {1, 0, 2}));
    const std::string direction = at.string("direction", "forward");
    at.require(direction == "forward" || direction == "reverse" || direction == "bidirectional",
               "unknown direction '", direction, "'");
    directions = direction == "bidirectional" ? 2 : 1;
    starts_at_end = direction == "reverse";
    at.require(!at.has("clip") || at.number("clip", 0) == 0, "the attribute 'clip' is not supported");
    const Constant& weights = build.floats(at, 2);
    at.require(weights.dims.size() == 3 && weights.dims[2] >= 1 && weights.dims[2] <= (1 << 20),
               "expected recurrent weights of rank 3");
    hidden = static_cast<Index>(weights.dims[2]);
    at.require(at.integer("hidden_size", hidden) == hidden, "expected hidden_size ", hidden, ", got ",
               at.integer("hidden_size", hidden));
    if (!at.has_input(4)) return;
    for (const std::int64_t length : build.integers(at, 4))
      at.require(length == steps(), "sequences shorter than ", steps(), " steps are not supported, got ",
                 length);
  }

  Index rows() const { return x.dims[0]; }
  Index steps() const { return x.dims[1]; }

  /// The constants of input i for a direction, which has so many; zeros if there are none.
  std::vector<T> numbers(std::size_t i, Index direction, Index count) const {
    if (!at.has_input(i)) return std::vector<T>(static_cast<std::size_t>(count), T(0));
    const auto all = build.floats(at, i).template numbers<T>();
    at.require(static_cast<Index>(all.size()) == directions * count, "expected ", directions * count,
               " numbers as input ", i, ", got ", all.size());
    return std::vector<T>(all.begin() + direction * count, all.begin() + (direction + 1) * count);
  }

  /// The initial state in input i; one that is an activation is appended to `slots`.
  nn::InitialState<T> state(std::size_t i, Index direction, std::vector<std::size_t>& slots) const {
    if (!at.has_input(i)) return {};
    if (build.find_value(at.node().inputs[i]) == nullptr && rows() == 1)
      return {numbers(i, direction, hidden), 0};
    Value h = build.planar(build.value(at, i));
    const Dims wanted = rows_first ? Dims{rows(), directions, hidden} : Dims{directions, rows(), hidden};
    BatchAxis where = x.batch;
    if (where.known()) where.axis = rows_first ? 0 : 1;
    at.require(h.dims == wanted && (!h.batch.known() || h.batch == where),
               "expected an initial state of shape ", Value{wanted, Layout::planar, 0, where}.shape(),
               ", got ", h.shape());
    h = picked(build, at, h, rows_first ? 1 : 0, Picks{static_cast<std::int32_t>(direction)});
    slots.push_back(h.slot);
    return {{}, slots.size() - 1};
  }

  nn::RecurrentShape<T> shape(Index direction, std::vector<std::size_t>& slots) const {
    const Index inputs = x.dims[2], all = gates * hidden;
    nn::RecurrentShape<T> out{steps(), inputs, hidden};
    out.reverse = starts_at_end || direction == 1;
    out.input_weights = numbers(1, direction, all * inputs);
    out.recurrent_weights = numbers(2, direction, all * hidden);
    out.biases = numbers(3, direction, 2 * all);
    out.state = state(5, direction, slots);
    return out;
  }

  /// The functions of a direction, `count` of them.
  std::vector<nn::Gate<T>> functions(Index direction, const std::vector<std::string>& usual) const {
    std::vector<nn::Gate<T>> out;
    const Attribute* const names = at.node().find("activations");
    const Attribute *const alphas = at.node().find("activation_alpha"), *const betas =
                                                                            at.node().find("activation_beta");
    const bool given = names != nullptr && !names->strings.empty();
    at.require(!given || names->strings.size() == usual.size() * static_cast<std::size_t>(directions),
               "expected ", usual.size(), " activations for each direction");
    std::size_t alpha = 0, beta = 0;  // only functions with parameters take one from the lists
    for (std::size_t i = 0; i < usual.size() * static_cast<std::size_t>(directions); ++i) {
      std::string name = given ? names->strings[i] : usual[i % usual.size()];
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      const bool two = name == "affine" || name == "scaledtanh" || name == "hardsigmoid";
      const bool one = two || name == "leakyrelu" || name == "thresholdedrelu" || name == "elu";
      const auto next = [](const Attribute* list, std::size_t& k, bool takes) {
        return takes && list != nullptr && k < list->numbers.size() ? &list->numbers[k++] : nullptr;
      };
      const float* const a = next(alphas, alpha, one);
      const float* const b = next(betas, beta, two);
      if (i / usual.size() == static_cast<std::size_t>(direction)) out.push_back(gate_of<T>(at, name, a, b));
    }
    return out;
  }

  /// Appends the layer of a direction; the records of all steps, (rows, steps, record).
  Value emit(std::unique_ptr<nn::Recurrent<T>> layer, std::vector<std::size_t> slots) const {
    const Index record = layer->record();
    std::unique_ptr<nn::Operator<T>> op = std::move(layer);
    if (rows() > 1) op = std::make_unique<nn::Repeated<T>>(std::move(op), rows());
    return build.emit(std::move(op), std::move(slots), {rows(), steps(), record}, Layout::planar, x.batch);
  }

  /// An output, made of part `part` of the records: of all steps, or of the last one in each direction.
  Value output(const std::vector<Value>& records, Index part, bool all_steps) const {
    const Index times = all_steps ? steps() : 1, record = records[0].dims[2], size = volume(records[0].dims);
    Dims dims =
        rows_first ? Dims{rows(), times, directions, hidden} : Dims{times, directions, rows(), hidden};
    build.spend(static_cast<std::uint64_t>(volume(dims)));
    std::vector<std::int32_t> source;
    const auto add = [&](Index t, Index d, Index r) {
      const Index last = starts_at_end || d == 1 ? 0 : steps() - 1;
      const Index begin = d * size + (r * steps() + (all_steps ? t : last)) * record + part * hidden;
      for (Index j = 0; j < hidden; ++j) source.push_back(static_cast<std::int32_t>(begin + j));
    };
    for (Index r = 0; r < (rows_first ? rows() : 1); ++r)
      for (Index t = 0; t < times; ++t)
        for (Index d = 0; d < directions; ++d)
          for (Index k = 0; k < (rows_first ? 1 : rows()); ++k) add(t, d, rows_first ? r : k);
    BatchAxis batch = x.batch;
    if (batch.known()) batch.axis = rows_first ? 0 : all_steps ? 2 : 1;
    if (!all_steps) dims.erase(dims.begin() + (rows_first ? 1 : 0));
    std::vector<std::size_t> slots;
    for (const Value& v : records) slots.push_back(v.slot);
    return build.emit(
        std::make_unique<nn::Assemble<T>>(std::vector<Index>(slots.size(), size), std::vector<T>{}, source),
        slots, std::move(dims), Layout::planar, batch);
  }

  /// Adds the second half of biases, which ONNX keeps apart, to the first one.
  static void merge(std::vector<T>& biases) {
    const std::size_t half = biases.size() / 2;
    for (std::size_t i = 0; i < half; ++i) biases[i] += biases[half + i];
    biases.resize(half);
  }
};

template <class T>
std::vector<Value> convert_lstm(Builder<T>& build, const NodeView& at) {
  const RecurrentNode<T> node(build, at, 4);
  std::vector<Value> records;
  for (Index d = 0; d < node.directions; ++d) {
    std::vector<std::size_t> slots{node.x.slot};
    nn::RecurrentShape<T> shape = node.shape(d, slots);
    node.merge(shape.biases);
    nn::LstmOptions<T> options;
    const auto functions = node.functions(d, {"Sigmoid", "Tanh", "Tanh"});
    std::copy_n(functions.begin(), 3, options.functions.begin());
    options.cell = node.state(6, d, slots);
    if (at.has_input(7)) options.peepholes = node.numbers(7, d, 3 * node.hidden);
    options.coupled = at.integer("input_forget", 0) != 0;
    records.push_back(
        node.emit(std::make_unique<nn::LstmCells<T>>(std::move(shape), std::move(options)), slots));
  }
  return {node.output(records, 0, true), node.output(records, 0, false), node.output(records, 1, false)};
}

template <class T>
std::vector<Value> convert_gru(Builder<T>& build, const NodeView& at) {
  const RecurrentNode<T> node(build, at, 3);
  std::vector<Value> records;
  for (Index d = 0; d < node.directions; ++d) {
    std::vector<std::size_t> slots{node.x.slot};
    nn::RecurrentShape<T> shape = node.shape(d, slots);
    nn::GruOptions<T> options;
    const auto functions = node.functions(d, {"Sigmoid", "Tanh"});
    std::copy_n(functions.begin(), 2, options.functions.begin());
    options.reset_behind = at.integer("linear_before_reset", 0) != 0;
    const auto last = static_cast<std::ptrdiff_t>(node.hidden);
    if (options.reset_behind) {
      options.bias_before_reset.assign(shape.biases.end() - last, shape.biases.end());
      std::fill(shape.biases.end() - last, shape.biases.end(), T(0));
    }
    node.merge(shape.biases);
    records.push_back(
        node.emit(std::make_unique<nn::GruCells<T>>(std::move(shape), std::move(options)), slots));
  }
  return {node.output(records, 0, true), node.output(records, 0, false)};
}

template <class T>
std::vector<Value> convert_rnn(Builder<T>& build, const NodeView& at) {
  const RecurrentNode<T> node(build, at, 1);
  std::vector<Value> records;
  for (Index d = 0; d < node.directions; ++d) {
    std::vector<std::size_t> slots{node.x.slot};
    nn::RecurrentShape<T> shape = node.shape(d, slots);
    node.merge(shape.biases);
    const nn::Gate<T> function = node.functions(d, {"Tanh"})[0];
    records.push_back(node.emit(std::make_unique<nn::SimpleCells<T>>(std::move(shape), function), slots));
  }
  return {node.output(records, 0, true), node.output(records, 0, false)};
}

}  // namespace foil::onnx::detail
