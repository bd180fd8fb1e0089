// SPDX-License-Identifier: MIT
/// \file
/// The options of FAB.
#pragma once

#include "foil/run/options_list.hpp"

namespace foil {

/// Options of foil::FabAttack.
struct FabOptions {
  bool targeted = true;
  int steps = 195;
  int restarts = 0;
  int candidates = 9;
  int nearest = 5;
  int trial = 12;
  int patience = 40;
  double overshoot = 0.05;
  double bias = 0.1;
  double contraction = 0.9;
  int last_steps = 3;

  void list(OptionList& option) {
    option("targeted", targeted, "a walk towards each of the nearest classes; else one towards all of them");
    option("steps", steps, "linearised boundaries stepped to, shared by the walks", at_least(1));
    option("restarts", restarts, "how often all is done again, from a random point", at_least(0));
    option("candidates", candidates, "classes looked at first, those of largest logit at the input",
           at_least(1));
    option("nearest", nearest, "of these so many are followed, those with the nearest boundary", at_least(1));
    option("trial", trial, "targeted: steps after which a walk ends that is 15 % behind another",
           at_least(1));
    option("patience", patience, "steps that come no closer after which a walk ends", at_least(1));
    option("overshoot", overshoot, "share of a step that is added to it", above(0, 1));
    option("bias", bias, "largest weight of the step from the input beside that from the walk's point",
           between(0, 1));
    option("contraction", contraction, "factor on the distance of an adversarial point before the next step",
           strictly_between(0, 1));
    option("last_steps", last_steps, "secant steps in the end, between the input and the closest adversarial",
           at_least(0));
  }
};

}  // namespace foil
