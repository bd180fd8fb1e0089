// SPDX-License-Identifier: MIT
#include "audit.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "catalogue/all_attacks.hpp"
#include "common/terminal.hpp"
#include "foil/core/criteria.hpp"
#include "foil/core/error.hpp"
#include "foil/core/status.hpp"
#include "foil/evaluation/audit/attack_steps.hpp"
#include "foil/evaluation/audit/calls.hpp"
#include "foil/evaluation/audit/facts.hpp"
#include "foil/evaluation/audit/figures.hpp"
#include "foil/evaluation/audit/list.hpp"
#include "foil/evaluation/audit/model_steps.hpp"
#include "foil/evaluation/audit/steps.hpp"
#include "foil/evaluation/curve.hpp"
#include "foil/evaluation/worst_of.hpp"
#include "foil/run/model_port.hpp"

namespace evaluate {
namespace {

using foil::Index;

/// "C2 940, C3 400, ..., C11 about 12000": what each check asks for.
std::string cost_text(const std::vector<foil::AuditStep>& steps) {
  std::vector<std::string> order;
  std::map<std::string, std::pair<double, bool>> costs;
  for (const foil::AuditStep& step : steps) {
    if (!costs.contains(step.checks)) order.push_back(step.checks);
    auto& [calls, exact] = costs.try_emplace(step.checks, 0, true).first->second;
    calls += step.calls;
    exact = exact && step.exact;
  }
  std::string line;
  for (const std::string& checks : order) {
    char text[80];
    const auto& [calls, exact] = costs.at(checks);
    std::snprintf(text, sizeof text, "%s%.0f", exact ? "" : "about ", calls);
    line += (line.empty() ? "" : "; ") + checks + ": " + text;
  }
  return line;
}

/// Accuracy against the radius in each norm with an attack that looks for the smallest: its distances are the
/// curve.
std::vector<foil::ReportedCurve> curves_of(const std::vector<foil::Outcome>& outcomes) {
  std::vector<foil::ReportedCurve> curves;
  for (const foil::Lp norm : foil::audit_checks::norms_of(outcomes)) {
    std::vector<std::reference_wrapper<const foil::Outcome>> group;
    for (const foil::Outcome& outcome : outcomes)
      if (outcome.norm == norm) group.emplace_back(outcome);
    const foil::Curve curve = foil::curve_of(group);
    if (!curve.minimal) continue;
    foil::ReportedCurve told{norm, {}, {}, curve.median_distance()};
    constexpr int points = 100;
    for (int k = 0; k <= points; ++k) {
      told.epsilons.push_back(k < points ? curve.last() * k / points : curve.last());
      told.accuracies.push_back(curve.robust_accuracy(told.epsilons.back()));
    }
    curves.push_back(std::move(told));
  }
  return curves;
}

}  // namespace

void Kept::add(const foil::Block& block, const Images& found) {
  const Index first = block.first, count = std::min(samples_ - first, block.count);
  if (count <= 0) return;
  Images& kept = all_.back();
  Images grown(foil::resized(found, first + count));
  for (Index i = 0; i < first; ++i) foil::sample(grown, i) = foil::sample(kept, i);
  for (Index i = 0; i < count; ++i) foil::sample(grown, first + i) = foil::sample(found, i);
  kept = std::move(grown);
}

foil::AuditPolicy audit_policy(const Command& command) {
  foil::AuditPolicy policy;
  foil::OptionList all;
  policy.list(all);
  all.parse("--audit", command.audit->options);
  return foil::checked("--audit", policy);
}

std::optional<AuditTold> audit(const Command& command, const Model& model, Inputs& in, const Samples& samples,
                               const std::vector<Told>& outcomes, const foil::Setting& setting, Kept& kept,
                               foil::RunOptions<Images>& options, Teller& teller,
                               const std::atomic<bool>& interrupted) {
  const foil::AuditPolicy policy = audit_policy(command);
  Index count = 0;  // up to the first sample that may not be shown to the model
  const auto shown = [&](const Told& outcome) {
    return outcome.records[static_cast<std::size_t>(count)].status != foil::Status::invalid_input;
  };
  while (count < std::min<Index>(policy.samples, samples.size()) &&
         std::all_of(outcomes.begin(), outcomes.end(), shown))
    ++count;

  const bool full = command.audit->name == "full" && count > 0;
  foil::AuditFacts facts;
  for (const Told& outcome : outcomes) facts.outcomes.push_back(outcome);
  for (const foil::WorstOutcome& worst : foil::worst_cases(outcomes))
    facts.comparisons.push_back(worst.members);
  facts.setting = setting;
  facts.declared_accuracy = command.claimed_accuracy;
  facts.restricted = command.mask          ? "a mask"
                     : command.lattice > 0 ? "a lattice"
                     : command.margin > 0  ? "a margin"
                                           : "";
  facts.seed = command.seed;
  facts.version = programs::version();
  for (const foil::WorstOutcome& worst : foil::worst_cases(outcomes))  // as the table has them
    facts.reported.push_back(
        {worst.outcome.norm, worst.outcome.epsilon, worst.outcome.summary().robust_accuracy()});
  facts.curves = curves_of(facts.outcomes);
  if (full) foil::cut_to_data(count, facts);

  foil::AuditData<Images> data;
  const auto rows = std::span(samples.rows).first(static_cast<std::size_t>(count));
  data.inputs = in.images.gather(rows);
  data.labels = samples.labels.head(count);
  if (samples.targets) data.targets = samples.targets->head(count);
  data.adversarials = kept.take();
  data.knowledge = model.knowledge();
  foil::check_data(data, facts);

  const auto run = [&](const auto& attacked, const foil::AnyAttack& attack, std::optional<double> epsilon,
                       Index first, Index some, const foil::Labels& targets) {
    const foil::Block block{first, some,
                            rows.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(some))};
    std::vector<Index> own;
    for (Index i = first; i < first + some; ++i) own.push_back(i);
    const Images inputs = foil::gather(data.inputs, own);
    options.sample_ids.assign(block.rows.begin(), block.rows.end());
    options.starting_points = read_starts(in, samples, block);
    options.prior = surrogate_prior(command, in, samples, block);
    options.mask = read_masks(in, samples, block);
    options.observer = [&](const foil::Progress&) {
      return interrupted ? foil::Control::stop : foil::Control::proceed;
    };
    foil::Outcome outcome(attack, epsilon);
    const double radius = epsilon.value_or(0);
    const foil::Labels& aims = targets.size() > 0 ? targets : data.targets;
    const auto result =
        aims.size() > 0
            ? attack(attacked, inputs,
                     foil::TargetedMarginAbove(foil::Labels(aims.segment(first, some)), command.margin),
                     radius, options)
            : attack(attacked, inputs,
                     foil::MarginAbove(foil::Labels(data.labels.segment(first, some)), command.margin),
                     radius, options);
    foil::require(!interrupted, "interrupted");
    Eigen::Array<bool, Eigen::Dynamic, 1> correct;
    if (samples.correct.size() > 0) correct = samples.correct.segment(first, some);
    outcome.add(result, block.rows, correct);
    return outcome;
  };
  const foil::AttackAgain again = [&](const foil::AnyAttack& attack, std::optional<double> epsilon,
                                      Index some, const foil::Labels& targets) {
    return run(model, attack, epsilon, 0, some, targets);
  };
  const foil::AttackWatched<Images> watched =
      [&](const foil::WatchedModel<Images>& observed, const foil::AnyAttack& attack,
          std::optional<double> epsilon, Index i) { run(observed, attack, epsilon, i, 1, {}); };

  foil::ModelPortTo<const Model> port(model);
  foil::AuditCalls<Images> calls(port, data.knowledge);
  auto steps = foil::model_steps(calls, data, facts, policy);
  if (full) {
    for (auto& step : foil::attack_steps(calls, data, facts, programs::all_attacks(), again, watched, policy))
      steps.push_back(std::move(step));
    for (auto& step : foil::chance_steps(calls, data, facts, policy)) steps.push_back(std::move(step));
  }
  AuditTold told{command.audit->name, foil::audit_cost(steps), {}};
  char rows_more[32];
  std::snprintf(rows_more, sizeof rows_more, "%.0f", told.calls);
  teller.remark(
      foil::text("the audit asks the model about ", rows_more, " rows more (", cost_text(steps), ")"));
  ProgressLine progress(teller, {.phase = "audit", .label = "audit", .minor = true});
  foil::Progress taken{.total = std::ssize(steps)};
  foil::measure(steps, policy, facts, [&](const foil::AuditStep&) {
    progress.update(taken);
    ++taken.finished;
    return !interrupted;
  });
  if (interrupted) return std::nullopt;
  told.report = foil::judge(facts, policy);
  return told;
}

}  // namespace evaluate
