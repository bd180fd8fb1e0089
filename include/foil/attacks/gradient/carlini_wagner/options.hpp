// SPDX-License-Identifier: MIT
/// \file
/// The options of the attacks of Carlini & Wagner.
#pragma once

#include "foil/run/options_list.hpp"

namespace foil {

/// Options of foil::CarliniWagnerAttack.
struct CarliniWagnerOptions {
  int rounds = 18;
  int steps = 50;
  double learning_rate = 4;
  double last_learning_rate = 0.01;
  double constant = 20;
  int bisections = 10;

  void list(OptionList& option) {
    option("rounds", rounds, "this many times `steps` gradients in all", at_least(1));
    option("steps", steps, "gradients of a round at most; each begins Adam anew", at_least(1));
    option("learning_rate", learning_rate,
           "length of Adam's first step as a multiple of the distance expected (Linf: of a 160th of it)",
           above(0, 1e6));
    option("last_learning_rate", last_learning_rate, "at the end of a round, as a share of its first",
           above(0, 1));
    option("constant", constant,
           "first weight of what the margin lacks; in L2 an affine model needs 2, others more",
           above(0, 1e9));
    option("bisections", bisections, "in the end, between the input and the closest adversarial",
           at_least(0));
  }
};

}  // namespace foil
