// SPDX-License-Identifier: MIT
/// \file
/// From an adversarial start towards the input, on a way that suits a norm.
#pragma once

#include "foil/core/norms.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/ways.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// Halves the part of the way whose end is adversarial and whose beginning is not, so many times, and moves
/// `start` to its end. One forward pass each.
template <Norm N>
Task<> approach(Oracle& oracle, Eigen::VectorXd& start, int times) {
  const Eigen::VectorXd to = start;
  double outside = 0, inside = 1;
  for (int i = 0; i < times; ++i) {
    const double middle = outside + (inside - outside) / 2;
    Eigen::VectorXd x = geometry::on_the_way<N>(oracle.original(), to, middle);
    oracle.settle(x);
    if (x == start || x == oracle.original()) co_return;
    if (co_await oracle.query(x)) {
      inside = middle;
      start.swap(x);
    } else {
      outside = middle;
    }
  }
}

}  // namespace foil
