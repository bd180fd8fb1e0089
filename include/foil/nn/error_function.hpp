// SPDX-License-Identifier: MIT
/// \file
/// The error function on machine vectors, accurate to a few units in the last place.
#pragma once

#include <cstddef>

#include "foil/core/simd.hpp"
#include "foil/nn/math.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/error_function.inc"

}  // namespace foil::nn
