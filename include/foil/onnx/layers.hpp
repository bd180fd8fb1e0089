// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's layers with weights and windows.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/make.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/convolution.hpp"
#include "foil/nn/operators/dense.hpp"
#include "foil/nn/operators/repeated.hpp"
#include "foil/nn/weights.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/constant.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

/// The windows of a convolution or pooling node over the spatial axes of (N, C, H, W).
inline std::vector<nn::Window> read_windows(const NodeView& at, const Dims& dims, const Dims& kernel,
                                            bool ceil_mode = false) {
  const std::size_t axes = kernel.size();
  const Dims strides = at.sizes("strides", axes, 1, 1), dilations = at.sizes("dilations", axes, 1, 1);
  const Dims pads = at.sizes("pads", 2 * axes, 0, 0);
  const std::string mode = at.string("auto_pad", "NOTSET");
  const bool same = mode == "SAME_UPPER" || mode == "SAME_LOWER";
  at.require(same || mode == "NOTSET" || mode == "VALID", "unknown auto_pad '", mode, "'");
  std::vector<nn::Window> windows;
  for (std::size_t i = 0; i < axes; ++i) {
    nn::Window w{dims[i + 2], 1, kernel[i], strides[i], dilations[i], 0, 0};
    const Index extent = (w.kernel - 1) * w.dilation + 1;
    if (same) {
      w.output = (w.input + w.stride - 1) / w.stride;
      const Index padding = std::max<Index>(0, (w.output - 1) * w.stride + extent - w.input);
      w.pad_begin = mode == "SAME_UPPER" ? padding / 2 : padding - padding / 2;
      w.pad_end = padding - w.pad_begin;
    } else {
      if (mode == "NOTSET") w.pad_begin = pads[i], w.pad_end = pads[axes + i];
      const Index room = w.input + w.pad_begin + w.pad_end - extent;
      at.require(room >= 0 || (ceil_mode && room > -w.stride), "a window of ", extent,
                 " does not fit an input of ", w.input, " padded by ", w.pad_begin, " and ", w.pad_end);
      w.output = (ceil_mode ? room + w.stride - 1 : room) / w.stride + 1;
      // A window that would start in the padding behind the input does not count.
      if (ceil_mode && (w.output - 1) * w.stride >= w.input + w.pad_begin) --w.output;
    }
    windows.push_back(w);
  }
  return windows;
}

/// Images as the engine's operators with windows take them: (N, C, H, W), the samples among the first axis'
/// and the channels last; of (N, C, L) the height is one.
template <class T>
Value as_images(Builder<T>& build, const NodeView& at, const Value& x) {
  at.require(x.rank() == 3 || x.rank() == 4,
             "only windows along one or two axes are supported, got an input of shape ", x.shape());
  for (std::size_t i = 1; i < x.rank(); ++i) at.keep_apart(x, i);
  if (x.rank() == 4) return build.arranged(x, Layout::channels_last);
  Value out = build.planar(x);
  out.dims.insert(out.dims.begin() + 2, 1);
  return build.arranged(out, Layout::channels_last);
}

/// The result of an operator on images, which has axes of these lengths, with as many axes as x.
template <class T>
Value from_images(Builder<T>& build, std::unique_ptr<nn::Operator<T>> op, const Value& x, Dims dims,
                  std::size_t rank) {
  if (dims[0] > 1) op = std::make_unique<nn::Repeated<T>>(std::move(op), dims[0]);
  Value y = build.emit(std::move(op), {x.slot}, std::move(dims), Layout::channels_last, x.batch);
  if (rank == 4) return y;
  y = build.planar(y);
  y.dims.erase(y.dims.begin() + 2);
  return y;
}

/// The elements as weights of the engine, read when they are packed.
template <class T>
nn::Weights<T> weights_of(const Constant& c) {
  return {static_cast<Index>(c.size()), [c](T* to) { c.write(to); }};
}

template <class T>
Value convert_conv(Builder<T>& build, const NodeView& at) {
  const Value input = build.value(at, 0);
  const Constant& weights = build.floats(at, 1);
  const Value x = as_images(build, at, input);
  const std::size_t axes = input.rank() - 2;
  at.require(weights.dims.size() == axes + 2, "expected weights of rank ", axes + 2, ", got ",
             weights.dims.size());
  const Dims shape(weights.dims.begin(), weights.dims.end());
  const Dims kernel(shape.begin() + 2, shape.end());
  at.require(at.sizes("kernel_shape", axes, 0, 0) == kernel || !at.has("kernel_shape"),
             "kernel_shape differs from the shape of the weights");
  const Index groups = static_cast<Index>(at.integer("group", 1)), inputs = x.dims[1], outputs = shape[0];
  at.require(groups >= 1 && groups <= inputs && inputs % groups == 0 && outputs % groups == 0 && outputs > 0,
             groups, " groups do not divide ", inputs, " input and ", outputs, " output channels");
  at.require(shape[1] == inputs / groups, "expected weights for ", inputs / groups,
             " input channels per group, got ", shape[1]);
  for (const Index k : kernel) at.require(k >= 1, "a kernel of size ", k, " makes no sense");
  std::vector<T> biases(static_cast<std::size_t>(outputs), T(0));
  if (at.has_input(2)) {
    biases = build.floats(at, 2).template numbers<T>().list();
    at.require(static_cast<Index>(biases.size()) == outputs, "expected ", outputs, " biases, got ",
               biases.size());
  }
  std::vector<nn::Window> windows = read_windows(at, input.dims, kernel);
  if (axes == 1) windows.insert(windows.begin(), nn::Window{});
  const Dims dims{x.dims[0], outputs, windows[0].output, windows[1].output};
  const auto covers = [](const nn::Window& w) {
    return w.output == 1 && w.kernel == w.input && w.pad_begin == 0 && w.dilation == 1;
  };
  std::unique_ptr<nn::Operator<T>> op;
  if (groups == 1 && covers(windows[0]) && covers(windows[1])) {  // one patch, the whole image
    const Index taps = windows[0].kernel * windows[1].kernel;
    nn::Weights<T> matrix(outputs * inputs * taps, [weights, outputs, inputs, taps](T* to) {
      const Numbers<T> numbers = weights.numbers<T>();
      for (Index o = 0; o < outputs; ++o)
        for (Index c = 0; c < inputs; ++c)
          for (Index k = 0; k < taps; ++k)
            to[(o * taps + k) * inputs + c] = numbers[static_cast<std::size_t>((o * inputs + c) * taps + k)];
    });
    op = nn::make<nn::Dense<T>>(1, taps * inputs, outputs, std::move(matrix), std::move(biases));
  } else {
    op = nn::make<nn::Convolution<T>>(nn::ConvolutionShape{windows[0], windows[1], inputs, outputs, groups},
                                      weights_of<T>(weights), std::move(biases));
  }
  return from_images(build, std::move(op), x, dims, input.rank());
}

}  // namespace foil::onnx::detail
