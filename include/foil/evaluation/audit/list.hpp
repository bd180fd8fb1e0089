// SPDX-License-Identifier: MIT
/// \file
/// The checks in their order.
#pragma once

#include <array>
#include <string_view>

#include "foil/core/error.hpp"
#include "foil/evaluation/audit/check.hpp"
#include "foil/evaluation/audit/facts.hpp"
#include "foil/evaluation/audit/policy.hpp"
#include "foil/evaluation/audit/success.hpp"

namespace foil {

/// A check that can be made.
struct AuditEntry {
  std::string_view id, title;
  Finding (*judge)(const AuditFacts&, const AuditPolicy&);
};

/// All of them, C1 to C32; each may be called alone.
inline constexpr std::array<AuditEntry, 1> audit_list{{
    {"C7", "success grows with the radius", audit_checks::success_grows},
}};

/// The check of that id, judged. Throws for an id that there is none of.
inline Check check(std::string_view id, const AuditFacts& facts, const AuditPolicy& policy = {}) {
  for (const AuditEntry& entry : audit_list)
    if (entry.id == id) return {std::string(id), std::string(entry.title), entry.judge(facts, policy)};
  throw Error(text("audit: there is no check '", id, "'"));
}

/// All checks of what is known; see foil::audit() to have it measured.
inline AuditReport judge(const AuditFacts& facts, const AuditPolicy& policy = {}) {
  AuditReport report;
  for (const AuditEntry& entry : audit_list)
    report.checks.push_back(
        {std::string(entry.id), std::string(entry.title), entry.judge(facts, checked("audit", policy))});
  return report;
}

}  // namespace foil
