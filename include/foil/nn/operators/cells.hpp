// SPDX-License-Identifier: MIT
/// \file
/// The cells of recurrent layers: LSTM, GRU, and the simple one.
#pragma once

#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/recurrent.hpp"

namespace foil::nn {

using namespace simd;

/// h = f(W x + R h + b). A record is h alone.
template <class T, class = Isa>
class SimpleCells : public Recurrent<T> {
 public:
  SimpleCells(RecurrentShape<T> shape, Gate<T> f) : Recurrent<T>(std::move(shape), 1, 1, 1, 1), f_(f) {}

  bool needs_inputs() const override { return false; }

 private:
  using Tile = typename Recurrent<T>::Tile;

  void step_forward(const Tile& tile, Index t) const override {
    this->multiply_states(tile, 0, tile.before(0, 0, t), this->state_step(0, t), tile.products);
    this->for_each_part(tile, [&](Index r, Part<T> part) {
      T* const h = tile.record(r, t);
      part.set(h, f_.value(part(h) + part(tile.product(r))));
    });
  }

  void step_backward(const Tile& tile, Index t) const override {
    this->for_each_part(tile, [&](Index r, Part<T> part) {
      part.set(tile.slope(r, t),
               part(tile.carry(0) + r * this->hidden()) * f_.slope(part(tile.record(r, t))));
    });
    this->multiply_slopes(tile, 0, tile.slope(0, t), this->slope_step(), tile.carry(0));
  }

  Gate<T> f_;
};

/// What distinguishes LSTM layers: functions of the gates, of the new content and of the cell's state; the
/// initial state of the cell; weights of its state in the input, output and forget gates (3 * hidden, or
/// none); whether what is not forgotten is what does not come in.
template <class T>
struct LstmOptions {
  std::array<Gate<T>, 3> functions{Gate<T>{}, Gate<T>{Gate<T>::Kind::tanh}, Gate<T>{Gate<T>::Kind::tanh}};
  InitialState<T> cell = {};
  std::vector<T> peepholes = {};
  bool coupled = false;
};

/// Long short-term memory. A record is h, c, and the gates i, o, f, g behind their functions.
template <class T, class = Isa>
class LstmCells : public Recurrent<T> {
 public:
  LstmCells(RecurrentShape<T> shape, LstmOptions<T> options)
      : Recurrent<T>(std::move(shape), 2, 6, 4, 4), options_(std::move(options)) {
    this->fill(options_.cell);
  }

  bool needs_inputs() const override { return options_.cell.input > 0; }

 private:
  using Tile = typename Recurrent<T>::Tile;

  const InitialState<T>& initial(Index state) const override {
    return state == 1 ? options_.cell : Recurrent<T>::initial(state);
  }

  bool peeps() const { return !options_.peepholes.empty(); }
  Pack<T> peephole(Index gate, Part<T> part) const {
    return part(options_.peepholes.data() + gate * this->hidden());
  }

  void step_forward(const Tile& tile, Index t) const override {
    const Index h = this->hidden();
    const Gate<T>&gate = options_.functions[0], &content = options_.functions[1],
          &outside = options_.functions[2];
    this->multiply_states(tile, 0, tile.before(0, 0, t), this->state_step(0, t), tile.products);
    this->for_each_part(tile, [&](Index r, Part<T> part) {
      T* const record = tile.record(r, t);
      const T* const product = tile.product(r);
      const auto sum = [&](Index g) { return part(record + (2 + g) * h) + part(product + g * h); };
      const Pack<T> before = part(tile.before(1, r, t));
      Pack<T> in = sum(0), out = sum(1), keep = sum(2);
      if (peeps()) {
        in = multiply_add<T>(peephole(0, part), before, in);
        keep = multiply_add<T>(peephole(2, part), before, keep);
      }
      in = gate.value(in);
      keep = options_.coupled ? T(1) - in : gate.value(keep);
      const Pack<T> fresh = content.value(sum(3));
      const Pack<T> cell = multiply_add<T>(keep, before, in * fresh);
      if (peeps()) out = multiply_add<T>(peephole(1, part), cell, out);
      out = gate.value(out);
      part.set(record, out * outside.value(cell));
      part.set(record + h, cell);
      part.set(record + 2 * h, in);
      part.set(record + 3 * h, out);
      part.set(record + 4 * h, keep);
      part.set(record + 5 * h, fresh);
    });
  }

  void step_backward(const Tile& tile, Index t) const override {
    const Index h = this->hidden();
    const Gate<T>&gate = options_.functions[0], &content = options_.functions[1],
          &outside = options_.functions[2];
    this->for_each_part(tile, [&](Index r, Part<T> part) {
      const T* const record = tile.record(r, t);
      const Pack<T> in = part(record + 2 * h), out = part(record + 3 * h), keep = part(record + 4 * h),
                    fresh = part(record + 5 * h), before = part(tile.before(1, r, t));
      const Pack<T> seen = outside.value(part(record + h)), dh = part(tile.carry(0) + r * h);
      const Pack<T> dout = dh * seen * gate.slope(out);
      Pack<T> dcell = part(tile.carry(1) + r * h) + dh * out * outside.slope(seen);
      if (peeps()) dcell = multiply_add<T>(peephole(1, part), dout, dcell);
      const Pack<T> dkeep = options_.coupled ? Pack<T>{} : dcell * before * gate.slope(keep);
      const Pack<T> din = (dcell * fresh - (options_.coupled ? dcell * before : Pack<T>{})) * gate.slope(in);
      Pack<T> dbefore = dcell * keep;
      if (peeps()) {
        dbefore = multiply_add<T>(peephole(0, part), din, dbefore);
        dbefore = multiply_add<T>(peephole(2, part), dkeep, dbefore);
      }
      T* const slope = tile.slope(r, t);
      part.set(slope, din);
      part.set(slope + h, dout);
      part.set(slope + 2 * h, dkeep);
      part.set(slope + 3 * h, dcell * in * content.slope(fresh));
      part.set(tile.carry(1) + r * h, dbefore);
    });
    this->multiply_slopes(tile, 0, tile.slope(0, t), this->slope_step(), tile.carry(0));
  }

  LstmOptions<T> options_;
};

/// What distinguishes GRU layers: functions of the gates and of the new content; whether the state is
/// multiplied by the reset gate behind the recurrent weights, and the bias that is then added between
/// (hidden, or none).
template <class T>
struct GruOptions {
  std::array<Gate<T>, 2> functions{Gate<T>{}, Gate<T>{Gate<T>::Kind::tanh}};
  bool reset_behind = false;
  std::vector<T> bias_before_reset = {};
};

/// Gated recurrent units. A record is h, what the reset gate is multiplied by, and the gates z, r, g behind
/// their functions.
template <class T, class = Isa>
class GruCells : public Recurrent<T> {
 public:
  GruCells(RecurrentShape<T> shape, GruOptions<T> options)
      : Recurrent<T>(shape, 1, 5, 3, 2), options_(std::move(options)), from_input_(shape.state.input > 0) {
    options_.bias_before_reset.resize(static_cast<std::size_t>(shape.hidden));
  }

  bool needs_inputs() const override { return from_input_; }

 private:
  using Tile = typename Recurrent<T>::Tile;

  void step_forward(const Tile& tile, Index t) const override {
    const Index h = this->hidden();
    const Gate<T>&gate = options_.functions[0], &content = options_.functions[1];
    const T* const before = tile.before(0, 0, t);
    this->multiply_states(tile, 0, before, this->state_step(0, t), tile.products);
    if (options_.reset_behind)
      this->multiply_states(tile, 1, before, this->state_step(0, t), tile.products + 2 * h);
    T* const reset_state = tile.carry(1);
    this->for_each_part(tile, [&](Index r, Part<T> part) {
      T* const record = tile.record(r, t);
      const T* const product = tile.product(r);
      const Pack<T> reset = gate.value(part(record + 3 * h) + part(product + h));
      part.set(record + 2 * h, gate.value(part(record + 2 * h) + part(product)));
      part.set(record + 3 * h, reset);
      part.set(reset_state + r * h, reset * part(tile.before(0, r, t)));
    });
    if (!options_.reset_behind) this->multiply_states(tile, 1, reset_state, h, tile.products + 2 * h);
    this->for_each_part(tile, [&](Index r, Part<T> part) {
      T* const record = tile.record(r, t);
      Pack<T> from_state = part(tile.product(r) + 2 * h);
      if (options_.reset_behind) {
        from_state += part(options_.bias_before_reset.data());
        part.set(record + h, from_state);
        from_state *= part(record + 3 * h);
      } else {
        part.set(record + h, part(tile.before(0, r, t)));
      }
      const Pack<T> fresh = content.value(part(record + 4 * h) + from_state), old = part(record + 2 * h);
      part.set(record + 4 * h, fresh);
      part.set(record, multiply_add<T>(old, part(tile.before(0, r, t)) - fresh, fresh));
    });
  }

  void step_backward(const Tile& tile, Index t) const override {
    const Index h = this->hidden();
    const Gate<T>&gate = options_.functions[0], &content = options_.functions[1];
    T* const inner = tile.carry(2);        // cotangents of what the recurrent weights of the new content give
    T* const reset_state = tile.carry(1);  // and of what they are given
    this->for_each_part(tile, [&](Index r, Part<T> part) {
      const T* const record = tile.record(r, t);
      const Pack<T> old = part(record + 2 * h), reset = part(record + 3 * h), fresh = part(record + 4 * h);
      const Pack<T> dh = part(tile.carry(0) + r * h), before = part(tile.before(0, r, t));
      const Pack<T> dfresh = dh * (T(1) - old) * content.slope(fresh);
      T* const slope = tile.slope(r, t);
      part.set(slope, dh * (before - fresh) * gate.slope(old));
      part.set(slope + 2 * h, dfresh);
      part.set(inner + r * h, options_.reset_behind ? dfresh * reset : dfresh);
      if (options_.reset_behind) part.set(slope + h, dfresh * part(record + h) * gate.slope(reset));
    });
    this->multiply_slopes(tile, 1, inner, h, reset_state);
    this->for_each_part(tile, [&](Index r, Part<T> part) {
      const T* const record = tile.record(r, t);
      const Pack<T> old = part(record + 2 * h), reset = part(record + 3 * h);
      const Pack<T> given = part(reset_state + r * h);
      if (!options_.reset_behind)
        part.set(tile.slope(r, t) + h, given * part(record + h) * gate.slope(reset));
      // What goes past the gates' weights to the state before waits where it is not in the way.
      part.set(inner + r * h,
               part(tile.carry(0) + r * h) * old + (options_.reset_behind ? given : given * reset));
    });
    this->multiply_slopes(tile, 0, tile.slope(0, t), this->slope_step(), tile.carry(0));
    for (Index r = 0; r < tile.rows; ++r) accumulate<T>(h, inner + r * h, tile.carry(0) + r * h);
  }

  GruOptions<T> options_;
  bool from_input_;
};

}  // namespace foil::nn
