// SPDX-License-Identifier: MIT
/// \file
/// Plasma: clouds of chance, rough at every scale.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"

namespace foil::geometry {

/// Row by row.
using PlasmaMap = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A square map of plasma by midpoint displacement (diamond and square; Fournier, Fussell, Carpenter 1982) on
/// a torus, scaled to [0, 1]: its least value becomes 0, its largest 1; if nothing moves it, all is 0. Every
/// midpoint is the mean of four neighbours and w times a number drawn between -w and w, w = 100 at first and
/// `decay` times less at each halving, as in the fog of common corruptions (Hendrycks, Dietterich 2019,
/// arXiv:1903.12261). O(side^2).
/// \param side   a power of two
/// \param decay  > 0; the less, the rougher
/// \param draw   draw(low, high): the numbers, at each halving for the middles of all squares, then for those
///               of their upper edges, then for those of their left ones, each row by row
template <class Draw>
PlasmaMap plasma(Index side, double decay, Draw&& draw) {
  require(side >= 1 && (side & (side - 1)) == 0 && decay > 0,
          "plasma: expected a side that is a power of two and decay > 0, got ", side, " and ", decay);
  PlasmaMap map = PlasmaMap::Zero(side, side);
  double wobble = 100;
  for (Index step = side; step >= 2; step /= 2, wobble /= decay) {
    require(std::isfinite(static_cast<double>(side) * wobble * wobble),
            "plasma: expected a larger decay for a side of ", side, ", got ", decay);
    const Index half = step / 2;
    const auto at = [&](Index row, Index column) { return map(row & (side - 1), column & (side - 1)); };
    // Sets the points `down` and `right` of every square's corner to the mean of those that are `half` away
    // along the axes, or along the diagonals.
    const auto displace = [&](Index down, Index right, bool diagonal) {
      for (Index row = down; row < side; row += step)
        for (Index column = right; column < side; column += step) {
          const double sum = diagonal ? at(row - half, column - half) + at(row + half, column - half) +
                                            (at(row - half, column + half) + at(row + half, column + half))
                                      : at(row + half, column) + at(row - half, column) +
                                            (at(row, column - half) + at(row, column + half));
          map(row, column) = sum / 4 + wobble * draw(-wobble, wobble);
        }
    };
    displace(half, half, true);
    displace(0, half, false);
    displace(half, 0, false);
  }
  map.array() -= map.minCoeff();
  const double highest = map.maxCoeff();
  if (highest > 0) map /= highest;
  return map;
}

}  // namespace foil::geometry
