// SPDX-License-Identifier: MIT
/// \file
/// Softmax along one axis of a sample, and its logarithm.
#pragma once

#include <cstddef>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/lines.hpp"
#include "foil/nn/logarithm.hpp"
#include "foil/nn/math.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/operators/softmax.inc"

}  // namespace foil::nn
