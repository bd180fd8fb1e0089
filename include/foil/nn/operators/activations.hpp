// SPDX-License-Identifier: MIT
/// \file
/// Activations besides those of elementwise.hpp, for the same operator. Where they have a kink, the
/// derivative is PyTorch's.
#pragma once

#include "foil/core/simd.hpp"
#include "foil/nn/error_function.hpp"
#include "foil/nn/logarithm.hpp"
#include "foil/nn/math.hpp"
#include "foil/nn/operators/elementwise.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/operators/activations.inc"

}  // namespace foil::nn
