// SPDX-License-Identifier: MIT
/// \file
/// What recurrent layers share: one pass over a sequence in one direction, forward and backward through time,
/// and the functions of their gates.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/gemm.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/elementwise.hpp"

namespace foil::nn {

using namespace simd;

/// A function of a gate, whose derivative follows from its value.
template <class T, class = Isa>
struct Gate {
  enum class Kind {
    sigmoid,
    tanh,
    relu,
    affine,            ///< alpha x + beta
    leaky_relu,        ///< alpha x below 0, alpha >= 0
    thresholded_relu,  ///< x above alpha, alpha >= 0, else 0
    scaled_tanh,       ///< alpha tanh(beta x)
    hard_sigmoid,      ///< alpha x + beta within [0, 1]
    elu,               ///< alpha (e^x - 1) below 0, alpha >= 0
    softsign,
    softplus
  };
  Kind kind = Kind::sigmoid;
  T alpha = 0, beta = 0;

  Pack<T> value(Pack<T> x) const {
    switch (kind) {
      case Kind::sigmoid:
        return Sigmoid<T>{}.value(x);
      case Kind::tanh:
        return Tanh<T>{}.value(x);
      case Kind::relu:
        return Relu<T>{}.value(x);
      case Kind::affine:
        return x * alpha + beta;
      case Kind::leaky_relu:
        return x < T(0) ? x * alpha : x;
      case Kind::thresholded_relu:
        return x > alpha ? x : Pack<T>{};
      case Kind::scaled_tanh:
        return Tanh<T>{}.value(x * beta) * alpha;
      case Kind::hard_sigmoid:
        return Clip<T>{T(0), T(1)}.value(x * alpha + beta);
      case Kind::elu:
        return Elu<T>{alpha}.value(x);
      case Kind::softsign:
        return x / (T(1) + (x < T(0) ? -x : x));
      case Kind::softplus:
        break;
    }
    return by_lane<T>(x, [](T v) { return std::max(v, T(0)) + std::log1p(std::exp(-std::abs(v))); });
  }

  /// The derivative where the value is y.
  Pack<T> slope(Pack<T> y) const {
    const Pack<T> zero{}, one = zero + T(1);
    switch (kind) {
      case Kind::sigmoid:
        return y * (T(1) - y);
      case Kind::tanh:
        return (T(1) - y) * (T(1) + y);
      case Kind::relu:
      case Kind::thresholded_relu:
        return y > T(0) ? one : zero;
      case Kind::affine:
        return zero + alpha;
      case Kind::leaky_relu:
        return y > T(0) ? one : one * alpha;
      case Kind::scaled_tanh:
        return alpha == T(0) ? zero : (T(1) - y / alpha) * (T(1) + y / alpha) * (alpha * beta);
      case Kind::hard_sigmoid:
        return ((y > T(0)) & (y < T(1))) ? zero + alpha : zero;
      case Kind::elu:
        return y > T(0) ? one : y + alpha;
      case Kind::softsign: {
        const Pack<T> left = T(1) - (y < T(0) ? -y : y);
        return left * left;
      }
      case Kind::softplus:
        break;
    }
    return -expm1_negative<T>(-y);
  }
};

/// A state before the first step: the same for every sample, or input `input` of the layer.
template <class T>
struct InitialState {
  std::vector<T> constants = {};
  std::size_t input = 0;  ///< 0: constants
};

/// Geometry and constants of a pass over a sequence of `steps` rows of `inputs` numbers, which begins at its
/// end if `reverse`. Weights are row-major, (gates * hidden) x inputs and (gates * hidden) x hidden; gates
/// lie in ONNX's order.
template <class T>
struct RecurrentShape {
  Index steps = 1, inputs = 1, hidden = 1;
  bool reverse = false;
  std::vector<T> input_weights = {}, recurrent_weights = {};
  std::vector<T> biases = {};  ///< added to what the inputs give, gates * hidden
  InitialState<T> state = {};
};

/// A vector, or what is left of one, of rows of `hidden` numbers.
template <class T, class = Isa>
struct Part {
  Index at, count;
  Pack<T> operator()(const T* row) const {
    return count == lanes<T> ? load<T>(row + at) : load_partial<T>(row + at, count);
  }
  void set(T* row, Pack<T> v) const {
    if (count == lanes<T>)
      store<T>(row + at, v);
    else
      store_partial<T>(row + at, v, count);
  }
};

/// One pass in one direction, of all kinds of cells. Input 0 is the sequence; initial states may be further
/// inputs. The output has a record for each step, in the order of the sequence: parts of `hidden` numbers,
/// the hidden state first, then what else goes on to the next step, then all that the cell keeps for the pass
/// back. Only hidden and other states may be read from it by others.
template <class T, class = Isa>
class Recurrent : public Operator<T> {
 public:
  bool needs_output() const override { return true; }

  /// Numbers in the record of a step.
  Index record() const { return parts_ * hidden(); }

  Index multiply_adds() const override {
    return shape_.steps * gates_ * hidden() * (shape_.inputs + hidden());
  }

  Index weights() const override { return gates_ * hidden() * (shape_.inputs + hidden()); }

  void prepare() override {
    const Index h = hidden(), all = gates_ * h;
    const auto at = [](const std::vector<T>& w, Index columns, Index o, Index i) {
      return w[static_cast<std::size_t>(o * columns + i)];
    };
    from_input_ = {shape_.inputs, all,
                   [&](Index k, Index j) { return at(shape_.input_weights, shape_.inputs, j, k); }};
    to_input_ = {all, shape_.inputs,
                 [&](Index k, Index j) { return at(shape_.input_weights, shape_.inputs, k, j); }};
    for (Index first = 0; first < gates_; first += together_) {
      const Index rows = std::min(together_, gates_ - first) * h;
      const auto weight = [&](Index o, Index i) { return at(shape_.recurrent_weights, h, first * h + o, i); };
      from_state_.emplace_back(h, rows, [&](Index k, Index j) { return weight(j, k); });
      to_state_.emplace_back(rows, h, weight);
    }
    shape_.input_weights = std::vector<T>();  // {} would keep the memory
    shape_.recurrent_weights = std::vector<T>();
    shape_.biases.resize(static_cast<std::size_t>(round_up<T>(all)));
    zeros_.resize(static_cast<std::size_t>(round_up<T>(std::max({all, h, shape_.inputs}))));
  }

  Index scratch() const override {
    return rows_storage() + tile_rows<> * ((shape_.steps + 1) * gates_ * hidden() + 4 * hidden());
  }

  void forward(Index batch, const T* const* inputs, T* output, T* scratch) const override {
    const Index rows = batch * shape_.steps, some = balanced_tile(rows);
    for (Index r = 0; r < rows; r += some)
      from_input_.multiply(read(inputs[0] + r * shape_.inputs, std::min(some, rows - r), shape_.inputs,
                                shape_.inputs, scratch),
                           shape_.biases.data(), output + r * record() + first_gate_ * hidden(), record());
    for_each_tile(batch, inputs, output, scratch, [&](Tile tile) {
      for (Index t = 0; t < shape_.steps; ++t) step_forward(tile, t);
    });
  }

  void backward(Index batch, const T* const* inputs, const T* output, const T* cotangent, T* const* gradients,
                T* scratch) const override {
    const Index h = hidden(), all = gates_ * h;
    for_each_tile(batch, inputs, output, scratch, [&](Tile tile) {
      for (Index i = 0; i < carried_; ++i) std::fill_n(tile.carry(i), tile.rows * h, T(0));
      for (Index t = shape_.steps; t-- > 0;) {
        for (Index i = 0; i < carried_; ++i)
          for (Index r = 0; r < tile.rows; ++r)
            accumulate<T>(h, cotangent + ((tile.first + r) * shape_.steps + time(t)) * record() + i * h,
                          tile.carry(i) + r * h);
        step_backward(tile, t);
      }
      for (Index i = 0; i < carried_; ++i)
        if (const std::size_t input = initial(i).input; input > 0)
          std::copy_n(tile.carry(i), tile.rows * h, gradients[input] + tile.first * h);
      const Index rows = tile.rows * shape_.steps, some = balanced_tile(rows);
      for (Index r = 0; r < rows; r += some)
        to_input_.multiply(read(tile.slopes + r * all, std::min(some, rows - r), all, all, scratch),
                           zeros_.data(), gradients[0] + (tile.first * shape_.steps + r) * shape_.inputs,
                           shape_.inputs);
    });
  }

 protected:
  /// Of its parts, a record has `states` that go on to the next step; then others, then the gates. The
  /// recurrent weights of so many gates `together` meet the same vector.
  Recurrent(RecurrentShape<T> shape, Index states, Index parts, Index gates, Index together)
      : shape_(std::move(shape)),
        carried_(states),
        parts_(parts),
        gates_(gates),
        first_gate_(parts - gates),
        together_(together) {
    fill(shape_.state);
  }

  /// Some samples, from `first` on, that go through time together.
  struct Tile {
    const Recurrent& layer;
    Index first, rows;
    const T* const* inputs;
    T* output;    ///< all records; read only in the pass back
    T* copies;    ///< room for rows that would collide
    T* slopes;    ///< the gates' cotangents before their functions, (rows, steps, gates, hidden)
    T* products;  ///< (rows, gates, hidden)
    T* spare;     ///< (4, rows, hidden): cotangents of the states, and two more

    T* carry(Index state) const { return spare + state * tile_rows<> * layer.hidden(); }
    /// The record of row r at step t.
    T* record(Index r, Index t) const {
      return output + ((first + r) * layer.shape_.steps + layer.time(t)) * layer.record();
    }
    /// State i of row r before step t.
    const T* before(Index i, Index r, Index t) const {
      const Index h = layer.hidden();
      if (t > 0) return record(r, t - 1) + i * h;
      const InitialState<T>& state = layer.initial(i);
      return state.input == 0 ? state.constants.data() : inputs[state.input] + (first + r) * h;
    }
    T* slope(Index r, Index t) const {
      return slopes + (r * layer.shape_.steps + layer.time(t)) * layer.gates_ * layer.hidden();
    }
    T* product(Index r) const { return products + r * layer.gates_ * layer.hidden(); }
  };

  /// Turns what the inputs gave, where the gates lie, into the record of a step.
  virtual void step_forward(const Tile& tile, Index t) const = 0;
  /// From the cotangents of the states behind step t to the slopes of its gates, and to those of the states
  /// before.
  virtual void step_backward(const Tile& tile, Index t) const = 0;
  virtual const InitialState<T>& initial(Index) const { return shape_.state; }

  Index hidden() const { return shape_.hidden; }

  void fill(InitialState<T>& state) const {
    if (state.constants.empty()) state.constants.assign(static_cast<std::size_t>(hidden()), T(0));
  }

  /// `to` (gates * hidden apart) receives the recurrent weights' part times vectors `step` apart.
  void multiply_states(const Tile& tile, std::size_t part, const T* from, Index step, T* to) const {
    from_state_[part].multiply(read(from, tile.rows, step, hidden(), tile.copies), zeros_.data(), to,
                               gates_ * hidden());
  }
  /// `to` (hidden apart) receives the part's transpose times slopes that lie `step` apart.
  void multiply_slopes(const Tile& tile, std::size_t part, const T* from, Index step, T* to) const {
    to_state_[part].multiply(read(from, tile.rows, step, to_state_[part].depth(), tile.copies), zeros_.data(),
                             to, hidden());
  }
  /// The distance between rows of before().
  Index state_step(Index i, Index t) const {
    return t > 0 ? shape_.steps * record() : initial(i).input == 0 ? 0 : hidden();
  }
  Index slope_step() const { return shape_.steps * gates_ * hidden(); }

  /// work(row, part) over all of the tile's rows.
  template <class F>
  void for_each_part(const Tile& tile, F&& work) const {
    for (Index r = 0; r < tile.rows; ++r)
      for (Index j = 0; j < hidden(); j += lanes<T>) work(r, Part<T>{j, std::min(lanes<T>, hidden() - j)});
  }

 private:
  /// The position in the sequence of step t.
  Index time(Index t) const { return shape_.reverse ? shape_.steps - 1 - t : t; }

  Index rows_storage() const {
    return round_up<T>(RowTile<T>::storage(std::max({shape_.inputs, hidden(), gates_ * hidden()})));
  }
  static Rows<T> read(const T* data, Index count, Index step, Index depth, T* copies) {
    return rows_at(data, count, step, depth, copies);
  }

  template <class F>
  void for_each_tile(Index batch, const T* const* inputs, const T* output, T* scratch, F&& work) const {
    const Index step = balanced_tile(batch), h = hidden();
    T* const slopes = scratch + rows_storage();
    T* const products = slopes + tile_rows<> * shape_.steps * gates_ * h;
    for (Index n = 0; n < batch; n += step)
      work(Tile{*this, n, std::min(step, batch - n), inputs, const_cast<T*>(output), scratch, slopes,
                products, products + tile_rows<> * gates_ * h});
  }

  RecurrentShape<T> shape_;
  Index carried_, parts_, gates_, first_gate_, together_;
  PackedMatrix<T> from_input_{}, to_input_{};
  std::vector<PackedMatrix<T>> from_state_{}, to_state_{};
  std::vector<T> zeros_{};
};

}  // namespace foil::nn
