// SPDX-License-Identifier: MIT
/// \file
/// Checks of the model's answers: accuracy, adversarials shown again, answers that repeat, gradients.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/summary.hpp"
#include "foil/evaluation/audit/check.hpp"
#include "foil/evaluation/audit/facts.hpp"
#include "foil/evaluation/audit/figures.hpp"
#include "foil/evaluation/audit/policy.hpp"
#include "foil/evaluation/binomial.hpp"

namespace foil::audit_checks {

/// C1: accuracy on clean samples, as measured and as claimed.
inline Finding clean_accuracy(const AuditFacts& facts, const AuditPolicy& policy) {
  const Index shown = facts.setting.examined, right = facts.setting.accurate;
  if (shown == 0) return skip("the number of clean samples that the model was shown and got right");
  std::string evidence = text(percent(right, shown), " right (", of(right, shown), ")");
  if (const auto claimed = facts.declared_accuracy) {
    evidence += text(", claimed ", percent(*claimed));
    const double chance = normal_tail(policy.clean_errors);
    if (binomial_at_least(right, shown, *claimed) < chance ||
        binomial_at_most(right, shown, *claimed) < chance)
      return fail(evidence,
                  "attack the model that the claim is about: compare weights, preprocessing, the order of "
                  "classes and the data");
  }
  if (shown < policy.clean_samples)
    return warn(evidence, text("measure it on at least ", policy.clean_samples,
                               " samples: on so few it says little about the model"));
  return pass(evidence);
}

/// C2: adversarials are what is said of them when they are shown alone.
inline Finding adversarials_valid(const AuditFacts& facts, const AuditPolicy&) {
  Index checked = 0, bad = 0;
  std::string what;
  for (const AdversarialsAgain& a : facts.adversarials) {
    checked += a.checked;
    const Index wrong = a.not_valid + a.not_adversarial + a.other_distance;
    if (wrong == 0) continue;
    bad += wrong;
    what += text(what.empty() ? "" : "; ", a.attack, ": of ", a.checked, " ", a.not_valid,
                 " out of bounds or not finite, ", a.not_adversarial, " not adversarial, ", a.other_distance,
                 " at another distance");
  }
  if (checked == 0) return skip("adversarials to show to the model again");
  if (bad == 0)
    return pass(text(counted(static_cast<std::size_t>(checked), "adversarial"), " of ",
                     counted(facts.adversarials.size(), "outcome"), ", each shown alone"));
  return fail(
      what,
      "what the model does not confirm is no adversarial: look for random or batch-dependent answers, "
      "and for adversarials that were rounded after the attack");
}

/// C3: the model answers the same whatever it is shown beside, and however often.
inline Finding answers_repeat(const AuditFacts& facts, const AuditPolicy& policy) {
  if (!facts.answers) return skip("the model, to be asked about the same samples again");
  const AnswersAgain& a = *facts.answers;
  const double most = std::max({a.repeated, a.reordered, a.alone});
  const std::string evidence =
      text("logits differ by ", brief(a.repeated), " repeated, ", brief(a.reordered), " in another order, ",
           brief(a.alone), " alone; ", of(a.other_class, a.samples), " change class");
  if (most <= policy.repeat_error && a.other_class == 0) return pass(evidence);
  const char* const remedy =
      a.repeated > policy.repeat_error
          ? "the model draws random numbers: say so, attack the mean over draws, and judge over many (C24)"
          : "rows of a batch influence each other: switch to evaluation mode, or wrap the model in "
            "foil::FixedBatch";
  return facts.randomised ? warn(evidence, remedy) : fail(evidence, remedy);
}

/// C4: gradients are those of the model.
inline Finding gradients_correct(const AuditFacts& facts, const AuditPolicy& policy) {
  if (!facts.slopes) return skip("a model with gradients");
  std::vector<double> errors = facts.slopes->errors;
  if (errors.empty()) return skip("directions along which the loss changes: it is flat along all");
  const auto middle = errors.begin() + static_cast<std::ptrdiff_t>(errors.size() / 2);
  std::nth_element(errors.begin(), middle, errors.end());
  const double limit = facts.slopes->in_double ? policy.gradient_error_double : policy.gradient_error;
  const std::string evidence = text("median relative error ", brief(*middle), " of ", errors.size(),
                                    " slopes, allowed ", brief(limit));
  if (*middle <= limit) return pass(evidence);
  return fail(evidence,
              "the gradient is not the model's slope: something rounds, is stochastic, or passes back what "
              "it should not; add attacks that need no gradients, and say which gradient was used");
}

/// C5: gradients have a direction, and it is uphill.
inline Finding gradients_usable(const AuditFacts& facts, const AuditPolicy& policy) {
  if (!facts.gradients || facts.gradients->samples == 0) return skip("a model with gradients");
  const GradientsInUse& g = *facts.gradients;
  const Index moved = g.samples - g.unmoved;
  const std::string evidence =
      text(of(g.useless, g.samples), " gradients zero, not finite or denormal; a step of ", brief(g.step),
           " in ", g.norm.name(), " along their signs raises the loss of ", of(g.risen, moved),
           ", along random signs of ", g.risen_random);
  const bool uphill = !exceeds(moved - g.risen, moved, 1 - policy.step_rises, policy.significance) &&
                      g.risen >= g.risen_random;
  if (exceeds(g.useless, g.samples, policy.useless_gradients, policy.significance) || !uphill)
    return fail(evidence,
                "gradients are masked, and what gradient attacks do not find says nothing: attack the logits "
                "before any saturation, let gradients pass what rounds, and add score- and decision-based "
                "attacks");
  if (moved == 0)
    return skip(text("a longer step: one of ", brief(g.step), " in ", g.norm.name(),
                     " is below the resolution of the samples' numbers"));
  if (g.useless > 0)
    return warn(evidence, "look at these samples: their loss saturates, or parts of the model are dead");
  return pass(evidence);
}

}  // namespace foil::audit_checks
