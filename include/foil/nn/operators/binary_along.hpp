// SPDX-License-Identifier: MIT
/// \file
/// Arithmetic of two activations of which one has a single element where the other has many.
#pragma once

#include <algorithm>
#include <cstddef>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/lines.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/operators/binary_along.inc"

}  // namespace foil::nn
