// SPDX-License-Identifier: MIT
/// \file
/// Checks that compare attackers by what they know.
#pragma once

#include <cstddef>
#include <string>

#include "foil/core/error.hpp"
#include "foil/core/norms.hpp"
#include "foil/evaluation/audit/check.hpp"
#include "foil/evaluation/audit/facts.hpp"
#include "foil/evaluation/audit/figures.hpp"
#include "foil/evaluation/audit/policy.hpp"

namespace foil::audit_checks {

/// C15: attacks with gradients are ahead of those without.
inline Finding gradients_pay(const AuditFacts& facts, const AuditPolicy& policy) {
  constexpr const char* remedy =
      "whoever knows more should find more: the gradients are masked or their attacks too weak, unless they "
      "are estimates by the model's nature, which the evaluation then has to say; the closest of all counts";
  std::string told, close;
  for (const Lp norm : norms_of(facts.outcomes)) {
    const auto free = [](const Outcome& o) { return !uses_gradients(o); };
    const Group with(facts.outcomes, norm, uses_gradients, Found::by_gradients);
    const Group without(facts.outcomes, norm, free);
    for (const double radius : common_radii(with, without, policy.radii)) {
      const Duel duel(without, with, radius);
      if (duel.samples == 0) continue;
      const std::string evidence =
          text("within ", norm.name(), " ", brief(radius), " attacks without gradients fool ", duel.first,
               ", with gradients ", duel.second, " of ", duel.samples);
      if (static_cast<double>(duel.first - duel.second) > at_least_one(policy.free_success, duel.samples))
        return fail(evidence, remedy);
      told = evidence;
    }
    const Group near_with(
        facts.outcomes, norm, [&](const Outcome& o) { return uses_gradients(o) && !o.epsilon; },
        Found::by_gradients);
    const Group near_without(facts.outcomes, norm, [&](const Outcome& o) { return free(o) && !o.epsilon; });
    if (near_with.empty() || near_without.empty()) continue;
    Index wins = 0, samples = 0;
    for (std::size_t i = 0; i < near_with.size(); ++i) {
      if (!near_with.correct(i) || !near_without.correct(i)) continue;
      ++samples;
      wins += near_without.closest(i) * (1 + policy.free_closer) < near_with.closest(i);
    }
    if (samples == 0) continue;
    const std::string evidence =
        text("in ", norm.name(), " attacks without gradients are more than ", percent(policy.free_closer),
             " closer on ", of(wins, samples), " samples");
    if (exceeds(wins, samples, policy.free_wins_most, policy.significance)) return fail(evidence, remedy);
    if (exceeds(wins, samples, policy.free_wins, policy.significance)) close = evidence;
    told += (told.empty() ? "" : "; ") + evidence;
  }
  if (told.empty())
    return skip(
        "attacks with and without gradients in one norm, at one radius or minimal, on samples that are right "
        "to begin with");
  return close.empty() ? pass(told) : warn(close, remedy);
}

/// C16: attacks on the model itself are ahead of adversarials made for others.
inline Finding transfer_is_behind(const AuditFacts& facts, const AuditPolicy& policy) {
  std::string told;
  for (const Lp norm : norms_of(facts.transfer)) {
    const Group own(facts.outcomes, norm, uses_gradients, Found::by_gradients);
    const Group transfer(facts.transfer, norm, [](const Outcome&) { return true; });
    for (const double radius : common_radii(transfer, own, policy.radii)) {
      const Duel duel(transfer, own, radius);
      if (duel.samples == 0) continue;
      const std::string evidence =
          text("within ", norm.name(), " ", brief(radius), " transferred adversarials fool ", duel.first,
               ", attacks on the model ", duel.second, " of ", duel.samples, "; ", duel.only_first,
               " by transfer only");
      if (duel.first > duel.second + 1 ||
          exceeds(duel.only_first, duel.samples, policy.transfer_only, policy.significance))
        return fail(evidence,
                    "adversarials of another model do better than attacks on this one: its gradients are "
                    "masked");
      told = evidence;
    }
  }
  if (told.empty())
    return skip("the same samples against adversarials made for another model, at a radius of the attacks");
  return pass(told);
}

}  // namespace foil::audit_checks
