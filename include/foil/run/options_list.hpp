// SPDX-License-Identifier: MIT
/// \file
/// Options said once. An options struct is an aggregate whose member function `void list(foil::OptionList&)`
/// names every option with its member, its meaning and its range; checking, printing and parsing are
/// functions over that list. What joins two fields is checked by `void check(std::string_view who) const`, if
/// there is one.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/parse.hpp"

namespace foil {

/// The values that a number may take. Infinity and NaN never belong to it.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false, high_open = false;

  bool contains(double value) const {
    return std::isfinite(value) && (low_open ? value > low : value >= low) &&
           (high_open ? value < high : value <= high);
  }
  /// For example ">= 1" or "in [0, 1)"; empty if every finite number is allowed.
  std::string text() const {
    if (std::isinf(low) && std::isinf(high)) return {};
    if (std::isinf(high)) return foil::text(low_open ? "> " : ">= ", low);
    if (std::isinf(low)) return foil::text(high_open ? "< " : "<= ", high);
    return foil::text("in ", low_open ? '(' : '[', low, ", ", high, high_open ? ')' : ']');
  }
};
constexpr Range at_least(double low) {
  return {.low = low};
}
constexpr Range above(double low) {
  return {.low = low, .low_open = true};
}
/// (low, high].
constexpr Range above(double low, double high) {
  return {.low = low, .high = high, .low_open = true};
}
/// [low, high].
constexpr Range between(double low, double high) {
  return {low, high};
}
/// [low, high).
constexpr Range half_open(double low, double high) {
  return {.low = low, .high = high, .high_open = true};
}
/// (low, high).
constexpr Range strictly_between(double low, double high) {
  return {low, high, true, true};
}

/// One option of an attack, in words.
struct OptionInfo {
  std::string name;
  std::string value;  ///< the default, or what was chosen
  std::string meaning;
  std::string range;  ///< see Range::text(), or the names to choose from
};

/// Option values by name, as a user writes them: {{"steps", "40"}}.
using OptionValues = std::map<std::string, std::string>;

/// The options of one struct, by reference: made by its list().
class OptionList {
 public:
  /// An option. Numbers, bool, and enumerations or classes of few values with a constexpr
  /// `option_names(E)`: an array of pairs, text and value.
  template <class T>
  void operator()(std::string_view name, T& member, std::string_view meaning, const Range& range = {}) {
    Entry entry{foil::text(prefix_, name), std::string(meaning), range, {}, &member, nullptr, nullptr};
    if constexpr (std::is_same_v<T, bool>) {
      entry.names = {"true", "false"};
      entry.get = [](const Entry& e) { return *static_cast<const T*>(e.member) ? 0.0 : 1.0; };
      entry.set = [](const Entry& e, double value) { *static_cast<T*>(e.member) = value == 0; };
    } else if constexpr (requires { option_names(T{}); }) {
      for (const auto& [text, value] : option_names(T{})) entry.names.push_back(text);
      entry.get = [](const Entry& e) {
        const auto all = option_names(T{});
        std::size_t i = 0;
        while (i < all.size() && all[i].second != *static_cast<const T*>(e.member)) ++i;
        return static_cast<double>(i);
      };
      entry.set = [](const Entry& e, double value) {
        *static_cast<T*>(e.member) = option_names(T{})[static_cast<std::size_t>(value)].second;
      };
    } else {
      static_assert(std::is_same_v<T, int> || std::is_same_v<T, double>,
                    "foil: an option is an int, a double, a bool or has option_names()");
      entry.whole = std::is_same_v<T, int>;
      entry.get = [](const Entry& e) { return static_cast<double>(*static_cast<const T*>(e.member)); };
      entry.set = [](const Entry& e, double value) { *static_cast<T*>(e.member) = static_cast<T>(value); };
    }
    entries_.push_back(std::move(entry));
  }

  /// An option that is a list of some of these words, joined by '+'.
  void operator()(std::string_view name, std::string& member, std::string_view meaning,
                  std::vector<std::string_view> words) {
    Entry entry{
        foil::text(prefix_, name), std::string(meaning), {}, std::move(words), &member, nullptr, nullptr};
    entry.words = &member;
    entries_.push_back(std::move(entry));
  }

  /// The options of a member that is an options struct itself, their names beginning with `prefix`.
  template <class Options>
  void nested(std::string_view prefix, Options& options) {
    const std::string outer = std::exchange(prefix_, foil::text(prefix_, prefix));
    options.list(*this);
    prefix_ = outer;
  }

  /// Those of another list, after these.
  void append(const OptionList& others) {
    entries_.insert(entries_.end(), others.entries_.begin(), others.entries_.end());
  }

  /// All of them in words, as they are.
  std::vector<OptionInfo> infos() const {
    std::vector<OptionInfo> all;
    for (const Entry& entry : entries_) {
      std::string range = entry.range.text();
      for (const std::string_view name : entry.names) range += foil::text(range.empty() ? "" : ", ", name);
      all.push_back({entry.name, entry.value(), entry.meaning, std::move(range)});
    }
    return all;
  }

  /// Throws foil::Error naming the first option out of its range.
  void check(std::string_view who) const {
    for (const Entry& entry : entries_) {
      if (entry.words) {
        entry.check_words(*entry.words, foil::text(who, ": option ", entry.name));
        continue;
      }
      if (!entry.names.empty()) {
        require(entry.get(entry) < static_cast<double>(entry.names.size()), who, ": ", entry.name,
                " is not one of its values");
        continue;
      }
      const std::string range = entry.range.text();
      require(entry.range.contains(entry.get(entry)), who, ": expected ", range.empty() ? "a finite " : "",
              entry.name, range.empty() ? "" : " ", range, ", got ", entry.value());
    }
  }

  /// Sets what is given. Throws foil::Error for options that do not exist and for values that cannot be read.
  void parse(std::string_view who, const OptionValues& values) {
    OptionValues left = values;
    std::string known;
    std::vector<std::string_view> names;
    for (const Entry& entry : entries_) {
      known += foil::text(known.empty() ? "" : ", ", entry.name);
      names.push_back(entry.name);
      const auto given = left.find(entry.name);
      if (given == left.end()) continue;
      entry.read(given->second, foil::text(who, ": option ", entry.name));
      left.erase(given);
    }
    if (!left.empty())
      throw Error(foil::text(who, ": no option '", left.begin()->first, "'",
                             did_you_mean(left.begin()->first, names), "; it has ", known));
  }

 private:
  struct Entry {
    std::string name, meaning;
    Range range;
    std::vector<std::string_view> names;  // of bool and enumerations
    void* member;
    double (*get)(const Entry&);  // the number, or which of the names
    void (*set)(const Entry&, double);
    bool whole = false;
    std::string* words = nullptr;  // of a list of names

    std::string value() const {
      if (words) return *words;
      if (names.empty()) return foil::text(get(*this));
      const auto which = static_cast<std::size_t>(get(*this));
      return which < names.size() ? std::string(names[which]) : std::string();
    }

    void check_words(std::string_view given, const std::string& where) const {
      std::string known;
      for (const std::string_view one : names) known += foil::text(known.empty() ? "" : ", ", one);
      for (const std::string_view word : parts_of(given, '+'))
        require(std::find(names.begin(), names.end(), word) != names.end(), where, ": expected some of ",
                known, ", joined by +, got '", word, "'", did_you_mean(word, names));
    }

    void read(std::string_view given, const std::string& where) const {
      if (words) {
        check_words(given, where);
        *words = given;
        return;
      }
      if (!names.empty()) {
        const bool logical = names.front() == "true";
        if (logical && (given == "1" || given == "0")) return set(*this, given == "1" ? 0 : 1);
        std::string known;
        for (std::size_t i = 0; i < names.size(); ++i) {
          if (given == names[i]) return set(*this, static_cast<double>(i));
          known += foil::text(known.empty() ? "" : ", ", names[i]);
        }
        throw Error(logical && names.size() == 2
                        ? foil::text(where, ": expected true or false, got '", given, "'")
                        : foil::text(where, ": expected one of ", known, ", got '", given, "'",
                                     did_you_mean(given, names)));
      }
      std::optional<double> value;
      if (whole)
        value = parse_whole<int>(given);
      else
        value = parse_real(given);
      require(value.has_value(), where, ": expected ", whole ? "an integer" : "a number",
              whole && given.size() > 9 ? " of at most 9 digits" : "", ", got '", given, "'");
      set(*this, *value);
    }
  };

  std::vector<Entry> entries_{};
  std::string prefix_{};
};

/// The options, if each is in its range and they fit together; else throws foil::Error naming attack, option
/// and value.
template <class Options>
Options checked(std::string_view who, Options options) {
  OptionList all;
  options.list(all);
  all.check(who);
  if constexpr (requires { options.check(who); }) options.check(who);
  return options;
}

}  // namespace foil
