// SPDX-License-Identifier: MIT
/// \file
/// Responses of models beside those of people.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "foil/evaluation/trials/beside_people.hpp"
#include "foil/evaluation/trials/trials.hpp"

namespace compare {

/// What is to be set beside what.
struct PeopleOptions {
  std::filesystem::path people{};  ///< trials of people
  std::string prefix{};            ///< observers in there whose names begin otherwise are no people
  std::vector<std::filesystem::path> files{};  ///< trials of models
  foil::TrialForm form{}, files_form{};        ///< of people's table, and of the others
  std::vector<std::string>
      categories{};  ///< all there are; none: those that are right for some image of people
  foil::ConsistencyOptions consistency{};
};

/// What was found.
struct BesidePeople {
  foil::Trials trials;
  std::vector<int> people;  ///< their numbers in the trials
  std::vector<foil::ObserverFigures> figures;
  std::vector<std::string> notes;

  /// A person's or a model's name, or "people (5)".
  std::string name(const foil::ObserverFigures& figures) const;
  const std::string& condition(int number) const;
};

/// Reads all trials and makes the figures. Throws foil::Error where a table is not as it should be, or there
/// are no people.
BesidePeople beside_people(const PeopleOptions& options);

/// What the figures depend on beside the command, for the page.
std::vector<std::pair<std::string, std::string>> settings(const BesidePeople& found,
                                                          const PeopleOptions& options);

/// The figures as a table, its head first.
std::vector<std::vector<std::string>> cells(const BesidePeople& found, const PeopleOptions& options);

/// All figures as CSV, and the line it begins with.
extern const std::string people_head;
std::string people_csv(const BesidePeople& found, const PeopleOptions& options);

/// How often which category was answered for which, a line each.
extern const std::string confusions_head;
std::string confusions_csv(const BesidePeople& found);

/// Everybody with everybody else under each condition.
extern const std::string pairs_head;
std::string pairs_csv(const BesidePeople& found, const PeopleOptions& options);

}  // namespace compare
