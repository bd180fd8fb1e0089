// SPDX-License-Identifier: MIT
/// \file
/// Matrix products of two activations, or of an activation and constant matrices.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/matrix.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

using namespace simd;

/// Matrices of one size within a sample: where each one begins, and the distances between neighbours in a
/// column and in a row, one of which is 1 where products are to be fast. Several may begin at the same place.
struct Matrices {
  std::vector<Index> begins;
  Index row_step, column_step;
  Index sample;  ///< elements of a sample
};

/// Geometry of as many products as either factor has matrices. The output has rows x columns for each,
/// row-major.
struct ProductShape {
  Index rows, depth, columns;
  Matrices left, right;
  double scale = 1;  ///< of each product
};

/// Which factor is a constant.
enum class ConstantFactor { none, left, right };

#include "foil/nn/operators/product.inc"

}  // namespace foil::nn
