// SPDX-License-Identifier: MIT
/// \file
/// Constants that belong to positions along one axis of a sample, one per channel, say.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/lines.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/table.inc"

}  // namespace foil::nn
