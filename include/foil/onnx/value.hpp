// SPDX-License-Identifier: MIT
/// \file
/// What the importer knows of a tensor that depends on the network's input: its shape, the order of its
/// elements, and which of its axes holds the samples.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"

namespace foil::onnx::detail {

using foil::require;
using foil::text;
using Dims = std::vector<Index>;

/// Order of the elements of a sample: as in the file, or with axis 1 last. The latter takes three axes.
enum class Layout { planar, channels_last };

/// Which axis of a tensor in the file runs over the samples. Such an axis may be a product: of `before`
/// elements, the samples, and further elements behind each sample; N * heads, say, or positions * N.
struct BatchAxis {
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  std::size_t axis = none;  ///< `none` if no axis does: the file is a function of one sample
  Index before = 1;

  bool known() const { return axis != none; }
  friend bool operator==(const BatchAxis&, const BatchAxis&) = default;
};

/// A tensor that depends on the input: all of its axes in the file, each as long as for a single sample.
/// Samples lie one after the other in memory, whichever axis of the file runs over them.
struct Value {
  Dims dims;
  Layout layout = Layout::planar;
  std::size_t slot = 0;
  BatchAxis batch{};

  std::size_t rank() const { return dims.size(); }

  /// Whether that axis runs over the samples, by itself or as a part of it.
  bool holds_samples(std::size_t axis) const { return batch.known() && batch.axis == axis; }

  /// The shape in words: "(N, 3, 224, 224)", "(49, 12N, 64)".
  std::string shape() const {
    std::string out;
    for (std::size_t i = 0; i < dims.size(); ++i) {
      out += i == 0 ? "(" : ", ";
      if (!holds_samples(i))
        out += text(dims[i]);
      else
        out += dims[i] == 1 ? "N" : text(dims[i], "N");
    }
    return out.empty() ? "()" : out + ")";
  }

  /// The same elements, in the order of the file, as a tensor of other axes.
  Value viewed(Dims axes, BatchAxis where) const { return {std::move(axes), layout, slot, where}; }
};

/// More elements per sample than any network that fits a machine.
inline constexpr Index largest_value = Index(1) << 26;

/// Number of elements of a sample; throws if it is absurd.
inline Index volume(const Dims& dims) {
  Index product = 1;
  for (const Index d : dims) {
    require(d > 0 && d <= largest_value / product, "onnx: a tensor of shape ", Value{dims}.shape(),
            " is empty or too large");
    product *= d;
  }
  return product;
}

/// The axes of a sample from slowest to fastest.
inline std::vector<std::size_t> memory_order(Layout layout, std::size_t rank) {
  std::vector<std::size_t> axes;
  for (std::size_t i = 0; i < rank; ++i)
    if (layout == Layout::planar || i != 1) axes.push_back(i);
  if (axes.size() < rank) axes.push_back(1);
  return axes;
}

inline Dims in_memory_order(Layout layout, const Dims& of_axes) {
  Dims out;
  for (const std::size_t axis : memory_order(layout, of_axes.size())) out.push_back(of_axes[axis]);
  return out;
}

/// Distances in memory between neighbours along each axis of a sample.
inline Dims strides_of(const Dims& dims, Layout layout) {
  Dims out(dims.size());
  Index step = 1;
  const std::vector<std::size_t> axes = memory_order(layout, out.size());
  for (std::size_t i = axes.size(); i-- > 0; step *= dims[axes[i]]) out[axes[i]] = step;
  return out;
}

}  // namespace foil::onnx::detail
