// SPDX-License-Identifier: MIT
/// \file
/// Transposition of matrices, by tiles that fit the registers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/transpose.inc"

}  // namespace foil::nn
