// SPDX-License-Identifier: MIT
/// \file
/// Tensors whose elements lie in another one's memory: what only moves elements can be read where they come
/// from.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "foil/core/tensor.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

/// A tensor with these axes, whose elements lie among `size` ones per sample in a slot, from `begin` on,
/// neighbours along each axis at these distances.
struct View {
  std::size_t slot;
  Index size;
  Index begin;
  Dims dims, strides;

  /// Whether the elements lie like those of a whole tensor by itself in that layout.
  bool whole(Layout layout) const {
    if (begin != 0 || volume(dims) != size) return false;
    const Dims wanted = strides_of(dims, layout);
    for (std::size_t i = 0; i < dims.size(); ++i)
      if (dims[i] > 1 && strides[i] != wanted[i]) return false;
    return true;
  }

  /// The same elements, in the order of the file, along other axes; nothing if their distances are not even.
  std::optional<View> along(const Dims& axes) const {
    View out{slot, size, begin, axes, Dims(axes.size(), 0)};
    std::size_t from = 0, to = 0;
    while (true) {
      while (from < dims.size() && dims[from] == 1) ++from;
      while (to < axes.size() && axes[to] == 1) ++to;
      if (from == dims.size() || to == axes.size()) break;
      // As few axes on either side as have equally many elements.
      std::size_t from_end = from + 1, to_end = to + 1;
      Index old_count = dims[from], new_count = axes[to];
      while (old_count != new_count) {
        if (old_count < new_count ? from_end == dims.size() : to_end == axes.size()) return std::nullopt;
        if (old_count < new_count)
          old_count *= dims[from_end++];
        else
          new_count *= axes[to_end++];
      }
      std::optional<Index> next;  // the distance at which an axis goes on where the one behind it ends
      for (std::size_t i = from_end; i-- > from;) {
        if (dims[i] == 1) continue;
        if (!next) {
          out.strides[to_end - 1] = strides[i];
          for (std::size_t k = to_end - 1; k-- > to;) out.strides[k] = out.strides[k + 1] * axes[k + 1];
        } else if (strides[i] != *next) {
          return std::nullopt;
        }
        next = strides[i] * dims[i];
      }
      from = from_end;
      to = to_end;
    }
    return out;
  }
};

}  // namespace foil::onnx::detail
