// SPDX-License-Identifier: MIT
/// \file
/// Logarithms on machine vectors, accurate to a few units in the last place: log(1 + f) = 2 artanh(f / (2 +
/// f)) near one, whose series converges quickly there, and multiples of log 2 in two parts.
#pragma once

#include <cstddef>
#include <limits>

#include "foil/core/simd.hpp"
#include "foil/nn/math.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/logarithm.inc"

}  // namespace foil::nn
