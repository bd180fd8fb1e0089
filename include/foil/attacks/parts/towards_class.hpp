// SPDX-License-Identifier: MIT
/// \file
/// Losses that lead to one class in particular, for attacks that try several classes in turn.
#pragma once

#include "foil/core/losses.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// An objective of an attack's own (see foil::Objective): to be ascended in order to reach class `reach`,
/// from class `leave` if that is known (else it is -1).
///
/// `margin`: z_reach - z_leave, or the lead of `reach` over all others; less the `lead` that is wanted, so
/// that it is positive where that is there. `dlr`: the lead divided by z_(1) - (z_(3) + z_(4)) / 2, z_(i) the
/// i-th largest logit (Croce & Hein 2020); with fewer than four classes, or where these are equal, it is
/// `margin`. The others are the targeted losses of foil::losses.
struct TowardsClass {
  Loss loss = Loss::dlr;
  Index leave = -1;
  Index reach = 0;
  double lead = 0;

  double operator()(const Eigen::VectorXd& z, Eigen::VectorXd* gradient) const {
    const bool divides = loss == Loss::dlr && z.size() >= 4;
    if (loss == Loss::lsem || loss == Loss::cross_entropy || (divides && leave < 0))
      return losses::targeted(loss, z, reach, gradient);
    if (divides) return losses::targeted_dlr(z, leave, reach, gradient);
    const Index from = leave < 0 ? losses::runner_up(z, reach) : leave;
    if (gradient) {
      gradient->setZero(z.size());
      (*gradient)[reach] += 1;
      (*gradient)[from] -= 1;
    }
    return z[reach] - z[from] - lead;
  }
};

}  // namespace foil
