// SPDX-License-Identifier: MIT
/// \file
/// A byte per lane: what is kept of choices that are made lane by lane.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/bytes.inc"

}  // namespace foil::nn
