// SPDX-License-Identifier: MIT
/// \file
/// The audit of an evaluation: 32 checks of whether its numbers can be believed. See docs/audit.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/answers.hpp"
#include "foil/core/criteria.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/prototypes.hpp"
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
  const auto run = [&]<class X>(X& attacked, const AnyAttack& attack, std::optional<double> epsilon,
                                Index first, Index count, const Labels& targets) {
    std::vector<Index> rows;
    std::vector<std::int64_t> ids;
    for (Index i = first; i < first + count; ++i) {
      rows.push_back(i);
      ids.push_back(facts.outcomes.front().records[static_cast<std::size_t>(i)].id);
    }
    const auto of_rows = [&](const Input& given) {  // of one for each sample those
      return given.size() > 0 && samples(given) == data.size() ? gather(given, rows) : given;
    };
    run_options_t<X&> own{.seed = options.seed,
                          .sample_ids = ids,
                          .threads = options.threads,
                          .query_budget = options.query_budget,
                          .starting_points = of_rows(options.starting_points),
                          .prior = of_rows(options.prior),
                          .mask = of_rows(options.mask),
                          .lattice = options.lattice,
                          .pool = options.pool,
                          .early_stop = options.early_stop,
                          .batch_size = options.batch_size,
                          .observer = options.observer,
                          .on_bad_sample = options.on_bad_sample};
    Outcome outcome(attack, epsilon);
    const Input inputs = gather(data.inputs, rows);
    const double radius = epsilon.value_or(0);
    const Labels& aims = targets.size() > 0 ? targets : data.targets;
    if (aims.size() > 0)
      outcome.add(attack(attacked, inputs, TargetedMisclassification(Labels(aims.segment(first, count))),
                         radius, own),
                  ids);
    else
      outcome.add(attack(attacked, inputs, Labels(data.labels.segment(first, count)), radius, own), ids);
    return outcome;
  };
  const AttackAgain again = [&](const AnyAttack& attack, std::optional<double> epsilon, Index count,
                                const Labels& targets) {
    return run(model, attack, epsilon, 0, count, targets);
  };
  const AttackWatched<Input> watched = [&](const WatchedModel<Input>& observed, const AnyAttack& attack,
                                           std::optional<double> epsilon,
                                           Index i) { run(observed, attack, epsilon, i, 1, {}); };
  if (catalogue) cut_to_data(data.size(), facts);
  auto steps = model_steps(calls, data, facts, policy);
  if constexpr (LowerBoundModel<shared_if_possible<M>>) {
    if (data.size() > 0)
      steps.push_back({"C30", 2 * static_cast<double>(data.size()), false, [&](AuditFacts& f) {
                         const Eigen::VectorXd radii = model.lower_bound_l2(data.inputs, data.labels);
                         check_answer(data.size(), radii.size());
                         f.certificates.push_back({L2{}, {radii.begin(), radii.end()}, true});
                       }});
  }
  if (catalogue) {
    for (AuditStep& step : attack_steps(calls, data, facts, *catalogue, again, watched, policy))
      steps.push_back(std::move(step));
    for (AuditStep& step : chance_steps(calls, data, facts, policy)) steps.push_back(std::move(step));
  }
  measure(steps, policy, facts);
  return judge(facts, policy);
}

}  // namespace foil
