// SPDX-License-Identifier: MIT
/// \file
/// Normalisation of groups of elements to mean zero and variance one, or to a length of one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/lines.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

using namespace simd;

/// Samples of shape (outer, rows, columns): a group is `run` columns side by side, of all rows. One row and
/// a run of all columns is a layer normalisation, runs of one column are an instance normalisation of
/// channels that lie last, longer ones a group normalisation of them.
struct Groups {
  Index outer, rows, columns, run;

  Index size() const { return outer * rows * columns; }
  /// Elements of a group.
  Index elements() const { return rows * run; }
};

#include "foil/nn/operators/normalization.inc"

}  // namespace foil::nn
