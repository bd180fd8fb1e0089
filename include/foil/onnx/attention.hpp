// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's Attention: heads are matrices within wider rows, so that nothing has to be moved.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/make.hpp"
#include "foil/nn/operators/binary.hpp"
#include "foil/nn/operators/elementwise.hpp"
#include "foil/nn/operators/product.hpp"
#include "foil/nn/operators/softmax.hpp"
#include "foil/onnx/arithmetic.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/functions.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/shapes.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

/// Queries, keys or values: (N, heads, length, width), or (N, length, heads * width).
struct Heads {
  Value x;
  Index rows, heads, length, width;
  bool wide;  ///< heads lie side by side

  Index head_step() const { return wide ? width : length * width; }
  Index token_step() const { return wide ? heads * width : width; }
  Index begin(Index row, Index head) const { return row * heads * length * width + head * head_step(); }
};

template <class T>
Heads heads_at(Builder<T>& build, const NodeView& at, std::size_t i, const char* attribute) {
  const Value x = build.planar(build.value(at, i));
  at.require(x.rank() == 3 || x.rank() == 4, "expected input ", i, " to have three or four axes, got ",
             x.shape());
  for (std::size_t k = 1; k < x.rank(); ++k) at.keep_apart(x, k);
  if (x.rank() == 4) return {x, x.dims[0], x.dims[1], x.dims[2], x.dims[3], false};
  const std::int64_t heads = at.integer(attribute, 0);
  at.require(heads >= 1 && heads <= x.dims[2] && x.dims[2] % heads == 0, "expected an attribute '", attribute,
             "' that divides ", x.dims[2], ", got ", heads);
  return {x, x.dims[0], static_cast<Index>(heads), x.dims[1], x.dims[2] / static_cast<Index>(heads), true};
}

/// What is added to the scores of a query's keys: a mask and causality.
template <class T>
Value masked(Builder<T>& build, const NodeView& at, Value scores) {
  const Index queries = scores.dims[2], keys = scores.dims[3];
  const T never = -std::numeric_limits<T>::infinity();
  if (at.has_input(3)) {
    if (build.find_value(at.node().inputs[3]) != nullptr) {
      at.require(
          !build.holds_truths(at.node().inputs[3]),
          "a mask of truths that depends on the network's input is not supported; add numbers, by Where");
      std::vector<Value> summands{scores, build.value(at, 3)};
      const Broadcast to = broadcast(build, at, summands);
      at.require(to.dims == scores.dims, "cannot add a mask of shape ", summands[1].shape(), " to ",
                 scores.shape());
      const Value mask = stretched(build, summands[1], to);
      scores = build.emit(nn::make<nn::Binary<T, nn::Plus<T>>>(volume(to.dims)), {scores.slot, mask.slot},
                          to.dims, Layout::planar, to.batch);
    } else {
      const Constant& c = build.constant(at, 3);
      std::vector<Value> summands{scores, shape_only(c)};
      const Broadcast to = broadcast(build, at, summands);
      at.require(to.dims == scores.dims, "cannot add a mask of shape ", summands[1].shape(), " to ",
                 scores.shape());
      std::vector<T> mask = stretched(build, c, to);
      if (!c.is_float())
        for (T& m : mask) m = m != T(0) ? T(0) : never;
      scores = build.emit(nn::make<nn::WithConstant<T, nn::Plus<T>, false>>(std::move(mask)), {scores.slot},
                          scores.dims, Layout::planar, scores.batch);
    }
  }
  if (at.integer("is_causal", 0) == 0) return scores;
  std::vector<T> mask;
  build.spend(static_cast<std::uint64_t>(volume(scores.dims)));
  for (Index i = 0; i < volume(scores.dims); ++i)
    mask.push_back(i % keys > i / keys % queries ? never : T(0));
  return build.emit(nn::make<nn::WithConstant<T, nn::Plus<T>, false>>(std::move(mask)), {scores.slot},
                    scores.dims, Layout::planar, scores.batch);
}

/// c tanh(x / c) of scores; nothing for c = 0.
template <class T>
Value soft_capped(Builder<T>& build, const NodeView& at, Value x) {
  const float cap = at.number("softcap", 0);
  at.require(cap >= 0 && std::isfinite(cap), "expected a softcap >= 0, got ", cap);
  if (cap == 0) return x;
  const auto scaled = [&](T factor) {
    build.spend(static_cast<std::uint64_t>(volume(x.dims)));
    std::vector<T> factors(static_cast<std::size_t>(volume(x.dims)), factor);
    x = build.emit(nn::make<nn::WithConstant<T, nn::Times<T>, false>>(std::move(factors)), {x.slot}, x.dims,
                   Layout::planar, x.batch);
  };
  scaled(T(1) / static_cast<T>(cap));
  x = emit_elementwise<T>(build, x, nn::Tanh<T>{});
  scaled(static_cast<T>(cap));
  return x;
}

template <class T>
Value convert_attention(Builder<T>& build, const NodeView& at) {
  const Heads q = heads_at(build, at, 0, "q_num_heads"), k = heads_at(build, at, 1, "kv_num_heads"),
              v = heads_at(build, at, 2, "kv_num_heads");
  at.require(!at.has_input(4) && !at.has_input(5) && !at.has_input(6),
             "past keys and values are not supported");
  at.require(q.width == k.width && k.length == v.length && k.heads == v.heads && q.heads % k.heads == 0 &&
                 q.rows == k.rows && q.rows == v.rows && q.wide == k.wide && q.wide == v.wide,
             "queries ", q.x.shape(), ", keys ", k.x.shape(), " and values ", v.x.shape(),
             " do not fit together");
  BatchAxis batch;
  for (const Heads* each : {&q, &k, &v}) {
    if (!each->x.batch.known()) continue;
    at.require(!batch.known() || batch == each->x.batch, "queries ", q.x.shape(), ", keys ", k.x.shape(),
               " and values ", v.x.shape(), " would mix samples");
    batch = each->x.batch;
  }
  build.spend(static_cast<std::uint64_t>(4 * q.rows * q.heads));
  const double usual = 1 / std::sqrt(static_cast<double>(q.width));
  nn::ProductShape first{q.length, q.width,
                         k.length, {},
                         {},       at.has("scale") ? static_cast<double>(at.number("scale", 0)) : usual};
  first.left = {{}, q.token_step(), 1, volume(q.x.dims)};
  first.right = {{}, 1, k.token_step(), volume(k.x.dims)};
  nn::ProductShape second{q.length, k.length, v.width, {}, {}};
  second.left = {{}, k.length, 1, q.rows * q.heads * q.length * k.length};
  second.right = {{}, v.token_step(), 1, volume(v.x.dims)};
  for (Index row = 0; row < q.rows; ++row)
    for (Index head = 0; head < q.heads; ++head) {
      const Index shared = head / (q.heads / k.heads);  // consecutive heads share keys and values
      first.left.begins.push_back(q.begin(row, head));
      first.right.begins.push_back(k.begin(row, shared));
      second.left.begins.push_back((row * q.heads + head) * q.length * k.length);
      second.right.begins.push_back(v.begin(row, shared));
    }
  Value scores = build.emit(nn::make<nn::Product<T>>(first), {q.x.slot, k.x.slot},
                            {q.rows, q.heads, q.length, k.length}, Layout::planar, batch);
  scores = masked(build, at, soft_capped(build, at, scores));
  scores = build.emit(nn::make<nn::Softmax<T>>(nn::Lines{q.rows * q.heads * q.length, k.length, 1}),
                      {scores.slot}, scores.dims, Layout::planar, batch);
  const Value y = build.emit(nn::make<nn::Product<T>>(second), {scores.slot, v.x.slot},
                             {q.rows, q.heads, q.length, v.width}, Layout::planar, batch);
  if (!q.wide) return y;
  return build.planar(transposed(build, y, {0, 2, 1, 3}))
      .viewed({q.rows, q.length, q.heads * v.width}, batch);
}

}  // namespace foil::onnx::detail
