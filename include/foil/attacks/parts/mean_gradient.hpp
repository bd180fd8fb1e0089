// SPDX-License-Identifier: MIT
/// \file
/// The mean of several answers about one point, of models that draw random numbers.
#pragma once

#include <cstddef>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// Asks about a point so many times (expectation over transformations: Athalye et al. 2018, arXiv:1707.07397)
/// and writes the means of loss and gradient over the finite answers; the label is one of theirs, and the
/// gradients have vanished if all have. Gives a pointer to `mean`. Cost: `draws` x (1 forward + 1 backward).
inline Task<const Answer*> mean_gradient(Oracle& oracle, const Eigen::VectorXd& x, const Objective& objective,
                                         int draws, Answer& mean) {
  std::vector<Eigen::VectorXd> copies(static_cast<std::size_t>(draws), x);
  const auto answers = co_await oracle.gradients(copies, objective);
  mean = Answer();
  mean.loss = 0;
  mean.vanished = true;
  mean.gradient = Eigen::VectorXd::Zero(x.size());
  double finite = 0;
  for (const Answer& answer : answers) {
    if (answer.label < 0) continue;
    ++finite;
    mean.label = answer.label;
    mean.loss += answer.loss;
    mean.gradient += answer.gradient;
    mean.vanished = mean.vanished && answer.vanished;
  }
  mean.loss /= finite;
  if (finite > 0) mean.gradient /= finite;
  co_return &mean;
}

}  // namespace foil
