// SPDX-License-Identifier: MIT
/// \file
/// From an adversarial point back towards the input along a straight line, by the margin's values.
#pragma once

#include "foil/core/losses.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// At most so many steps of regula falsi between the input, whose margin (Loss::margin) is `clean`, and the
/// best adversarial, whose margin is `reached`; each a tenth of the way from where the margin should vanish
/// to the adversarial end. One forward pass each; what they find is the oracle's best. Needs
/// oracle.found().
inline Task<> secant(Oracle& oracle, double clean, double reached, int steps) {
  constexpr double beyond = 0.1;
  const Eigen::VectorXd to = oracle.best();
  double outside = 0, inside = 1;
  for (int i = 0; i < steps; ++i) {
    const double root = clean / (clean - reached);
    const double share = outside + (inside - outside) * (root + beyond * (1 - root));
    if (!(share > outside && share < inside)) co_return;
    Eigen::VectorXd x = oracle.original() + share * (to - oracle.original());
    oracle.settle(x);
    if (x == to || x == oracle.original()) co_return;
    const Answer& at = co_await oracle.score(x, Loss::margin);
    if (at.label < 0) co_return;
    (at.adversarial ? inside : outside) = share;
    (at.adversarial ? reached : clean) = at.loss;
  }
}

}  // namespace foil
