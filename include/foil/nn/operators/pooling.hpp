// SPDX-License-Identifier: MIT
/// \file
/// Pooling over windows of channels-last samples.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/bytes.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/window.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/operators/pooling.inc"

}  // namespace foil::nn
