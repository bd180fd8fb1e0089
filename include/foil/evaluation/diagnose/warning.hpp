// SPDX-License-Identifier: MIT
/// \file
/// What diagnose() says, and what it may know beside the outcomes.
#pragma once

#include <string>
#include <vector>

#include "foil/core/tensor.hpp"

namespace foil {

/// Something that makes results mean less than they seem to.
struct Warning {
  /// What, for programs: non-finite, zero-gradients, probabilities, no-start, budget, nothing-to-change,
  /// unstable, invalid-input, chance, already-adversarial, targets-equal-labels, epsilon-larger-than-box,
  /// noise-beats-attack, randomised, few-classes, scores-beat-gradients.
  std::string code;
  /// What was seen, what it likely means and what to do about it, for people: sentences in one line.
  std::string message;
  Index samples = 0;  ///< how many it concerns
  /// The titles of the outcomes that it concerns, "linf-pgd eps 0.1"; empty if it is about the samples or the
  /// model whatever the attack, or if a single result was given.
  std::vector<std::string> attacks{};
};

/// What is known of an evaluation beside the outcomes. All of it may be left out, and is then not looked
/// into.
struct Setting {
  Labels labels{};           ///< true classes of the samples
  Labels predictions{};      ///< the model's of the clean samples, -1 where it had no finite answer
  Labels targets{};          ///< wanted classes of the samples
  Index examined = 0;        ///< rows that the model was shown, as in foil::Chosen,
  Index accurate = 0;        ///< how many of them it got right,
  Index unanswered = 0;      ///< for how many it had no finite answer,
  Index on_target = 0;       ///< and how many were left out because their target is their label
  Eigen::VectorXd widths{};  ///< upper - lower of the bounds, for each feature
};

}  // namespace foil
