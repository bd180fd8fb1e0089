// SPDX-License-Identifier: MIT
/// \file
/// The first adversarial on a way that is known beforehand.
#pragma once

#include "foil/core/tensor.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// Asks about way(k / steps) for k = 1, 2, ... until one is adversarial, and then halves what lies between it
/// and the share before, so many times or until the numbers leave nothing. What the model cannot tell from
/// the share before is not asked about. `way(share)` gives a point, way(0) the original; it must outlive the
/// task. At most `steps` and `bisections` forward passes.
template <class Way>
Task<> first_on_way(Oracle& oracle, const Way& way, int steps, int bisections) {
  Eigen::VectorXd outside = oracle.original(), inside, x;
  double from = 0, to = 0;
  bool found = false;
  for (int step = 1; step <= steps && !found; ++step) {
    from = to;
    to = static_cast<double>(step) / steps;
    x = way(to);
    oracle.settle(x);
    if (x == outside) continue;
    found = co_await oracle.query(x);
    (found ? inside : outside).swap(x);
  }
  if (!found) co_return;
  for (int i = 0; i < bisections; ++i) {
    const double middle = from + (to - from) / 2;
    if (middle == from || middle == to) co_return;
    x = way(middle);
    oracle.settle(x);
    bool adversarial = x == inside;
    if (!adversarial && x != outside) adversarial = co_await oracle.query(x);
    (adversarial ? to : from) = middle;
    (adversarial ? inside : outside).swap(x);
  }
}

}  // namespace foil
