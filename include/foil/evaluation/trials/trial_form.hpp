// SPDX-License-Identifier: MIT
/// \file
/// The form in which tables tell trials.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"

namespace foil {

/// How a table tells trials: a line each below a first one that names the columns, in any order and among
/// others. A response is a category, or "na" or nothing for none; all other cells have to say something.
struct TrialForm {
  std::string observer = "subject", image = "image", category = "category", response = "response";
  std::string condition = "condition";  ///< may be missing: all trials are then under the condition ""
  /// May be missing. Trials of several experiments are not taken together, as conditions and images of the
  /// same name are not the same there: `where` has to choose one.
  std::string experiment = "experiment";
  /// Columns and the cells that lines must have there; others are passed over, whatever else they say.
  std::vector<std::pair<std::string, std::string>> where{};
  /// Which image it is: the last so many parts of its name, between '_'; 0: all of it. The names of published
  /// stimuli often begin with the number of the trial and the observer, and end in what was shown.
  int image_fields = 0;
};

/// A table as foil::io::Table reads it.
using TrialLines = std::vector<std::vector<std::string>>;

namespace detail {

/// Throws foil::Error, naming `place`, where it is open which column is meant, as its name is there twice, or
/// where responses are read from a column that says something else.
inline void check_columns(const std::vector<std::string>& header, const TrialForm& form,
                          const std::string& place) {
  std::vector<std::string> names{form.observer, form.image, form.category, form.condition, form.experiment};
  require(std::find(names.begin(), names.end(), form.response) == names.end(), place,
          ": expected responses in a column of their own, got '", form.response, "'");
  names.push_back(form.response);
  for (const auto& chosen : form.where) names.push_back(chosen.first);
  for (const std::string& name : names)
    require(std::count(header.begin(), header.end(), name) <= 1, place, ": the column '", name,
            "' is there twice");
}

}  // namespace detail

}  // namespace foil
