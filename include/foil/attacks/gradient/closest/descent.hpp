// SPDX-License-Identifier: MIT
/// \file
/// The descent that comes between the walks of the search for the closest adversarial.
#pragma once

#include <type_traits>

#include "foil/attacks/gradient/alma/alma.hpp"
#include "foil/attacks/parts/norm_descent.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// From the input, by so many gradients, to where no walk along linear models comes: where the boundary is
/// rough, a step on it follows what one point shows, and a descent of a softened margin what many do. In L2
/// that of ALMA, else that of FMN, from the radius of the closest adversarial there is. On rough networks it
/// is closer than all walks on most samples, on smooth ones now and then. Needs oracle.found(). `steps` x (1
/// forward + 1 backward) + 1 forward.
template <Norm N>
Task<> descend_between(Oracle& oracle, int steps) {
  if constexpr (std::is_same_v<N, L2>) {
    const L2ALMAAttack alma({.steps = steps});
    co_await alma.attack(oracle);
  } else {
    constexpr bool sparse = std::is_same_v<N, L0>;
    NormDescent how;
    how.steps = steps;
    how.step = sparse ? 10 : 1;
    how.final_gamma = 0.001;
    how.momentum = sparse ? 0.5 : 0;
    how.radius = oracle.best_distance();
    co_await descend_norm<N>(oracle, how);
  }
}

}  // namespace foil
