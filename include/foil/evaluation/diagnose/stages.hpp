// SPDX-License-Identifier: MIT
/// \file
/// What a suite has noticed of the model: AutoAttack's own checks among it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/diagnose/warning.hpp"
#include "foil/evaluation/record.hpp"

namespace foil::detail {

/// How a suite's samples fell, by stages with gradients and by later ones without.
struct Masking {
  Index left = 0;         ///< standing when gradients were through
  Index beaten = 0;       ///< fooled after that without them
  std::string without{};  ///< by these stages
};
inline Masking masking(const std::vector<StageOutcome>& stages) {
  Masking out;
  std::int64_t gradients = 0;
  for (const StageOutcome& stage : stages) {
    gradients += stage.gradient_queries;
    if (gradients == 0 || stage.gradient_queries > 0) continue;
    out.left = std::max(out.left, stage.attacked);
    out.beaten += stage.fooled;
    if (stage.fooled > 0) out.without += (out.without.empty() ? "" : ", ") + stage.name;
  }
  return out;
}

/// The warnings that a suite's outcome gives rise to; none for other attacks.
inline std::vector<Warning> warnings_of_stages(const Outcome& outcome) {
  std::vector<Warning> out;
  const auto& records = outcome.records;
  const Index all = std::ssize(records);
  const Index changed =
      std::count_if(records.begin(), records.end(), [](const Record& r) { return r.changed_answers > 0; });
  if (changed > 0)
    out.push_back(
        {"randomised",
         text("the model gave ", changed, " of ", all,
              " inputs another answer when asked again: it draws random numbers, or changes as it is used. A "
              "success may be chance, and so may what withstood. Use a standard suite, or version=rand of "
              "AutoAttack, and attack the mean of many answers."),
         changed});
  Index attacked = 0;
  bool ratio = false;
  for (const StageOutcome& stage : outcome.stages) {
    attacked = std::max(attacked, stage.attacked);
    ratio = ratio || stage.name == "apgd-t" || stage.name == "apgd-dlr";
  }
  if (ratio && attacked > 0 && outcome.classes > 0 && outcome.classes < 4)
    out.push_back(
        {"few-classes",
         text("with ", outcome.classes, " classes the targeted DLR loss is not defined",
              outcome.classes < 3 ? ", nor is the other" : "", ": the margin was raised in its place, with ",
              outcome.classes - 1, outcome.classes == 2 ? " target" : " targets",
              ". That is no weakness of the attack, but its name promises something else."),
         attacked});
  const Masking masked = masking(outcome.stages);
  constexpr Index per_mille = 2;
  if (1000 * masked.beaten > per_mille * all)
    out.push_back(
        {"scores-beat-gradients",
         text("of ", masked.left, " samples that gradients had left standing, ", masked.beaten,
              " were fooled without them (", masked.without,
              "): gradients are masked, and what still stands may fall to an attack without them, to more "
              "steps and restarts, or to an attack made for this model."),
         masked.beaten});
  return out;
}

}  // namespace foil::detail
