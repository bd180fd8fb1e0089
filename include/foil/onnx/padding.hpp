// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's Pad.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/parts.hpp"
#include "foil/onnx/shapes.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

/// What padding by `before` and `behind`, or cutting if they are negative, picks along an axis of that
/// length.
inline Picks padded(const NodeView& at, const std::string& mode, Index length, std::int64_t before,
                    std::int64_t behind) {
  const std::int64_t first = std::max<std::int64_t>(0, -before),
                     end = length - std::max<std::int64_t>(0, -behind);
  at.require(before <= largest_value && behind <= largest_value && first < end, "cannot pad ", length,
             " elements by ", before, " and ", behind);
  const std::int64_t inside = end - first;
  Picks out;
  for (std::int64_t i = -std::max<std::int64_t>(0, before); i < inside + std::max<std::int64_t>(0, behind);
       ++i) {
    std::int64_t k = i;
    if (k < 0 || k >= inside) {
      if (mode == "constant") {
        out.push_back(-1);
        continue;
      }
      if (mode == "edge") {
        k = std::clamp<std::int64_t>(k, 0, inside - 1);
      } else {
        const std::int64_t period = mode == "wrap" ? inside : std::max<std::int64_t>(1, 2 * (inside - 1));
        k = (k % period + period) % period;
        if (k >= inside) k = period - k;
      }
    }
    out.push_back(static_cast<std::int32_t>(first + k));
  }
  return out;
}

template <class T>
Value convert_pad(Builder<T>& build, const NodeView& at) {
  const Value x = build.value(at, 0);
  const std::string mode = at.string("mode", "constant");
  at.require(mode == "constant" || mode == "reflect" || mode == "edge" || mode == "wrap", "unknown mode '",
             mode, "'");
  const auto pads = list_at(build, at, "pads", 1, 11), axes = list_at(build, at, "axes", 3, 11);
  const std::size_t count = axes == nullptr ? x.rank() : axes->size();
  at.require(pads != nullptr && pads->size() == 2 * count && pads->per_sample.empty(), "expected ", 2 * count,
             " pads that do not depend on the number of samples");
  const float fill = at.opset() < 11 ? at.number("value", 0) : at.has_input(2) ? build.scalar(at, 2) : 0.f;
  std::vector<Picks> picks;
  for (const Index d : x.dims) picks.push_back(all_of(d));
  const std::vector<std::size_t> along = listed_axes(at, axes.get(), count, x.rank());
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t axis = along[i];
    const std::int64_t before = pads->integers()[i], behind = pads->integers()[count + i];
    if (before == 0 && behind == 0) continue;
    at.keep_apart(x, axis);
    build.spend(static_cast<std::uint64_t>(std::clamp<std::int64_t>(before, 0, largest_value)) +
                static_cast<std::uint64_t>(std::clamp<std::int64_t>(behind, 0, largest_value)));
    picks[axis] = padded(at, mode, x.dims[axis], before, behind);
  }
  return picked(build, at, x, picks, static_cast<T>(fill));
}

}  // namespace foil::onnx::detail
