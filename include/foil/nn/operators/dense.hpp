// SPDX-License-Identifier: MIT
/// \file
/// Fully connected layers.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/gemm.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/weights.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/operators/dense.inc"

}  // namespace foil::nn
