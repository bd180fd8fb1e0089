// SPDX-License-Identifier: MIT
/// \file
/// Convolutions in which every channel of the target sees few channels of the source: depthwise ones and
/// those in many small groups. The lanes of a vector are channels of the target; lane by lane the channels
/// of the source that they see are packed into planes, row after row, so that each product fills a vector.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/lane_convolution.inc"

}  // namespace foil::nn
