// SPDX-License-Identifier: MIT
/// \file
/// The parts of a run's page that are neither charts nor tables of figures.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/evaluation/audit/check.hpp"
#include "foil/evaluation/record.hpp"
#include "foil/report/figures.hpp"
#include "foil/report/html/facts.hpp"
#include "foil/report/html/markup.hpp"
#include "foil/report/html/table.hpp"
#include "foil/report/numbers.hpp"

namespace foil::report::html {

/// A list of sentences; nothing where there are none.
inline Markup list_of(const std::vector<std::string>& sentences) {
  if (sentences.empty()) return {};
  Markup out("<ul>");
  for (const std::string& sentence : sentences) out("<li>", sentence, "</li>");
  return out("</ul>\n");
}

/// Names with a comma between.
inline std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

/// What makes the figures mean less, failed and doubtful checks of the audit among it.
inline Markup warnings_part(const PageRun& run) {
  Markup out;
  for (const Warning& warning : run.warnings) {
    out("<li><b class=\"code\">", warning.code, "</b> ", warning.message);
    if (!warning.attacks.empty()) out(" <span class=\"of\">", joined(warning.attacks), "</span>");
    out("</li>\n");
  }
  if (run.audit)
    for (const Check& check : run.audit->report.checks)
      if (check.verdict() == Verdict::fail || check.verdict() == Verdict::warn)
        out("<li><b class=\"code\">", check.id, " ", to_string(check.verdict()), "</b> ", check.title, ": ",
            check.finding.evidence, "</li>\n");
  if (out.empty()) return Markup("<p class=\"fine\">No warnings.</p>\n");
  return Markup("<div class=\"warnings\" role=\"note\"><h3>Warnings</h3><ul>", out, "</ul></div>\n");
}

/// The checks, those that failed first, with their evidence.
inline Markup audit_part(const PageAudit& audit) {
  std::vector<Row> rows;
  for (const Verdict verdict : {Verdict::fail, Verdict::warn, Verdict::pass, Verdict::skip})
    for (std::size_t c = 0; c < audit.report.checks.size(); ++c) {
      const Check& check = audit.report.checks[c];
      if (check.verdict() != verdict) continue;
      const std::string word(to_string(verdict));
      Markup evidence(check.finding.evidence, "");
      if (!check.finding.remedy.empty()) evidence("<p class=\"remedy\">", check.finding.remedy, "</p>");
      rows.push_back({{Cell(check.id, static_cast<double>(c)),
                       Cell(Markup("<b class=\"verdict ", word, "\">", word, "</b>")), Cell(check.title),
                       Cell(evidence)}});
    }
  Markup out("<p>", audit_preface, " ", audit.report.summary(), ".</p>\n");
  out(table("Every check of the " + audit.kind + " audit",
            {{"check", false}, {"verdict", false}, {"asks", false}, {"evidence", false}}, rows));
  out("<details><summary>What no program can tell, for the authors of an evaluation to answer</summary><ul>");
  for (const std::string_view question : audit_questions) out("<li>", question, "</li>");
  return out("</ul></details>\n");
}

/// The closest and the farthest adversarial of every attack.
inline Markup pictures_part(const PageRun& run) {
  Markup out;
  for (std::size_t i = 0; i < run.outcomes.size(); ++i) {
    if (run.attacks[i].pictures.empty()) continue;
    const std::string norm = run.outcomes[i].norm.name();
    out("<section class=\"card\"><h4>", run.outcomes[i].title(), "</h4>\n");
    for (const PagePicture& picture : run.attacks[i].pictures) {
      const std::string taken = foil::text(picture.label, " \u2192 ", picture.predicted);
      const std::string distance = norm + " " + formatted("%.4g", picture.distance);
      const auto image = [&](const std::string& content, const std::string& what) {
        out("<figure><img src=\"data:image/png;base64,", content, "\" alt=\"", picture.which, ", ", what,
            ", ", taken, ", ", distance, "\"><figcaption>", what, "</figcaption></figure>");
      };
      out("<div class=\"three\">");
      image(picture.clean, "clean");
      image(picture.adversarial, "adversarial");
      image(picture.change, foil::text("change \u00d7", picture.times));
      out("</div><p>", picture.which, ": ", taken, ", ", distance, ", row ", picture.row);
      for (const Record& record : run.outcomes[i].records)
        if (record.id == picture.row && !record.parameters.empty())
          out(": ", made_of_text(run.outcomes[i], record));
      out("</p>\n");
    }
    out("</section>\n");
  }
  if (out.empty()) return Markup("<p>These results hold no pictures.</p>\n");
  return Markup("<div class=\"cards\">", out, "</div>\n");
}

/// The lines of a command that repeats what is shown.
inline Markup command_part(const std::vector<std::string>& command) {
  if (command.empty()) return Markup("<p>These results do not say which command they come from.</p>\n");
  Markup out("<p>The command that repeats the run:</p>\n<pre tabindex=\"0\">");
  for (const std::string& line : command) {
    if (&line != &command.front()) out(" \\\n");
    out(line);
  }
  return out("</pre>\n");
}

inline Markup settings_table(const std::vector<std::pair<std::string, std::string>>& settings) {
  std::vector<Row> rows;
  for (const auto& [name, value] : settings) rows.push_back({{Cell(name), Cell(value)}});
  return table("Everything else that the figures depend on", {{"setting", false}, {"value", false}}, rows);
}

/// How the run was asked for, and how it is repeated.
inline Markup settings_part(const PageRun& run) {
  Markup out = command_part(run.command);
  if (!run.notes.empty()) out("<p>What was done to network and data:</p>\n", list_of(run.notes));
  std::vector<Row> options;
  for (std::size_t i = 0; i < run.outcomes.size(); ++i) {
    std::string all;
    for (const auto& [name, value] : run.attacks[i].options)
      all += (all.empty() ? "" : ", ") + name + "=" + value;
    options.push_back({{Cell(run.outcomes[i].title()), Cell(run.attacks[i].knowledge), Cell(all)}});
  }
  if (!options.empty())
    out(table("Every option of every attack", {{"attack", false}, {"knows", false}, {"options", false}},
              options));
  return out(settings_table(run.settings));
}

}  // namespace foil::report::html
