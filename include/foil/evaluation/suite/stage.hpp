// SPDX-License-Identifier: MIT
/// \file
/// The stages of a suite, and how a sample goes through them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/losses.hpp"
#include "foil/core/model.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/any_attack.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Which samples a stage is for, among those that the stages before it have left.
enum class When {
  always,
  answers_hold,         ///< the model gave the input the same answer twice
  answers_change,       ///< it did not
  gradients_look_wrong  ///< see Oracle::gradients_look_wrong()
};

/// One attack of a suite, as one would run it alone.
struct Stage {
  std::string name;
  AnyAttack attack;
  When when = When::always;

  Stage(std::string called, AnyAttack made, When needed = When::always)
      : name(std::move(called)), attack(std::move(made)), when(needed) {}
  /// Called as the attack.
  explicit Stage(AnyAttack made, When needed = When::always)
      : name(made.name()), attack(std::move(made)), when(needed) {}
};

/// The stages, if they suit a suite in that norm; throws foil::Error if not. Attacks that look for the
/// closest by decisions alone may be of another norm: what counts is what they come to in the suite's.
inline std::vector<Stage> checked_stages(std::string_view who, std::vector<Stage> stages, Lp norm,
                                         Knowledge knowledge) {
  require(!stages.empty(), who, ": expected at least one stage, got none");
  for (std::size_t k = 0; k < stages.size(); ++k) {
    const AnyAttack& attack = stages[k].attack;
    const bool by_decisions = attack.minimal() && attack.knowledge() == Knowledge::decisions;
    require(attack.norm() == norm || by_decisions, who, ": expected stages in ", norm.name(), ", got ",
            attack.name());
    require(attack.knowledge() <= knowledge, who, ": stage ", attack.name(),
            " needs more of the model than the suite");
    require(attack.stages().empty(), who, ": expected attacks as stages, got the suite ", attack.name());
    for (std::size_t before = 0; before < k; ++before)
      require(stages[before].name != stages[k].name, who, ": expected stages of different names, got '",
              stages[k].name, "' twice");
  }
  return stages;
}

namespace detail {

inline bool needed(When when, const Oracle& oracle) {
  switch (when) {
    case When::answers_hold:
      return !oracle.answers_changed();
    case When::answers_change:
      return oracle.answers_changed();
    case When::gradients_look_wrong:
      return oracle.gradients_look_wrong();
    case When::always:
      break;
  }
  return true;
}

/// Asks about the input, and where scores are asked for twice: whether the model answers alike, to a
/// ten-thousandth of the logits' size. What rounds differently from batch to batch does.
inline Task<> ask_about_input(Oracle& oracle, Knowledge knowledge) {
  if (knowledge == Knowledge::decisions) {
    Eigen::VectorXd x = oracle.original();
    co_await oracle.query(x);
    co_return;
  }
  std::vector<Eigen::VectorXd> twice(2, oracle.original());
  oracle.prefer_highest_loss();  // a model that errs the second time has not been fooled
  const auto answers = co_await oracle.scores(twice, Loss::margin);
  const Answer &first = answers[0], &again = answers[1];
  if (first.label < 0 && again.label < 0) co_return;
  const double size = L2::size(first.logits), change = L2::size(first.logits - again.logits);
  if (!(change <= 1e-4 * size)) oracle.note_changed_answer();
}

/// One stage after the other, until one has succeeded.
inline Task<> run_stages(Oracle& oracle, double epsilon, const std::vector<Stage>& stages,
                         Knowledge knowledge) {
  co_await ask_about_input(oracle, knowledge);
  bool no_start = true;
  for (std::size_t k = 0; k < stages.size(); ++k) {
    const AnyAttack& attack = stages[k].attack;
    if (!needed(stages[k].when, oracle)) continue;
    const auto occurrence =
        std::count_if(stages.begin(), stages.begin() + static_cast<std::ptrdiff_t>(k),
                      [&](const Stage& s) { return s.attack.stream() == attack.stream(); });
    oracle.begin_stage(static_cast<int>(k), attack.stream(), static_cast<std::uint64_t>(occurrence),
                       attack.minimal(), attack.knowledge() == Knowledge::gradients);
    co_await oracle.within(epsilon, attack.start()(oracle, epsilon));
    if (oracle.found() && oracle.best_distance() <= epsilon) co_return;
    no_start = no_start && oracle.start_failed();
  }
  oracle.end_stage();
  if (no_start) oracle.finish(Status::start_failed);
}

}  // namespace detail

/// Base of attacks that are a list of attacks in one norm, within one radius: on each sample they run one
/// after the other, until one succeeds. What a stage finds is bit for bit what its attack finds alone, with
/// the random numbers that it draws alone; a stage of the same attack as one before draws other ones.
///
/// Cost: that of the stages that are run, and where scores are asked for 1 forward pass, by which the input
/// is asked about twice. Results say which stage has won, Result::won_by(), and what each has cost.
template <class Derived, Norm N, Knowledge needed = Knowledge::gradients>
class SuiteAttack : public FixedBudgetAttack<Derived> {
 public:
  using norm = N;
  static constexpr Knowledge knowledge = needed;

  const std::string& name() const { return name_; }
  const std::vector<Stage>& stages() const { return stages_; }
  Task<> attack(Oracle& oracle, double epsilon) const {
    return detail::run_stages(oracle, epsilon, stages_, knowledge);
  }

 protected:
  SuiteAttack(std::string name, std::vector<Stage> stages)
      : name_(std::move(name)), stages_(checked_stages(name_, std::move(stages), N{}, knowledge)) {}

 private:
  std::string name_;
  std::vector<Stage> stages_;
};

}  // namespace foil
