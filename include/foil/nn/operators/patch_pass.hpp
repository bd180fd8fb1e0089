// SPDX-License-Identifier: MIT
/// \file
/// Convolutions as products of patches with packed weights.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/gemm.hpp"
#include "foil/nn/memory.hpp"
#include "foil/nn/operators/convolution_pass.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/operators/patch_pass.inc"

}  // namespace foil::nn
