// SPDX-License-Identifier: MIT
/// \file
/// The checks in their order.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "foil/core/error.hpp"
#include "foil/evaluation/audit/answers.hpp"
#include "foil/evaluation/audit/chance.hpp"
#include "foil/evaluation/audit/check.hpp"
#include "foil/evaluation/audit/comparison.hpp"
#include "foil/evaluation/audit/convergence.hpp"
#include "foil/evaluation/audit/coverage.hpp"
#include "foil/evaluation/audit/defences.hpp"
#include "foil/evaluation/audit/facts.hpp"
#include "foil/evaluation/audit/policy.hpp"
#include "foil/evaluation/audit/provenance.hpp"
#include "foil/evaluation/audit/success.hpp"
#include "foil/evaluation/audit/threats.hpp"

namespace foil {

/// A check that can be made.
struct AuditEntry {
  std::string_view id, title;
  Finding (*judge)(const AuditFacts&, const AuditPolicy&);
};

/// All of them, C1 to C32; each may be called alone.
inline constexpr std::array audit_list{
    AuditEntry{"C1", "clean accuracy as claimed", audit_checks::clean_accuracy},
    AuditEntry{"C2", "adversarials confirmed", audit_checks::adversarials_valid},
    AuditEntry{"C3", "answers repeat", audit_checks::answers_repeat},
    AuditEntry{"C4", "gradients correct", audit_checks::gradients_correct},
    AuditEntry{"C5", "gradients usable", audit_checks::gradients_usable},
    AuditEntry{"C6", "iterative beats single-step", audit_checks::iterative_beats_single},
    AuditEntry{"C7", "success grows with the radius", audit_checks::success_grows},
    AuditEntry{"C8", "unbounded attacks succeed", audit_checks::unbounded_succeeds},
    AuditEntry{"C9", "high distortion leaves chance", audit_checks::distortion_gives_chance},
    AuditEntry{"C10", "no farther than another class", audit_checks::distance_has_ceiling},
    AuditEntry{"C11", "steps converged", audit_checks::steps_converged},
    AuditEntry{"C12", "restarts converged", audit_checks::restarts_converged},
    AuditEntry{"C13", "step length chosen", audit_checks::step_size_chosen},
    AuditEntry{"C14", "loss rises", audit_checks::loss_rises},
    AuditEntry{"C15", "gradients pay", audit_checks::gradients_pay},
    AuditEntry{"C16", "transfer is behind", audit_checks::transfer_is_behind},
    AuditEntry{"C17", "random changes find nothing", audit_checks::noise_finds_nothing},
    AuditEntry{"C18", "brute force is behind", audit_checks::brute_force_behind},
    AuditEntry{"C19", "attackers of every kind", audit_checks::attackers_of_every_kind},
    AuditEntry{"C20", "attacks differ", audit_checks::attacks_differ},
    AuditEntry{"C21", "targets add little", audit_checks::targets_add_little},
    AuditEntry{"C22", "worst case reported", audit_checks::worst_case_reported},
    AuditEntry{"C23", "curve complete", audit_checks::curve_complete},
    AuditEntry{"C24", "randomness attacked", audit_checks::randomness_attacked},
    AuditEntry{"C25", "preprocessing attacked", audit_checks::preprocessing_attacked},
    AuditEntry{"C26", "undefended twin broken", audit_checks::twin_broken},
    AuditEntry{"C27", "planted defences broken", audit_checks::planted_broken},
    AuditEntry{"C28", "other threats tried", audit_checks::threats_tried},
    AuditEntry{"C29", "abstaining judged", audit_checks::abstaining_judged},
    AuditEntry{"C30", "certificates hold", audit_checks::certificates_hold},
    AuditEntry{"C31", "results reproducible", audit_checks::reproducible},
    AuditEntry{"C32", "norms kept apart", audit_checks::norms_apart},
};

/// A check, judged. Where it lacks what could not be measured, it says why that is so; likewise what is left
/// out of what it judges.
inline Check judge(const AuditEntry& entry, const AuditFacts& facts, const AuditPolicy& policy) {
  Check check{std::string(entry.id), std::string(entry.title), entry.judge(facts, policy)};
  const bool skipped = check.verdict() == Verdict::skip;
  for (const Omission& omission : facts.omitted)
    if (text(omission.checks, ',').find(text(entry.id, ',')) != std::string::npos)
      check.finding.evidence += skipped ? text(" (", omission.why, ')') : text("; left out: ", omission.why);
  return check;
}

/// The check of that id, judged. Throws for an id that there is none of.
inline Check check(std::string_view id, const AuditFacts& facts, const AuditPolicy& policy = {}) {
  for (const AuditEntry& entry : audit_list)
    if (entry.id == id) return judge(entry, facts, policy);
  throw Error(text("audit: there is no check '", id, "'"));
}

/// All checks of what is known; see foil::audit() to have it measured.
inline AuditReport judge(const AuditFacts& facts, const AuditPolicy& policy = {}) {
  checked("audit", policy);
  AuditReport report;
  for (const AuditEntry& entry : audit_list) report.checks.push_back(judge(entry, facts, policy));
  return report;
}

}  // namespace foil
