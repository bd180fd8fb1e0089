// SPDX-License-Identifier: MIT
/// \file
/// Convolutions with 3 x 3 windows of stride 1 by minimal filtering.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/gemm.hpp"
#include "foil/nn/memory.hpp"
#include "foil/nn/operators/convolution_pass.hpp"
#include "foil/nn/winograd.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/operators/winograd_pass.inc"

}  // namespace foil::nn
