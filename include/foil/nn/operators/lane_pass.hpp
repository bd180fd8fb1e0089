// SPDX-License-Identifier: MIT
/// \file
/// Depthwise convolutions, and those in many small groups: vectors over the channels of the target.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/lane_convolution.hpp"
#include "foil/nn/memory.hpp"
#include "foil/nn/operators/convolution_pass.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/operators/lane_pass.inc"

}  // namespace foil::nn
