// SPDX-License-Identifier: MIT
/// \file
/// Matrix products with rows of activations on the left and a constant, packed matrix on the right. Every
/// element of the result is the sum of chains of fused multiply-adds over blocks of the depth, all in
/// ascending order, whatever its row, its tile and the number of rows: the bits of a row never depend on its
/// neighbours.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/memory.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/gemm.inc"

}  // namespace foil::nn
