// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's layers with windows along one to three axes, beyond those of images: transposed
/// convolutions, convolutions and poolings of volumes, and all kinds of poolings.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/make.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/convolution.hpp"
#include "foil/nn/operators/norm_pooling.hpp"
#include "foil/nn/operators/pooling.hpp"
#include "foil/nn/operators/repeated.hpp"
#include "foil/nn/operators/volume.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/layers.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

/// (N, C, ...) with one to three axes behind the channels as (N, C, D, H, W), the channels last in memory.
template <class T>
Value as_volumes(Builder<T>& build, const NodeView& at, const Value& x) {
  at.require(x.rank() >= 3 && x.rank() <= 5,
             "only windows along one to three axes are supported, got an input of shape ", x.shape());
  for (std::size_t i = 1; i < x.rank(); ++i) at.keep_apart(x, i);
  Value out = build.arranged(x, Layout::channels_last);
  out.dims.insert(out.dims.begin() + 2, 5 - x.rank(), 1);
  return out;
}

/// Windows along the three axes of volumes, those in front trivial.
inline std::vector<nn::Window> in_volumes(std::vector<nn::Window> windows) {
  windows.insert(windows.begin(), 3 - windows.size(), nn::Window{});
  return windows;
}

/// The result of an operator on volumes of which the first axis holds several; it has as many axes as x.
template <class T>
Value from_volumes(Builder<T>& build, std::unique_ptr<nn::Operator<T>> op, const Value& x, Index parts,
                   Dims dims, std::size_t rank) {
  if (parts > 1) op = std::make_unique<nn::Repeated<T>>(std::move(op), parts);
  dims.erase(dims.begin() + 2, dims.begin() + static_cast<std::ptrdiff_t>(7 - rank));
  return build.emit(std::move(op), {x.slot}, std::move(dims), Layout::channels_last, x.batch);
}

/// A convolution without biases; `weights` are (outputs, inputs / groups, depth, rows, columns).
template <class T>
std::unique_ptr<nn::Operator<T>> volume_convolution(const std::vector<nn::Window>& w, Index inputs,
                                                    Index outputs, Index groups,
                                                    const std::vector<T>& weights, std::vector<T> biases) {
  const nn::ConvolutionShape slices{w[1], w[2], inputs, outputs, groups};
  if (w[0].input == 1 && w[0].output == 1 && w[0].kernel == 1 && w[0].pad_begin == 0)
    return nn::make<nn::Convolution<T>>(slices, weights, std::move(biases));
  const Index taps = w[1].kernel * w[2].kernel;
  std::vector<std::unique_ptr<nn::Operator<T>>> parts;
  for (Index k = 0; k < w[0].kernel; ++k) {
    std::vector<T> part;
    for (Index i = 0; i < outputs * (inputs / groups); ++i) {
      const auto from = weights.begin() + static_cast<std::ptrdiff_t>((i * w[0].kernel + k) * taps);
      part.insert(part.end(), from, from + static_cast<std::ptrdiff_t>(taps));
    }
    parts.push_back(nn::make<nn::Convolution<T>>(slices, std::move(part),
                                                 std::vector<T>(static_cast<std::size_t>(outputs), T(0))));
  }
  return std::make_unique<nn::SlicedConvolution<T>>(w[0], std::move(parts), w[1].input * w[2].input * inputs,
                                                    w[1].output * w[2].output * outputs, std::move(biases));
}

/// The weights of a convolution node, (a, b, kernel), their kernel, and as many biases as it has outputs.
template <class T>
struct ConvolutionConstants {
  Dims shape, kernel;
  std::vector<T> weights, biases;
  Index groups;
};
template <class T>
ConvolutionConstants<T> convolution_constants(Builder<T>& build, const NodeView& at, const Value& input,
                                              bool transposed) {
  const Constant& w = build.floats(at, 1);
  const std::size_t axes = input.rank() - 2;
  at.require(w.dims.size() == axes + 2 && w.size() > 0, "expected weights of rank ", axes + 2, ", got ",
             w.dims.size());
  ConvolutionConstants<T> out{Dims(w.dims.begin(), w.dims.end()),
                              Dims(w.dims.begin() + 2, w.dims.end()),
                              w.template numbers<T>().list(),
                              {},
                              1};
  at.require(!at.has("kernel_shape") || at.sizes("kernel_shape", axes, 0, 0) == out.kernel,
             "kernel_shape differs from the shape of the weights");
  const Index inputs = input.dims[1];
  const std::int64_t groups = at.integer("group", 1);
  at.require(groups >= 1 && groups <= inputs && inputs % groups == 0 && out.shape[0] % groups == 0, groups,
             " groups do not divide ", inputs, " input channels and weights for ", out.shape[0]);
  out.groups = static_cast<Index>(groups);
  at.require(transposed ? out.shape[0] == inputs : out.shape[1] == inputs / out.groups,
             "the weights do not fit ", inputs, " input channels in ", groups, " groups");
  at.require(out.shape[1] <= largest_value / out.groups, "the weights have too many channels");
  const Index outputs = transposed ? out.shape[1] * out.groups : out.shape[0];
  out.biases.assign(static_cast<std::size_t>(outputs), T(0));
  if (at.has_input(2)) out.biases = build.floats(at, 2).template numbers<T>().list();
  at.require(static_cast<Index>(out.biases.size()) == outputs, "expected ", outputs, " biases, got ",
             out.biases.size());
  return out;
}

/// Convolutions along any axes: those of images by themselves.
template <class T>
Value convert_any_conv(Builder<T>& build, const NodeView& at) {
  const Value input = build.value(at, 0);
  if (input.rank() != 5) return convert_conv(build, at);
  const Value x = as_volumes(build, at, input);
  ConvolutionConstants<T> c = convolution_constants<T>(build, at, input, false);
  const std::vector<nn::Window> w = in_volumes(read_windows(at, input.dims, c.kernel));
  auto op = volume_convolution<T>(w, x.dims[1], c.shape[0], c.groups, c.weights, std::move(c.biases));
  return from_volumes(build, std::move(op), x, x.dims[0],
                      {x.dims[0], c.shape[0], w[0].output, w[1].output, w[2].output}, input.rank());
}

/// The windows by which the output of a ConvTranspose, as input, gives its input.
inline std::vector<nn::Window> transposed_windows(const NodeView& at, const Dims& dims, const Dims& kernel) {
  const std::size_t axes = kernel.size();
  const Dims strides = at.sizes("strides", axes, 1, 1), dilations = at.sizes("dilations", axes, 1, 1);
  const Dims pads = at.sizes("pads", 2 * axes, 0, 0), extra = at.sizes("output_padding", axes, 0, 0);
  const Attribute* const shape = at.node().find("output_shape");
  Dims wanted(axes, 0);
  if (shape != nullptr && !shape->integers.empty()) {
    at.require(shape->integers.size() >= axes, "expected ", axes, " numbers as output_shape");
    for (std::size_t i = 0; i < axes; ++i) {
      const std::int64_t size = shape->integers[shape->integers.size() - axes + i];
      at.require(size >= 1 && size <= (1 << 20), "expected an output_shape from 1 to 2^20, got ", size);
      wanted[i] = static_cast<Index>(size);
    }
  }
  const std::string mode = at.string("auto_pad", "NOTSET");
  const bool same = mode == "SAME_UPPER" || mode == "SAME_LOWER";
  at.require(same || mode == "NOTSET" || mode == "VALID", "unknown auto_pad '", mode, "'");
  std::vector<nn::Window> windows;
  for (std::size_t i = 0; i < axes; ++i) {
    const Index extent = (kernel[i] - 1) * dilations[i] + 1, input = dims[i + 2];
    const Index full = (input - 1) * strides[i] + extent;
    Index begin = mode == "NOTSET" ? pads[i] : 0, end = mode == "NOTSET" ? pads[axes + i] : 0;
    if (wanted[i] > 0 || same) {
      const Index target = wanted[i] > 0 ? wanted[i] : input * strides[i];
      const Index total = std::max<Index>(0, full + extra[i] - target);
      begin = mode == "SAME_UPPER" ? total / 2 : total - total / 2;
      end = total - begin;
    }
    nn::Window w{full + extra[i] - begin - end, input, kernel[i], strides[i], dilations[i], begin, 0};
    if (wanted[i] > 0) w.input = wanted[i];
    at.require(w.input >= 1, "padding by ", begin, " and ", end, " leaves nothing of ", full, " elements");
    w.pad_end = std::max<Index>(0, full - begin - w.input);
    windows.push_back(w);
  }
  return windows;
}

template <class T>
Value convert_conv_transpose(Builder<T>& build, const NodeView& at) {
  const Value input = build.value(at, 0), x = as_volumes(build, at, input);
  ConvolutionConstants<T> c = convolution_constants<T>(build, at, input, true);
  const std::vector<nn::Window> w = in_volumes(transposed_windows(at, input.dims, c.kernel));
  const Index outputs = static_cast<Index>(c.biases.size());
  const Dims dims{x.dims[0], outputs, w[0].input, w[1].input, w[2].input};
  volume(dims);
  auto back = volume_convolution<T>(w, outputs, x.dims[1], c.groups, c.weights,
                                    std::vector<T>(static_cast<std::size_t>(x.dims[1]), T(0)));
  auto op = std::make_unique<nn::Transposed<T>>(std::move(back), volume(dims) / dims[0], std::move(c.biases));
  return from_volumes<T>(build, std::move(op), x, x.dims[0], dims, input.rank());
}

enum class WindowKind { max, average, norm };

/// Pooling along any axes; along three it goes over the slices, and then over the depth.
template <class T, WindowKind kind, bool global>
Value convert_any_pooling(Builder<T>& build, const NodeView& at) {
  const Value input = build.value(at, 0);
  Value x = as_volumes(build, at, input);
  const std::size_t axes = input.rank() - 2;
  std::vector<nn::Window> w;
  if (global) {
    for (std::size_t i = 2; i < input.rank(); ++i) w.push_back({input.dims[i], 1, input.dims[i], 1, 1, 0, 0});
  } else {
    at.require(at.has("kernel_shape"), "the attribute 'kernel_shape' is missing");
    w = read_windows(at, input.dims, at.sizes("kernel_shape", axes, 1, 1), at.integer("ceil_mode", 0) != 0);
  }
  const std::int64_t p = kind == WindowKind::norm ? at.integer("p", 2) : 1;
  at.require(p >= 1 && p <= 64, "expected p from 1 to 64, got ", p);
  for (const nn::Window& window : w)
    at.require(
        kind == WindowKind::norm || (window.pad_begin < window.kernel && window.pad_end < window.kernel),
        "padding by ", window.pad_begin, " and ", window.pad_end, " would leave windows of ", window.kernel,
        " empty");
  w = in_volumes(std::move(w));
  const auto pooling = [&](const nn::Window& rows, const nn::Window& columns,
                           Index channels) -> std::unique_ptr<nn::Operator<T>> {
    if constexpr (kind == WindowKind::max)
      return nn::make<nn::MaxPooling<T>>(rows, columns, channels);
    else if constexpr (kind == WindowKind::average)
      return nn::make<nn::AveragePooling<T>>(rows, columns, channels,
                                             at.integer("count_include_pad", 0) != 0);
    else
      return std::make_unique<nn::NormPooling<T>>(rows, columns, channels, static_cast<int>(p));
  };
  const Index channels = x.dims[1];
  Dims dims{x.dims[0], channels, x.dims[2], w[1].output, w[2].output};
  x = from_volumes(build, pooling(w[1], w[2], channels), x, x.dims[0] * x.dims[2], dims, input.rank());
  if (input.rank() < 5) return x;
  dims[2] = w[0].output;
  return from_volumes(build, pooling(w[0], nn::Window{}, w[1].output * w[2].output * channels), x, x.dims[0],
                      dims, 5);
}

}  // namespace foil::onnx::detail
