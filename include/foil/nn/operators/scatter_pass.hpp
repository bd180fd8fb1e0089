// SPDX-License-Identifier: MIT
/// \file
/// The backward direction of convolutions with few input channels: rows of cotangents times packed weights,
/// scattered back onto the patches.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/gemm.hpp"
#include "foil/nn/operators/convolution_pass.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/operators/scatter_pass.inc"

}  // namespace foil::nn
