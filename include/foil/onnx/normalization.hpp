// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's normalisations.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/lines.hpp"
#include "foil/nn/make.hpp"
#include "foil/nn/operators/binary.hpp"
#include "foil/nn/operators/local_response.hpp"
#include "foil/nn/operators/normalization.hpp"
#include "foil/onnx/arithmetic.hpp"
#include "foil/onnx/axes.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/constant.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/shapes.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

/// Numbers of channels: a float for each, as input i.
template <class T>
std::vector<T> channel_numbers(const Builder<T>& build, const NodeView& at, std::size_t i, Index channels) {
  const Constant& c = build.floats(at, i);
  at.require(static_cast<Index>(c.size()) == channels, "expected ", channels, " numbers as input ", i,
             ", got ", c.size());
  return c.template numbers<T>().list();
}

/// y = scale x + shift for each channel.
template <class T>
Value emit_scale_and_shift(Builder<T>& build, const Value& x, std::vector<T> scale, std::vector<T> shift) {
  build.spend(2 * static_cast<std::uint64_t>(nn::Table<T>::most_elements(x.dims[1])));
  return build.emit(nn::make<nn::ScaleAndShift<T>>(lines_along(x, 1), std::move(scale), std::move(shift)),
                    {x.slot}, x.dims, x.layout, x.batch);
}

template <class T>
Value convert_instance_normalization(Builder<T>& build, const NodeView& at);

/// Per-channel scale and shift, absorbed by the layer before if nothing else uses its output. Where mean and
/// variance are the input's own, there may be one row only: networks that standardise their weights write it.
template <class T>
Value convert_batch_normalization(Builder<T>& build, const NodeView& at) {
  const Value x = build.value(at, 0);
  if (at.integer("training_mode", 0) != 0) {
    at.require(!x.batch.known() && x.rank() >= 3 && x.dims[0] == 1,
               "in training mode it would mix samples; export the network in evaluation mode, net.eval()");
    return convert_instance_normalization(build, at);
  }
  at.require(at.integer("spatial", 1) == 1, "expected spatial = 1: one mean and variance for each channel");
  at.require(x.rank() >= 2, "expected an input with channels, got ", x.shape());
  at.keep_apart(x, 1);
  const Index channels = x.dims[1];
  Numbers<double> parameters[4];
  for (std::size_t i = 0; i < 4; ++i) {
    parameters[i] = build.floats(at, i + 1).template numbers<double>();
    at.require(static_cast<Index>(parameters[i].size()) == channels, "expected ", channels,
               " numbers as input ", i + 1, ", got ", parameters[i].size());
  }
  const double epsilon = static_cast<double>(at.number("epsilon", 1e-5f));
  std::vector<T> scale(static_cast<std::size_t>(channels)), shift(scale.size());
  for (std::size_t c = 0; c < scale.size(); ++c) {
    const auto get = [&](std::size_t i) { return parameters[i][c]; };
    const double factor = get(0) / std::sqrt(get(3) + epsilon);
    at.require(std::isfinite(factor), "the variance of channel ", c, " is ", get(3));
    scale[c] = static_cast<T>(factor);
    shift[c] = static_cast<T>(get(1) - get(2) * factor);
  }
  const std::string& name = at.node().inputs[0];
  if (build.is_layer(name) && build.used_once(name) &&
      build.graph().producer(x.slot)->absorb(scale.data(), shift.data(), channels))
    return x;
  return emit_scale_and_shift(build, x, std::move(scale), std::move(shift));
}

/// Over the last axes, from `axis` on; with the mean taken off if `centred`.
template <class T, bool centred>
Value convert_layer_normalization(Builder<T>& build, const NodeView& at) {
  Value x = build.value(at, 0);
  const std::size_t axis = at.axis(at.integer("axis", -1), x.rank());
  std::vector<bool> marked(x.rank(), false);
  Broadcast part{x.dims, {}};
  for (std::size_t i = 0; i < x.rank(); ++i) {
    marked[i] = i >= axis;
    if (marked[i])
      at.keep_apart(x, i);
    else
      part.dims[i] = 1;
  }
  if (axis > 1) x = build.planar(x);
  part.layout = x.layout;
  const nn::Lines lines = between(x.dims, x.layout, marked).lines;
  at.require(lines.inner == 1 && lines.length == volume(part.dims), "internal error: its axes lie apart");
  const auto parameters = [&](std::size_t i) {
    if (!at.has_input(i)) return std::vector<T>{};
    std::vector<Value> operands{Value{part.dims}, shape_only(build.floats(at, i))};
    const Broadcast both = broadcast(build, at, operands);
    at.require(both.dims == part.dims, "input ", i, " of shape ", shape_only(build.floats(at, i)).shape(),
               " does not fit ", Value{part.dims}.shape());
    return stretched(build, build.floats(at, i), part);
  };
  const nn::Groups groups{1, 1, lines.outer * lines.length, lines.length};
  return build.emit(nn::make<nn::Normalization<T>>(groups, static_cast<double>(at.number("epsilon", 1e-5f)),
                                                   centred, parameters(1), parameters(2)),
                    {x.slot}, x.dims, x.layout, x.batch);
}

/// Over groups of channels and all behind them.
template <class T>
Value normalized_groups(Builder<T>& build, const NodeView& at, Index groups, std::vector<T> scale,
                        std::vector<T> shift) {
  const Value x = build.value(at, 0);
  for (std::size_t i = 1; i < x.rank(); ++i) at.keep_apart(x, i);
  const Index channels = x.dims[1], pixels = volume(x.dims) / (x.dims[0] * channels);
  const double epsilon = static_cast<double>(at.number("epsilon", 1e-5f));
  const bool last = x.layout == Layout::channels_last && pixels > 1;
  const nn::Groups geometry = last ? nn::Groups{x.dims[0], pixels, channels, channels / groups}
                                   : nn::Groups{x.dims[0], 1, channels * pixels, channels / groups * pixels};
  const auto emit = [&](std::vector<T> a, std::vector<T> b) {
    return build.emit(nn::make<nn::Normalization<T>>(geometry, epsilon, true, std::move(a), std::move(b)),
                      {x.slot}, x.dims, x.layout, x.batch);
  };
  if (last) return emit(std::move(scale), std::move(shift));
  return emit_scale_and_shift(build, emit({}, {}), std::move(scale), std::move(shift));
}

template <class T>
Value convert_instance_normalization(Builder<T>& build, const NodeView& at) {
  const Value x = build.value(at, 0);
  at.require(x.rank() >= 3, "expected an input of channels and positions, got ", x.shape());
  const Index channels = x.dims[1];
  return normalized_groups(build, at, channels, channel_numbers(build, at, 1, channels),
                           channel_numbers(build, at, 2, channels));
}

/// Before opset 21 scale and shift are those of groups.
template <class T>
Value convert_group_normalization(Builder<T>& build, const NodeView& at) {
  const Value x = build.value(at, 0);
  at.require(x.rank() >= 2, "expected an input with channels, got ", x.shape());
  const Index channels = x.dims[1], groups = static_cast<Index>(at.integer("num_groups", 0));
  at.require(groups >= 1 && groups <= channels && channels % groups == 0, groups, " groups do not divide ",
             channels, " channels");
  const auto parameters = [&](std::size_t i) {
    if (at.opset() >= 21) return channel_numbers(build, at, i, channels);
    build.spend(static_cast<std::uint64_t>(channels));
    std::vector<T> out;
    for (const T number : channel_numbers(build, at, i, groups))
      out.insert(out.end(), static_cast<std::size_t>(channels / groups), number);
    return out;
  };
  return normalized_groups(build, at, groups, parameters(1), parameters(2));
}

/// To mean zero and variance one over axes, with a little added to the root of the variance.
template <class T>
Value convert_mean_variance_normalization(Builder<T>& build, const NodeView& at) {
  constexpr double epsilon = 1e-18;
  const Value x = build.value(at, 0);
  const Attribute* const given = at.node().find("axes");
  const AlongAxes along = along_axes(
      build, at, x,
      at.marked(given == nullptr ? std::vector<std::int64_t>{0, 2, 3} : given->integers, x.rank()));
  const nn::Lines lines = along.lines;
  const nn::Groups groups = lines.inner == 1 ? nn::Groups{1, 1, lines.outer * lines.length, lines.length}
                                             : nn::Groups{lines.outer, lines.length, lines.inner, 1};
  return emit_along<T>(build, nn::make<nn::Normalization<T>>(groups, epsilon, true), along);
}

template <class T>
Value convert_length_normalization(Builder<T>& build, const NodeView& at) {
  const Value x = build.value(at, 0);
  const std::int64_t p = at.integer("p", 2);
  at.require(p == 1 || p == 2, "expected p = 1 or 2, got ", p);
  const std::size_t axis = at.axis(at.integer("axis", -1), x.rank());
  at.keep_apart(x, axis);
  return build.emit(std::make_unique<nn::LengthNormalization<T>>(lines_along(x, axis), p == 2), {x.slot},
                    x.dims, x.layout, x.batch);
}

template <class T>
Value convert_local_response(Builder<T>& build, const NodeView& at) {
  const Value x = build.value(at, 0);
  at.require(x.rank() >= 2, "expected an input with channels, got ", x.shape());
  at.keep_apart(x, 1);
  const std::int64_t size = at.integer("size", 0);
  at.require(size >= 1 && size <= (1 << 20), "expected a size from 1 to 2^20, got ", size);
  const auto number = [&](const char* name, float fallback) {
    return static_cast<double>(at.number(name, fallback));
  };
  const nn::ResponseWindow window{static_cast<Index>((size - 1) / 2), static_cast<Index>(size / 2),
                                  number("alpha", 0.0001f) / static_cast<double>(size), number("beta", 0.75f),
                                  number("bias", 1)};
  return build.emit(std::make_unique<nn::LocalResponse<T>>(lines_along(x, 1), window), {x.slot}, x.dims,
                    x.layout, x.batch);
}

}  // namespace foil::onnx::detail
