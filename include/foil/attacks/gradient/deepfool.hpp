// SPDX-License-Identifier: MIT
/// \file
/// DeepFool: steps to the nearest linearised decision boundary, and from there along it towards the input.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "foil/attacks/parts/class_order.hpp"
#include "foil/attacks/parts/crossing.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::DeepFoolAttack.
struct DeepFoolOptions {
  int steps = 50;
  int refinements = 40;
  int candidates = 10;
  double overshoot = 0.05;

  void list(OptionList& option) {
    option("steps", steps, "linearised steps until the first adversarial", at_least(1));
    option("refinements", refinements, "gradients from there on, to come closer; 0: DeepFool as published",
           at_least(0));
    option("candidates", candidates, "classes that may be stepped to, those of largest logit at the input",
           at_least(1));
    option("overshoot", overshoot, "share of a step that is added to it, to end up beyond the boundary",
           above(0, 1e6));
  }
};

/// DeepFool for L2 and Linf. Moosavi-Dezfooli, Fawzi, Frossard 2016, arXiv:1511.04599: the logits are
/// linearised, and the step leads to the nearest point at which another class draws level, until one wins.
/// Where no single class is to be left (targets, the k best, probabilities, combinations, a user's own),
/// there is one boundary, that of the criterion's margin.
///
/// Differs from the usual implementations: what is to be left is the label, not the class predicted; the
/// nearest point is that within the box, exactly; steps are taken from where the gradients are, so that
/// nothing drifts. From the first adversarial on, the attack goes to the point of the linearised boundary
/// closest to the input (the projection of SuperDeepFool, Abdollahpourrostam, Abroshan, Moosavi-Dezfooli
/// 2023, arXiv:2303.12481, here exact and within the box) and crosses again from there; whenever that leads
/// no closer, it goes half as far from the closest adversarial. It ends when there is nothing left to gain by
/// the linear model. Cost: 1 forward pass for the candidates, then 1 forward and `candidates` + 1 backward
/// passes for each of at most `steps` + 1 points (without a single class to leave 1 + 1), then 1 + 1 a
/// refinement.
template <Norm N>
class DeepFoolAttack : public MinimalAttack<DeepFoolAttack<N>> {
 public:
  using Options = DeepFoolOptions;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::gradients;
  static std::string name() { return text(N::name, "-deepfool"); }

  explicit DeepFoolAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    Crossing walk{oracle.original()};
    std::vector<Index> classes;  // the candidates and then the class to leave; empty if there is none
    if (const Index leave = oracle.goal().leave; leave >= 0) {
      const auto& clean = co_await oracle.score(walk.x, Loss::margin);
      classes = class_order(clean.logits, leave, options_.candidates);
      classes.push_back(leave);
    }
    for (std::int64_t left = std::int64_t{options_.steps} + 1; left > 0; --left) {
      const bool first = !walk.found();
      const Answer& at = !first || classes.empty() ? co_await oracle.gradient(walk.x, Loss::margin)
                                                   : co_await oracle.class_gradients(walk.x, classes);
      if (!crossing_step<N>(oracle, walk, at, classes, options_.overshoot)) co_return;
      if (first && walk.found()) left = std::int64_t{options_.refinements} + 1;
    }
  }

 private:
  Options options_;
};

using L2DeepFoolAttack = DeepFoolAttack<L2>;
using LinfDeepFoolAttack = DeepFoolAttack<Linf>;

/// Its entries in the catalogue.
struct DeepFoolFamily {
  static void list(auto& catalogue) {
    catalogue.family("DeepFool", "Moosavi-Dezfooli, Fawzi, Frossard 2016, arXiv:1511.04599",
                     "1 forward, at most `steps` + 1 times 1 forward + `candidates` + 1 backward, then "
                     "at most `refinements` times 1 forward + 1 backward");
    catalogue.add(L2DeepFoolAttack(), {"deepfool", "l2-deep-fool"});
    catalogue.add(LinfDeepFoolAttack(), {"linf-deep-fool"});
  }
};

}  // namespace foil
