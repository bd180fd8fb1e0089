// SPDX-License-Identifier: MIT
/// \file
/// Tables of trials, line by line: which lines are meant, and what their cells say.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/parse.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/trials/trial_form.hpp"

namespace foil {

namespace detail {

/// Names in the order in which they came, and their numbers.
class NameList {
 public:
  /// The number of a name that is known by a key.
  int number(const std::string& key, std::string_view name) {
    const auto [at, fresh] = numbers_.emplace(key, static_cast<int>(names_.size()));
    if (fresh) names_.emplace_back(name);
    return at->second;
  }
  int find(const std::string& key) const {
    const auto at = numbers_.find(key);
    return at == numbers_.end() ? -1 : at->second;
  }
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> names_{};
  std::map<std::string, int> numbers_{};
};

/// What a condition is known by, since files write it differently: a number's value, "0.10" and "0.1", "Inf"
/// and "inf"; all else as it is.
inline std::string condition_key(std::string_view condition) {
  std::string lower(condition);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (lower == "nan") return std::string(condition);
  const auto number = parse_real(lower);
  return number ? text(*number + 0.0) : std::string(condition);  // "-0" is "0"
}

/// Names in words, the first of many.
inline std::string name_list(const std::vector<std::string>& names) {
  constexpr std::size_t most = 20;
  std::string out;
  for (std::size_t k = 0; k < std::min(names.size(), most); ++k)
    out += text(k == 0 ? "'" : ", '", names[k], "'");
  return out + (names.size() > most ? ", ..." : "");
}

/// Whether a cell is what TrialForm::where asks for; conditions are compared as condition_key() has them.
inline bool is_cell(const std::string& cell, const std::string& wanted, bool condition) {
  return cell == wanted || (condition && condition_key(cell) == condition_key(wanted));
}

/// The cells of one trial, and its line.
struct TrialCells {
  std::size_t line;
  const std::string &observer, &condition, &image, &category, &response, &experiment;
};

/// Calls use(cells) for each trial of a table. Lines of the observers in `repeated` may be of any experiment.
template <class Use>
void for_each_trial(const TrialLines& lines, const TrialForm& form, const std::string& place,
                    const std::set<std::string>& repeated, Use&& use) {
  require(!lines.empty(), place, ": expected trials, found nothing");
  check_columns(lines[0], form, place);
  const auto place_of = [&](const std::string& name) {
    return static_cast<std::size_t>(std::find(lines[0].begin(), lines[0].end(), name) - lines[0].begin());
  };
  const auto column = [&](const std::string& name, const std::string& remedy) {
    const std::size_t at = place_of(name);
    require(at < lines[0].size(), place, ": there is no column '", name, "', only ", name_list(lines[0]),
            remedy);
    return at;
  };
  const auto named = [&](const std::string& name, const std::string& what) {
    return column(name, text(": say which it is by --columns ", what,
                             "=NAME, or --file-columns for files of "
                             "models (in C++ by TrialForm)"));
  };
  const TrialForm usual;
  const std::size_t observer = named(form.observer, usual.observer), image = named(form.image, usual.image),
                    category = named(form.category, usual.category),
                    response = named(form.response, usual.response), condition = place_of(form.condition),
                    experiment = place_of(form.experiment);
  std::vector<std::pair<std::size_t, std::string>> where;
  for (const auto& [name, cell] : form.where) where.emplace_back(column(name, ""), cell);
  const std::string none;
  const auto optional = [&](std::size_t line, std::size_t at) -> const std::string& {
    return at < lines[line].size() ? lines[line][at] : none;
  };
  std::vector<std::size_t> chosen;
  NameList found;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto& cells = lines[i];
    const auto asked_for = [&](const auto& w) {
      return is_cell(cells[w.first], w.second, w.first == condition);
    };
    if (!std::all_of(where.begin(), where.end(), asked_for)) continue;
    chosen.push_back(i);
    if (!repeated.contains(cells[observer])) found.number(optional(i, experiment), optional(i, experiment));
  }
  if (const auto& experiments = found.names(); experiments.size() > 1) {
    std::string some;
    for (std::size_t i = 0; i < std::min<std::size_t>(3, experiments.size()); ++i)
      some += text(i == 0 ? "'" : ", '", experiments[i], "'");
    throw Error(text(place, ": expected trials of one experiment, found ", experiments.size(),
                     " in the column '", form.experiment, "', ", some, experiments.size() > 3 ? ", ..." : "",
                     ": choose one by --where ", form.experiment, "=NAME (in C++ TrialForm::where)"));
  }
  for (const std::size_t i : chosen) {
    const auto filled = [&](std::size_t at) -> const std::string& {
      require(at >= lines[i].size() || !lines[i][at].empty(), place, ", line ", i + 1,
              ": expected something in the column '", lines[0][std::min(at, lines[0].size() - 1)],
              "', found nothing");
      return optional(i, at);
    };
    use(TrialCells{i + 1, filled(observer), filled(condition), filled(image), filled(category),
                   lines[i][response], optional(i, experiment)});
  }
}

}  // namespace detail

/// Why a table holds no line with what TrialForm::where asks for, in words: that it has none at all, or what
/// is in the first column without such a cell, "there is no 'low_pass' in the column 'experiment', only
/// 'noise', 'contrast'", or that no line has all of them; "" where one has, or a column is missing.
inline std::string not_there(const TrialLines& lines, const TrialForm& form) {
  if (lines.empty()) return {};
  if (lines.size() == 1) return "there is nothing below the line that names the columns";
  std::vector<std::size_t> columns;
  for (const auto& where : form.where) {
    const std::string &name = where.first, &wanted = where.second;
    const auto at = std::find(lines[0].begin(), lines[0].end(), name);
    if (at == lines[0].end()) return {};
    const auto column = static_cast<std::size_t>(at - lines[0].begin());
    columns.push_back(column);
    const auto is_wanted = [&](const std::vector<std::string>& cells) {
      return detail::is_cell(cells[column], wanted, name == form.condition);
    };
    if (std::any_of(lines.begin() + 1, lines.end(), is_wanted)) continue;
    detail::NameList cells;
    for (std::size_t i = 1; i < lines.size(); ++i) cells.number(lines[i][column], lines[i][column]);
    return text("there is no '", wanted, "' in the column '", name, "', only ",
                detail::name_list(cells.names()));
  }
  const auto has_all = [&](const std::vector<std::string>& cells) {
    for (std::size_t k = 0; k < columns.size(); ++k) {
      const auto& [name, wanted] = form.where[k];
      if (!detail::is_cell(cells[columns[k]], wanted, name == form.condition)) return false;
    }
    return true;
  };
  if (std::any_of(lines.begin() + 1, lines.end(), has_all)) return {};
  return "each is in some line, but no line has all of them";
}

/// The categories that are right for some image of a table, in alphabetical order. Throws foil::Error, naming
/// `place`, where a column is missing or is there twice, a cell is empty that has to say something, or there
/// are several experiments.
inline std::vector<std::string> trial_categories(const TrialLines& lines, const TrialForm& form,
                                                 const std::string& place) {
  std::vector<std::string> out;
  detail::for_each_trial(lines, form, place, {}, [&](const detail::TrialCells& cells) {
    const auto at = std::lower_bound(out.begin(), out.end(), cells.category);
    if (at == out.end() || *at != cells.category) out.insert(at, cells.category);
  });
  return out;
}

}  // namespace foil
