// SPDX-License-Identifier: MIT
/// \file
/// What goes along one axis of a sample: lines in memory or, where neighbours along the axis are apart,
/// strips of as many lines as a vector has elements. Algorithms are written once, for both.
#pragma once

#include <cstddef>
#include <cstring>
#include <limits>
#include <type_traits>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/lines.inc"

}  // namespace foil::nn
