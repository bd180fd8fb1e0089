// SPDX-License-Identifier: MIT
/// \file
/// What foil::invariance_attack() is given and gives.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "foil/core/status.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/options_list.hpp"

namespace foil {

/// Options of foil::invariance_attack().
struct InvarianceOptions {
  double tolerance = 0.01;  ///< by which each logit may change, in their units
  int steps = 50;           ///< of quadratic programming at most, from each of the two starts
  int descent = 1000;       ///< steps from the target to where the second walk starts; 0: the target itself
  int batch_size = 64;  ///< samples that are asked about together; bits do not depend on it if the model's
                        ///< rows do not influence each other

  void list(OptionList& option) {
    option("tolerance", tolerance, "by which each logit may change", above(0));
    option("steps", steps, "of quadratic programming at most, from each start", at_least(1));
    option("descent", descent, "steps from the target to the second start", at_least(0));
    option("batch_size", batch_size, "samples asked about together", at_least(1));
  }
};

/// What foil::invariance_attack() found, sample by sample.
template <Batch Input>
struct InvarianceResult {
  Input images;                ///< within the bounds; the input itself where nothing closer was found
  Eigen::VectorXd distances;   ///< L2, from the image to the target
  Eigen::VectorXd from_input;  ///< L2, from the input to the target
  Eigen::VectorXd drifts;      ///< the largest change of a logit, as the model answered in the end
  std::vector<Status> status;  ///< see foil::invariance_attack()
  std::vector<std::int64_t> forward, backward;  ///< rows asked of the model, the final check included

  Index size() const { return distances.size(); }
};

}  // namespace foil
