// SPDX-License-Identifier: MIT
/// \file
/// How the numbers of inputs are meant: their bounds, what makes them the network's numbers, and the lattice
/// that they lie on.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <string>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/lattice.hpp"
#include "foil/core/tensor.hpp"

namespace evaluate {

/// One number for all features, one for each channel or one for each feature, as on the command line.
using Numbers = std::vector<float>;

/// Bounds for samples of a shape. Throws foil::Error, naming --bounds, if there are not as many numbers as
/// channels (of the first axis or else of the last) or features.
foil::Bounds<float> spread_bounds(const Numbers& lower, const Numbers& upper,
                                  const std::vector<foil::Index>& shape);

/// One number for each feature; empty if there are none.
Eigen::VectorXf spread(const std::string& option, const Numbers& numbers,
                       const std::vector<foil::Index>& shape);

/// So many steps from the lower to the upper end of each feature; no lattice if `levels` is 0.
foil::Lattice lattice(const foil::Bounds<float>& bounds, std::int64_t levels, foil::Index features);

}  // namespace evaluate
