// SPDX-License-Identifier: MIT
/// \file
/// One sample's facts, which do not change during a run.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "foil/core/criteria.hpp"
#include "foil/core/lattice.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/box.hpp"

namespace foil {

/// What is given about one sample. Vectors are flattened samples in double.
struct Sample {
  Index row = 0;        ///< in the attacked batch
  std::int64_t id = 0;  ///< random numbers belong to it
  Eigen::VectorXd original{};
  std::shared_ptr<const geometry::Box> box{};  ///< with what a mask freezes; shared where there is no mask
  const Lattice* lattice = nullptr;            ///< nullptr: every value is allowed
  std::vector<Index> shape{};                  ///< {features}, or for images {C, H, W}
  Eigen::VectorXd starting_point{};            ///< the user's; empty if none was given
  Eigen::VectorXd prior{};                     ///< a direction to look in first; empty if there is none
  Lp norm = L2{};                              ///< what distances are measured in
  bool single_precision = false;               ///< the model computes with floats
  Goal goal{};                                 ///< what the criterion wants, where it is about classes
};

}  // namespace foil
