// SPDX-License-Identifier: MIT
/// \file
/// Functions of single elements.
#pragma once

#include <cstddef>
#include <utility>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/bytes.hpp"
#include "foil/nn/lines.hpp"
#include "foil/nn/logarithm.hpp"
#include "foil/nn/math.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/operators/elementwise.inc"

}  // namespace foil::nn
