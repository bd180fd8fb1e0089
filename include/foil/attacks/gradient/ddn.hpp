// SPDX-License-Identifier: MIT
/// \file
/// DDN: the direction of a perturbation follows the gradient, its norm only whether it is adversarial.
#pragma once

#include <string>

#include "foil/attacks/parts/norm_descent.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::DDNAttack.
struct DDNOptions {
  int steps = 100;
  double step = 1;
  double final_step = 0.01;
  double gamma = 0.05;
  double final_gamma = 0.001;
  SoftMarginOptions margin{};  ///< what is ascended

  void list(OptionList& option) {
    option("steps", steps, "gradient steps", at_least(1));
    option("step", step, "first step length, as a multiple of the perturbation's norm", above(0, 1e6));
    option("final_step", final_step, "last step as a fraction of the first (cosine decay)", between(0, 1));
    option("gamma", gamma, "share by which the norm shrinks or grows at first", strictly_between(0, 1));
    option("final_gamma", final_gamma, "the same at the last step (cosine decay)", half_open(0, 1));
    option.nested("", margin);
  }
};

/// Decoupled direction and norm, for L2. Rony, Hafemann, Oliveira, Ben Ayed, Sabourin, Granger 2019,
/// arXiv:1811.09600: a gradient step, then the perturbation is rescaled to a norm that shrinks by a share if
/// the last point was adversarial and grows by it if not.
///
/// Differs from the paper and the usual implementations: the perturbation has the norm it is meant to have
/// within the box, by clipping-aware rescaling; steps are relative to the norm, and the first norm is what
/// the linear model suggests, so that no unit matters; the share falls from 0.05 to 0.001, which ends ten
/// times closer to the boundary (final_gamma = gamma: as published); what is ascended is the
/// margin, softened: see foil::SoftMargin; where the gradient is zero the direction is random; the last point
/// is asked about, too. There is no quantisation but RunOptions::lattice. For every criterion with a margin.
/// Cost: `steps` x (1 forward + 1 backward) + 1 forward.
class DDNAttack : public MinimalAttack<DDNAttack> {
 public:
  using Options = DDNOptions;
  using norm = L2;
  static constexpr Knowledge knowledge = Knowledge::gradients;
  static std::string name() { return "ddn"; }

  explicit DDNAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    return descend_norm<L2>(oracle, {.steps = options_.steps,
                                     .step = options_.step,
                                     .final_step = options_.final_step,
                                     .gamma = options_.gamma,
                                     .final_gamma = options_.final_gamma,
                                     .sphere = true,
                                     .margin = options_.margin});
  }

 private:
  Options options_;
};

/// Its entry in the catalogue.
struct DDNFamily {
  static void list(auto& catalogue) {
    catalogue.family("DDN", "Rony, Hafemann, Oliveira, Ben Ayed, Sabourin, Granger 2019, arXiv:1811.09600",
                     "`steps` x (1 forward + 1 backward) + 1 forward");
    catalogue.add(DDNAttack(), {"l2-ddn"});
  }
};

}  // namespace foil
