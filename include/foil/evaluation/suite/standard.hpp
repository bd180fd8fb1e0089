// SPDX-License-Identifier: MIT
/// \file
/// foil's own suites: the cheapest order that leaves no more standing than AutoAttack.
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "foil/attacks/decision/additive_noise.hpp"
#include "foil/attacks/decision/boundary/boundary.hpp"
#include "foil/attacks/decision/salt_and_pepper.hpp"
#include "foil/attacks/gradient/auto_pgd/auto_pgd.hpp"
#include "foil/attacks/gradient/brendel_bethge/brendel_bethge.hpp"
#include "foil/attacks/gradient/closest/closest.hpp"
#include "foil/attacks/gradient/fmn.hpp"
#include "foil/attacks/gradient/vfga.hpp"
#include "foil/attacks/score/square/square.hpp"
#include "foil/evaluation/suite/stage.hpp"
#include "foil/run/options_list.hpp"

namespace foil {

/// Options of foil::StandardSuite.
struct StandardSuiteOptions {
  int gradients = 300;
  int probe = 200;
  int steps = 5000;

  void list(OptionList& option) {
    option("gradients", gradients, "budget of the stage closest, and of again", between(1, 1e6));
    option("probe", probe, "changes that Square tries on what is left, to see whether gradients are masked",
           between(1, 1e6));
    option("steps", steps,
           "changes that Square tries, then proposals by decisions alone, where gradients look wrong",
           between(1, 1e6));
  }
};

namespace detail {

/// What is left to do by decisions alone.
template <Norm N>
AnyAttack decisions_alone(int steps) {
  if constexpr (N::p < 2)
    return SaltAndPepperAttack<N>({.steps = steps});
  else
    return BoundaryAttack({.steps = steps});
}

/// By gradients, from what is quick to what is thorough.
template <Norm N>
std::vector<Stage> standard_by_gradients(int gradients) {
  using Apgd = AutoProjectedGradientDescent<N>;
  constexpr bool l1 = N::p == 1;
  typename Apgd::Options quick, again;
  quick.steps = l1 ? 20 : 10;
  quick.restarts = 1;
  again.restarts = 3;
  again.steps = (gradients + 2) / 3;
  typename TargetedApgd<N>::Options targeted;
  targeted.steps = 20;
  targeted.restarts = 1;
  targeted.targets = 3;
  targeted.loss = Loss::margin;
  return {{"quick", Apgd(quick), When::answers_hold},
          {"targeted", Apgd(TargetedApgd<N>(targeted)), When::answers_hold},
          {"closest", ClosestAttack<N>({.gradients = gradients}), When::answers_hold},
          {"again", Apgd(again), When::answers_hold}};
}

/// For models whose answers change: not the first success, which may be chance, but the highest loss.
template <Norm N>
std::vector<Stage> standard_for_chance() {
  using Apgd = AutoProjectedGradientDescent<N>;
  typename Apgd::Options highest;
  highest.steps = 50;
  highest.restarts = 2;
  highest.maximize_loss = true;
  typename TargetedApgd<N>::Options targeted;
  targeted.steps = 30;
  targeted.restarts = 1;
  targeted.targets = 5;
  targeted.loss = Loss::margin;
  targeted.maximize_loss = true;
  return {{"highest", Apgd(highest), When::answers_change},
          {"highest targeted", Apgd(TargetedApgd<N>(targeted)), When::answers_change}};
}

template <Norm N>
std::vector<Stage> standard_stages(const StandardSuiteOptions& options) {
  const Stage last{"decisions", decisions_alone<N>(options.steps), When::gradients_look_wrong};
  if constexpr (N::p == 0) {
    return {{"quick", FMNAttack<L0>({.steps = 30})},
            {"closest", ClosestAttack<L0>({.gradients = options.gradients})},
            {"vfga", VotingFoldedGaussianAttack()},
            {"again", BrendelBethgeAttack<L0>({.steps = (options.gradients * 2 + 2) / 3})},
            last};
  } else {
    std::vector<Stage> stages = standard_by_gradients<N>(options.gradients);
    for (const Stage& stage : standard_for_chance<N>()) stages.push_back(stage);
    stages.emplace_back("probe", SquareAttack<N>({.steps = options.probe}), When::answers_hold);
    stages.emplace_back("scores", SquareAttack<N>({.steps = options.steps}), When::gradients_look_wrong);
    stages.push_back(last);
    return stages;
  }
}

}  // namespace detail

/// foil's own suite for L0, L1, L2 and Linf: leaves no more samples standing than AutoAttack does, for a
/// small part of its calls. A few steps of APGD fool most of what can be fooled; then it aims at the three
/// nearest classes, looks for the closest adversarial as foil::ClosestAttack does, and climbs from three more
/// starts. L0 has FMN, the closest, VFGA and Brendel & Bethge.
///
/// Gradients are not trusted. What they have left is searched by scores for a little while (Square; not L0),
/// and where that comes as far as they did, or they were zero, searched in earnest, and then by decisions
/// alone (Boundary; salt and pepper for L1 and L0). Where the model answers the same input in two ways, the
/// first success may be chance: APGD then climbs to the highest loss instead.
///
/// Cost of a sample that stands where gradients are right, with these options: about 900 forward and 670
/// backward passes.
template <Norm N>
class StandardSuite : public SuiteAttack<StandardSuite<N>, N> {
 public:
  using Options = StandardSuiteOptions;

  explicit StandardSuite(const Options& options = {})
      : SuiteAttack<StandardSuite<N>, N>(
            text(N::name, "-standard"),
            detail::standard_stages<N>(checked(text(N::name, "-standard"), options))),
        options_(options) {}
  const Options& options() const { return options_; }

 private:
  Options options_;
};

using L0StandardSuite = StandardSuite<L0>;
using L1StandardSuite = StandardSuite<L1>;
using L2StandardSuite = StandardSuite<L2>;
using LinfStandardSuite = StandardSuite<Linf>;

}  // namespace foil
