// SPDX-License-Identifier: MIT
/// \file
/// Exponential functions on machine vectors, accurate to a few units in the last place: range reduction by
/// multiples of log 2 in two parts (Cody and Waite 1980), then the Taylor polynomial on |r| <= log(2) / 2,
/// whose remainder is below the rounding error.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "foil/core/simd.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/math.inc"

}  // namespace foil::nn
