// SPDX-License-Identifier: MIT
/// \file
/// How far the Boundary Attack on one sample has come: values, to be stored and continued from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "foil/attacks/decision/boundary/step_sizes.hpp"
#include "foil/attacks/parts/start.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// One walk along the boundary: a value, changed after every answer.
struct BoundaryWalk {
  Eigen::VectorXd x{};          ///< the current adversarial
  std::uint32_t number = 0;     ///< of the start it began at; walks have random numbers of their own
  std::uint32_t proposals = 0;  ///< drawn so far
  int skipped = 0;              ///< of these, the last ones that were not worth a query
  bool converged = false;
  std::vector<double> heats{};  ///< distances at the start and after the heats that it has run
  TiedSteps tied{};
  PaperSteps paper{};
  Eigen::VectorXd spherical{};  ///< tied: a spherical point that is still to be asked about
  double restarted_at = std::numeric_limits<double>::infinity();  ///< tied: distance at the first convergence
};

/// How far the Boundary Attack on one sample has come.
struct BoundaryState {
  StartState start{};
  std::vector<BoundaryWalk> walks{};
  std::uint32_t proposals = 0;  ///< in all walks
  std::uint32_t found = 0;      ///< starts
  bool racing = false;          ///< all starts of the race have been found
  std::size_t heat = 1;         ///< of the race
  bool champion = false;        ///< the race is over: the first walk has won
  int challenges = 0;           ///< of the winner, by further starts
};

}  // namespace foil
