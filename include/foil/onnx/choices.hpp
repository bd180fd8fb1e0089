// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's comparisons, and of what chooses by them.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "foil/core/shape.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operators/binary.hpp"
#include "foil/nn/operators/steps.hpp"
#include "foil/onnx/arithmetic.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/model.hpp"

namespace foil::onnx::detail {

/// A comparison, whose derivative is zero unless it is asked to be passed straight through.
template <class T, template <class, int, class...> class F>
Value convert_comparison(Builder<T>& build, const NodeView& at) {
  if (build.straight_through()) return convert_binary<T, F<T, 1>>(build, at);
  return convert_binary<T, F<T, 0>>(build, at);
}

/// Condition, value if it holds, value if not. All three are brought to one shape and order, constants among
/// them as activations, which hang on one that depends on the input.
template <class T>
Value convert_where(Builder<T>& build, const NodeView& at) {
  constexpr std::size_t operands = 3;
  const Value* any = nullptr;
  Layout layout = Layout::planar;
  for (std::size_t i = 0; i < operands; ++i) {
    at.require(at.has_input(i), "expected three inputs");
    const Value* const x = build.find_value(at.node().inputs[i]);
    if (x == nullptr) continue;
    at.require(any == nullptr || any->dims.size() == x->dims.size(), "combining ",
               any == nullptr ? "" : batch_text(any->dims), " with ", batch_text(x->dims),
               " would mix samples");
    any = x;
    if (x->layout == Layout::channels_last) layout = Layout::channels_last;
  }
  at.require(any != nullptr, "expected an input that depends on the network's");
  Dims dims = any->dims, shapes[operands];
  for (std::size_t i = 0; i < operands; ++i) {
    const Value* const x = build.find_value(at.node().inputs[i]);
    shapes[i] = x != nullptr ? x->dims : aligned_dims(at, build.constant(at, i), dims.size());
    dims = broadcast_dims(at, dims, shapes[i]);
  }
  const Value stem = stretched(build, build.arranged(*any, layout), dims);
  std::vector<std::size_t> slots;
  for (std::size_t i = 0; i < operands; ++i) {
    if (const Value* const x = build.find_value(at.node().inputs[i]); x != nullptr) {
      slots.push_back(stretched(build, build.arranged(*x, layout), dims).slot);
      continue;
    }
    const Constant& c = build.constant(at, i);
    std::vector<T> elements = c.is_float() ? stretched(build, c.floats, shapes[i], stem)
                                           : stretched(build, c.integers, shapes[i], stem);
    slots.push_back(
        build
            .emit(std::make_unique<nn::WithConstant<T, nn::Second<T>, false>>(std::move(elements)),
                  {stem.slot}, dims, layout)
            .slot);
  }
  const Index size = build.volume(dims);
  return build.emit(std::make_unique<nn::Select<T>>(size), std::move(slots), std::move(dims), layout);
}

}  // namespace foil::onnx::detail
