// SPDX-License-Identifier: MIT
/// \file
/// What an audit judges: what is known of an evaluation, and what was measured of its model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "foil/core/norms.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/audit/further.hpp"
#include "foil/evaluation/diagnose.hpp"
#include "foil/evaluation/record.hpp"

namespace foil {

/// C2: what became of an attack's adversarials when the model was shown them alone.
struct AdversarialsAgain {
  std::string attack;         ///< the title of its outcome
  Index checked = 0;          ///< adversarials
  Index not_valid = 0;        ///< not finite, or beyond the bounds
  Index not_adversarial = 0;  ///< classified as they should be
  Index other_distance = 0;   ///< at another distance than was stated
};

/// C3: the same samples asked about again. Differences are of logits, the largest of any sample, as a share
/// of its largest logit or of 1; of models that offer labels only, of labels.
struct AnswersAgain {
  Index samples = 0;
  double repeated = 0;    ///< the same batch twice
  double reordered = 0;   ///< the batch in another order
  double alone = 0;       ///< one at a time
  Index other_class = 0;  ///< samples that were ever put into another class
};

/// C4: slopes by the gradient beside slopes by differences.
struct Slopes {
  std::vector<double> errors{};  ///< relative, one for each direction that says anything
  Index flat = 0;                ///< directions along which both are exactly zero
  bool in_double = false;        ///< the model computes in double precision
};

/// C5: what a gradient is good for.
struct GradientsInUse {
  Index samples = 0;
  Index useless = 0;       ///< all zero, not finite, or nothing but denormal numbers
  Index unmoved = 0;       ///< samples of whose numbers the step is too small to change most
  Index risen = 0;         ///< samples whose loss a step along the gradient's signs raises
  Index risen_random = 0;  ///< samples whose loss a step of random signs raises
  double step = 0;         ///< its length, in `norm`
  Lp norm = Linf{};
};

/// C10: of each sample the distance to the nearest one of another class that the model puts there; infinite
/// where there is none.
struct Ceiling {
  Lp norm;
  std::vector<double> distances;  ///< of the outcomes' samples, in their order
};

/// C11 to C13: an attack run again with one option changed, on the first of its samples or on all.
struct Rerun {
  std::size_t of;      ///< the outcome's place
  std::string option;  ///< "steps", "restarts", or the step size
  double factor;       ///< its value over the original one
  Outcome outcome;
  std::optional<double> loss_before{}, loss_after{};  ///< mean losses, where they are known
};

/// C14: the mean loss over samples, gradient after gradient.
struct LossTrace {
  std::string attack;
  std::vector<double> losses;
};

/// C31: an attack run again as it was.
struct Replay {
  std::string attack;
  Index samples = 0, differing = 0;  ///< differing by more than the policy's distance_error
};

/// What was not measured, and why.
struct Omission {
  std::string checks;  ///< those that it was for: "C8, C10"
  std::string why;
};

/// What is known of an evaluation, and what was measured. All of it may be left out but the outcomes: a check
/// that needs it is skipped then, and says so. audit() measures what it can.
struct AuditFacts {
  std::vector<Outcome> outcomes{};            ///< of the same samples
  std::size_t added = 0;                      ///< the last so many of them were run by the audit
  std::vector<Outcome> whole{};               ///< as they were before they were cut; empty: they were not
  Setting setting{};                          ///< see there
  std::string restricted{};                   ///< by what attacks are: "a mask", "a lattice", "a margin"
  bool randomised = false;                    ///< the model draws random numbers, and its authors say so
  std::optional<double> declared_accuracy{};  ///< what is claimed of clean samples
  std::optional<std::uint64_t> seed{};        ///< of the attacks
  std::string version{};                      ///< of the library that ran them
  std::vector<std::vector<std::size_t>> comparisons{};  ///< rows of a table: places of outcomes side by side
  std::vector<Outcome> transfer{};  ///< the same samples against adversarials made for other models

  std::vector<AdversarialsAgain> adversarials{};
  std::optional<AnswersAgain> answers{};
  std::optional<Slopes> slopes{};
  std::optional<GradientsInUse> gradients{};
  std::vector<Ceiling> ceilings{};
  std::vector<Rerun> reruns{};
  std::vector<LossTrace> traces{};
  std::vector<Replay> replays{};

  std::string training_attack{};  ///< of adversarial training; empty: the model was not trained by any
  std::vector<RandomChanges> noise{};
  std::vector<BruteForce> brute_force{};
  std::vector<TowardsClasses> towards_classes{};
  std::vector<ReportedAccuracy> reported{};
  std::vector<ReportedCurve> curves{};
  std::optional<RandomisedModelAttacked> randomised_attacked{};
  std::optional<PreprocessingAttacked> preprocessing{};
  std::vector<Outcome> twin{};  ///< the same attacks on the model without its defence
  std::vector<PlantedDefence> planted{};
  std::vector<Severity> severities{};
  std::optional<Abstaining> abstaining{};
  std::vector<Certificates> certificates{};

  std::vector<Omission> omitted{};
};

}  // namespace foil
