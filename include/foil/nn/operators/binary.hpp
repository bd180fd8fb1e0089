// SPDX-License-Identifier: MIT
/// \file
/// Arithmetic of two operands, element by element: two activations of the same size, or one and a constant.
#pragma once

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/lines.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/elementwise.hpp"
#include "foil/nn/table.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/operators/binary.inc"

}  // namespace foil::nn
