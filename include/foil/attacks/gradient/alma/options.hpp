// SPDX-License-Identifier: MIT
/// \file
/// The options of ALMA.
#pragma once

#include <type_traits>

#include "foil/attacks/parts/soft_margin.hpp"
#include "foil/core/norms.hpp"
#include "foil/run/options_list.hpp"

namespace foil {

/// Options of foil::ALMAAttack.
template <Norm N>
struct ALMAOptions {
  int steps = 100;
  double first_step = std::is_same_v<N, L1> ? 4 : 0.2;
  double final_step = 0.01;
  double memory = 0;
  int check_steps = 10;
  double improvement = 0.95;
  double growth = 1.2;
  SoftMarginOptions margin{};  ///< what is constrained

  void list(OptionList& option) {
    option("steps", steps, "gradient steps", at_least(1));
    option("first_step", first_step,
           "length of the first step, as a share of the distance at which the linear model sees the boundary",
           above(0, 1e6));
    option("final_step", final_step,
           "step rate at the end as a fraction of that until the first adversarial (exponential decay)",
           above(0, 1));
    option(
        "memory", memory,
        "weight of the past in the multiplier, the steps' sizes and their momentum; 0: follows from steps: "
        "0.5 for 100, 0.7 for 300, 0.9 for 1,000",
        half_open(0, 1));
    option("check_steps", check_steps, "steps after which the penalty may grow", at_least(1));
    option("improvement", improvement, "it does if the margin is still more than this share of what it was",
           between(0, 1));
    option("growth", growth, "factor by which it grows", between(1, 1e6));
    option.nested("", margin);
  }
};

}  // namespace foil
