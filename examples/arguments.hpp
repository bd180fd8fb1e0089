// SPDX-License-Identifier: MIT
/// \file
/// What the programs of examples are given: name=value.
#pragma once

#include <cstdlib>
#include <foil/core/error.hpp>
#include <map>
#include <string>
#include <utility>

/// Values by name, those that are not given as they are by default.
class Arguments {
 public:
  Arguments(int argc, char** argv, std::map<std::string, std::string> defaults)
      : values_(std::move(defaults)) {
    for (int i = 1; i < argc; ++i) {
      const std::string given = argv[i];
      const auto name = given.substr(0, given.find('='));
      const auto at = values_.find(name);
      foil::require(at != values_.end() && name.size() < given.size(), "expected name=value of ", names(),
                    ", got '", given, "'");
      at->second = given.substr(name.size() + 1);
    }
  }
  const std::string& text(const std::string& name) const { return values_.at(name); }
  /// A number >= 0.
  double number(const std::string& name) const {
    char* end = nullptr;
    const double value = std::strtod(text(name).c_str(), &end);
    foil::require(*end == '\0' && end != text(name).c_str() && value >= 0 && value < 1e15, name,
                  ": expected a number >= 0, got '", text(name), "'");
    return value;
  }
  long whole(const std::string& name) const { return static_cast<long>(number(name)); }

 private:
  std::string names() const {
    std::string out;
    for (const auto& [name, value] : values_) out += (out.empty() ? "" : ", ") + name;
    return out;
  }
  std::map<std::string, std::string> values_;
};
