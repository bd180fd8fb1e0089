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

/// Numbers as on the command line, or those of an array in C order.
struct Numbers : std::vector<float> {
  using std::vector<float>::vector;
  std::vector<foil::Index> shape{};  ///< of the array; empty for a list
};

/// What samples are like.
struct Form {
  std::vector<foil::Index> shape;  ///< as the network takes them
  bool nhwc = false;               ///< the data have (H, W, C) where the network takes (C, H, W)
};

/// Whether the channels are last in the data and first for the network.
bool turned(const Form& form);

/// The shape of a sample in the data.
std::vector<foil::Index> in_data(const Form& form);

/// Bounds for samples. Throws foil::Error, naming --bounds, as spread() does.
foil::Bounds<float> spread_bounds(const Numbers& lower, const Numbers& upper, const Form& form);

/// One number for each feature, as the network takes them; empty if there are none. Of the numbers, there is
/// one for all features, one for each channel (a list, which samples of two axes cannot have), one for each
/// feature in the order of the data (a list, if the network takes them in this order), or they are an array
/// of the shape that a sample has in the data, where extents may be 1 for what is the same along that axis.
/// Throws foil::Error, naming the option, for all others.
Eigen::VectorXf spread(const std::string& option, const Numbers& numbers, const Form& form);

/// So many steps from the lower to the upper end of each feature; no lattice if `levels` is 0.
foil::Lattice lattice(const foil::Bounds<float>& bounds, std::int64_t levels, foil::Index features);

}  // namespace evaluate
