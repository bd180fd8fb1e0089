// SPDX-License-Identifier: MIT
/// \file
/// The report of one evaluation or several: one page in one file, which needs nothing else and no network.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/parse.hpp"
#include "foil/evaluation/curve.hpp"
#include "foil/report/figures.hpp"
#include "foil/report/html/calls.hpp"
#include "foil/report/html/claims.hpp"
#include "foil/report/html/corruptions.hpp"
#include "foil/report/html/curves.hpp"
#include "foil/report/html/distances.hpp"
#include "foil/report/html/facts.hpp"
#include "foil/report/html/made_of.hpp"
#include "foil/report/html/markup.hpp"
#include "foil/report/html/sections.hpp"
#include "foil/report/html/style.hpp"
#include "foil/report/html/table.hpp"
#include "foil/report/html/tables.hpp"
#include "foil/report/numbers.hpp"

namespace foil::report {

namespace html {

/// Norms in the order in which outcomes have them.
inline std::vector<Lp> norms_of(const std::vector<Outcome>& outcomes) {
  std::vector<Lp> out;
  for (const Outcome& outcome : outcomes)
    if (std::find(out.begin(), out.end(), outcome.norm) == out.end()) out.push_back(outcome.norm);
  return out;
}

/// For each norm the curves of all attacks, and of the worst case. While samples are without a verdict, their
/// shares are ranges at every radius, which is no curve.
inline Markup curves_part(const PageRun& run) {
  std::vector<NamedCurve> all = curves(run.outcomes);
  Markup out;
  std::string left_out;
  std::erase_if(all, [&](const NamedCurve& named) {
    const bool whole =
        !named.curve.points.empty() && named.curve.points.front().summary.finished() == run.samples;
    if (!whole) left_out += (left_out.empty() ? "" : ", ") + named.name + " in " + named.norm.name();
    return !whole;
  });
  if (!left_out.empty()) out("<p>Not drawn, as samples are without a verdict: ", left_out, ".</p>\n");
  out("<div class=\"charts\">\n");
  for (const Lp& norm : norms_of(run.outcomes)) {
    std::vector<CurveLine> lines;
    for (const NamedCurve& named : all)
      if (named.norm == norm)
        lines.push_back({named.name, named.curve, named.name == "worst case", named.name == "worst case"});
    if (lines.empty()) continue;
    if (lines.size() == 1) lines[0].strong = lines[0].interval = true;
    out(curve_chart("Robust accuracy within " + norm.name(), norm, lines));
  }
  return out("</div>\n");
}

/// For each norm the distances of all attacks.
inline Markup distances_part(const PageRun& run) {
  Markup out("<div class=\"charts\">\n");
  for (const Lp& norm : norms_of(run.outcomes)) {
    std::vector<DistanceRow> rows;
    for (const Outcome& outcome : run.outcomes)
      if (outcome.norm == norm) {
        rows.push_back(distances_of(outcome));
        if (rows.back().summary.finished() < run.samples)  // nobody knows where it is
          rows.back().summary.median_distance = std::numeric_limits<double>::infinity();
      }
    out(distance_chart("Distances in " + norm.name(), norm, rows));
  }
  return out("</div>\n");
}

/// Calls of all attacks.
inline Markup calls_part(const PageRun& run) {
  std::vector<CallsRow> rows;
  for (const Outcome& outcome : run.outcomes)
    rows.push_back({outcome.title(), figures_of(outcome, run.samples)});
  return Markup("<div class=\"charts\">\n", calls_chart("Model calls per sample", rows), "</div>\n");
}

/// All of a run below its heading.
/// \param place  what the names of its parts begin with
inline Markup run_part(const PageRun& run, const std::string& place) {
  const std::vector<Claim> claims = claims_of(run);
  const std::vector<std::string> sentences = verdict_of(run, claims);
  Markup out(warnings_part(run), "<p class=\"verdict-text\">", sentences[0], " ", sentences[1],
             "</p>\n<div class=\"caveats\">", list_of(caveats_of(run, claims)), "</div>\n");
  const auto part = [&](const char* name, const char* title, const Markup& content) {
    out("<section id=\"", place, name, "\"><h3>", title, "</h3>\n", content, "</section>\n");
  };
  if (!run.outcomes.empty()) {
    part("figures", "Figures", figures_table(run));
    part("curves", "Robust accuracy against epsilon", curves_part(run));
    part("distances", "How far the adversarials are", distances_part(run));
    if (tells_made_of(run)) part("made-of", "What the adversarials are made of", made_of_part(run));
    part("pictures", "The closest and the farthest adversarials", pictures_part(run));
    part("ends", "How the samples ended", Markup(ends_table(run), stages_table(run)));
    part("classes", "Class by class", classes_table(run, claims));
    part("worst", "Worst case by attack", winners_table(run));
    part("calls", "What it cost", calls_part(run));
  }
  if (run.corruptions) part("corruptions", "Common corruptions", corruptions_part(*run.corruptions));
  if (run.audit)
    part("audit", "Audit", audit_part(*run.audit));
  else
    part("audit", "Audit", Markup("<p>None was made.</p>\n"));
  part("settings", "How to repeat it", settings_part(run));
  return out;
}

/// Links to the parts of a run.
inline Markup links(const PageRun& run) {
  Markup out;
  const auto link = [&](const char* name, const char* title) {
    out("<a href=\"#", name, "\">", title, "</a> ");
  };
  if (!run.outcomes.empty()) {
    link("figures", "Figures");
    link("curves", "Curves");
    link("distances", "Distances");
    if (tells_made_of(run)) link("made-of", "Made of");
    link("pictures", "Pictures");
    link("ends", "Ends");
    link("classes", "Classes");
    link("worst", "Worst case");
    link("calls", "Calls");
  }
  if (run.corruptions) link("corruptions", "Corruptions");
  link("audit", "Audit");
  link("settings", "Settings");
  return out;
}

/// What a run is of, in a line.
inline std::string what_of(const PageRun& run) {
  return foil::text(run.samples, run.samples == 1 ? " sample" : " samples", ", clean accuracy ",
                    percent(share(run.accurate, run.examined)), " (", run.accurate, " of ", run.examined,
                    " rows)", run.complete ? "" : ", cut short");
}

/// Runs side by side: the table, and for each norm the curves of all.
inline Markup comparison_part(const Page& page) {
  const PageComparison& found = *page.comparison;
  std::vector<Column> columns;
  std::vector<Row> rows;
  for (const std::string& name : found.rows.front())
    columns.push_back({name, columns.size() != 0 && columns.size() != 1});
  for (std::size_t r = 1; r < found.rows.size(); ++r) {
    Row row;
    for (const std::string& cell : found.rows[r]) {
      const auto number = parse_real(cell.substr(0, cell.find_first_of(" %:")));
      if (number)
        row.cells.emplace_back(cell, *number);
      else
        row.cells.emplace_back(cell);
    }
    rows.push_back(std::move(row));
  }
  Markup out("<p>Over the ", found.samples,
             " rows that all have; difference, lost:won, p, closer and ratio are against 1.</p>\n<ol>");
  for (const PageRun& run : page.runs) out("<li>", run.model, " (", run.source, "): ", what_of(run), "</li>");
  out("</ol>\n", table("Attack by attack", columns, rows), list_of(found.notes), "<div class=\"charts\">\n");
  for (const Lp& norm : norms_of(found.outcomes.front())) {
    std::vector<CurveLine> lines;
    for (std::size_t r = 0; r < page.runs.size(); ++r) {
      const std::vector<NamedCurve> all = curves(found.outcomes[r]);
      const auto last =
          std::find_if(all.rbegin(), all.rend(), [&](const NamedCurve& named) { return named.norm == norm; });
      if (last != all.rend())
        lines.push_back({foil::text(r + 1, ": ", page.runs[r].model, ", ", last->name), last->curve, false,
                         page.runs.size() < 4});
    }
    out(curve_chart("Robust accuracy within " + norm.name() + ", attacks and rows that all have", norm,
                    lines));
  }
  return out("</div>\n");
}

}  // namespace html

/// The page as the content of an HTML file. Whatever texts from outside it has are text there; images are in
/// it, and it asks for nothing. Numbers are those of foil's tables to the letter.
/// \throws Error if there is no run, or facts of other than all its outcomes
inline std::string html_page(const Page& page) {
  require(!page.runs.empty(), "report: expected at least one run");
  for (const PageRun& run : page.runs)
    require(run.attacks.size() == run.outcomes.size(), "report: expected facts of each of the ",
            run.outcomes.size(), " outcomes, got ", run.attacks.size());
  const PageRun& first = page.runs.front();
  const bool several = page.runs.size() > 1;
  std::string title = first.model;
  for (std::size_t r = 1; r < page.runs.size(); ++r) title += ", " + page.runs[r].model;
  html::Markup out(
      "<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
      "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n<title>",
      title, ": how robust it is</title>\n", html::style(), "</head>\n<body>\n<header><h1>", title,
      "</h1>\n<p class=\"what\">");
  if (several)
    out(page.runs.size(), " runs side by side");
  else
    out(html::what_of(first));
  out("</p></header>\n");
  if (several) {
    out("<nav aria-label=\"Runs\"><a href=\"#comparison\">Comparison</a> ");
    for (std::size_t r = 0; r < page.runs.size(); ++r)
      out("<a href=\"#run", r + 1, "\">", r + 1, ": ", page.runs[r].model, "</a> ");
    out("</nav>\n<main>\n");
    if (page.comparison)
      out("<section id=\"comparison\"><h2>Comparison</h2>\n", html::comparison_part(page), "</section>\n");
    for (std::size_t r = 0; r < page.runs.size(); ++r) {
      const std::string place = foil::text("run", r + 1);
      out("<section id=\"", place, "\"><h2>", r + 1, ": ", page.runs[r].model, "</h2>\n<p class=\"what\">",
          html::what_of(page.runs[r]), "</p>\n", html::run_part(page.runs[r], place + "-"), "</section>\n");
    }
  } else {
    out("<nav aria-label=\"Parts\">", html::links(first), "</nav>\n<main>\n", html::run_part(first, ""));
  }
  out("</main>\n<footer>Written by foil. Shares are of samples, calls are means per sample, intervals are "
      "exact "
      "(Clopper and Pearson, 95 %).</footer>\n",
      html::script(), "</body></html>\n");
  return std::string(html::page_head) + out.str();
}

}  // namespace foil::report
