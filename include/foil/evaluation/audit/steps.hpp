// SPDX-License-Identifier: MIT
/// \file
/// What an audit measures, step by step, each with its cost in model calls.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/audit/calls.hpp"
#include "foil/evaluation/audit/convergence.hpp"
#include "foil/evaluation/audit/facts.hpp"
#include "foil/evaluation/audit/figures.hpp"
#include "foil/evaluation/audit/policy.hpp"
#include "foil/evaluation/record.hpp"

namespace foil {

/// Something that an audit measures.
struct AuditStep {
  std::string checks;  ///< that it is for: "C3"
  double calls;        ///< rows that the model is asked about, forward and backward
  bool exact;          ///< or an estimate, from what the attacks took before
  std::function<void(AuditFacts&)> measure;
};

/// All that the steps will ask of the model.
inline double audit_cost(const std::vector<AuditStep>& steps) {
  double calls = 0;
  for (const AuditStep& step : steps) calls += step.calls;
  return calls;
}

/// Throws unless the data are those of the first records of every outcome.
template <Batch Input>
void check_data(const AuditData<Input>& data, const AuditFacts& facts) {
  require(data.labels.size() == data.size(), "audit: expected one label for each of the ", data.size(),
          " samples, got ", data.labels.size());
  require(data.targets.size() == 0 || data.targets.size() == data.size(),
          "audit: expected one target for each of the ", data.size(), " samples, got ", data.targets.size());
  require(data.adversarials.size() <= facts.outcomes.size(), "audit: expected adversarials of at most ",
          facts.outcomes.size(), " outcomes, got ", data.adversarials.size());
  for (const Outcome& outcome : facts.outcomes)
    require(data.size() <= std::ssize(outcome.records), "audit: expected at most the ",
            outcome.records.size(), " samples of the outcomes, got ", data.size());
}

/// Leaves of the outcomes the first so many records: those of attacks that the audit runs are no more. What
/// was reported is of all of them: they are kept aside.
inline void cut_to_data(Index count, AuditFacts& facts) {
  const bool cut = std::any_of(facts.outcomes.begin(), facts.outcomes.end(),
                               [&](const Outcome& o) { return std::ssize(o.records) > count; });
  if (cut && facts.whole.empty()) facts.whole = facts.outcomes;
  for (auto* const outcomes : {&facts.outcomes, &facts.transfer})
    for (Outcome& outcome : *outcomes)
      outcome = audit_checks::cut_to(std::move(outcome), static_cast<std::size_t>(count));
}

/// Takes the steps that the budget allows; what is left out, or fails, is noted for its checks.
/// \param before  called before each step; false: no more of them
inline void measure(const std::vector<AuditStep>& steps, const AuditPolicy& policy, AuditFacts& facts,
                    const std::function<bool(const AuditStep&)>& before = {}) {
  double left = policy.budget;
  bool stopped = false;
  for (const AuditStep& step : steps) {
    stopped = stopped || (before && !before(step));
    if (stopped) {
      facts.omitted.push_back({step.checks, "interrupted"});
      continue;
    }
    if (step.calls > left) {
      facts.omitted.push_back(
          {step.checks, text("needs ", audit_checks::brief(step.calls), " model calls, the budget leaves ",
                             audit_checks::brief(left))});
      continue;
    }
    left -= step.calls;
    try {
      step.measure(facts);
    } catch (const Error& error) {
      facts.omitted.push_back({step.checks, text("could not be measured: ", error.what())});
    }
  }
}

}  // namespace foil
