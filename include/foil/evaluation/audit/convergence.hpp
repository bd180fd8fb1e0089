// SPDX-License-Identifier: MIT
/// \file
/// Checks that attacks were given enough: steps, restarts, the right step length, a loss that rises.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/parse.hpp"
#include "foil/core/summary.hpp"
#include "foil/evaluation/audit/check.hpp"
#include "foil/evaluation/audit/facts.hpp"
#include "foil/evaluation/audit/figures.hpp"
#include "foil/evaluation/audit/policy.hpp"

namespace foil::audit_checks {

/// An outcome without the samples that another one, on the first of them, lacks.
inline Outcome cut_to(Outcome outcome, std::size_t count) {
  if (outcome.records.size() > count)
    outcome.records.erase(outcome.records.begin() + static_cast<std::ptrdiff_t>(count),
                          outcome.records.end());
  return outcome;
}

/// What an option changed.
struct Change {
  Summary before, after;
  double distance = 0;  ///< relative change of the median; of minimal attacks
  double loss = 0;      ///< relative change, where it is known
  Index fooled() const { return after.fooled - before.fooled; }
};

inline Change change_of(const AuditFacts& facts, const Rerun& rerun) {
  require(rerun.of < facts.outcomes.size(), "audit: expected the place of one of ", facts.outcomes.size(),
          " outcomes, got ", rerun.of);
  const Outcome before = cut_to(facts.outcomes[rerun.of], rerun.outcome.records.size());
  Change change{before.summary(), rerun.outcome.summary()};
  if (!before.epsilon) {
    const double from = change.before.median_distance, to = change.after.median_distance;
    if (from != to)
      change.distance = std::isfinite(from) && std::isfinite(to) ? std::abs(to - from) / from
                                                                 : std::numeric_limits<double>::infinity();
  }
  if (rerun.loss_before && rerun.loss_after)
    change.loss =
        std::abs(*rerun.loss_after - *rerun.loss_before) / std::max(std::abs(*rerun.loss_before), 1e-12);
  return change;
}

/// Whether more of an option changes what was found.
inline Finding converged_in(const AuditFacts& facts, const AuditPolicy& policy, const char* option,
                            const char* remedy) {
  std::string told;
  for (const Rerun& rerun : facts.reruns) {
    if (rerun.option != option || rerun.factor <= 1) continue;
    const Change change = change_of(facts, rerun);
    if (change.before.attacked == 0 || change.after.attacked == 0) continue;
    const Outcome& first = facts.outcomes[rerun.of];
    std::string evidence =
        text(first.title(), ", ", brief(rerun.factor), " times the ", option, ": ", change.before.fooled,
             " -> ", of(change.after.fooled, change.after.attacked), " fooled");
    if (!first.epsilon)
      evidence += text(", median ", brief(change.before.median_distance), " -> ",
                       brief(change.after.median_distance));
    if (change.loss > 0)
      evidence += text(", mean loss ", brief(*rerun.loss_before), " -> ", brief(*rerun.loss_after));
    if (std::abs(static_cast<double>(change.fooled())) >
            at_least_one(policy.converged_success, change.after.attacked) ||
        change.distance > policy.converged_distance || change.loss > policy.converged_loss)
      return fail(evidence, remedy);
    told += (told.empty() ? "" : "; ") + evidence;
  }
  if (told.empty())
    return skip(
        text("an attack run again with twice the ", option, ", on samples that are right to begin with"));
  return pass(told);
}

/// C11: twice the steps find the same.
inline Finding steps_converged(const AuditFacts& facts, const AuditPolicy& policy) {
  return converged_in(facts, policy, "steps",
                      "the attack has not converged: double its steps until nothing changes");
}

/// C12: twice the restarts find the same, and there are enough of them.
inline Finding restarts_converged(const AuditFacts& facts, const AuditPolicy& policy) {
  Finding finding = converged_in(facts, policy, "restarts",
                                 "the attack depends on luck: double its restarts until nothing changes");
  if (finding.verdict != Verdict::pass) return finding;
  for (const Rerun& rerun : facts.reruns)
    for (const auto& [name, value] : facts.outcomes[rerun.of].options) {
      const auto number = parse_real(value);
      if (rerun.option == "restarts" && name == "restarts" && number && *number < policy.restarts)
        return warn(text(finding.evidence, "; ", facts.outcomes[rerun.of].attack, " had ", value),
                    text("give the attack at least ", policy.restarts, " restarts"));
    }
  return finding;
}

/// C13: no other step length does better.
inline Finding step_size_chosen(const AuditFacts& facts, const AuditPolicy& policy) {
  std::string told, better;
  double most = 0;
  std::optional<std::size_t> last;
  for (const Rerun& rerun : facts.reruns) {
    if (rerun.option == "steps" || rerun.option == "restarts") continue;
    const Change change = change_of(facts, rerun);
    const Outcome& first = facts.outcomes[rerun.of];
    // Of minimal attacks, success within the median of the original.
    const double within = first.epsilon ? *first.epsilon : change.before.median_distance;
    const Index samples = change.before.attacked;
    if (samples == 0) continue;
    const Index gain = rerun.outcome.summary(within).fooled -
                       cut_to(first, rerun.outcome.records.size()).summary(within).fooled;
    if (last != rerun.of) told += text(told.empty() ? "" : "; ", first.title(), ", of ", samples);
    last = rerun.of;
    told += text(", ", rerun.option, " x ", brief(rerun.factor), ": ", gain > 0 ? "+" : "", gain);
    if (static_cast<double>(gain) > at_least_one(policy.step_size_gain, samples) &&
        share(gain, samples) > most) {
      most = share(gain, samples);
      better = text(first.title(), " fools ", gain, " more of ", samples, " with ", rerun.option, " x ",
                    brief(rerun.factor));
    }
  }
  if (told.empty())
    return skip("an attack run again with other step lengths, on samples that are right to begin with");
  return better.empty()
             ? pass(told)
             : warn(better, "take the better step length, and look whether a still other one does better");
}

/// C14: the loss rises.
inline Finding loss_rises(const AuditFacts& facts, const AuditPolicy& policy) {
  constexpr double level = 0.01;  // of the whole rise: less is no fall
  std::string told, bad;
  const auto window = static_cast<std::size_t>(policy.trace_window);
  for (const LossTrace& trace : facts.traces) {
    if (trace.losses.size() < window + 1) continue;
    std::vector<double> mean(trace.losses.size() - window + 1, 0);
    for (std::size_t t = 0; t < mean.size(); ++t)
      for (std::size_t k = 0; k < window; ++k) mean[t] += trace.losses[t + k] / static_cast<double>(window);
    const auto [low, high] = std::minmax_element(mean.begin(), mean.end());
    Index rising = 0;
    for (std::size_t t = 0; t + 1 < mean.size(); ++t)
      rising += mean[t + 1] >= mean[t] - level * (*high - *low);
    const Index steps = std::ssize(mean) - 1;
    const std::string evidence = text(trace.attack, ": the mean loss holds or rises in ", of(rising, steps),
                                      " iterations, from ", brief(mean.front()), " to ", brief(mean.back()));
    const bool up = share(rising, steps) >= policy.trace_share && mean.back() >= mean.front();
    if (!up && bad.empty()) bad = evidence;
    told += (told.empty() ? "" : "; ") + evidence;
  }
  if (told.empty())
    return skip(text("the loss of an attack with a fixed budget, which is no suite, over more than ",
                     policy.trace_window, " gradients"));
  return bad.empty() ? pass(told)
                     : warn(bad,
                            "shorten the steps, add momentum or average gradients; a loss that jumps about "
                            "hints at random or masked gradients");
}

}  // namespace foil::audit_checks
