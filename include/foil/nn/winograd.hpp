// SPDX-License-Identifier: MIT
/// \file
/// Minimal filtering of 3 x 3 windows (Winograd 1980; Lavin and Gray 2016): m x m neighbours of a target come
/// from (m + 2) x (m + 2) products per pair of channels instead of 9 m^2. Polynomials are interpolated at 0,
/// at infinity, and for m = 2 at +-1, for m = 4 at +-3/4 and +-3/2: of the points with exact transforms those
/// whose rounding errors we found to be least, half of those of +-1 and +-2.
#pragma once

#include <array>
#include <cstddef>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/winograd.inc"

}  // namespace foil::nn
