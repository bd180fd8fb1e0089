// SPDX-License-Identifier: MIT
/// \file
/// Attacks that an audit runs beside those of the evaluation: the same with another option, the same again,
/// and those that a check lacks.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/parse.hpp"
#include "foil/core/summary.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/attack_entry.hpp"
#include "foil/evaluation/audit/facts.hpp"
#include "foil/evaluation/audit/figures.hpp"
#include "foil/evaluation/audit/list.hpp"
#include "foil/evaluation/audit/policy.hpp"
#include "foil/evaluation/diagnose.hpp"
#include "foil/evaluation/record.hpp"
#include "foil/run/any_attack.hpp"

namespace foil {

/// Runs an attack on the first samples of an audit, as the attacks of the evaluation were run: with their
/// criterion, unless there are targets, and their seed, ids, pool and so on.
using AttackAgain = std::function<Outcome(const AnyAttack&, std::optional<double> epsilon, Index samples,
                                          const Labels& targets)>;

/// Enters a minimal attack at single classes among the closest over all of them.
inline void aimed_at(std::vector<TowardsClasses>& all, const Outcome& outcome) {
  if (all.empty())
    all.push_back({outcome.norm, 0,
                   std::vector<double>(outcome.records.size(), std::numeric_limits<double>::infinity())});
  ++all.front().classes;
  for (std::size_t i = 0; i < outcome.records.size(); ++i)
    if (outcome.records[i].success)
      all.front().distances[i] = std::min(all.front().distances[i], outcome.records[i].distance);
}

/// An attack to be run.
struct PlannedRun {
  std::string checks;  ///< that need it: "C11"
  AnyAttack attack;
  std::vector<std::pair<std::string, std::string>> options;
  std::optional<double> epsilon;
  Index samples;
  double calls;                     ///< forward and backward, an estimate
  std::optional<std::size_t> of{};  ///< the outcome that it is compared with
  std::string option{};             ///< what is changed about it, and
  double factor = 1;                ///< by which factor
  Labels targets{};                 ///< classes to reach instead; empty: as in the evaluation

  /// Runs it, and enters what comes of it among the facts.
  void run(const AttackAgain& again, const AuditPolicy& policy, AuditFacts& facts) const {
    Outcome outcome = again(attack, epsilon, samples, targets);
    outcome.options = options;
    if (targets.size() > 0) {
      aimed_at(facts.towards_classes, outcome);
    } else if (!of) {
      facts.outcomes.push_back(std::move(outcome));
      ++facts.added;
    } else if (!option.empty()) {
      facts.reruns.push_back({*of, option, factor, std::move(outcome)});
    } else {
      const Outcome& before = facts.outcomes[*of];
      Replay replay{before.title()};
      for (std::size_t i = 0; i < outcome.records.size(); ++i) {
        const Record &a = before.records[i], &b = outcome.records[i];
        const bool same = a.success == b.success &&
                          (!a.success || std::abs(a.distance - b.distance) <=
                                             policy.distance_error * std::max(a.distance, b.distance));
        ++replay.samples;
        replay.differing += !same;
      }
      facts.replays.push_back(std::move(replay));
    }
  }
};

namespace detail {

/// Plans the runs of an audit on so many samples.
class RunPlanner {
 public:
  RunPlanner(const AuditFacts& facts, const Catalogue& catalogue, const AuditPolicy& policy, Index samples)
      : facts_(facts), catalogue_(catalogue), policy_(policy), samples_(samples) {}

  /// Each attack that the catalogue has, at the radius that tells most, with more steps, more restarts, and
  /// other step lengths; and each outcome again as it was, on a few samples.
  void vary() {
    std::vector<std::string> seen;
    for (std::size_t k = 0; k < facts_.outcomes.size(); ++k) {
      const Outcome& outcome = facts_.outcomes[k];
      const AttackEntry* const entry = find(outcome.attack);
      if (!entry) continue;
      add("C31", *entry, values_of(outcome), outcome.epsilon, std::min<Index>(policy_.replayed, samples_),
          per_sample(outcome), k, "", 1);
      std::string own = outcome.attack;
      for (const auto& [name, value] : outcome.options) own += text(' ', name, '=', value);
      if (std::find(seen.begin(), seen.end(), own) != seen.end()) continue;
      seen.push_back(own);
      const std::size_t best = most_telling(k);
      change("C11", *entry, best, "steps", 2);
      change("C12", *entry, best, "restarts", 2);
      for (const char* const length : {"relative_step", "step", "learning_rate"})
        for (const double factor : {0.25, 0.5, 2.0, 4.0}) change("C13", *entry, best, length, factor);
      // Where the length of the steps follows from their number: lengths in radii.
      for (const double radii : {0.0625, 0.25, 1.0, 2.0}) set("C13", *entry, best, "relative_step", radii);
    }
  }

  /// A minimal attack at each other class, as far as there are few: in the norm of the first outcome, one of
  /// the evaluation's where there is one.
  void aim(const Labels& labels) {
    if (facts_.outcomes.empty() || facts_.setting.targets.size() > 0) return;
    const Lp norm = facts_.outcomes.front().norm;
    Index classes = 0;
    for (const Outcome& outcome : facts_.outcomes) classes = std::max(classes, outcome.classes);
    const auto own = std::find_if(facts_.outcomes.begin(), facts_.outcomes.end(), [&](const Outcome& o) {
      return !o.epsilon && o.norm == norm && audit_checks::uses_gradients(o) && find(o.attack);
    });
    const bool any = own != facts_.outcomes.end();
    const AttackEntry* const entry = find(any ? own->attack : norm.name() + "-fmn");
    if (!entry) return;
    for (Index shift = 1; shift < std::min<Index>(classes, 1 + policy_.target_classes); ++shift) {
      add("C21", *entry, any ? values_of(*own) : OptionValues(), std::nullopt, samples_,
          any ? per_sample(*own) : calls_of(*entry, {}), 0, "", 1);
      runs_.back().of.reset();
      runs_.back().targets =
          labels.unaryExpr([&](int label) { return static_cast<int>((label + shift) % classes); });
    }
  }

  /// What the checks of attacks lack, in the norm of the first outcome.
  void complete() {
    if (facts_.outcomes.empty()) return;
    const Outcome& first = facts_.outcomes.front();
    const std::string norm = first.norm.name();
    const auto lacks = [&](const char* id) {
      return check(id, facts_, policy_).verdict() == foil::Verdict::skip;
    };
    const double radius = radius_of(first);
    const std::string iterative = norm + "-pgd", single = norm == "linf" ? "fgsm" : norm + "-fgm";
    if (lacks("C6")) {
      miss("C6", single, {}, radius);
      miss("C6", iterative, {}, radius);
    }
    if (lacks("C7"))
      for (const double factor : {0.5, 1.0, 2.0}) miss("C7", iterative, {}, factor * radius);
    const bool minimal = std::any_of(facts_.outcomes.begin(), facts_.outcomes.end(),
                                     [&](const Outcome& o) { return !o.epsilon && o.norm == first.norm; });
    const bool free = facts_.restricted.empty();
    if (free && (lacks("C8") || !minimal)) miss("C8, C10", norm + "-fmn", {}, std::nullopt);
    const Eigen::VectorXd& widths = facts_.setting.widths;
    if (free && lacks("C9") && widths.size() > 0 && std::isfinite(Linf::size(widths)))
      miss("C9", "linf-pgd", {}, policy_.distortion * Linf::size(widths));
    const auto none = [&](Knowledge knowledge) {
      return std::none_of(facts_.outcomes.begin(), facts_.outcomes.end(),
                          [&](const Outcome& o) { return o.knowledge == knowledge && !is_noise(o); });
    };
    if (none(Knowledge::scores)) miss("C15, C19", norm + "-square", {{"steps", "1000"}}, radius);
    if (none(Knowledge::decisions)) miss("C19", "boundary", {{"steps", "1000"}}, std::nullopt);
    if (lacks("C15") && norm == "l0") miss("C15", "l0-salt-and-pepper", {}, std::nullopt);
  }

  std::vector<PlannedRun> take() { return std::move(runs_); }

 private:
  const AttackEntry* find(std::string_view name) const {
    for (const AttackEntry& entry : catalogue_.entries())
      if (entry.is_called(name)) return &entry;
    return nullptr;
  }
  static OptionValues values_of(const Outcome& outcome) {
    return {outcome.options.begin(), outcome.options.end()};
  }
  /// Forward and backward calls for a sample, as they were.
  static double per_sample(const Outcome& outcome) {
    const Cost cost = outcome.cost();
    return static_cast<double>(cost.queries + cost.gradient_queries + cost.verification_queries) /
           static_cast<double>(std::max<std::size_t>(1, outcome.records.size()));
  }
  /// Where attack k was run at several radii, the one that fools about half of the samples.
  std::size_t most_telling(std::size_t k) const {
    const Outcome& first = facts_.outcomes[k];
    std::size_t best = k;
    const auto from_half = [&](std::size_t i) {
      const double rate = facts_.outcomes[i].summary().success_rate();
      return std::isnan(rate) ? 1.0 : std::abs(rate - 0.5);
    };
    for (std::size_t i = k; i < facts_.outcomes.size(); ++i)
      if (facts_.outcomes[i].attack == first.attack && facts_.outcomes[i].options == first.options &&
          from_half(i) < from_half(best))
        best = i;
    return best;
  }
  /// The radius that the attacks in a norm were run at, or the median distance of the minimal ones.
  double radius_of(const Outcome& first) const {
    for (const Outcome& outcome : facts_.outcomes)
      if (outcome.norm == first.norm && outcome.epsilon) return *outcome.epsilon;
    const double median = first.summary().median_distance;
    return std::isfinite(median) && median > 0 ? median : 0.1;
  }

  /// All options of an outcome's attack by name.
  static OptionValues all_values(const AttackEntry& entry, const Outcome& outcome) {
    OptionValues values = values_of(outcome);
    for (const OptionInfo& known : entry.options) values.emplace(known.name, known.value);
    return values;
  }
  void change(const char* checks, const AttackEntry& entry, std::size_t of, const std::string& option,
              double factor) {
    const Outcome& outcome = facts_.outcomes[of];
    OptionValues values = all_values(entry, outcome);
    const auto at = values.find(option);
    const auto value = at == values.end() ? std::nullopt : parse_real(at->second);
    if (!value || *value == 0) return;
    at->second = text(*value * factor);
    const double more = option == "steps" || option == "restarts" ? factor : 1;
    add(checks, entry, values, outcome.epsilon, samples_, more * per_sample(outcome), of, option, factor);
  }
  /// Only where it is 0, which stands for a value that the attack chooses by itself.
  void set(const char* checks, const AttackEntry& entry, std::size_t of, const std::string& option,
           double value) {
    const Outcome& outcome = facts_.outcomes[of];
    OptionValues values = all_values(entry, outcome);
    const auto at = values.find(option);
    if (at == values.end() || parse_real(at->second).value_or(1) != 0) return;
    at->second = text(value);
    add(checks, entry, values, outcome.epsilon, samples_, per_sample(outcome), of, option + " in radii",
        value);
  }
  /// An estimate for a sample: a forward and, where there are gradients, a backward pass for each step and
  /// restart.
  static double calls_of(const AttackEntry& entry, const OptionValues& values) {
    double calls = entry.knowledge == Knowledge::gradients ? 2 : 1;
    for (const OptionInfo& option : entry.options)
      if (option.name == "steps" || option.name == "restarts") {
        const auto given = values.find(option.name);
        calls *= parse_real(given == values.end() ? option.value : given->second).value_or(1);
      }
    return calls;
  }
  void miss(const char* checks, const std::string& name, const OptionValues& values,
            std::optional<double> epsilon) {
    const AttackEntry* const entry = find(name);
    if (!entry) return;
    add(checks, *entry, values, entry->minimal ? std::nullopt : epsilon, samples_, calls_of(*entry, values),
        std::nullopt, "", 1);
  }
  void add(const char* checks, const AttackEntry& entry, const OptionValues& values,
           std::optional<double> epsilon, Index samples, double calls, std::optional<std::size_t> of,
           const std::string& option, double factor) {
    try {
      PlannedRun run{
          checks, entry.make(values), {}, epsilon, samples, calls * static_cast<double>(samples), of, option,
          factor};
      for (const OptionInfo& info : entry.resolve(values)) run.options.emplace_back(info.name, info.value);
      for (const PlannedRun& other : runs_)
        if (!of && !other.of && other.attack.name() == run.attack.name() && other.epsilon == epsilon) return;
      runs_.push_back(std::move(run));
    } catch (const Error&) {  // an option beyond its range: there is no such attack
    }
  }

  const AuditFacts& facts_;
  const Catalogue& catalogue_;
  const AuditPolicy& policy_;
  Index samples_;
  std::vector<PlannedRun> runs_{};
};

}  // namespace detail

/// The runs of a full audit on samples of these classes, those of missing attacks first.
inline std::vector<PlannedRun> plan_runs(const AuditFacts& facts, const Catalogue& catalogue,
                                         const AuditPolicy& policy, const Labels& labels) {
  detail::RunPlanner planner(facts, catalogue, policy, labels.size());
  planner.complete();
  planner.vary();
  planner.aim(labels);
  return planner.take();
}

}  // namespace foil
