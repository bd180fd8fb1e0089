// SPDX-License-Identifier: MIT
/// \file
/// One direction of a convolution on channels-last samples, from a source to a target, and its weights.
#pragma once

#include <cstddef>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/window.hpp"

namespace foil::nn {

#include "foil/nn/operators/convolution_pass.inc"

}  // namespace foil::nn
