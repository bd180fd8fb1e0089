// SPDX-License-Identifier: MIT
/// \file
/// The options of the search for the closest adversarial.
#pragma once

#include "foil/run/options_list.hpp"

namespace foil {

/// Options of foil::ClosestAttack.
struct ClosestOptions {
  int gradients = 1000;
  int effort = 60;
  int candidates = 9;

  void list(OptionList& option) {
    option("gradients", gradients, "budget: gradients at most", at_least(1));
    option("effort", effort, "walks in a row that bring nothing before it stops", at_least(0));
    option("candidates", candidates, "classes that are walked to, those of largest logit at the input",
           at_least(1));
  }
};

}  // namespace foil
