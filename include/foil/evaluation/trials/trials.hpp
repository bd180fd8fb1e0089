// SPDX-License-Identifier: MIT
/// \file
/// What observers, people or models, answered about images.
#pragma once

#include <algorithm>
#include <array>
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
#include "foil/evaluation/trials/trial_table.hpp"

namespace foil {

/// One answer of one observer about one image under one condition, as numbers of the names in foil::Trials.
struct Trial {
  int observer, condition, image;
  int category;  ///< the right one
  int response;  ///< the category answered; -1: none, "na"
};

namespace detail {

inline std::string_view last_fields(std::string_view name, int fields) {
  if (fields <= 0) return name;
  std::size_t at = name.size();
  while (fields-- > 0) {
    at = at == 0 ? name.npos : name.rfind('_', at - 1);
    if (at == name.npos) return name;
  }
  return name.substr(at + 1);
}

}  // namespace detail

/// What a table repeats of the trials that were there before it.
struct RepeatedTrials {
  Index lines = 0;
  std::vector<std::string> observers{};  ///< whose they are
};

/// Trials of any number of observers.
class Trials {
 public:
  /// Throws foil::Error unless there are at least two categories, each once, and none is "na" or "".
  explicit Trials(std::vector<std::string> categories) : categories_(std::move(categories)) {
    require(categories_.size() >= 2, "trials: expected at least two categories, got ", categories_.size());
    for (std::size_t k = 0; k < categories_.size(); ++k)
      require(!is_none(categories_[k]) && category(categories_[k]) == static_cast<int>(k),
              "trials: expected categories with a name each, got '", categories_[k], "'");
  }

  /// Throws foil::Error for an observer or an image without a name, for an unknown category, for a response
  /// that is neither one nor none, where another category was right for the same image under the same
  /// condition before, and where the same observer answered about it before.
  void add(const std::string& observer, std::string_view condition, std::string_view image,
           std::string_view right, std::string_view response) {
    require(!observer.empty() && !image.empty(), "expected the names of an observer and an image, found '",
            observer, "' and '", image, "'");
    const int truth = category(right), said = category(response);
    require(truth >= 0, "expected one of the ", categories_.size(), " categories, found '", right, "'");
    require(said >= 0 || is_none(response), "expected a response that is one of the ", categories_.size(),
            " categories ('", categories_.front(), "' to '", categories_.back(),
            "'; --categories names others) or 'na', found '", response, "'");
    const int under = conditions_.number(detail::condition_key(condition), condition),
              shown = images_.number(std::string(image), image);
    const int before = right_.try_emplace({under, shown}, truth).first->second;
    require(before == truth, "expected '", categories_[static_cast<std::size_t>(before)],
            "', which was right for the image '", image, "' under the condition '", condition,
            "' before, found '", right, "': tell images apart by more of their names");
    const int who = observers_.number(observer, observer);
    require(answers_.try_emplace({who, under, shown}, said).second, "'", observer,
            "' answered twice about the image '", image, "' under the condition '", condition,
            "': tell images apart by more of their names, or choose among the lines");
    trials_.push_back({who, under, shown, truth, said});
  }

  /// Adds the trials of a table. Throws foil::Error, naming `place` and the line.
  void add(const TrialLines& lines, const TrialForm& form, const std::string& place) {
    add_table(lines, form, place, {});
  }

  /// Adds the trials of a table's other observers: lines of those that were there before it are passed over.
  /// Throws foil::Error, naming `place` and the line, also where such a line does not repeat what its
  /// observer answered about the same image under the same condition, as whoever is meant is then another.
  RepeatedTrials add_others(const TrialLines& lines, const TrialForm& form, const std::string& place) {
    return add_table(lines, form, place, {observers().begin(), observers().end()});
  }

  const std::vector<Trial>& all() const { return trials_; }
  const std::vector<std::string>& categories() const { return categories_; }
  const std::vector<std::string>& observers() const { return observers_.names(); }
  /// As they were first written.
  const std::vector<std::string>& conditions() const { return conditions_.names(); }
  const std::vector<std::string>& images() const { return images_.names(); }
  /// Of the tables added, as far as they say.
  const std::vector<std::string>& experiments() const { return experiments_.names(); }

  /// The numbers of the conditions in the order in which people would put them: numbers by value, if all are
  /// numbers; else by name, numbers in names by value.
  std::vector<int> ordered_conditions() const {
    std::vector<int> out;
    bool numbers = true;
    for (const std::string& name : conditions_.names()) {
      out.push_back(static_cast<int>(out.size()));
      numbers = numbers && parse_real(detail::condition_key(name)).has_value();
    }
    const auto name = [&](int i) -> const std::string& {
      return conditions_.names()[static_cast<std::size_t>(i)];
    };
    std::sort(out.begin(), out.end(), [&](int a, int b) {
      if (!numbers) return before(name(a), name(b));
      return *parse_real(detail::condition_key(name(a))) < *parse_real(detail::condition_key(name(b)));
    });
    return out;
  }

 private:
  RepeatedTrials add_table(const TrialLines& lines, const TrialForm& form, const std::string& place,
                           const std::set<std::string>& before) {
    require(form.image_fields >= 0, "trials: expected a number of parts of images' names from 0 on, got ",
            form.image_fields);
    RepeatedTrials repeated;
    detail::NameList whose;
    detail::for_each_trial(lines, form, place, before, [&](const detail::TrialCells& cells) {
      const std::string_view image = detail::last_fields(cells.image, form.image_fields);
      try {
        if (before.contains(cells.observer)) {
          check_repeated(cells, image);
          whose.number(cells.observer, cells.observer);
          ++repeated.lines;
          return;
        }
        add(cells.observer, cells.condition, image, cells.category, cells.response);
      } catch (const Error& error) {
        throw Error(text(place, ", line ", cells.line, ": ", error.what()));
      }
      if (!cells.experiment.empty()) experiments_.number(cells.experiment, cells.experiment);
    });
    repeated.observers = whose.names();
    return repeated;
  }

  void check_repeated(const detail::TrialCells& cells, std::string_view image) const {
    const auto answer = answers_.find({observers_.find(cells.observer),
                                       conditions_.find(detail::condition_key(cells.condition)),
                                       images_.find(std::string(image))});
    const auto words = [&](int response) {
      return response < 0 ? std::string("na") : categories_[static_cast<std::size_t>(response)];
    };
    const bool same =
        answer != answers_.end() &&
        (is_none(cells.response) ? answer->second < 0 : category(cells.response) == answer->second);
    require(same, "'", cells.observer, "' was there before, and ",
            answer == answers_.end() ? "did not answer"
                                     : text("answered '", words(answer->second), "' rather than '",
                                            is_none(cells.response) ? "na" : cells.response, "'"),
            " about the image '", image, "' under the condition '", cells.condition,
            "': if it is another, rename it there, else leave its lines out or choose others by --where (in "
            "C++ TrialForm::where)");
  }

  static bool is_none(std::string_view response) { return response.empty() || response == "na"; }

  int category(std::string_view name) const {
    const auto found = std::find(categories_.begin(), categories_.end(), name);
    return found == categories_.end() ? -1 : static_cast<int>(found - categories_.begin());
  }

  /// Whether a name comes before another: digits as whole numbers, the rest letter by letter.
  static bool before(std::string_view a, std::string_view b) {
    constexpr std::string_view digits = "0123456789";
    const auto leading = [&](std::string_view text) {
      return std::min(text.find_first_not_of(digits), text.size());
    };
    for (; !a.empty() && !b.empty();) {
      const std::size_t first = leading(a), second = leading(b);
      if (first > 0 && second > 0) {
        const auto value = [](std::string_view text) {
          return text.substr(std::min(text.find_first_not_of('0'), text.size()));
        };
        const std::string_view x = value(a.substr(0, first)), y = value(b.substr(0, second));
        if (x.size() != y.size()) return x.size() < y.size();
        if (x != y) return x < y;
        a.remove_prefix(first);
        b.remove_prefix(second);
      } else {
        if (a[0] != b[0]) return a[0] < b[0];
        a.remove_prefix(1);
        b.remove_prefix(1);
      }
    }
    return a.size() < b.size();
  }

  std::vector<std::string> categories_;
  std::vector<Trial> trials_{};
  detail::NameList observers_{}, conditions_{}, images_{}, experiments_{};
  std::map<std::pair<int, int>, int> right_{};   // the category, by condition and image
  std::map<std::array<int, 3>, int> answers_{};  // the response, by observer, condition and image
};

}  // namespace foil
