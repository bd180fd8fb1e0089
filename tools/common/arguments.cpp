// SPDX-License-Identifier: MIT
#include "common/arguments.hpp"

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <string_view>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/parse.hpp"

namespace programs {
namespace {

/// What is wrong with a command line that CLI11 cannot make sense of.
std::string explanation(const CLI::App& app, const CLI::ParseError& failure, const std::string& stray) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    const std::string name = option->get_name();
    names.push_back(name);
    if (option->get_expected_max() <= 1 && option->count() > 1) return name + " is given twice";
  }
  for (std::string given : app.remaining()) {
    given = given.substr(0, given.find('='));
    if (given.starts_with("-"))
      return foil::text("there is no option ", given, foil::did_you_mean(given, names));
  }
  if (!app.remaining().empty()) return foil::text("'", app.remaining().front(), "' ", stray);
  std::string line = failure.what();
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

}  // namespace

std::string parse(CLI::App& app, int argc, char** argv, const std::string& stray) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& failure) {
    if (failure.get_exit_code() == 0) {
      std::ostringstream text;
      app.exit(failure, text, text);
      return text.str();
    }
    throw foil::Error(explanation(app, failure, stray) + " (" + app.get_name() +
                      " --help explains the options)");
  }
  // Else what an empty variable of a script was to say would be left to a default.
  for (const CLI::Option* option : app.get_options())
    if (option->get_expected_min() > 0)
      for (const std::string& given : option->results())
        foil::require(!given.empty(), option->get_name(), ": expected a value, got nothing");
  return {};
}

std::string shell_word(const std::string& word) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  if (!word.empty() && word.find_first_not_of(plain) == word.npos) return word;
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; };
  if (std::any_of(word.begin(), word.end(), control)) {  // as it stands in one line
    std::string quoted = "$'";
    for (const char c : word) {
      char code[8];
      std::snprintf(code, sizeof code, "\\%03o", static_cast<unsigned>(static_cast<unsigned char>(c)));
      quoted += control(c) || c == '\'' || c == '\\' ? std::string(code) : std::string(1, c);
    }
    return quoted + '\'';
  }
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + '\'';
}

}  // namespace programs
