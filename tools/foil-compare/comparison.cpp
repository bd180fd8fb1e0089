// SPDX-License-Identifier: MIT
#include "comparison.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>

#include "common/terminal.hpp"
#include "foil/core/error.hpp"
#include "foil/evaluation/curve.hpp"
#include "foil/evaluation/worst_of.hpp"

namespace compare {
namespace {

using foil::Index;
using foil::Outcome;
using foil::Record;
using programs::formatted;
using programs::percent;

/// "1 has 3, 2 has 5", for notes and errors.
std::string setting_text(const std::vector<Results>& files, const std::string& key) {
  std::string out;
  for (std::size_t f = 0; f < files.size(); ++f) {
    const auto at = files[f].settings.find(key);
    out += foil::text(f == 0 ? "" : ", ", at == files[f].settings.end() ? "not said" : at->second, " in ",
                      f + 1);
  }
  return out;
}

/// Whether all files that say anything of it say the same.
bool agree(const std::vector<Results>& files, const std::string& key) {
  std::set<std::string> told;
  for (const Results& file : files)
    if (const auto at = file.settings.find(key); at != file.settings.end()) told.insert(at->second);
  return told.size() <= 1;
}

/// Refuses what are not two answers to one question.
void check(const std::vector<Results>& files, const std::set<std::int64_t>& rows) {
  foil::require(agree(files, "bounds"), "the bounds differ, so that distances mean different things: ",
                setting_text(files, "bounds"));
  for (std::size_t f = 1; f < files.size(); ++f)
    for (const std::int64_t row : rows) {
      const Row &a = files[0].rows.at(row), &b = files[f].rows.at(row);
      foil::require(a.label == b.label, "not the same data: row ", row, " has label ", a.label, " in ",
                    files[0].path.string(), " and ", b.label, " in ", files[f].path.string());
      foil::require(a.target == b.target, "not the same question: row ", row, " has ",
                    a.target < 0 ? "no target" : foil::text("target ", a.target), " in ",
                    files[0].path.string(), " and ", b.target < 0 ? "none" : foil::text("target ", b.target),
                    " in ", files[f].path.string());
    }
}

/// Notes what else differs, but for what says nothing of the figures, or is a figure. Whatever options a
/// version has are among them.
void note_settings(const std::vector<Results>& files, std::vector<std::string>& notes) {
  constexpr std::string_view passed_over[] = {"run_id",         "complete",           "model", "bounds",
                                              "threads",        "batch_size",         "count", "sample_count",
                                              "clean_accuracy", "clean_accuracy_rows"};
  std::set<std::string> keys;
  for (const Results& file : files)
    for (const auto& setting : file.settings) keys.insert(setting.first);
  for (const std::string& key : keys) {
    if (std::find(std::begin(passed_over), std::end(passed_over), key) == std::end(passed_over) &&
        !agree(files, key))
      notes.push_back(foil::text("'", key, "' differs: ", setting_text(files, key)));
    const auto at = files[0].settings.find(key);
    if (at != files[0].settings.end() && at->second.find("one for each feature") != std::string::npos)
      notes.push_back(foil::text("'", key,
                                 "' has a number for each feature: whether they are the same in all "
                                 "files is not in them"));
  }
}

/// The rows that all files have.
std::set<std::int64_t> common_rows(const std::vector<Results>& files, std::vector<std::string>& notes) {
  std::set<std::int64_t> rows;
  for (const auto& known : files[0].rows) {
    const std::int64_t row = known.first;
    if (std::all_of(files.begin(), files.end(), [&](const Results& file) { return file.rows.contains(row); }))
      rows.insert(row);
  }
  foil::require(!rows.empty(), "the files have no row of the data in common");
  for (std::size_t f = 0; f < files.size(); ++f)
    if (const std::size_t more = files[f].rows.size() - rows.size(); more > 0)
      notes.push_back(foil::text(f + 1, " has ", more, " more ", more == 1 ? "sample" : "samples",
                                 ", left out here: the figures are over the ", rows.size(),
                                 " rows that all files have"));
  return rows;
}

/// An outcome without the rows that others do not have.
Outcome on_rows(Outcome outcome, const std::set<std::int64_t>& rows) {
  std::erase_if(outcome.records, [&](const Record& record) { return !rows.contains(record.id); });
  return outcome;
}

/// An attack that looks for the smallest distance, as one within a radius: what it found farther out does not
/// count.
Outcome within(Outcome outcome, double radius) {
  outcome.epsilon = radius;
  for (Record& record : outcome.records) {
    if (!record.success || record.distance <= radius) continue;
    record.success = false;
    record.distance = std::numeric_limits<double>::infinity();
    if (record.status == foil::Status::success || record.status == foil::Status::converged)
      record.status = foil::Status::not_found;
  }
  return outcome;
}

foil::Summary alone(const Record& r) {
  foil::Tally tally;
  tally.add(r.status, r.success, r.distance, r.correct, r.bad_rows == 0);
  return tally.summary();
}

/// The middle of numbers in ascending order.
double middle(const std::vector<double>& sorted) {
  const double low = sorted[(sorted.size() - 1) / 2], high = sorted[sorted.size() / 2];
  return low == high ? low : low + (high - low) / 2;
}

Pairs pairs_of(const Outcome& first, const Outcome& other, double confidence) {
  Pairs out;
  std::vector<double> ratios;
  std::size_t j = 0;
  for (const Record& a : first.records) {
    while (j < other.records.size() && other.records[j].id < a.id) ++j;
    if (j == other.records.size() || other.records[j].id != a.id) continue;  // cut short before it
    const Record& b = other.records[j];
    const foil::Summary x = alone(a), y = alone(b);
    if (x.unfinished + y.unfinished > 0) continue;
    ++out.count;
    out.only_first += x.robust > y.robust;
    out.only_this += y.robust > x.robust;
    if (x.attacked + y.attacked < 2) continue;
    ++out.attacked;
    const double here = x.fooled > 0 ? a.distance : std::numeric_limits<double>::infinity();
    const double there = y.fooled > 0 ? b.distance : std::numeric_limits<double>::infinity();
    out.closer_first += here < there;
    out.closer_this += there < here;
    ratios.push_back(here == there ? 1 : there / here);  // two that are not fooled are equal
  }
  out.difference = foil::paired_difference(out.only_this, out.only_first, out.count, confidence);
  out.p = foil::mcnemar(out.only_first, out.only_this);
  out.closer_p = foil::mcnemar(out.closer_first, out.closer_this);
  if (ratios.empty()) return out;
  std::sort(ratios.begin(), ratios.end());
  out.ratio = middle(ratios);
  if (const auto rank = static_cast<std::size_t>(foil::median_rank(out.attacked, confidence)); rank > 0)
    out.ratios = {ratios[rank - 1], ratios[ratios.size() - rank]};
  return out;
}

/// The outcomes of one attack, of those files that have it.
struct Match {
  std::vector<std::pair<std::size_t, Outcome>> of_file;
};

std::string options_text(const Outcome& outcome, const Outcome& other) {
  std::string out;
  for (const auto& option : outcome.options)
    if (std::find(other.options.begin(), other.options.end(), option) == other.options.end())
      out += (out.empty() ? "" : " ") + option.first + "=" + option.second;
  return out.empty() ? "no others" : out;
}

/// Of each attack of the first file, those of the others that are called the same and were asked about the
/// same radius: with the same options, if there are several.
std::vector<Match> match(const std::vector<Results>& files, std::vector<std::string>& notes) {
  std::vector<Match> out;
  for (const Outcome& outcome : files[0].outcomes) out.push_back({{{0, outcome}}});
  for (std::size_t f = 1; f < files.size(); ++f) {
    std::vector<const Outcome*> left;
    for (const Outcome& outcome : files[f].outcomes) left.push_back(&outcome);
    std::vector<std::size_t> open;  // attacks of the first file without one of this
    for (std::size_t m = 0; m < out.size(); ++m) open.push_back(m);
    for (const bool same_options : {true, false}) {
      std::erase_if(open, [&](std::size_t m) {
        const Outcome& first = out[m].of_file.front().second;
        const auto found = std::find_if(left.begin(), left.end(), [&](const Outcome* other) {
          return other->attack == first.attack && other->norm == first.norm &&
                 other->epsilon == first.epsilon && (!same_options || other->options == first.options);
        });
        if (found == left.end()) return false;
        if (!same_options)
          notes.push_back(foil::text("options of ", first.title(), " differ: ", options_text(first, **found),
                                     " in 1, ", options_text(**found, first), " in ", f + 1));
        out[m].of_file.emplace_back(f, **found);
        left.erase(found);
        return true;
      });
    }
    for (const std::size_t m : open)
      notes.push_back(foil::text(out[m].of_file.front().second.title(), " is not in ", f + 1));
    for (const Outcome* other : left) notes.push_back(foil::text(other->title(), " is only in ", f + 1));
  }
  std::erase_if(out, [](const Match& m) { return m.of_file.size() < 2; });
  foil::require(!out.empty(), "no attack of the first file, at the same epsilon, is in another");
  return out;
}

/// A file's outcomes of those attacks that all files have.
std::vector<Outcome> of_all_files(const std::vector<Match>& matches, std::size_t files, std::size_t file) {
  std::vector<Outcome> out;
  for (const Match& m : matches)
    if (m.of_file.size() == files) out.push_back(m.of_file[file].second);
  return out;
}

/// The worst cases over what all files have.
std::vector<Match> worst_of_all(const std::vector<std::vector<Outcome>>& files) {
  std::vector<Match> out;
  for (std::size_t f = 0; f < files.size(); ++f) {
    for (foil::WorstOutcome& worst : foil::worst_cases(files[f])) {
      worst.outcome.attack = foil::text("worst case of ", worst.members.size());
      const auto known = std::find_if(out.begin(), out.end(), [&](const Match& m) {
        const Outcome& first = m.of_file.front().second;
        return first.attack == worst.outcome.attack && first.norm == worst.outcome.norm &&
               first.epsilon == worst.outcome.epsilon;
      });
      if (known != out.end())
        known->of_file.emplace_back(f, std::move(worst.outcome));
      else
        out.push_back({{{f, std::move(worst.outcome)}}});
    }
  }
  std::erase_if(out, [&](const Match& m) { return m.of_file.size() < files.size(); });
  return out;
}

Line line_of(const Outcome& outcome, std::size_t file, const Outcome& first, const Options& options) {
  const foil::Summary s = outcome.summary();
  const foil::Curve curve = foil::curve_of(outcome);
  const foil::Cost cost = outcome.cost();
  const auto count = static_cast<Index>(outcome.records.size());
  Line line{outcome.attack,
            outcome.norm,
            outcome.epsilon,
            file,
            s,
            foil::robust_accuracy_interval(s, options.confidence),
            foil::success_rate_interval(s, options.confidence),
            curve.median_interval(options.confidence),
            foil::share(cost.queries, count),
            foil::share(cost.gradient_queries, count)};
  if (options.area_to && !outcome.epsilon) line.area = curve.area(*options.area_to) / *options.area_to;
  if (file > 0) line.pairs = pairs_of(first, outcome, options.confidence);
  return line;
}

std::string from_to(const foil::Interval& interval, double scale = 1) {
  const std::string low = formatted("%.4g", scale * interval.low),
                    high = formatted("%.4g", scale * interval.high);
  return low == high ? low : low + " to " + high;
}

}  // namespace

Comparison compare(const std::vector<Results>& files, const Options& options) {
  foil::require(files.size() >= 2, "expected at least two files, got ", files.size());
  for (const Results& file : files)
    foil::require(!file.outcomes.empty(), file.path.string(),
                  ": holds no attack, and only attacks are compared");
  foil::require(options.confidence > 0 && options.confidence < 1,
                "expected a confidence between 0 and 1, got ", options.confidence);
  Comparison out;
  const std::set<std::int64_t> rows = common_rows(files, out.notes);
  out.samples = rows.size();
  check(files, rows);
  note_settings(files, out.notes);
  for (std::size_t f = 0; f < files.size(); ++f)
    if (const auto at = files[f].settings.find("complete");
        at != files[f].settings.end() && at->second != "true")
      out.notes.push_back(foil::text(f + 1, " is of a run that did not come to its end"));

  std::vector<Match> matches = match(files, out.notes);
  for (Match& m : matches)
    for (auto& [file, outcome] : m.of_file) outcome = on_rows(std::move(outcome), rows);
  for (std::size_t f = 0; f < files.size(); ++f)
    out.outcomes.push_back(of_all_files(matches, files.size(), f));
  const std::vector<Match> worst = worst_of_all(out.outcomes);
  const auto tell = [&](const Match& m, std::optional<double> radius) {
    std::vector<Outcome> outcomes;
    for (const auto& [file, outcome] : m.of_file) {
      outcomes.push_back(radius ? within(outcome, *radius) : outcome);
      out.lines.push_back(line_of(outcomes.back(), file, outcomes.front(), options));
    }
  };
  for (const std::vector<Match>* all : {&std::as_const(matches), &worst})
    for (const Match& m : *all) {
      tell(m, std::nullopt);
      if (!m.of_file.front().second.epsilon)
        for (const double radius : options.epsilons) tell(m, radius);
    }
  return out;
}

std::vector<std::vector<std::string>> cells(const Comparison& found, const Options& options, bool repeated) {
  const std::string level = formatted("%g", 100 * options.confidence) + " %";
  std::vector<std::string> head{"attack",       "norm",  "epsilon",    "file",    "robust acc.", level,
                                "median dist.", level,   "difference", level,     "lost:won",    "p",
                                "closer",       "ratio", "forward",    "backward"};
  if (options.area_to) head.push_back("mean to " + formatted("%g", *options.area_to));
  std::vector<std::vector<std::string>> rows{head};
  for (const Line& line : found.lines) {
    const Pairs& pairs = line.pairs;
    const bool first = line.file == 0;
    rows.push_back({first || repeated ? line.attack : "", first || repeated ? line.norm.name() : "",
                    !first && !repeated ? ""
                    : line.epsilon      ? formatted("%g", *line.epsilon)
                                        : "-",
                    foil::text(line.file + 1), percent(line.summary.robust_accuracy()),
                    from_to(line.robust, 100), formatted("%.4g", line.summary.median_distance),
                    from_to(line.median), first ? "" : formatted("%+.1f", 100 * pairs.changed()),
                    first ? "" : from_to(pairs.difference, 100),
                    first ? "" : foil::text(pairs.only_first, ":", pairs.only_this),
                    first ? "" : formatted("%.2g", pairs.p),
                    first ? "" : foil::text(pairs.closer_first, ":", pairs.closer_this),
                    first ? "" : formatted("%.4g", pairs.ratio), formatted("%.1f", line.forward),
                    formatted("%.1f", line.backward)});
    if (options.area_to) rows.back().push_back(line.area ? percent(*line.area) : "");
  }
  return rows;
}

}  // namespace compare
