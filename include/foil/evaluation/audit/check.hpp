// SPDX-License-Identifier: MIT
/// \file
/// What an audit says: one verdict for each check, with what it rests on and what to do about it.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// How a check ended. A check that was skipped has not passed.
enum class Verdict { pass, warn, fail, skip };

constexpr std::string_view to_string(Verdict verdict) {
  constexpr std::array<std::string_view, 4> names{"PASS", "WARN", "FAIL", "SKIP"};
  return names[static_cast<std::size_t>(verdict)];
}

/// What a check found.
struct Finding {
  Verdict verdict = Verdict::skip;
  std::string evidence;  ///< one line with the numbers; of a skipped check, what it lacks
  std::string remedy{};  ///< one line: what to do; empty where nothing is to be done
};

namespace audit_checks {

inline Finding pass(std::string evidence) {
  return {Verdict::pass, std::move(evidence), {}};
}
inline Finding warn(std::string evidence, std::string remedy) {
  return {Verdict::warn, std::move(evidence), std::move(remedy)};
}
inline Finding fail(std::string evidence, std::string remedy) {
  return {Verdict::fail, std::move(evidence), std::move(remedy)};
}
/// `needs` completes the sentence "this check needs ...".
inline Finding skip(std::string_view needs) {
  return {Verdict::skip, text("needs ", needs), {}};
}

}  // namespace audit_checks

/// One check of an audit, judged.
struct Check {
  std::string id;     ///< "C5"
  std::string title;  ///< what it asks, in a few words
  Finding finding{};
  Verdict verdict() const { return finding.verdict; }
};

/// What has to stand above every report.
inline constexpr std::string_view audit_preface =
    "Passing these checks proves nothing: they find mistakes in an evaluation, not the attack that nobody "
    "tried.";

/// What no program can tell, for the authors of an evaluation to answer in words.
inline constexpr std::array<std::string_view, 7> audit_questions{
    "Is the threat model stated and justified: who attacks, to what end, within which changes?",
    "What does the attacker know and what can it ask, and would a real one know less?",
    "Were the attacks adapted to this defence from end to end, the loss that they ascend included?",
    "How does the model compare with earlier defences, and with those that have been broken since?",
    "Are the code, the weights and the settings public, so that others can attack the same model?",
    "Is each part of the defence shown to be needed, by leaving it out?",
    "Does the claim hold on other data than images, or is it limited to them?"};

/// All checks in their order.
struct AuditReport {
  std::vector<Check> checks{};

  Index count(Verdict verdict) const {
    return std::count_if(checks.begin(), checks.end(),
                         [&](const Check& check) { return check.verdict() == verdict; });
  }
  /// Throws for an id that there is none of.
  const Check& operator[](std::string_view id) const {
    for (const Check& check : checks)
      if (check.id == id) return check;
    throw Error(text("audit: there is no check '", id, "'"));
  }
  /// "20 PASS, 2 WARN, 0 FAIL, 10 SKIP".
  std::string summary() const {
    std::string line;
    for (const Verdict verdict : {Verdict::pass, Verdict::warn, Verdict::fail, Verdict::skip})
      line += text(line.empty() ? "" : ", ", count(verdict), ' ', to_string(verdict));
    return line;
  }
  /// The report for people: preface, one line for each check with its remedy below, the questions.
  std::string lines() const {
    std::size_t width = 0;
    for (const Check& check : checks) width = std::max(width, check.title.size());
    std::string out = text(audit_preface, '\n', summary(), "\n\n");
    for (const Check& check : checks) {
      const std::string indent(3 - std::min<std::size_t>(3, check.id.size()), ' ');
      const std::string gap(width - check.title.size(), ' ');
      out += text(check.id, indent, "  ", to_string(check.verdict()), "  ", check.title, gap, "  ",
                  check.finding.evidence, '\n');
      if (!check.finding.remedy.empty()) out += text("           -> ", check.finding.remedy, '\n');
    }
    out += "\nTo be answered in words:\n";
    for (const std::string_view question : audit_questions) out += text("  - ", question, '\n');
    return out;
  }
};

}  // namespace foil
