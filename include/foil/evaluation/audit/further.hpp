// SPDX-License-Identifier: MIT
/// \file
/// What C17 to C30 judge: what was found by chance, on other models, and of other threats.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/norms.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// C17: random changes of exactly one size, at samples that no attack fooled within it.
struct RandomChanges {
  Lp norm;
  double epsilon = 0;
  Index samples = 0;     ///< of the evaluation; those that are wrong or that an attack fooled need no draws
  Index draws = 0;       ///< at each of the others
  Index only_noise = 0;  ///< samples that a random change fooled, and no attack
};

/// C18: of each sample the size of the smallest random change that fooled the model; infinite where none did.
struct BruteForce {
  Lp norm;
  Index draws = 0;  ///< at each sample
  std::vector<double> distances{};
};

/// C21: of each sample the distance to the closest adversarial of attacks at single classes, over the
/// classes.
struct TowardsClasses {
  Lp norm;
  Index classes = 0;  ///< that were aimed at
  std::vector<double> distances{};
};

/// C22: what is reported of several attacks together.
struct ReportedAccuracy {
  Lp norm;
  std::optional<double> epsilon{};  ///< none: whatever the distance
  double robust_accuracy = 0;
};

/// C23: what is reported as accuracy against the size of changes, from small to large ones.
struct ReportedCurve {
  Lp norm;
  std::vector<double> epsilons{}, accuracies{};
  std::optional<double> median_distance{};  ///< of minimal attacks
};

/// C24: what attacks come to on a model that draws random numbers; see foil::Redrawn and foil::redraw().
struct RandomisedModelAttacked {
  std::string seed_policy{};  ///< RedrawOptions::text()
  Index samples = 0;          ///< that were attacked
  Index fooled_fixed = 0;     ///< where the model's random numbers are the same for every question
  Index fooled_fresh = 0;     ///< where they are others each time
  std::vector<std::pair<int, Index>> fooled_by_draws{};  ///< with gradients averaged over so many draws
  int redraws = 0;                                       ///< by which each adversarial was judged
  bool by_majority = false;  ///< an adversarial counts if at least half of these are wrong
};

/// C25: what was done about a step that changes inputs before the model sees them.
struct PreprocessingAttacked {
  std::string step{};           ///< "JPEG"; empty: the model has none
  bool through = false;         ///< attacked with gradients that pass it as the identity, or better ones
  bool around = false;          ///< the model behind it attacked, and judged with it
  bool better_counts = false;   ///< of the two, sample by sample
  Index undefended = 0;         ///< samples attacked on an undefended model behind the same step
  Index undefended_fooled = 0;  ///< and fooled
};

/// C27: models that are broken on purpose; see foil::Planted.
inline constexpr std::array<std::string_view, 6> planted_defences{"quantised input",   "steep logits",
                                                                  "saturated sigmoid", "noisy logits",
                                                                  "zero gradients",    "reversed gradients"};
struct PlantedDefence {
  std::string defence;                 ///< of planted_defences
  Index attacked = 0, fooled = 0;      ///< by all attacks together
  std::vector<std::string> failing{};  ///< checks that do not pass on it
};

/// C28: accuracy as something else than an attack grows more severe.
struct Severity {
  std::string threat;  ///< "rotation", "translation", "gaussian noise", "corruption"
  std::vector<double> severities{}, accuracies{};
  Index samples = 0;  ///< of which accuracies are shares, where it is known
};

/// C29: what a model that may abstain says of its inputs: the higher a score, the sooner it abstains.
struct Abstaining {
  bool abstains = false;
  std::vector<double> clean{}, adversarial{};  ///< scores
  std::vector<bool> clean_right{};             ///< whether each clean sample is classified correctly
  std::string rule{};  ///< when an adversarial that is rejected counts as failed, in words
};

/// C30: radii within which the model is proved not to err; 0 where nothing is proved.
struct Certificates {
  Lp norm;
  std::vector<double> radii{};  ///< of the outcomes' samples, in their order
  bool estimated = false;       ///< stated by the model itself (foil::LowerBoundModel), not proved
};

}  // namespace foil
