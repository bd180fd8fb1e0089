// SPDX-License-Identifier: MIT
/// \file
/// Checks that results say how they came about, and that like is compared with like.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "foil/core/error.hpp"
#include "foil/core/norms.hpp"
#include "foil/evaluation/audit/check.hpp"
#include "foil/evaluation/audit/facts.hpp"
#include "foil/evaluation/audit/figures.hpp"
#include "foil/evaluation/audit/policy.hpp"

namespace foil::audit_checks {

/// C31: every attack says how it was run, and does the same when it is run again.
inline Finding reproducible(const AuditFacts& facts, const AuditPolicy& policy) {
  if (facts.outcomes.empty()) return skip("outcomes of attacks");
  std::string lacks;
  const auto lacking = [&](const std::string& what) { lacks += (lacks.empty() ? "" : ", ") + what; };
  if (!facts.seed) lacking("the seed");
  if (facts.version.empty()) lacking("the version of the library");
  for (const Outcome& outcome : facts.outcomes) {
    const Cost cost = outcome.cost();
    if (outcome.options.empty() && outcome.stages.empty()) lacking("the options of " + outcome.attack);
    if (!outcome.records.empty() && cost.queries == 0) lacking("the model calls of " + outcome.attack);
  }
  if (!lacks.empty())
    return fail("not recorded: " + lacks,
                "record name, options, seed, counts of model calls and version with every attack");
  Index samples = 0, differing = 0;
  std::string which;
  for (const Replay& replay : facts.replays) {
    samples += replay.samples;
    differing += replay.differing;
    if (replay.differing > 0) which += (which.empty() ? "" : ", ") + replay.attack;
  }
  if (samples == 0) return skip("attacks that are run again; all is recorded");
  const std::string evidence =
      text(counted(facts.replays.size(), "attack"), " run again: ", of(differing, samples),
           " samples end at another distance (by more than ", brief(policy.distance_error), ")");
  if (differing == 0) return pass(evidence);
  return fail(text(evidence, ": ", which),
              "something that the records do not say decides the results: random numbers "
              "of the model's own, or batches that change its answers (C3)");
}

/// C32: what stands side by side is measured in one norm, the one that its name says, and one unit.
inline Finding norms_apart(const AuditFacts& facts, const AuditPolicy&) {
  if (facts.outcomes.empty()) return skip("outcomes of attacks");
  constexpr const char* remedy =
      "give every norm and radius a row of its own, and say in which units distances are";
  for (const Outcome& outcome : facts.outcomes)
    for (const std::string_view norm : {L0::name, L1::name, L2::name, Linf::name}) {
      const std::string_view name = outcome.attack;
      const bool says = name.starts_with(text(norm, "-")) || name.starts_with(text("minimal-", norm, "-"));
      if (says && outcome.norm.name() != norm)
        return fail(text(outcome.attack, " is measured in ", outcome.norm.name()), remedy);
    }
  for (const auto& row : facts.comparisons)
    for (const std::size_t place : row) {
      require(place < facts.outcomes.size(), "audit: expected places of ", facts.outcomes.size(),
              " outcomes, got ", place);
      const Outcome &a = facts.outcomes[row.front()], &b = facts.outcomes[place];
      if (!(a.norm == b.norm))
        return fail(
            text(a.title(), " in ", a.norm.name(), " stands beside ", b.title(), " in ", b.norm.name()),
            remedy);
      if (a.epsilon && b.epsilon && *a.epsilon != *b.epsilon)
        return fail(text(a.title(), " stands beside ", b.title()), remedy);
    }
  const std::string evidence = text(
      counted(facts.outcomes.size(), "outcome"), " in ", counted(norms_of(facts.outcomes).size(), "norm"),
      ", ", counted(facts.comparisons.size(), "comparison"), " within one norm and radius each");
  if (facts.setting.widths.size() == 0)
    return warn(evidence + "; the bounds are not stated",
                "state the bounds of the inputs: distances mean nothing without");
  return pass(evidence + "; distances are in the inputs' units, not normalised");
}

}  // namespace foil::audit_checks
