// SPDX-License-Identifier: MIT
/// \file
/// How an ONNX file is read.
#pragma once

#include <string>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/network.hpp"

namespace foil::onnx {

/// Options of load(), parse() and File::network().
template <class Scalar>
struct Options {
  Bounds<Scalar> bounds{};  ///< the box that inputs live in; [0, 1] unless said otherwise
  int threads = 1;          ///< threads that share the samples of one call; the bits do not depend on it

  /// The shape of one sample of the input, without the batch axis. Needed only where the file leaves height,
  /// width or the like open; must agree with what it says.
  std::vector<Index> input_shape{};

  /// Whether a sample is one row of numbers, in memory order, whatever its shape in the file: Rank is 2 then,
  /// for every file.
  bool flat_input = false;

  /// The output that the classes are read from. By default the only one; of several the first of shape
  /// (N, classes), or else the first that stands for two classes.
  std::string output{};

  /// Whether a Softmax, a LogSoftmax or one Sigmoid per class at the end of the network stays, with what
  /// follows it. By default they are taken off wherever that keeps the order of the classes, but for ties
  /// where they saturate, since gradients vanish there; Network::notes() tells.
  bool keep_output_layer = false;

  /// Whether the output is taken as it is, of whatever shape, with one column for each of its elements: of a
  /// network that is no classifier: a decoder, a step of a flow. Nothing is taken off its end. Of several
  /// outputs it is the first.
  bool flattened = false;

  /// Whether a network is refused that computes in floats of another type than Scalar and float32, or takes
  /// whole numbers. By default all is computed in Scalar, and Network::notes() tells: answers may be others
  /// than those of the file then.
  bool strict_types = false;

  /// Whether a single output is the logit z of class 1 against class 0: the network then has the logits
  /// (0, z), and where z is exactly 0 the smallest normal number as the first, so that class 1 is the answer
  /// where z > 0 and class 0 has won everywhere else. A single Sigmoid at the end says so by itself.
  bool binary = false;

  /// Whether the single output that `binary` is about stays one column, for the caller to make two classes
  /// of: by foil::SingleLogit, and foil::LogProbabilities below it if it is a probability.
  bool single_column = false;

  /// Whether Round, Floor, Ceil, Sign and casts to bool pass gradients as if they were not there, and
  /// comparisons as if they were differences (the backward pass differentiable approximation of Athalye,
  /// Carlini, Wagner 2018, arXiv:1802.00420). By default the derivative of all of them is zero, as it is.
  bool straight_through = false;

  /// Whether gradients are kept from vanishing in single precision: slopes of Sigmoid and Tanh are computed
  /// from their inputs, and adjoints keep an exponent of their own; see nn::NetworkOptions::rescale_adjoints.
  /// Logits stay the same bits. Gates of LSTM and GRU have their usual slopes.
  bool stabilise = false;

  /// Whether Sigmoid and Tanh pull back by the slopes of a flatter curve where a layer is saturated: f(z / T)
  /// for f(z), where T >= 1 makes the sample's 0.95 quantile of |z| / T (|2 z| / T of Tanh) five. Not the
  /// network's gradient, but an approximation for the backward pass alone (BPDA, arXiv:1802.00420), and
  /// Network::notes() says so.
  bool surrogate_slopes = false;

  nn::NetworkOptions<Scalar> network() const { return {bounds, threads, stabilise}; }
};

}  // namespace foil::onnx
