// SPDX-License-Identifier: MIT
/// \file
/// Products of matrices that are both activations: the right one is packed on the way, the left one read
/// where it lies if its rows are contiguous. Every element is one chain of fused multiply-adds over the depth
/// in ascending order, as in gemm.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/gemm.hpp"
#include "foil/nn/transpose.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/matrix.inc"

}  // namespace foil::nn
