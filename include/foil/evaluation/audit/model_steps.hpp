// SPDX-License-Identifier: MIT
/// \file
/// The steps of an audit that ask the model itself.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/summary.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/audit/calls.hpp"
#include "foil/evaluation/audit/chance.hpp"
#include "foil/evaluation/audit/facts.hpp"
#include "foil/evaluation/audit/figures.hpp"
#include "foil/evaluation/audit/measure.hpp"
#include "foil/evaluation/audit/policy.hpp"
#include "foil/evaluation/audit/steps.hpp"
#include "foil/evaluation/audit/threats.hpp"
#include "foil/evaluation/record.hpp"

namespace foil {

namespace detail {

/// The radius that attacks in a norm are judged at: that of the first outcome in it, be it given or the
/// median distance; a tenth of the box where there is none.
inline double trial_radius(const AuditFacts& facts, Lp norm, Index n) {
  for (const Outcome& outcome : facts.outcomes) {
    if (!(outcome.norm == norm)) continue;
    if (outcome.epsilon) return *outcome.epsilon;
    const double median = outcome.summary().median_distance;
    if (std::isfinite(median) && median > 0) return median;
  }
  const Eigen::VectorXd ones = Eigen::VectorXd::Ones(n);
  return 0.1 * norm.size(facts.setting.widths.size() == n ? facts.setting.widths : ones);
}

}  // namespace detail

/// The steps that ask the model itself, no attack: C2 to C5 and, where nothing restricts changes, C10. They
/// refer to `calls` and `data`. Throws for samples that the model may not be shown.
template <Batch Input>
std::vector<AuditStep> model_steps(AuditCalls<Input>& calls, const AuditData<Input>& data,
                                   const AuditFacts& facts, const AuditPolicy& policy) {
  std::vector<AuditStep> steps;
  const auto n = static_cast<double>(data.size());
  if (data.size() == 0) return steps;
  const auto bounds = calls.model().bounds();
  for (Index i = 0; i < data.size(); ++i)
    require(bounds.contain(sample(data.inputs, i)), "audit: sample ", i,
            " is not finite or not within the bounds; leave it out");
  for (std::size_t k = 0; k < std::min(data.adversarials.size(), facts.outcomes.size()); ++k) {
    if (data.adversarials[k].size() == 0) continue;
    const auto& records = facts.outcomes[k].records;
    const auto found = std::count_if(
        records.begin(),
        records.begin() + std::min({samples(data.adversarials[k]), data.size(), Index{std::ssize(records)}}),
        [](const Record& r) { return r.success && r.correct; });
    steps.push_back({"C2", static_cast<double>(found), true, [&calls, &data, policy, k](AuditFacts& f) {
                       f.adversarials.push_back(
                           show_alone(calls, data, data.adversarials[k], f.outcomes[k], policy));
                     }});
  }
  steps.push_back({"C3", 4 * n, true, [&](AuditFacts& f) { f.answers = ask_again(calls, data.inputs); }});
  if (calls.knowledge() == Knowledge::gradients) {
    const double slopes = std::min(n, static_cast<double>(policy.gradient_samples));
    steps.push_back({"C4", slopes * (2 + 6.0 * policy.gradient_directions), true,
                     [&calls, &data, policy](AuditFacts& f) { f.slopes = slopes_of(calls, data, policy); }});
    steps.push_back({"C5", 5 * n, true, [&calls, &data, policy](AuditFacts& f) {
                       const Lp norm = f.outcomes.empty() ? Lp(Linf{}) : f.outcomes.front().norm;
                       const double step =
                           policy.step_share * detail::trial_radius(f, norm, features(data.inputs));
                       f.gradients = gradients_in_use(calls, data, norm, step, policy);
                     }});
  }
  if (facts.restricted.empty())
    steps.push_back({"C10", n, true, [&](AuditFacts& f) {
                       f.ceilings = ceilings_of(calls, data, audit_checks::norms_of(f.outcomes));
                     }});
  return steps;
}

/// The steps that change samples without an attack: C17 and C18 in the norms of the outcomes, but for L0
/// and where something restricts changes, and C28. They refer to `calls` and `data`.
template <Batch Input>
std::vector<AuditStep> chance_steps(AuditCalls<Input>& calls, const AuditData<Input>& data,
                                    const AuditFacts& facts, const AuditPolicy& policy) {
  std::vector<AuditStep> steps;
  for (const Lp norm : audit_checks::norms_of(facts.outcomes)) {
    if (norm == Lp(L0{}) || !facts.restricted.empty()) continue;
    const audit_checks::Group group(facts.outcomes, norm, [](const Outcome&) { return true; });
    const auto epsilons = group.epsilons();
    if (!epsilons.empty()) {
      const double epsilon = epsilons.front();
      Index standing = 0;
      for (std::size_t i = 0; i < group.size(); ++i)
        standing += group.correct(i) && !group.fools(i, epsilon) && static_cast<Index>(i) < data.size();
      steps.push_back({"C17", static_cast<double>(standing) * policy.noise_draws, false,
                       [&calls, &data, norm, epsilon, policy](AuditFacts& f) {
                         f.noise.push_back(change_at_random(calls, data, f, norm, epsilon, policy));
                       }});
    }
    const auto shrunk = static_cast<double>(std::min<Index>(policy.shrink_samples, data.size()));
    steps.push_back(
        {"C18", shrunk * policy.shrink_draws, false, [&calls, &data, norm, policy](AuditFacts& f) {
           f.brute_force.push_back(shrink_at_random(calls, data, f, norm, policy));
         }});
  }
  steps.push_back({"C28", static_cast<double>(data.size() * threat_calls(data.inputs)), true,
                   [&calls, &data, policy](AuditFacts& f) { f.severities = disturb(calls, data, policy); }});
  return steps;
}

}  // namespace foil
