// SPDX-License-Identifier: MIT
/// \file
/// The steps of an audit that run attacks.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/losses.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/attack_entry.hpp"
#include "foil/evaluation/audit/calls.hpp"
#include "foil/evaluation/audit/facts.hpp"
#include "foil/evaluation/audit/policy.hpp"
#include "foil/evaluation/audit/rerun.hpp"
#include "foil/evaluation/audit/steps.hpp"
#include "foil/evaluation/record.hpp"
#include "foil/run/any_attack.hpp"
#include "foil/run/model_port.hpp"

namespace foil {

/// A model as an attack sees it, which notes the losses where gradients are asked for.
template <Batch T>
class WatchedModel {
 public:
  using Input = T;
  using Scalar = typename Input::Scalar;
  /// \param label  to be left or, with `aimed`, to be reached
  WatchedModel(ModelPort<Input>& model, int label, bool aimed, std::vector<double>& losses)
      : model_(model), label_(label), aimed_(aimed), losses_(losses) {}
  Bounds<Scalar> bounds() const { return model_.bounds(); }
  Logits<Scalar> logits(const Input& x) const { return model_.logits(x); }
  auto vjp(const Input& x) const {
    const Logits<Scalar> z = model_.vjp(x);
    for (Index i = 0; i < z.rows(); ++i) {
      const Eigen::VectorXd row = z.row(i).transpose().template cast<double>();
      losses_.push_back(aimed_ ? losses::targeted(Loss::lsem, row, label_) : losses::lsem(row, label_));
    }
    return Vjp{z, [this](const Logits<Scalar>& cotangent) -> Input { return model_.pullback(cotangent); }};
  }

 private:
  ModelPort<Input>& model_;
  int label_;
  bool aimed_;
  std::vector<double>& losses_;
};

/// Runs an attack on one sample of an audit, as a foil::AttackAgain would, on a model that is watched.
template <Batch Input>
using AttackWatched = std::function<void(const WatchedModel<Input>&, const AnyAttack&,
                                         std::optional<double> epsilon, Index sample)>;

namespace detail {

/// C14: the mean loss of attacked samples, gradient after gradient. Where an attack has ended, its last one
/// stays.
template <Batch Input>
LossTrace watch_losses(AuditCalls<Input>& calls, const AuditData<Input>& data, const AnyAttack& attack,
                       const Outcome& outcome, Index count, const AttackWatched<Input>& watched) {
  std::vector<std::vector<double>> all;
  std::size_t longest = 0;
  const bool aimed = data.targets.size() > 0;
  for (Index i = 0; i < count; ++i) {
    if (!outcome.records[static_cast<std::size_t>(i)].correct) continue;
    std::vector<double> losses;
    watched({calls.model(), aimed ? data.targets[i] : data.labels[i], aimed, losses}, attack, outcome.epsilon,
            i);
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

/// The steps that run attacks: those that are missing, the evaluation's with other options and again, and
/// C14's, for which suites will not do: their stages start anew. `again`, `watched`, `calls` and `data` are
/// referred to.
template <Batch Input>
std::vector<AuditStep> attack_steps(AuditCalls<Input>& calls, const AuditData<Input>& data,
                                    const AuditFacts& facts, const Catalogue& catalogue,
                                    const AttackAgain& again, const AttackWatched<Input>& watched,
                                    const AuditPolicy& policy) {
  std::vector<AuditStep> steps;
  if (data.size() == 0) return steps;
  for (const PlannedRun& run : plan_runs(facts, catalogue, policy, data.labels)) {
    if (run.targets.size() > 0 && data.targets.size() > 0) continue;  // has targets of its own
    steps.push_back(
        {run.checks, run.calls, false, [&again, policy, run](AuditFacts& f) { run.run(again, policy, f); }});
    const bool steps_on = std::any_of(run.options.begin(), run.options.end(),
                                      [](const auto& option) { return option.first == "steps"; });
    const bool traced = run.checks == "C31" && run.epsilon && steps_on && run.attack.stages().empty() &&
                        run.attack.knowledge() == Knowledge::gradients;
    if (!traced) continue;
    const Index count = std::min<Index>(policy.trace_samples, data.size());
    steps.push_back({"C14", run.calls / static_cast<double>(run.samples) * static_cast<double>(count), false,
                     [&calls, &data, &watched, run, count](AuditFacts& f) {
                       f.traces.push_back(detail::watch_losses(calls, data, run.attack, f.outcomes[*run.of],
                                                               count, watched));
                     }});
  }
  return steps;
}

}  // namespace foil
