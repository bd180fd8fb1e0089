// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's comparisons, and of what chooses by them.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

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

/// Condition, value if it holds, value if not.
template <class T>
Value convert_where(Builder<T>& build, const NodeView& at) {
  std::vector<Value> operands{build.value(at, 0), build.value(at, 1), build.value(at, 2)};
  const Broadcast to = broadcast(build, at, operands);
  std::vector<std::size_t> slots;
  for (const Value& x : operands) slots.push_back(stretched(build, x, to).slot);
  return build.emit(std::make_unique<nn::Select<T>>(volume(to.dims)), std::move(slots), to.dims, to.layout,
                    to.batch);
}

}  // namespace foil::onnx::detail
