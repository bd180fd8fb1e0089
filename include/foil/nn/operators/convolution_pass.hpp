// SPDX-License-Identifier: MIT
/// \file
/// One direction of a convolution on channels-last samples, from a source to a target, and its weights.
#pragma once

#include <cstddef>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/operators/window.hpp"

namespace foil::nn {

/// Forward the source is the input and the target the output; backward the source is the output's cotangent
/// and the target the input's gradient.
enum class Direction { forward, backward };

/// Geometry and weights of one direction.
template <class T>
struct ConvolutionView {
  const ConvolutionShape& shape;
  Direction direction;
  const std::vector<T>& weights;  ///< (outputs, inputs / groups, rows, columns)

  bool forward() const { return direction == Direction::forward; }
  /// Channels of either side, and per group.
  Index sources() const { return forward() ? shape.inputs : shape.outputs; }
  Index targets() const { return forward() ? shape.outputs : shape.inputs; }
  Index group_sources() const { return sources() / shape.groups; }
  Index group_targets() const { return targets() / shape.groups; }

  /// The windows by which targets see sources.
  std::vector<Sweep> sweeps(const Window& window) const {
    return forward() ? forward_sweeps(window) : backward_sweeps(window);
  }
  /// Positions along an axis.
  Index source_size(const Window& window) const { return forward() ? window.input : window.output; }
  Index target_size(const Window& window) const { return forward() ? window.output : window.input; }

  /// The weight between target channel t and channel s of its group's sources, at a tap.
  T weight(Index t, Index s, Index row_tap, Index column_tap) const {
    const Index in = shape.inputs / shape.groups, group = t / group_targets();
    const Index output = forward() ? t : group * group_sources() + s, input = forward() ? s : t % in;
    return weights[static_cast<std::size_t>(
        ((output * in + input) * shape.rows.kernel + row_tap) * shape.columns.kernel + column_tap)];
  }
};

/// How one direction is computed: geometry at first, weights when they are needed.
template <class T>
class ConvolutionPass {
 public:
  ConvolutionPass() = default;
  ConvolutionPass(const ConvolutionPass&) = delete;
  ConvolutionPass& operator=(const ConvolutionPass&) = delete;
  virtual ~ConvolutionPass() = default;

  /// Fills in the weights, and `biases`: one number per channel of the target, or none. Once, before run().
  virtual void pack(const ConvolutionView<T>& view, const std::vector<T>& biases) = 0;
  /// Writes the targets of `batch` samples.
  virtual void run(Index batch, const T* source, T* target, T* scratch) const = 0;
  /// Elements of scratch memory.
  virtual Index scratch() const = 0;
};

}  // namespace foil::nn
