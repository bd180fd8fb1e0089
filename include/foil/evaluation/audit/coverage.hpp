// SPDX-License-Identifier: MIT
/// \file
/// Checks of what an evaluation consists of: which attacks, and what is reported of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/summary.hpp"
#include "foil/evaluation/audit/check.hpp"
#include "foil/evaluation/audit/facts.hpp"
#include "foil/evaluation/audit/figures.hpp"
#include "foil/evaluation/audit/policy.hpp"
#include "foil/evaluation/diagnose.hpp"
#include "foil/evaluation/record.hpp"
#include "foil/evaluation/worst_of.hpp"

namespace foil {

/// Spearman's correlation of ranks; ties share theirs. NaN where one of the two does not vary.
inline double rank_correlation(const std::vector<double>& a, const std::vector<double>& b) {
  require(a.size() == b.size(), "rank_correlation: expected as many numbers, got ", a.size(), " and ",
          b.size());
  const auto ranks = [](const std::vector<double>& values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) {
      return values[i] != values[j] ? values[i] < values[j] : i < j;
    });
    std::vector<double> out(values.size());
    for (std::size_t first = 0; first < order.size();) {
      std::size_t end = first;
      while (end < order.size() && values[order[end]] == values[order[first]]) ++end;
      for (std::size_t k = first; k < end; ++k) out[order[k]] = static_cast<double>(first + end - 1) / 2;
      first = end;
    }
    return out;
  };
  const std::vector<double> x = ranks(a), y = ranks(b);
  const double middle = (static_cast<double>(a.size()) - 1) / 2;
  double xy = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    xy += (x[i] - middle) * (y[i] - middle);
    xx += (x[i] - middle) * (x[i] - middle);
    yy += (y[i] - middle) * (y[i] - middle);
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : std::numeric_limits<double>::quiet_NaN();
}

namespace audit_checks {

/// An attack's family by its name: without its norm, and whether it is made minimal.
inline std::string family_of(std::string attack) {
  const auto drop = [&](std::string_view start) {
    if (attack.starts_with(start)) attack.erase(0, start.size());
  };
  drop("minimal-");
  for (const char* const norm : {"l0-", "l1-", "l2-", "linf-"}) drop(norm);
  if (attack == "fgm") attack = "fgsm";
  return attack;
}

/// C19: attackers of every kind had a go, alone or as a stage of a suite, be it one that is run only where
/// others look wrong.
inline Finding attackers_of_every_kind(const AuditFacts& facts, const AuditPolicy&) {
  if (facts.outcomes.empty()) return skip("outcomes of attacks");
  Index kinds[3] = {0, 0, 0}, idle = 0;
  bool other = false;
  for (const Outcome& outcome : facts.outcomes) {
    if (is_noise(outcome)) continue;
    if (outcome.stages.empty()) ++kinds[static_cast<std::size_t>(outcome.knowledge)];
    for (const StageOutcome& stage : outcome.stages) {
      ++kinds[static_cast<std::size_t>(stage.knowledge)];
      idle += stage.attacked == 0;
    }
    other = other || family_of(outcome.attack) != family_of(facts.training_attack);
  }
  const std::string evidence =
      text(kinds[2], " attacks or stages of suites with gradients, ", kinds[1], " with scores, ", kinds[0],
           " with decisions alone",
           idle == 0 ? std::string() : text("; ", idle, " of these stood ready, and no sample came to them"),
           facts.training_attack.empty() ? "" : "; the model was trained with " + facts.training_attack);
  std::string lacks;
  const char* const names[] = {"decisions alone (boundary)", "scores (linf-square)", "gradients (linf-pgd)"};
  for (std::size_t k = 3; k-- > 0;)
    if (kinds[k] == 0) lacks += text(lacks.empty() ? "" : ", and one that uses ", names[k]);
  if (!lacks.empty())
    return fail(evidence, text("add an attack that uses ", lacks, ": masked gradients stop only some"));
  if (!facts.training_attack.empty() && !other)
    return fail(evidence,
                "add an attack that the model was not trained with: it may have learnt to stop only that");
  return pass(evidence);
}

/// C20: attacks of several families, stages of suites among them, and none of them counted twice. Of fewer
/// than ten samples that both fooled, ranks say nothing.
inline Finding attacks_differ(const AuditFacts& facts, const AuditPolicy& policy) {
  if (facts.outcomes.empty()) return skip("outcomes of attacks");
  std::vector<std::string> families;
  std::string alike;
  for (std::size_t i = 0; i < facts.outcomes.size(); ++i) {
    const Outcome& a = facts.outcomes[i];
    families.push_back(family_of(a.attack));
    for (std::size_t j = 0; j < i; ++j) {
      const Outcome& b = facts.outcomes[j];
      if (families[j] != families[i] || !(a.norm == b.norm) || a.epsilon || b.epsilon) continue;
      std::vector<double> one, two;
      for (std::size_t k = 0; k < std::min(a.records.size(), b.records.size()); ++k) {
        if (!a.records[k].success || !b.records[k].success) continue;
        one.push_back(a.records[k].distance);
        two.push_back(b.records[k].distance);
      }
      if (one.size() >= 10 && rank_correlation(one, two) > policy.alike)
        alike += text(alike.empty() ? "" : "; ", a.attack, " and ", b.attack, " in ", a.norm.name());
    }
  }
  for (std::size_t i = facts.outcomes.size(); i-- > 0;) {
    const std::vector<StageOutcome>& stages = facts.outcomes[i].stages;
    if (stages.empty()) continue;
    families.erase(families.begin() + static_cast<std::ptrdiff_t>(i));
    for (const StageOutcome& stage : stages) families.push_back(family_of(stage.attack));
  }
  std::sort(families.begin(), families.end());
  const auto count = std::unique(families.begin(), families.end()) - families.begin();
  const std::string evidence = text(facts.outcomes.size(), " outcomes of ", count, " families of attacks");
  if (!alike.empty())
    return warn(text(evidence, "; the same samples are hard for ", alike),
                "count these as one: they say twice what one says");
  if (count < policy.families)
    return warn(evidence, "add attacks of other families: what stops one stops its relatives");
  return pass(evidence);
}

/// C21: attacks at single classes find little that untargeted ones do not.
inline Finding targets_add_little(const AuditFacts& facts, const AuditPolicy& policy) {
  std::string told, closer;
  for (const TowardsClasses& aimed : facts.towards_classes) {
    const Group any(facts.outcomes, aimed.norm, [](const Outcome& o) { return !o.epsilon; });
    Index samples = 0, wins = 0;
    for (std::size_t i = 0; i < std::min(any.size(), aimed.distances.size()); ++i) {
      if (!any.correct(i)) continue;
      ++samples;
      wins += aimed.distances[i] * (1 + policy.target_closer) < any.closest(i);
    }
    if (samples == 0) continue;
    const std::string evidence =
        text("aimed at ", aimed.classes, " classes, attacks in ", aimed.norm.name(), " are more than ",
             percent(policy.target_closer), " closer on ", of(wins, samples), " samples");
    if (exceeds(wins, samples, policy.target_wins, policy.significance)) closer = evidence;
    told += (told.empty() ? "" : "; ") + evidence;
  }
  if (told.empty()) return skip("minimal attacks, and the same aimed at each other class");
  if (closer.empty()) return pass(told);
  return warn(closer, "report the closest over all classes: untargeted attacks run into the wrong one");
}

/// C22: what is reported of several attacks is each sample's worst case.
inline Finding worst_case_reported(const AuditFacts& facts, const AuditPolicy&) {
  const std::vector<Outcome>& all = facts.whole.empty() ? facts.outcomes : facts.whole;
  const std::size_t own = all.size() - (facts.whole.empty() ? facts.added : 0);
  std::string told;
  for (const ReportedAccuracy& reported : facts.reported) {
    const double radius = reported.epsilon.value_or(std::numeric_limits<double>::infinity());
    std::vector<std::reference_wrapper<const Outcome>> group;
    std::optional<double> best;  // of those that attacked every sample to the end
    for (std::size_t k = 0; k < own; ++k) {
      const Outcome& outcome = all[k];
      if (!(outcome.norm == reported.norm) || (outcome.epsilon && outcome.epsilon != reported.epsilon))
        continue;
      group.emplace_back(outcome);
      const Summary single = outcome.summary(radius);
      if (single.unfinished == 0 && single.no_start == 0)
        best = std::min(best.value_or(1), single.robust_accuracy());
    }
    if (group.empty()) continue;
    const double worst = worst_of(group).outcome.summary(radius).robust_accuracy();
    const std::string where =
        text(reported.norm.name(), reported.epsilon ? text(" ", brief(*reported.epsilon)) : std::string());
    const std::string evidence =
        text("robust accuracy in ", where, " is reported as ", percent(reported.robust_accuracy),
             "; sample by sample the worst of ", group.size(), " attacks is ", percent(worst),
             best ? text(", the best single one ", percent(*best)) : std::string());
    const std::size_t samples = group.front().get().records.size();
    const double half = 0.5 / static_cast<double>(std::max<std::size_t>(1, samples));
    if (!(std::abs(reported.robust_accuracy - worst) < half))
      return fail(evidence,
                  "report what withstands every attack (foil::worst_of), not one attack's or a mean");
    told = evidence;
  }
  if (told.empty()) return skip("the robust accuracy that is reported, in the norm of the attacks");
  return pass(told);
}

/// C23: the whole curve is reported, down to nothing.
inline Finding curve_complete(const AuditFacts& facts, const AuditPolicy& policy) {
  if (facts.curves.empty()) return skip("the reported curve of accuracy against the size of changes");
  std::string told;
  for (const ReportedCurve& curve : facts.curves) {
    require(curve.epsilons.size() == curve.accuracies.size(),
            "audit: expected an accuracy for each radius, got ", curve.epsilons.size(), " radii and ",
            curve.accuracies.size(), " accuracies");
    const bool sorted = std::is_sorted(curve.epsilons.begin(), curve.epsilons.end());
    require(sorted, "audit: expected the radii of a curve from small to large ones");
    const std::string evidence =
        text("in ", curve.norm.name(), " ", curve.epsilons.size(), " radii, ending at ",
             curve.accuracies.empty() ? "nothing" : percent(curve.accuracies.back()));
    const Group closest(facts.outcomes, curve.norm, [](const Outcome& o) { return !o.epsilon; });
    auto found = closest.distances();
    found.erase(std::unique(found.begin(), found.end()), found.end());
    const auto steps =
        closest.empty() ? policy.radii : std::ssize(found);  // a curve that has no more of them
    if (std::ssize(curve.epsilons) < std::clamp<std::ptrdiff_t>(steps, 1, policy.radii))
      return fail(evidence,
                  text("report accuracy at ", policy.radii, " radii or more: one number hides the rest"));
    if (curve.accuracies.back() > 0)
      return fail(evidence,
                  "go on to radii at which nothing withstands: a curve that stays up shows a weak attack");
    if (!closest.empty() && !curve.median_distance)
      return fail(evidence + ", without the median distance",
                  "of minimal attacks report the median distance: success without a limit is always 100 %");
    told += text(
        told.empty() ? "" : "; ", evidence,
        curve.median_distance ? text(", median distance ", brief(*curve.median_distance)) : std::string());
  }
  return pass(told);
}

/// C26: the same attacks break the model without its defence.
inline Finding twin_broken(const AuditFacts& facts, const AuditPolicy& policy) {
  std::string told;
  for (const Lp norm : norms_of(facts.twin)) {
    const Group all(facts.twin, norm, [](const Outcome&) { return true; });
    if (all.samples() == 0) continue;
    const auto epsilons = all.epsilons();
    const double radius = epsilons.empty() ? std::numeric_limits<double>::infinity() : epsilons.back();
    const Index fooled = all.fooled(radius);
    const std::string evidence =
        text("without its defence the model is fooled on ", of(fooled, all.samples()), " samples within ",
             norm.name(), " ", brief(radius));
    const auto standing = static_cast<double>(all.samples() - fooled);
    if (standing > at_least_one(1 - policy.twin_fooled, all.samples()) + 1e-9)
      return fail(
          evidence,
          "attacks that do not break an ordinary model say nothing of a defended one: make them stronger, or "
          "the largest radius larger");
    told += (told.empty() ? "" : "; ") + evidence;
  }
  if (told.empty()) return skip("the same attacks on the model without its defence");
  return pass(told);
}

/// C30: no adversarial lies where the model is proved not to err, or says that it does not.
inline Finding certificates_hold(const AuditFacts& facts, const AuditPolicy& policy) {
  std::string told;
  for (const Certificates& proved : facts.certificates) {
    const Group all(facts.outcomes, proved.norm, [](const Outcome&) { return true; });
    Index judged = 0, broken = 0;
    double worst = 0;
    for (std::size_t i = 0; i < std::min(all.size(), proved.radii.size()); ++i) {
      if (!(proved.radii[i] > 0) || !all.correct(i)) continue;
      ++judged;
      if (proved.radii[i] <= all.closest(i) * (1 + policy.distance_error)) continue;
      ++broken;
      worst = std::max(worst, proved.radii[i] / all.closest(i));
    }
    if (judged == 0) continue;
    const std::string evidence =
        text(of(broken, judged), " samples have an adversarial within ",
             proved.estimated ? "the lower bound that the model states" : "their certified radius", " in ",
             proved.norm.name());
    if (broken > 0)
      return fail(text(evidence, ", which is up to ", brief(worst), " times its distance"),
                  proved.estimated ? "one of the two is wrong, the bound or the adversarial: look at C2 "
                                     "first; a bound that rests on "
                                     "a search is too large where that ends too early"
                                   : "one of the two is wrong, the proof or the adversarial: look at C2 "
                                     "first, then at the proof's "
                                     "arithmetic and its norm");
    told += (told.empty() ? "" : "; ") + evidence;
  }
  if (told.empty()) return skip("certified radii in the norm of an attack");
  return pass(told);
}

}  // namespace audit_checks

}  // namespace foil
