// SPDX-License-Identifier: MIT
/// \file
/// The tables of a run: figures, classes, and who won the worst cases.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/summary.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/curve.hpp"
#include "foil/evaluation/record.hpp"
#include "foil/evaluation/worst_of.hpp"
#include "foil/report/figures.hpp"
#include "foil/report/html/claims.hpp"
#include "foil/report/html/facts.hpp"
#include "foil/report/html/markup.hpp"
#include "foil/report/html/table.hpp"
#include "foil/report/numbers.hpp"

namespace foil::report::html {

/// A whole number as a cell.
inline Cell count_cell(Index count) {
  return {std::to_string(count), static_cast<double>(count)};
}

/// A name as a cell, in one line if it is not too long.
inline Cell name_cell(const std::string& name) {
  return name.size() > 40 ? Cell(name) : Cell(Markup("<span class=\"whole\">", name, "</span>"));
}

/// The figures of every attack and worst case, as foil-evaluate prints them, with exact intervals.
inline Markup figures_table(const PageRun& run) {
  std::vector<Row> rows;
  const auto add = [&](const Outcome& outcome, const std::string& name, bool strong) {
    const Figures f = figures_of(outcome, run.samples);
    const Summary& s = f.summary;
    rows.push_back({{name_cell(name),
                     {outcome.norm.name()},
                     {epsilon_text(outcome.epsilon), outcome.epsilon.value_or(std::nan(""))},
                     {f.success, s.success_rate()},
                     {f.robust, s.robust_accuracy()},
                     {robust_interval_text(f), robust_accuracy_interval(s).low},
                     {f.median, s.median_distance},
                     {f.undecided > 0 ? "-" : interval_text(curve_of(outcome).median_interval(), "%.4g"),
                      curve_of(outcome).median_interval().low},
                     {f.forward, f.forward_calls},
                     {f.backward, f.backward_calls},
                     {f.seconds, outcome.seconds}},
                    strong});
  };
  for (std::size_t i = 0; i < run.outcomes.size(); ++i) {
    const std::string& settings = run.attacks[i].settings;
    add(run.outcomes[i], run.outcomes[i].attack + (settings.empty() ? "" : ":" + settings), false);
  }
  for (const WorstOutcome& worst : worst_cases(run.outcomes))
    add(worst.outcome, foil::text("worst case of ", worst.members.size()), true);
  return table("Every attack; the worst case takes each sample's closest adversarial",
               {{"attack", false},
                {"norm", false},
                {"epsilon"},
                {"success"},
                {"robust acc."},
                {"95 %"},
                {"median dist."},
                {"95 %"},
                {"forward"},
                {"backward"},
                {"seconds"}},
               rows);
}

/// How the samples of every attack ended, in the words of foil::Summary; what nothing came to is left out.
inline Markup ends_table(const PageRun& run) {
  constexpr std::pair<const char*, Index Summary::*> bins[] = {
      {"fooled", &Summary::fooled},        {"robust", &Summary::robust},
      {"wrong before", &Summary::wrong},   {"invalid", &Summary::invalid},
      {"NaN", &Summary::non_finite},       {"no start", &Summary::no_start},
      {"unconfirmed", &Summary::unstable}, {"cut short", &Summary::cut_short}};
  constexpr std::size_t always = 3;
  std::vector<Figures> figures;
  for (const Outcome& outcome : run.outcomes) figures.push_back(figures_of(outcome, run.samples));
  std::vector<Column> columns{{"attack", false}};
  std::vector<Row> rows;
  for (const Outcome& outcome : run.outcomes) rows.push_back({{name_cell(outcome.title())}});
  const auto add = [&](const char* name, auto count_of, bool needed) {
    if (!needed &&
        std::none_of(figures.begin(), figures.end(), [&](const Figures& f) { return count_of(f) > 0; }))
      return;
    columns.push_back({name});
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i].cells.push_back(count_cell(count_of(figures[i])));
  };
  for (std::size_t b = 0; b < std::size(bins); ++b)
    add(bins[b].first, [&](const Figures& f) { return f.summary.*bins[b].second; }, b < always);
  add("unfinished", [](const Figures& f) { return f.undecided; }, false);
  return table("Samples of every attack by how they ended; the unfinished are in no share", columns, rows);
}

/// The stages of all suites; nothing if there are none.
inline Markup stages_table(const PageRun& run) {
  std::vector<Row> rows;
  for (std::size_t i = 0; i < run.outcomes.size(); ++i)
    for (const StageOutcome& stage : run.attacks[i].stages) {
      const double forward = share(stage.queries, stage.attacked),
                   backward = share(stage.gradient_queries, stage.attacked);
      rows.push_back({{name_cell(run.outcomes[i].title()), name_cell(stage.name), count_cell(stage.attacked),
                       count_cell(stage.fooled), Cell(formatted("%.1f", forward), forward),
                       Cell(formatted("%.1f", backward), backward)}});
    }
  if (rows.empty()) return {};
  return table("Suites stage by stage, each on what the ones before left; calls are means over the attacked",
               {{"suite", false}, {"stage", false}, {"attacked"}, {"fooled"}, {"forward"}, {"backward"}},
               rows);
}

/// Class by class: samples, how many are right, what withstands in each claim, and what its samples are taken
/// for most often.
inline Markup classes_table(const PageRun& run, const std::vector<Claim>& claims) {
  struct OfClass {
    Index samples = 0, right = 0, unseen = 0;  ///< unseen: no attack has come to them
    std::vector<Tally> tallies;
    std::map<int, Index> taken_for{};
  };
  std::map<int, OfClass> classes;
  for (std::size_t i = 0; i < run.labels.size(); ++i) {
    OfClass& of = classes[run.labels[i]];
    of.tallies.resize(claims.size());
    ++of.samples;
    of.unseen += std::none_of(run.outcomes.begin(), run.outcomes.end(),
                              [&](const Outcome& outcome) { return i < outcome.records.size(); });
    of.right += std::any_of(run.outcomes.begin(), run.outcomes.end(), [&](const Outcome& outcome) {
      return i < outcome.records.size() && outcome.records[i].correct;
    });
  }
  for (std::size_t c = 0; c < claims.size(); ++c) {
    const std::vector<Record>& records = claims[c].outcome.records;
    for (std::size_t i = 0; i < records.size() && i < run.labels.size(); ++i) {
      OfClass& of = classes[run.labels[i]];
      const Record& r = records[i];
      of.tallies[c].add(r.status, r.success, r.distance, r.correct, r.bad_rows == 0);
      if (r.success && r.correct && r.status != Status::already_adversarial && r.predicted >= 0)
        ++of.taken_for[r.predicted];
    }
  }
  std::vector<Column> columns{{"class"}, {"samples"}, {"right"}};
  for (const Claim& claim : claims)
    columns.push_back(
        {claim.outcome.epsilon ? "robust, " + claim.place() : "median of the smallest, " + claim.place()});
  columns.push_back({"most often taken for", false});
  std::vector<Row> rows;
  for (const auto& [label, of] : classes) {
    Row row{{count_cell(label), count_cell(of.samples), count_cell(of.right)}};
    if (of.unseen > 0) row.cells.back() = Cell(foil::text(of.right, " to ", of.right + of.unseen));
    for (std::size_t c = 0; c < claims.size(); ++c) {
      const Summary s = of.tallies[c].summary();
      const Index undecided = of.samples - s.finished();
      if (claims[c].outcome.epsilon)
        row.cells.emplace_back(percent_between(s.robust, s.finished(), undecided), s.robust_accuracy());
      else if (undecided > 0)
        row.cells.emplace_back("-");
      else
        row.cells.emplace_back(formatted("%.4g", s.median_distance), s.median_distance);
    }
    const auto most = std::max_element(of.taken_for.begin(), of.taken_for.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    row.cells.emplace_back(most == of.taken_for.end() ? std::string("-") : std::to_string(most->first));
    rows.push_back(std::move(row));
  }
  return table("Every class, against all attacks together", columns, rows);
}

/// For each worst case what its attacks contributed.
inline Markup winners_table(const PageRun& run) {
  const auto fooled = [](const Record& r, double within) {
    Tally tally(within);
    tally.add(r.status, r.success, r.distance, r.correct, r.bad_rows == 0);
    return tally.summary().fooled > 0;
  };
  std::vector<Row> rows;
  for (const WorstOutcome& worst : worst_cases(run.outcomes)) {
    const double within = worst.outcome.epsilon.value_or(std::numeric_limits<double>::infinity());
    std::vector<Index> found(worst.members.size()), closest(found), only(found);
    for (std::size_t i = 0; i < worst.outcome.records.size(); ++i) {
      Index finders = 0;
      std::size_t last = 0;
      for (std::size_t m = 0; m < worst.members.size(); ++m) {
        if (!fooled(run.outcomes[worst.members[m]].records[i], within)) continue;
        ++found[m];
        ++finders;
        last = m;
      }
      if (finders == 1) ++only[last];
      if (worst.winner[i] >= 0 && fooled(worst.outcome.records[i], within))
        ++closest[static_cast<std::size_t>(worst.winner[i])];
    }
    for (std::size_t m = 0; m < worst.members.size(); ++m)
      rows.push_back(
          {{{worst.outcome.norm.name() +
             (worst.outcome.epsilon ? " " + epsilon_text(worst.outcome.epsilon) : std::string(", smallest"))},
            name_cell(run.outcomes[worst.members[m]].title()),
            count_cell(found[m]),
            count_cell(closest[m]),
            count_cell(only[m])}});
  }
  if (rows.empty()) return Markup("<p>No two attacks were run in one norm at one radius.</p>\n");
  return table(
      "Samples that each attack fooled, that it came closest to (of equal ones the first), and that it alone "
      "fooled",
      {{"worst case", false}, {"attack", false}, {"fooled"}, {"closest"}, {"only one"}}, rows);
}

}  // namespace foil::report::html
