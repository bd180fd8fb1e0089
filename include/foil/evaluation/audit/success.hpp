// SPDX-License-Identifier: MIT
/// \file
/// Checks of what attacks found: accuracy, success and distance, radius by radius.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/summary.hpp"
#include "foil/evaluation/audit/check.hpp"
#include "foil/evaluation/audit/facts.hpp"
#include "foil/evaluation/audit/figures.hpp"
#include "foil/evaluation/audit/policy.hpp"
#include "foil/evaluation/binomial.hpp"
#include "foil/evaluation/diagnose.hpp"

namespace foil::audit_checks {

/// C6: many steps along gradients fool what a single one does.
inline Finding iterative_beats_single(const AuditFacts& facts, const AuditPolicy& policy) {
  std::string told;
  for (const Lp norm : norms_of(facts.outcomes)) {
    const Group once(facts.outcomes, norm,
                     [](const Outcome& o) { return uses_gradients(o) && is_single_step(o); });
    const Group often(
        facts.outcomes, norm, [](const Outcome& o) { return uses_gradients(o) && !is_single_step(o); },
        Found::by_gradients);
    for (const double radius : common_radii(once, often, policy.radii)) {
      const Duel duel(once, often, radius);
      if (duel.samples == 0) continue;
      const std::string evidence = text("within ", norm.name(), " ", brief(radius), " a single step fools ",
                                        duel.first, ", iterative attacks ", duel.second, " of ", duel.samples,
                                        "; ", duel.only_first, " by the single step only");
      if (duel.first > duel.second + 1 ||
          exceeds(duel.only_first, duel.samples, policy.single_step_only, policy.significance))
        return fail(evidence,
                    "iterative attacks do not converge: their step length or number does not fit, or "
                    "gradients away from the inputs are masked");
      told = evidence;
    }
  }
  if (told.empty())
    return skip(
        "a single-step and an iterative attack with gradients at one radius, on samples that are "
        "right to begin with");
  return pass(told);
}

/// C7: a larger radius never fools fewer samples, but for one or so. A single step may, which goes too far.
inline Finding success_grows(const AuditFacts& facts, const AuditPolicy& policy) {
  std::string told, worst;
  double deepest = 0;
  for (const Outcome& first : facts.outcomes) {
    if (!first.epsilon || is_single_step(first) || is_noise(first)) continue;
    std::vector<const Outcome*> runs;
    for (const Outcome& other : facts.outcomes)
      if (other.epsilon && other.attack == first.attack && other.options == first.options)
        runs.push_back(&other);
    if (runs.size() < 2 || runs.front() != &first) continue;
    std::sort(runs.begin(), runs.end(),
              [](const Outcome* a, const Outcome* b) { return *a->epsilon < *b->epsilon; });
    if (first.summary().attacked == 0) continue;
    told += text(told.empty() ? "" : ", ", first.attack, " at ", runs.size(), " radii");
    for (std::size_t k = 0; k + 1 < runs.size(); ++k) {
      const Summary near = runs[k]->summary(), far = runs[k + 1]->summary();
      const double drop = near.success_rate() - far.success_rate();
      const double allowed = std::max(policy.curve_drop, share(1, std::min(near.attacked, far.attacked)));
      if (drop - allowed > 1e-9 && drop > deepest) {
        deepest = drop;
        worst = text(first.attack, " fools ", of(near.fooled, near.attacked), " within ", *runs[k]->epsilon,
                     " and ", of(far.fooled, far.attacked), " within ", *runs[k + 1]->epsilon);
      }
    }
  }
  if (told.empty())
    return skip(
        "an attack of many steps with a fixed budget at two radii, on samples that are right to begin with");
  if (worst.empty()) return pass(told + ": success never falls");
  return fail(worst,
              "more room cannot make a model harder to fool: give the attack more steps or a step "
              "length that follows epsilon, or look for clipping that undoes its steps");
}

/// C8: without a limit every sample is fooled.
inline Finding unbounded_succeeds(const AuditFacts& facts, const AuditPolicy&) {
  if (!facts.restricted.empty()) return skip("attacks without " + facts.restricted);
  const Eigen::VectorXd& widths = facts.setting.widths;
  std::string told, blind;
  for (const Lp norm : norms_of(facts.outcomes)) {
    const double diameter = widths.size() > 0 ? norm.size(widths) : std::numeric_limits<double>::infinity();
    const auto unbounded = [&](const Outcome& o) {
      return !is_noise(o) && (!o.epsilon || *o.epsilon >= diameter * (1 - 1e-9));
    };
    const Group all(facts.outcomes, norm, unbounded);
    const Group gradient(
        facts.outcomes, norm, [&](const Outcome& o) { return unbounded(o) && uses_gradients(o); },
        Found::by_gradients);
    if (all.empty() || all.samples() == 0) continue;
    constexpr double any = std::numeric_limits<double>::infinity();
    const std::string evidence =
        text("unbounded attacks in ", norm.name(), " fool ", of(all.fooled(any), all.samples()));
    if (all.fooled(any) < all.samples())
      return fail(evidence,
                  "every model can be fooled by an input of another class: give attacks starting points, "
                  "more steps, or look for what hides the way");
    told += (told.empty() ? "" : "; ") + evidence;
    if (!gradient.empty() && gradient.fooled(any) < gradient.samples())
      blind += text(blind.empty() ? "" : "; ", "attacks with gradients in ", norm.name(), " fool ",
                    of(gradient.fooled(any), gradient.samples()), ", the others all");
  }
  if (told.empty()) return skip("an attack without a limit: a minimal one, or a radius as large as the box");
  if (!blind.empty()) return warn(blind, "the gradients lead nowhere on some samples: look at C4 and C5");
  return pass(told);
}

/// C9: within half the range a model has to guess.
inline Finding distortion_gives_chance(const AuditFacts& facts, const AuditPolicy& policy) {
  if (!facts.restricted.empty()) return skip("attacks without " + facts.restricted);
  const Eigen::VectorXd& widths = facts.setting.widths;
  const double radius = widths.size() > 0 ? policy.distortion * Linf::size(widths) : 0;
  Index classes = 0;
  for (const Outcome& outcome : facts.outcomes) classes = std::max(classes, outcome.classes);
  if (classes == 0 && facts.setting.labels.size() > 0) classes = facts.setting.labels.maxCoeff() + 1;
  const Group all(facts.outcomes, Linf{}, [](const Outcome& o) { return !is_noise(o); });
  const auto epsilons = all.epsilons();
  double within = radius;  // without a minimal attack the next radius that any was run at
  if (!all.speaks_at(radius)) {
    const auto next = std::lower_bound(epsilons.begin(), epsilons.end(), radius * (1 - 1e-9));
    within = next == epsilons.end() ? 0 : *next;
  }
  if (!(within > 0) || !std::isfinite(within) || classes < 2)
    return skip(
        text("an attack in linf that was asked about ", percent(policy.distortion), " of the range or more"));
  const Index standing = all.samples() - all.fooled(within), count = static_cast<Index>(all.size());
  const double guess = 1 / static_cast<double>(classes), chance = normal_tail(policy.clean_errors);
  if (binomial_at_least(all.samples(), count, guess) >= chance)
    return skip(text("more samples: should all that are right to begin with, ", of(all.samples(), count),
                     ", withstand, that might be guessing among ", classes, " classes"));
  const std::string evidence = text(of(standing, count), " withstand linf ", brief(within),
                                    ", guessing among ", classes, " classes would be ", percent(guess));
  if (binomial_at_least(standing, count, guess) >= chance) return pass(evidence);
  return fail(evidence,
              "at this distance an input can be made a uniform grey: the attack is too weak, or its "
              "gradients are masked");
}

/// C10: no sample is farther from its adversarial than from another class.
inline Finding distance_has_ceiling(const AuditFacts& facts, const AuditPolicy& policy) {
  if (!facts.restricted.empty()) return skip("attacks without " + facts.restricted);
  std::string told;
  for (const Ceiling& ceiling : facts.ceilings) {
    const Group minimal(facts.outcomes, ceiling.norm, [](const Outcome& o) { return !o.epsilon; });
    const std::size_t count = std::min(minimal.size(), ceiling.distances.size());
    Index above = 0, judged = 0;
    double worst = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (!minimal.correct(i) || !std::isfinite(ceiling.distances[i])) continue;
      ++judged;
      if (minimal.closest(i) <= ceiling.distances[i] * (1 + policy.distance_error)) continue;
      ++above;
      worst = std::max(worst, minimal.closest(i) / ceiling.distances[i]);
    }
    if (judged == 0) continue;
    const std::string evidence = text(of(above, judged), " samples are farther from their adversarial in ",
                                      ceiling.norm.name(), " than from another sample of another class");
    if (above > 0)
      return fail(
          text(evidence, ", up to ", brief(worst), " times"),
          "a sample of the data is a closer adversarial than the attack's: start from such samples (a pool), "
          "or run the data-set attack beside it");
    told += (told.empty() ? "" : "; ") + evidence;
  }
  if (told.empty()) return skip("minimal attacks, and samples of other classes that the model gets right");
  return pass(told);
}

}  // namespace foil::audit_checks
