// SPDX-License-Identifier: MIT
/// \file
/// Checks of what attacks found: accuracy, success and distance, radius by radius.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/summary.hpp"
#include "foil/evaluation/audit/check.hpp"
#include "foil/evaluation/audit/facts.hpp"
#include "foil/evaluation/audit/figures.hpp"
#include "foil/evaluation/audit/policy.hpp"

namespace foil::audit_checks {

/// C7: a larger radius never fools fewer samples, but for one or for chance.
inline Finding success_grows(const AuditFacts& facts, const AuditPolicy& policy) {
  std::string told, worst;
  double deepest = 0;
  for (const Outcome& first : facts.outcomes) {
    if (!first.epsilon) continue;
    std::vector<const Outcome*> runs;
    for (const Outcome& other : facts.outcomes)
      if (other.epsilon && other.attack == first.attack && other.options == first.options)
        runs.push_back(&other);
    if (runs.size() < 2 || runs.front() != &first) continue;
    std::sort(runs.begin(), runs.end(),
              [](const Outcome* a, const Outcome* b) { return *a->epsilon < *b->epsilon; });
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
  if (told.empty()) return skip("an attack with a fixed budget at two radii");
  if (worst.empty()) return pass(told + ": success never falls");
  return fail(worst,
              "more room cannot make a model harder to fool: give the attack more steps or a step "
              "length that follows epsilon, or look for clipping that undoes its steps");
}

}  // namespace foil::audit_checks
