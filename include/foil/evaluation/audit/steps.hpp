// SPDX-License-Identifier: MIT
/// \file
/// What an audit measures, step by step, each with its cost in model calls.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/losses.hpp"
#include "foil/core/model.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/summary.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/attack_entry.hpp"
#include "foil/evaluation/audit/calls.hpp"
#include "foil/evaluation/audit/chance.hpp"
#include "foil/evaluation/audit/convergence.hpp"
#include "foil/evaluation/audit/facts.hpp"
#include "foil/evaluation/audit/figures.hpp"
#include "foil/evaluation/audit/measure.hpp"
#include "foil/evaluation/audit/policy.hpp"
#include "foil/evaluation/audit/rerun.hpp"
#include "foil/evaluation/audit/threats.hpp"
#include "foil/evaluation/record.hpp"
#include "foil/run/any_attack.hpp"
#include "foil/run/model_port.hpp"
#include "foil/run/run_options.hpp"

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

/// Leaves of the outcomes the first so many records: those of attacks that the audit runs are no more.
inline void cut_to_data(Index count, AuditFacts& facts) {
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

namespace detail {

/// The length of the step of C5: a share of the radius of the first outcome, be it given or the median
/// distance.
inline double trial_step(const AuditFacts& facts, const AuditPolicy& policy, Lp norm, Index n) {
  double radius = 0.1 * norm.size(Eigen::VectorXd(Eigen::VectorXd::Ones(n)));
  if (!facts.outcomes.empty()) {
    const Outcome& first = facts.outcomes.front();
    const double median = first.summary().median_distance;
    if (first.epsilon)
      radius = *first.epsilon;
    else if (std::isfinite(median) && median > 0)
      radius = median;
  }
  return policy.step_share * radius;
}

/// A model as an attack sees it, which notes the losses where gradients are asked for.
template <Batch T>
class WatchedModel {
 public:
  using Input = T;
  using Scalar = typename Input::Scalar;
  WatchedModel(ModelPort<Input>& model, int label, std::vector<double>& losses)
      : model_(model), label_(label), losses_(losses) {}
  Bounds<Scalar> bounds() const { return model_.bounds(); }
  Logits<Scalar> logits(const Input& x) const { return model_.logits(x); }
  auto vjp(const Input& x) const {
    const Logits<Scalar> z = model_.vjp(x);
    for (Index i = 0; i < z.rows(); ++i)
      losses_.push_back(losses::lsem(z.row(i).transpose().template cast<double>(), label_));
    return Vjp{z, [this](const Logits<Scalar>& cotangent) -> Input { return model_.pullback(cotangent); }};
  }

 private:
  ModelPort<Input>& model_;
  int label_;
  std::vector<double>& losses_;
};

/// C14: the mean loss of attacked samples, gradient after gradient. Where an attack has ended, its last one
/// stays.
template <Batch Input>
LossTrace watch_losses(AuditCalls<Input>& calls, const AuditData<Input>& data, const AnyAttack& attack,
                       const Outcome& outcome, Index count, std::uint64_t seed) {
  std::vector<std::vector<double>> all;
  std::size_t longest = 0;
  for (Index i = 0; i < count; ++i) {
    if (!outcome.records[static_cast<std::size_t>(i)].correct) continue;
    std::vector<double> losses;
    WatchedModel<Input> model(calls.model(), data.labels[i], losses);
    const std::vector<Index> row{i};
    RunOptions<Input> options{.seed = seed, .sample_ids = {outcome.records[static_cast<std::size_t>(i)].id}};
    attack(model, gather(data.inputs, row), Labels(data.labels.segment(i, 1)), outcome.epsilon.value_or(0),
           options);
    longest = std::max(longest, losses.size());
    if (!losses.empty()) all.push_back(std::move(losses));
  }
  LossTrace trace{outcome.title(), std::vector<double>(longest, 0)};
  for (const auto& losses : all)
    for (std::size_t t = 0; t < longest; ++t)
      trace.losses[t] += losses[std::min(t, losses.size() - 1)] / static_cast<double>(all.size());
  return trace;
}

}  // namespace detail

/// The steps that ask the model itself, no attack: C2 to C5 and C10. They refer to `calls` and `data`.
template <Batch Input>
std::vector<AuditStep> model_steps(AuditCalls<Input>& calls, const AuditData<Input>& data,
                                   const AuditFacts& facts, const AuditPolicy& policy) {
  std::vector<AuditStep> steps;
  const auto n = static_cast<double>(data.size());
  if (data.size() == 0) return steps;
  for (std::size_t k = 0; k < std::min(data.adversarials.size(), facts.outcomes.size()); ++k) {
    if (data.adversarials[k].size() == 0) continue;
    const auto& records = facts.outcomes[k].records;
    const auto found =
        std::count_if(records.begin(),
                      records.begin() + std::min<Index>(samples(data.adversarials[k]), std::ssize(records)),
                      [](const Record& r) { return r.success && r.correct; });
    steps.push_back({"C2", static_cast<double>(found), true, [&calls, &data, policy, k](AuditFacts& f) {
                       f.adversarials.push_back(
                           show_alone(calls, data, data.adversarials[k], f.outcomes[k], policy));
                     }});
  }
  steps.push_back({"C3", 4 * n, true, [&](AuditFacts& f) { f.answers = ask_again(calls, data.inputs); }});
  if (calls.knowledge() == Knowledge::gradients) {
    const double slopes = std::min(n, static_cast<double>(policy.gradient_samples));
    steps.push_back({"C4", slopes * (2 + 6 * policy.gradient_directions), true,
                     [&calls, &data, policy](AuditFacts& f) { f.slopes = slopes_of(calls, data, policy); }});
    steps.push_back({"C5", 5 * n, true, [&calls, &data, policy](AuditFacts& f) {
                       const Lp norm = f.outcomes.empty() ? Lp(Linf{}) : f.outcomes.front().norm;
                       const double step = detail::trial_step(f, policy, norm, features(data.inputs));
                       f.gradients = gradients_in_use(calls, data, norm, step, policy);
                     }});
  }
  steps.push_back({"C10", n, true, [&](AuditFacts& f) {
                     f.ceilings = ceilings_of(calls, data, audit_checks::norms_of(f.outcomes));
                   }});
  return steps;
}

/// The steps that change samples without an attack: C17 and C18 in the norms of the outcomes, but for L0, and
/// C28. They refer to `calls` and `data`.
template <Batch Input>
std::vector<AuditStep> chance_steps(AuditCalls<Input>& calls, const AuditData<Input>& data,
                                    const AuditFacts& facts, const AuditPolicy& policy) {
  std::vector<AuditStep> steps;
  for (const Lp norm : audit_checks::norms_of(facts.outcomes)) {
    if (norm == Lp(L0{})) continue;
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

/// The steps that run attacks: those that are missing, the evaluation's with other options and again, and
/// C14's; then chance_steps(). `again`, `calls` and `data` are referred to.
template <Batch Input>
std::vector<AuditStep> attack_steps(AuditCalls<Input>& calls, const AuditData<Input>& data,
                                    const AuditFacts& facts, const Catalogue& catalogue,
                                    const AttackAgain& again, const AuditPolicy& policy) {
  std::vector<AuditStep> steps;
  for (const PlannedRun& run : plan_runs(facts, catalogue, policy, data.size())) {
    steps.push_back(
        {run.checks, run.calls, false, [&again, policy, run](AuditFacts& f) { run.run(again, policy, f); }});
    const bool steps_on = std::any_of(run.options.begin(), run.options.end(),
                                      [](const auto& option) { return option.first == "steps"; });
    const bool watched =
        run.checks == "C31" && run.epsilon && steps_on && run.attack.knowledge() == Knowledge::gradients;
    if (!watched) continue;
    const Index count = std::min<Index>(policy.trace_samples, data.size());
    steps.push_back({"C14", run.calls / static_cast<double>(run.samples) * static_cast<double>(count), false,
                     [&calls, &data, run, count](AuditFacts& f) {
                       f.traces.push_back(detail::watch_losses(calls, data, run.attack, f.outcomes[*run.of],
                                                               count, f.seed.value_or(0)));
                     }});
  }
  for (AuditStep& step : chance_steps(calls, data, facts, policy)) steps.push_back(std::move(step));
  return steps;
}

}  // namespace foil
