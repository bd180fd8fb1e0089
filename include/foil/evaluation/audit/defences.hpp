// SPDX-License-Identifier: MIT
/// \file
/// Checks that belong to single kinds of defences, and of the attacks themselves on defences that are none.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/summary.hpp"
#include "foil/evaluation/audit/check.hpp"
#include "foil/evaluation/audit/facts.hpp"
#include "foil/evaluation/audit/figures.hpp"
#include "foil/evaluation/audit/policy.hpp"

namespace foil {

/// How well scores tell adversarials from clean samples: the probability that an adversarial has the higher
/// one, ties by half. NaN of nothing.
inline double area_under_roc(const std::vector<double>& clean, std::vector<double> adversarial) {
  if (clean.empty() || adversarial.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(adversarial.begin(), adversarial.end());
  double above = 0;
  for (const double score : clean) {
    const auto [first, last] = std::equal_range(adversarial.begin(), adversarial.end(), score);
    above += static_cast<double>(adversarial.end() - last) + static_cast<double>(last - first) / 2;
  }
  return above / static_cast<double>(clean.size()) / static_cast<double>(adversarial.size());
}

/// The share of clean samples that are accepted and right, and of adversarials that are accepted, where at
/// most that share of clean samples is rejected.
struct AtRejection {
  double accuracy = 0, accepted_adversarials = 0;
};
inline AtRejection at_rejection(const Abstaining& model, double rejected) {
  require(model.clean.size() == model.clean_right.size(), "audit: expected to know of each of the ",
          model.clean.size(), " clean samples whether it is right, got ", model.clean_right.size());
  AtRejection out;
  if (model.clean.empty()) return out;
  std::vector<double> sorted = model.clean;
  std::sort(sorted.begin(), sorted.end());
  const auto most = static_cast<std::size_t>(rejected * static_cast<double>(sorted.size()) + 1e-9);
  const double threshold = sorted[sorted.size() - 1 - std::min(most, sorted.size() - 1)];
  for (std::size_t i = 0; i < model.clean.size(); ++i)
    out.accuracy += model.clean[i] <= threshold && model.clean_right[i];
  out.accuracy /= static_cast<double>(model.clean.size());
  for (const double score : model.adversarial) out.accepted_adversarials += score <= threshold;
  out.accepted_adversarials /= static_cast<double>(std::max<std::size_t>(1, model.adversarial.size()));
  return out;
}

namespace audit_checks {

/// C24: a model that draws random numbers was attacked as one.
inline Finding randomness_attacked(const AuditFacts& facts, const AuditPolicy& policy) {
  if (!facts.randomised) {
    if (!facts.answers) return skip("to know whether the model draws random numbers (C3, or as declared)");
    return pass("the model is not declared to draw random numbers, and C3 judges whether it does");
  }
  if (!facts.randomised_attacked)
    return skip("attacks on the randomised model with fixed and fresh seeds (foil::Redrawn, foil::redraw)");
  const RandomisedModelAttacked& a = *facts.randomised_attacked;
  std::string evidence =
      text("fixed seeds fool ", a.fooled_fixed, ", fresh ones ", of(a.fooled_fresh, a.samples));
  for (const auto& [draws, fooled] : a.fooled_by_draws) evidence += text(", ", draws, " draws ", fooled);
  evidence +=
      text("; judged by ", a.redraws, " redraws, ", a.seed_policy.empty() ? "no seed policy" : a.seed_policy);
  const double allowed = at_least_one(policy.randomised_drop, a.samples);
  if (static_cast<double>(a.fooled_fresh - a.fooled_fixed) > allowed)
    return fail(evidence,
                "a fixed model is easier to attack than a changing one: something else hides its gradients");
  for (std::size_t k = 0; k + 1 < a.fooled_by_draws.size(); ++k)
    if (static_cast<double>(a.fooled_by_draws[k].second - a.fooled_by_draws[k + 1].second) > allowed)
      return fail(evidence, "averaging over more draws must not hurt: look at how gradients are averaged");
  if (a.fooled_by_draws.size() < 2)
    return fail(evidence, "average gradients over 1, 10 and 30 draws, until success no longer rises");
  if (a.redraws < policy.redraws || !a.by_majority)
    return fail(evidence, text("judge each adversarial by ", policy.redraws,
                               " fresh draws, and count it if at least half are wrong (foil::redraw)"));
  if (a.seed_policy.empty()) return fail(evidence, "record which seeds the model had (RedrawOptions::text)");
  return pass(evidence);
}

/// C25: a step before the model was attacked from both sides, and is shown to add something.
inline Finding preprocessing_attacked(const AuditFacts& facts, const AuditPolicy& policy) {
  if (!facts.preprocessing) return skip("to know whether a step changes inputs before the model sees them");
  const PreprocessingAttacked& a = *facts.preprocessing;
  if (a.step.empty()) return pass("no step before the model is declared");
  const std::string evidence =
      text(a.step, ": attacked ", a.through ? "through it" : "not through it", " and ",
           a.around ? "around it" : "not around it", "; behind it an undefended model is fooled on ",
           of(a.undefended_fooled, a.undefended));
  if (!a.through) return fail(evidence, "let gradients pass the step as the identity (foil::Preprocessed)");
  if (!a.around)
    return fail(evidence,
                "attack the model behind the step, and judge what is found with it (foil::judge_again)");
  if (!a.better_counts) return fail(evidence, "count the better of the two for each sample (foil::worst_of)");
  if (a.undefended == 0)
    return fail(evidence, "attack an undefended model behind the same step: attacks have to break that");
  if (static_cast<double>(a.undefended - a.undefended_fooled) >
      at_least_one(1 - policy.broken, a.undefended) + 1e-9)
    return fail(evidence,
                "the attacks do not get past this step even without a defence behind it: improve them");
  return pass(evidence);
}

/// C27: the attacks break models that only look robust, and the checks find these out.
inline Finding planted_broken(const AuditFacts& facts, const AuditPolicy& policy) {
  if (facts.planted.empty()) return skip("the attacks on models that are broken on purpose (foil::Planted)");
  std::string told, missing;
  for (const std::string_view name : planted_defences) {
    const auto at = std::find_if(facts.planted.begin(), facts.planted.end(),
                                 [&](const PlantedDefence& p) { return p.defence == name; });
    if (at == facts.planted.end()) {
      missing += text(missing.empty() ? "" : ", ", name);
      continue;
    }
    const std::string evidence = text(name, " is broken on ", of(at->fooled, at->attacked));
    if (static_cast<double>(at->attacked - at->fooled) > at_least_one(1 - policy.broken, at->attacked) + 1e-9)
      return fail(
          evidence,
          "attacks that this stops are stopped by any masking: add attacks with scores and with decisions");
    const bool found = std::any_of(at->failing.begin(), at->failing.end(), [](const std::string& id) {
      return id == "C4" || id == "C5" || id == "C15";
    });
    if (name != "noisy logits" && !found)
      return fail(evidence + ", and none of C4, C5 and C15 notices",
                  "the checks of gradients do not work on this model: believe none of them");
    told += (told.empty() ? "" : "; ") + evidence;
  }
  if (!missing.empty())
    return warn(text(told, told.empty() ? "" : "; ", "not tried: ", missing),
                "try all of foil::planted_defences");
  return pass(told);
}

/// C29: a model that may abstain is judged at fixed rates of rejection, by a rule that is said.
inline Finding abstaining_judged(const AuditFacts& facts, const AuditPolicy&) {
  if (!facts.abstaining) return skip("to know whether the model may abstain");
  const Abstaining& model = *facts.abstaining;
  if (!model.abstains) return pass("the model is not declared to abstain");
  if (model.clean.empty() || model.adversarial.empty())
    return skip("the scores by which the model abstains, of clean samples and of adversarials");
  std::string evidence =
      text("area under the ROC curve ", brief(area_under_roc(model.clean, model.adversarial)));
  for (const double rate : {0.01, 0.05, 0.1}) {
    const AtRejection at = at_rejection(model, rate);
    evidence += text("; at ", percent(rate), " rejected ", percent(at.accuracy), " right, ",
                     percent(at.accepted_adversarials), " of adversarials accepted");
  }
  if (model.rule.empty())
    return fail(
        evidence,
        "say when a rejected adversarial counts as failed, and make adversarials that are not rejected");
  return pass(text(evidence, "; ", model.rule));
}

}  // namespace audit_checks

}  // namespace foil
