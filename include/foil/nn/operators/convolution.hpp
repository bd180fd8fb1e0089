// SPDX-License-Identifier: MIT
/// \file
/// Two-dimensional convolution on channels-last samples. Either direction is computed in the way that suits
/// its geometry: with vectors over channels, by minimal filtering, or as products of patches.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/convolution_pass.hpp"
#include "foil/nn/operators/lane_pass.hpp"
#include "foil/nn/operators/patch_pass.hpp"
#include "foil/nn/operators/scatter_pass.hpp"
#include "foil/nn/operators/window.hpp"
#include "foil/nn/operators/winograd_pass.hpp"
#include "foil/nn/weights.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/operators/convolution.inc"

}  // namespace foil::nn
