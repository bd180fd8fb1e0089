// SPDX-License-Identifier: MIT
/// \file
/// What a run says of its model, at each radius of each norm: the verdict of its page.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/norms.hpp"
#include "foil/core/summary.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/binomial.hpp"
#include "foil/evaluation/curve.hpp"
#include "foil/evaluation/record.hpp"
#include "foil/evaluation/worst_of.hpp"
#include "foil/report/corruptions.hpp"
#include "foil/report/figures.hpp"
#include "foil/report/html/facts.hpp"
#include "foil/report/numbers.hpp"

namespace foil::report::html {

/// What all attacks together come to within a radius of a norm, or at the smallest distance.
struct Claim {
  Outcome outcome;
  std::size_t attacks = 1;  ///< that took part
  Figures figures{};
  std::string measure{};  ///< of the attack's own that the distances are, if it has one: "severity"

  /// "linf 0.1", "l2" of the smallest distance, or "severity".
  std::string place() const {
    if (!measure.empty()) return measure;
    return outcome.norm.name() + (outcome.epsilon ? " " + epsilon_text(outcome.epsilon) : "");
  }
};

/// An interval as tables tell it, in units of 1 / scale.
inline std::string interval_text(const Interval& interval, const char* format, double scale = 1) {
  const std::string low = formatted(format, scale * interval.low),
                    high = formatted(format, scale * interval.high);
  return low == high ? low : low + " to " + high;
}

/// The exact interval of a robust accuracy in percent; "-" while samples are undecided, whose share is a
/// range for another reason.
inline std::string robust_interval_text(const Figures& f) {
  return f.undecided > 0 || f.summary.finished() == 0
             ? "-"
             : interval_text(robust_accuracy_interval(f.summary), "%.1f", 100);
}

/// The claims of a run, in the order of its attacks.
inline std::vector<Claim> claims_of(const PageRun& run) {
  const std::vector<WorstOutcome> worst = worst_cases(run.outcomes);
  std::vector<Claim> out;
  for (const Outcome& outcome : run.outcomes) {
    const auto same = [&](const Outcome& other) {
      return other.norm == outcome.norm && other.epsilon == outcome.epsilon;
    };
    if (std::any_of(out.begin(), out.end(), [&](const Claim& claim) { return same(claim.outcome); }))
      continue;
    const auto found =
        std::find_if(worst.begin(), worst.end(), [&](const WorstOutcome& w) { return same(w.outcome); });
    Claim claim{found == worst.end() ? outcome : found->outcome};
    if (found != worst.end()) claim.attacks = found->members.size();
    if (claim.attacks == 1 && !outcome.epsilon && !outcome.parameters.empty()) {
      claim.outcome = by_own_measure(outcome);
      claim.measure = outcome.parameters.front();
    }
    claim.figures = figures_of(claim.outcome, run.samples);
    out.push_back(std::move(claim));
  }
  return out;
}

/// Whether half of the attacked are fooled within a radius of the same norm that is no larger than the median
/// distance of the attacks that look for the smallest.
inline bool reached_before(const Claim& smallest, const std::vector<Claim>& claims) {
  return std::any_of(claims.begin(), claims.end(), [&](const Claim& claim) {
    const Summary& s = claim.figures.summary;
    return claim.outcome.epsilon && claim.outcome.norm == smallest.outcome.norm && s.attacked > 0 &&
           2 * s.fooled >= s.attacked && *claim.outcome.epsilon <= smallest.figures.summary.median_distance;
  });
}

/// The verdict: what withstands, in one sentence, and what that is worth, in another.
inline std::vector<std::string> verdict_of(const PageRun& run, const std::vector<Claim>& claims) {
  constexpr std::size_t most = 6;
  std::string within, smallest;
  std::size_t told = 0;
  bool intervals = false;
  for (const Claim& claim : claims) {
    const Figures& f = claim.figures;
    if (f.summary.finished() == 0 || told == most) continue;
    ++told;
    if (claim.outcome.epsilon) {
      const std::string interval = robust_interval_text(f);
      within += (within.empty() ? "" : ", ") + f.robust + " within " + claim.place();
      if (interval == "-") continue;
      within += " (" + interval + ")";
      intervals = true;
    } else if (f.undecided > 0 || f.summary.attacked == 0 ||
               (claim.measure.empty() && reached_before(claim, claims))) {
      continue;  // no median, or others have said that it is closer
    } else if (std::isfinite(f.summary.median_distance)) {
      smallest += "; a change of " + claim.place() + " " + f.median + " fools half of the attacked";
    } else {
      smallest +=
          "; no more than half of the attacked are fooled in " + claim.place() + " at any distance found";
    }
  }
  if (told < claims.size() && told == most) smallest += "; the table has the other radii";
  std::string first;
  if (!within.empty())
    first = foil::text("Of ", run.samples, run.samples == 1 ? " sample" : " samples",
                       " at most these are robust: ", within,
                       intervals ? ", in brackets exact intervals of 95 %" : "", smallest, ".");
  else if (!smallest.empty())
    first = foil::text("Of ", run.samples, run.samples == 1 ? " sample: " : " samples: ", smallest.substr(2),
                       ".");
  else
    first = run.outcomes.empty() ? "No attack was run." : "No attack has come to a verdict about any sample.";
  if (run.corruptions) {
    const std::string corrupted = corruptions_sentence(*run.corruptions);
    first = run.outcomes.empty() ? corrupted + ' ' + first : first + ' ' + corrupted;
  }
  return {first,
          foil::text("Without an attack ", percent(share(run.accurate, run.examined)), " are right (",
                     run.accurate, " of ", run.examined, " rows)",
                     run.outcomes.empty()
                         ? "."
                         : "; an attack that nobody ran may find more, so that figures of robustness are "
                           "upper bounds.")};
}

/// What has to be known beside the verdict, a sentence each.
inline std::vector<std::string> caveats_of(const PageRun& run, const std::vector<Claim>& claims) {
  std::vector<std::string> out;
  if (!run.complete)
    out.push_back(
        "The run was cut short: where samples are left without a verdict, shares are ranges from none of "
        "them to all.");
  if (!run.warnings.empty())
    out.push_back(foil::text(run.warnings.size(),
                             run.warnings.size() == 1 ? " warning tells" : " warnings tell",
                             " above what makes the figures mean less."));
  std::string within, smallest, measured;
  const auto of_suite = [&](const Claim& claim) {
    for (std::size_t i = 0; i < run.outcomes.size(); ++i)
      if (run.outcomes[i].norm == claim.outcome.norm && run.outcomes[i].epsilon == claim.outcome.epsilon)
        return run.attacks[i].stages.size() > 1;
    return false;
  };
  for (const Claim& claim : claims)
    if (claim.attacks == 1 && !of_suite(claim)) {
      std::string& places = claim.outcome.epsilon ? within : claim.measure.empty() ? smallest : measured;
      places += (places.empty() ? "" : ", ") + claim.place();
    }
  if (!within.empty()) out.push_back("A single attack was run within " + within + ".");
  if (!smallest.empty())
    out.push_back("A single attack looked for the smallest distance in " + smallest + ".");
  if (!measured.empty()) out.push_back("A single attack looked for the smallest " + measured + ".");
  const bool gradients = std::any_of(run.attacks.begin(), run.attacks.end(), [](const PageAttack& attack) {
    return attack.knowledge == "gradients";
  });
  if (!gradients && !run.attacks.empty()) out.push_back("No attack used gradients.");
  out.insert(out.end(), run.caveats.begin(), run.caveats.end());
  if (run.audit)
    out.push_back("The " + run.audit->kind + " audit: " + run.audit->report.summary() +
                  "; a skipped check has not passed.");
  else
    out.push_back("Nothing has audited these figures.");
  return out;
}

}  // namespace foil::report::html
