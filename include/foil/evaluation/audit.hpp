// SPDX-License-Identifier: MIT
/// \file
/// The audit of an evaluation: 32 checks of whether its numbers can be believed. See docs/audit.md.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/criteria.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/attack_entry.hpp"
#include "foil/evaluation/audit/attack_steps.hpp"
#include "foil/evaluation/audit/calls.hpp"
#include "foil/evaluation/audit/check.hpp"
#include "foil/evaluation/audit/facts.hpp"
#include "foil/evaluation/audit/list.hpp"
#include "foil/evaluation/audit/model_steps.hpp"
#include "foil/evaluation/audit/policy.hpp"
#include "foil/evaluation/audit/rerun.hpp"
#include "foil/evaluation/audit/steps.hpp"
#include "foil/run/attack.hpp"
#include "foil/run/model_port.hpp"

namespace foil {

/// Audits an evaluation: measures of the model what the checks need, and judges all that is known. No attack
/// is run but with a catalogue of them, which those of the evaluation are in: then the audit is full.
///
/// \param data       the first samples of the outcomes, `policy.samples` at most; with the adversarials for
/// C2
/// \param facts      what is known; foil::AuditFacts says which of it may be left out
/// \param catalogue  of the attacks that may be run, foil::catalogue(); null: none
/// \param options    with which attacks were run, and are run again
/// \return the checks in their order; those that lack something are skipped and say what
/// \throws Error if the data do not belong to the outcomes
template <class M>
  requires DecisionModel<M>
AuditReport audit(M&& model, const AuditData<input_t<M>>& data, AuditFacts facts,
                  const AuditPolicy& policy = {}, const Catalogue* catalogue = nullptr,
                  const run_options_t<M>& options = {}) {
  using Input = input_t<M>;
  checked("audit", policy);
  check_data(data, facts);
  if (facts.restricted.empty() && options.mask.size() > 0) facts.restricted = "a mask";
  if (facts.restricted.empty() && !options.lattice.empty()) facts.restricted = "a lattice";
  ModelPortTo<shared_if_possible<M>> port(model);
  AuditCalls<Input> calls(port, data.knowledge);
  const AttackAgain again = [&](const AnyAttack& attack, std::optional<double> epsilon, Index count,
                                const Labels& targets) {
    std::vector<Index> rows;
    run_options_t<M> own = options;
    own.sample_ids.clear();
    for (Index i = 0; i < count; ++i) {
      rows.push_back(i);
      own.sample_ids.push_back(facts.outcomes.front().records[static_cast<std::size_t>(i)].id);
    }
    Outcome outcome(attack, epsilon);
    const Input inputs = gather(data.inputs, rows);
    const double radius = epsilon.value_or(0);
    const Labels& aims = targets.size() > 0 ? targets : data.targets;
    if (aims.size() > 0)
      outcome.add(attack(model, inputs, TargetedMisclassification(Labels(aims.head(count))), radius, own),
                  own.sample_ids);
    else
      outcome.add(attack(model, inputs, Labels(data.labels.head(count)), radius, own), own.sample_ids);
    return outcome;
  };
  if (catalogue) cut_to_data(data.size(), facts);
  auto steps = model_steps(calls, data, facts, policy);
  if (catalogue) {
    for (AuditStep& step : attack_steps(calls, data, facts, *catalogue, again, policy))
      steps.push_back(std::move(step));
    for (AuditStep& step : chance_steps(calls, data, facts, policy)) steps.push_back(std::move(step));
  }
  measure(steps, policy, facts);
  return judge(facts, policy);
}

}  // namespace foil
