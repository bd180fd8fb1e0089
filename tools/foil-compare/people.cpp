// SPDX-License-Identifier: MIT
#include "people.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "common/terminal.hpp"
#include "csv.hpp"
#include "foil/core/error.hpp"
#include "foil/evaluation/trials/trial_table.hpp"
#include "foil/io/table.hpp"

namespace compare {
namespace {

using foil::Index;
using programs::formatted;
using programs::percent;

constexpr Index most_lines = 10'000'000;
const std::string everybody = "people";  // together

std::string from_to(const foil::Interval& interval, const char* format, double scale = 1) {
  return formatted(format, scale * interval.low) + " to " + formatted(format, scale * interval.high);
}

/// Names in words, the first of many.
std::string first_names(const std::vector<std::string>& names) {
  constexpr std::size_t most = 12;
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i) out += (i == 0 ? "" : ", ") + names[i];
  return names.size() > most ? out + foil::text(" and ", names.size() - most, " more") : out;
}

std::string because(const std::string& reason) {
  return reason.empty() ? reason : ": " + reason;
}

}  // namespace

const std::string people_head =
    "condition,observer,people,observers,trials,right,unanswered,accuracy,accuracy_low,accuracy_high,"
    "response_entropy,error_pattern_distance,kappa,kappa_low,kappa_high,pairs,images,confidence\n";
const std::string confusions_head = "condition,observer,category,response,trials\n";
const std::string pairs_head =
    "condition,first,second,images,kappa,kappa_low,kappa_high,error_pattern_distance,confidence\n";

std::string BesidePeople::name(const foil::ObserverFigures& one) const {
  return one.observer < 0 ? foil::text(everybody, " (", one.observers, ")")
                          : trials.observers()[static_cast<std::size_t>(one.observer)];
}

const std::string& BesidePeople::condition(int number) const {
  return trials.conditions()[static_cast<std::size_t>(number)];
}

BesidePeople beside_people(const PeopleOptions& options) {
  const foil::TrialForm& form = options.form;
  std::vector<std::string> notes;
  const foil::io::Table table(options.people, most_lines);
  std::vector<std::string> right = foil::trial_categories(table.lines(), form, options.people.string());
  if (right.empty())
    throw foil::Error(foil::text(options.people.string(), ": found no ",
                                 form.where.empty() ? "trials" : "line with what --where asks for",
                                 because(foil::not_there(table.lines(), form))));
  foil::Trials trials(options.categories.empty() ? std::move(right) : options.categories);
  trials.add(table.lines(), form, options.people.string());
  std::vector<int> people;
  for (const std::string& observer : trials.observers()) {
    if (!observer.starts_with(options.prefix)) continue;
    people.push_back(static_cast<int>(&observer - trials.observers().data()));
  }
  foil::require(!people.empty(), options.people.string(), ": expected people",
                options.prefix.empty() ? "" : ", whose names begin with '" + options.prefix + "'",
                ", found none in the lines that were chosen");
  if (options.prefix.empty())
    notes.push_back(
        foil::text("taken for people: ", first_names(trials.observers()), " (--people PREFIX takes some)"));
  for (const auto& path : options.files) {
    const foil::io::Table more(path, most_lines);
    const std::size_t before = trials.all().size();
    const auto repeated = trials.add_others(more.lines(), options.files_form, path.string());
    if (repeated.lines > 0)
      notes.push_back(foil::text(path.string(), ": ", repeated.lines,
                                 " lines passed over, which repeat answers that were there before, of ",
                                 first_names(repeated.observers)));
    if (trials.all().size() == before)
      throw foil::Error(foil::text(path.string(),
                                   ": expected trials of others, found none in the lines that were chosen",
                                   because(foil::not_there(more.lines(), options.files_form))));
  }
  for (const std::string& observer : trials.observers())
    foil::require(observer != everybody, "an observer is called '", everybody,
                  "', as people together are where figures are told: give it another name");
  if (const auto& experiments = trials.experiments(); experiments.size() > 1)
    notes.push_back(foil::text("the files are of different experiments, '", experiments[0], "', '",
                               experiments[1], "'", experiments.size() > 2 ? ", ..." : "",
                               ": conditions of the same name are taken for the same"));
  std::vector<foil::ObserverFigures> figures = foil::beside_people(trials, people, options.consistency);
  BesidePeople out{std::move(trials), std::move(people), std::move(figures), std::move(notes)};
  const auto alone = std::count_if(out.figures.begin(), out.figures.end(),
                                   [](const auto& one) { return one.consistency.pairs == 0; });
  if (alone > 0)
    out.notes.push_back(foil::text("in ", alone, " of ", out.figures.size(),
                                   " lines there is no kappa: nobody has ", options.consistency.least_images,
                                   " images or more in common with people there "
                                   "(--image-fields takes parts of names for the image)"));
  constexpr Index few = 10;
  const auto shaky = std::count_if(out.figures.begin(), out.figures.end(), [](const auto& one) {
    return one.consistency.pairs > 0 && one.consistency.rare < few;
  });
  if (shaky > 0)
    out.notes.push_back(foil::text("in ", shaky, " of ", out.figures.size(),
                                   " lines somebody is wrong, or right, ", "about fewer than ", few,
                                   " of the images in common: kappa rests on these "
                                   "alone there, and is 1 where nobody is wrong"));
  return out;
}

std::vector<std::pair<std::string, std::string>> settings(const BesidePeople& found,
                                                          const PeopleOptions& options) {
  std::string categories;
  for (const std::string& category : found.trials.categories())
    categories += (categories.empty() ? "" : ", ") + category;
  const foil::ConsistencyOptions& of = options.consistency;
  return {{"categories", categories},
          {"image_fields", foil::text(options.form.image_fields)},
          {"least_images", foil::text(of.least_images)},
          {"draws", foil::text(of.draws)},
          {"seed", foil::text(of.seed)},
          {"confidence", foil::text(of.confidence)},
          {"foil_version", programs::version()}};
}

std::vector<std::vector<std::string>> cells(const BesidePeople& found, const PeopleOptions& options) {
  const std::string level = formatted("%g", 100 * options.consistency.confidence) + " %";
  std::vector<std::vector<std::string>> rows{{"condition", "observer", "trials", "accuracy",
                                              "range or " + level, "none", "entropy", "pattern", "kappa",
                                              level, "images"}};
  int last = -1;
  for (const foil::ObserverFigures& one : found.figures) {
    const bool common = one.consistency.pairs > 0;
    rows.push_back(
        {one.condition == last ? "" : found.condition(one.condition), found.name(one),
         foil::text(one.confusion.trials()), percent(one.accuracy), from_to(one.accuracies, "%.1f", 100),
         foil::text(one.confusion.unanswered()), formatted("%.3f", one.entropy),
         formatted("%.4f", one.pattern), formatted("%.4f", one.consistency.kappa),
         common ? from_to(one.consistency.interval, "%.3f") : "-", foil::text(one.consistency.images)});
    last = one.condition;
  }
  return rows;
}

std::string people_csv(const BesidePeople& found, const PeopleOptions& options) {
  std::string out = people_head;
  for (const foil::ObserverFigures& one : found.figures) {
    const bool people = one.observer < 0, common = one.consistency.pairs > 0;
    out +=
        foil::text(quoted(found.condition(one.condition)), ",", quoted(people ? everybody : found.name(one)),
                   ",", people ? 1 : 0, ",", one.observers, ",", one.confusion.trials(), ",",
                   one.confusion.right(), ",", one.confusion.unanswered());
    for (const double value :
         {one.accuracy, one.accuracies.low, one.accuracies.high, one.entropy, one.pattern,
          one.consistency.kappa, common ? one.consistency.interval.low : std::nan(""),
          common ? one.consistency.interval.high : std::nan("")})
      out += "," + cell(value);
    out += foil::text(",", one.consistency.pairs, ",", one.consistency.images, ",",
                      options.consistency.confidence, "\n");
  }
  return out;
}

std::string confusions_csv(const BesidePeople& found) {
  std::string out = confusions_head;
  const auto& names = found.trials.categories();
  for (const foil::ObserverFigures& one : found.figures)
    for (int category = 0; category < static_cast<int>(names.size()); ++category)
      for (int response = -1; response < static_cast<int>(names.size()); ++response)
        if (const Index count = one.confusion.count(category, response); count > 0)
          out += foil::text(quoted(found.condition(one.condition)), ",",
                            quoted(one.observer < 0 ? everybody : found.name(one)), ",",
                            quoted(names[static_cast<std::size_t>(category)]), ",",
                            response < 0 ? "na" : quoted(names[static_cast<std::size_t>(response)]), ",",
                            count, "\n");
  return out;
}

std::string pairs_csv(const BesidePeople& found, const PeopleOptions& options) {
  std::string out = pairs_head;
  const auto name = [&](int observer) {
    return quoted(found.trials.observers()[static_cast<std::size_t>(observer)]);
  };
  for (const foil::ObserverPair& pair : foil::observer_pairs(found.trials, options.consistency)) {
    const bool common = pair.consistency.pairs > 0;
    out += foil::text(quoted(found.condition(pair.condition)), ",", name(pair.first), ",", name(pair.second),
                      ",", pair.consistency.images);
    for (const double value : {pair.consistency.kappa, common ? pair.consistency.interval.low : std::nan(""),
                               common ? pair.consistency.interval.high : std::nan(""), pair.pattern,
                               options.consistency.confidence})
      out += "," + cell(value);
    out += "\n";
  }
  return out;
}

}  // namespace compare
