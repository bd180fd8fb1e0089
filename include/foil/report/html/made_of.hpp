// SPDX-License-Identifier: MIT
/// \file
/// What the adversarials of an attack are made of, where that is a few numbers, and how robust a model is in
/// the attack's own measure, the first of them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "foil/core/status.hpp"
#include "foil/core/summary.hpp"
#include "foil/evaluation/curve.hpp"
#include "foil/evaluation/record.hpp"
#include "foil/report/figures.hpp"
#include "foil/report/html/claims.hpp"
#include "foil/report/html/curves.hpp"
#include "foil/report/html/facts.hpp"
#include "foil/report/html/markup.hpp"
#include "foil/report/html/table.hpp"
#include "foil/report/html/tables.hpp"
#include "foil/report/numbers.hpp"

namespace foil::report::html {

/// Whether any attack says what its adversarials are made of.
inline bool tells_made_of(const PageRun& run) {
  return std::any_of(run.outcomes.begin(), run.outcomes.end(),
                     [](const Outcome& outcome) { return !outcome.parameters.empty(); });
}

/// Sample by sample, those of the smallest measure first, and of a long list no more. Samples that were wrong
/// before are left out, as from all figures: within a margin an attack looks at them nevertheless.
inline Markup made_of_table(const PageRun& run, const Outcome& outcome) {
  constexpr std::size_t most = 500;
  std::vector<std::size_t> fooled;
  for (std::size_t i = 0; i < outcome.records.size(); ++i)
    if (outcome.records[i].correct && !outcome.records[i].parameters.empty()) fooled.push_back(i);
  const auto measure = [&](std::size_t i) { return outcome.records[i].parameters.front(); };
  std::stable_sort(fooled.begin(), fooled.end(),
                   [&](std::size_t a, std::size_t b) { return measure(a) < measure(b); });
  std::string caption = foil::text("What each adversarial is made of, by ", outcome.parameters.front(),
                                   "; in the units of the attack's options");
  if (fooled.size() > most) {
    caption += foil::text("; the first ", most, " of ", fooled.size(), ", results.json has all");
    fooled.resize(most);
  }
  std::vector<Column> columns{{"row"}, {"label"}, {"taken for"}};
  for (const std::string& name : outcome.parameters) columns.push_back({name});
  std::vector<Row> rows;
  for (const std::size_t i : fooled) {
    const Record& r = outcome.records[i];
    Row& row = rows.emplace_back(Row{{count_cell(r.id)}});
    row.cells.push_back(i < run.labels.size() ? count_cell(run.labels[i]) : Cell(std::string("-")));
    row.cells.push_back(count_cell(r.predicted));
    for (const double value : r.parameters) row.cells.emplace_back(formatted("%.4g", value), value);
  }
  return table(caption, columns, rows);
}

/// Of every such attack the median, robust accuracy against the measure, and the table. There is no median
/// and no curve while samples are without a verdict.
inline Markup made_of_part(const PageRun& run) {
  Markup out;
  for (const Outcome& outcome : run.outcomes) {
    if (outcome.parameters.empty()) continue;
    const std::string& measure = outcome.parameters.front();
    const Outcome measured = by_own_measure(outcome);
    const Figures f = figures_of(measured, run.samples);
    out("<h4>", outcome.title(), "</h4>\n<p>");
    if (f.undecided > 0) {
      out("There is no median ", measure, ": samples are without a verdict.</p>\n");
    } else {
      const Curve curve = curve_of(measured);
      out("Median ", measure, " ", f.median, " (", interval_text(curve.median_interval(), "%.4g"),
          "), failures being infinite.</p>\n<div class=\"charts\">\n",
          curve_chart("Robust accuracy within a " + measure + ": " + outcome.title(), measure, measure,
                      {{outcome.attack, curve, true, true}}),
          "</div>\n");
    }
    out(made_of_table(run, outcome));
  }
  return out;
}

}  // namespace foil::report::html
