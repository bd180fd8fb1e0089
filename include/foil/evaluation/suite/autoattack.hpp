// SPDX-License-Identifier: MIT
/// \file
/// AutoAttack as a suite of foil's attacks.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/attacks/gradient/auto_pgd/auto_pgd.hpp"
#include "foil/attacks/gradient/fab/fab.hpp"
#include "foil/attacks/score/square/square.hpp"
#include "foil/core/parse.hpp"
#include "foil/evaluation/suite/stage.hpp"
#include "foil/run/options_list.hpp"

namespace foil {

/// See foil::AutoAttack.
enum class AutoAttackVersion { standard, plus, rand, custom };

/// The texts that stand for the values of an option.
constexpr auto option_names(AutoAttackVersion) {
  return std::array{std::pair{std::string_view("standard"), AutoAttackVersion::standard},
                    std::pair{std::string_view("plus"), AutoAttackVersion::plus},
                    std::pair{std::string_view("rand"), AutoAttackVersion::rand},
                    std::pair{std::string_view("custom"), AutoAttackVersion::custom}};
}

/// Options of foil::AutoAttack.
struct AutoAttackOptions {
  AutoAttackVersion version = AutoAttackVersion::standard;
  std::string stages = "apgd-ce+apgd-t+fab-t+square";

  void list(OptionList& option) {
    option("version", version, "which stages, and how often each starts anew");
    option("stages", stages, "for version custom: which stages, in their order",
           {"apgd-ce", "apgd-dlr", "apgd-t", "fab", "fab-t", "square"});
  }
};

namespace detail {

/// Runs the first attack, or with fewer than three classes the second.
inline Task<> by_classes(Oracle& oracle, double epsilon, const AnyAttack& attack, const AnyAttack& with_two) {
  Eigen::VectorXd x = oracle.original();
  const Answer& clean = co_await oracle.score(x, Loss::margin);
  const AnyAttack& chosen = clean.logits.size() < 3 ? with_two : attack;
  co_await chosen.start()(oracle, epsilon);
}

/// A stage of AutoAttack by its name.
template <Norm N>
Stage autoattack_stage(std::string_view name, AutoAttackVersion version) {
  const bool standard = version == AutoAttackVersion::standard, rand = version == AutoAttackVersion::rand;
  constexpr bool l1 = N::p == 1;
  constexpr int steps = 100, restarts = 5, targets = 9;
  const std::string label(name);
  if (name == "square") return {label, SquareAttack<N>()};
  if (name.starts_with("fab")) {
    // As many gradients as the original; targeted in rounds of walks that share them, which find more.
    constexpr int rounds = 4;
    FabOptions options{.targeted = name == "fab-t"};
    options.steps = options.targeted ? targets * steps / rounds - targets - 1 : steps;
    options.restarts = options.targeted ? rounds - 1 : restarts - 1;
    options.nearest = options.targeted ? options.nearest : targets;
    options.trial = options.targeted ? steps / rounds : options.trial;
    return {label, FabAttack<N>(options)};
  }
  using Attack = AutoProjectedGradientDescent<N>;
  if (name == "apgd-t") {
    typename TargetedApgd<N>::Options options;
    options.steps = steps;
    options.restarts = 1;
    options.targets = l1 && standard ? 5 : targets;
    options.radii = l1 && standard ? 3 : 1;
    return {label, Attack(TargetedApgd<N>(options))};
  }
  typename Attack::Options options;
  options.steps = steps;
  options.restarts = rand || (standard && !l1) ? 1 : restarts;
  options.radii = l1 && standard ? 3 : 1;
  options.draws = rand ? 20 : 1;
  if (name == "apgd-ce") return {label, Attack(options)};
  auto with_two = options;
  options.loss = Loss::dlr;
  with_two.loss = Loss::margin;
  const AnyAttack dlr = Attack(options);
  return {label, AnyAttack(dlr.name(), dlr.stream(), dlr.norm(), dlr.knowledge(), false,
                           [dlr, margin = AnyAttack(Attack(with_two))](Oracle& oracle, double epsilon) {
                             return by_classes(oracle, epsilon, dlr, margin);
                           })};
}

template <Norm N>
std::vector<Stage> autoattack_stages(const AutoAttackOptions& options) {
  std::vector<std::string_view> names;
  switch (options.version) {
    case AutoAttackVersion::standard:
      names = {"apgd-ce", "apgd-t", "fab-t", "square"};
      break;
    case AutoAttackVersion::plus:
      names = {"apgd-ce", "apgd-dlr", "fab", "square", "apgd-t", "fab-t"};
      break;
    case AutoAttackVersion::rand:
      names = {"apgd-ce", "apgd-dlr"};
      break;
    case AutoAttackVersion::custom:
      names = parts_of(options.stages, '+');
      break;
  }
  std::vector<Stage> stages;
  for (const std::string_view name : names) stages.push_back(autoattack_stage<N>(name, options.version));
  return stages;
}

}  // namespace detail

/// AutoAttack for L1, L2 and Linf. Croce & Hein 2020, arXiv:2003.01690; L1: 2021, arXiv:2103.01208. Its
/// versions: `standard`, APGD on the cross-entropy, targeted APGD, targeted FAB and Square; `plus`, also
/// untargeted APGD on DLR and untargeted FAB, with five starts each; `rand`, for models that draw random
/// numbers, 20 gradients a step; `custom`, any of these. Steps, restarts and targets are the original's.
///
/// Differs from it: the stages are foil's attacks (see there), on LSEM where it has the cross-entropy; every
/// sample is done with at its first success; with fewer classes there are fewer targets, with two APGD-DLR,
/// with three and fewer targeted APGD take the margin in place of DLR. What the original checks of the model
/// diagnose() tells of the results.
template <Norm N>
class AutoAttack : public SuiteAttack<AutoAttack<N>, N> {
 public:
  using Options = AutoAttackOptions;

  explicit AutoAttack(const Options& options = {})
      : SuiteAttack<AutoAttack<N>, N>(
            text(N::name, "-autoattack"),
            detail::autoattack_stages<N>(checked(text(N::name, "-autoattack"), options))),
        options_(options) {}
  const Options& options() const { return options_; }

 private:
  Options options_;
};

using L1AutoAttack = AutoAttack<L1>;
using L2AutoAttack = AutoAttack<L2>;
using LinfAutoAttack = AutoAttack<Linf>;

}  // namespace foil
