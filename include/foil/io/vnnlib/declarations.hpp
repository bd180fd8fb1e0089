// SPDX-License-Identifier: MIT
/// \file
/// The declarations of a VNN-LIB file, of either version: which inputs and outputs there are.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/parse.hpp"
#include "foil/core/tensor.hpp"
#include "foil/io/vnnlib/property.hpp"
#include "foil/io/vnnlib/scanner.hpp"

namespace foil::io::detail {

/// The variables, and how the file speaks of them. Inputs are numbered from 0 on, outputs from -1 down.
class Declarations {
 public:
  explicit Declarations(Scanner& scanner) : scan_(scanner) {}

  /// The property without its cases.
  const VnnLib& property() const { return property_; }

  /// (declare-const X_0 Real), and what SMT-LIB takes for the same, (declare-fun X_0 () Real).
  void declare(const Word& command) {
    scan_.require(property_.version == 1, command.at, "expected declare-network in version 2");
    scan_.require(!finished_, command.at, "expected all declarations before the first assert");
    const Word name = scan_.expect_name("a variable");
    if (command.is("declare-fun")) {
      scan_.expect("(");
      scan_.expect(")");
    }
    const Word type = scan_.expect_name("a type");
    scan_.require(type.is("Real"), type.at, "expected Real, found '", type, "'");
    const auto which = numbered(name.text);
    scan_.require(which.has_value(), name.at,
                  "expected an input X_0, X_1, ... or an output Y_0, Y_1, ..., found '", name, "'");
    auto& places = which->first ? outputs_at_ : inputs_at_;
    const auto index = static_cast<std::size_t>(which->second);
    if (places.size() <= index) places.resize(index + 1, undeclared);
    scan_.require(places[index] == undeclared, name.at, name.text, " is declared again, after line ",
                  places[index] == undeclared ? 0 : scan_.line_of(places[index]));
    places[index] = name.at;
  }

  void version(std::size_t at) {
    scan_.require(!any_declared() && !finished_ && !has_version_, at,
                  "expected the version once, before everything else");
    const Word version = scan_.expect_name("a version");
    scan_.require(version.text.starts_with("<2.") || version.text.starts_with("<1."), version.at,
                  "expected version <1.0> or <2.0>, found ", version);
    property_.version = version.text[1] - '0';
    has_version_ = true;
  }

  /// (declare-network f (declare-input X float32 [1,5]) (declare-output Y float32 [1,2])).
  void network(std::size_t at) {
    scan_.require(!any_declared(), at, "expected one network: properties of several are not read");
    scan_.require(!has_version_ || property_.version == 2, at, "expected declare-const in version 1");
    property_.version = 2;
    scan_.expect_name("the network's name");
    for (bool done = false; !done; done = scan_.next().is(")")) {
      scan_.expect("(");
      const Word what = scan_.expect_name("a declaration");
      const bool output = what.is("declare-output");
      scan_.require(output || what.is("declare-input"), what.at,
                    "expected declare-input or declare-output, found '", what,
                    what.is("declare-hidden") ? "': hidden values are not read" : "'");
      scan_.require((output ? outputs_at_ : inputs_at_).empty(), what.at, "expected one ",
                    output ? "output" : "input", ": networks of several are not read");
      scan_.require(!output || !inputs_at_.empty(), what.at, "expected the input before the output");
      tensor(output);
      scan_.expect(")");
    }
  }

  /// Once all variables are known: each number up to the last has one.
  void finish() {
    if (finished_) return;
    finished_ = true;
    for (const auto& [places, letter] : {std::pair(&inputs_at_, "X_"), std::pair(&outputs_at_, "Y_")}) {
      io::require(!places->empty(), scan_.name(),
                  "expected declarations of inputs and outputs, there are no ",
                  places == &inputs_at_ ? "inputs" : "outputs");
      for (std::size_t i = 0; i < places->size(); ++i)
        scan_.require((*places)[i] != undeclared, places->back(), letter, i, " is not declared, but ", letter,
                      places->size() - 1, " is");
    }
    property_.inputs = static_cast<Index>(inputs_at_.size());
    property_.outputs = static_cast<Index>(outputs_at_.size());
    if (property_.version == 2) return;
    property_.input.shape = {property_.inputs};
    property_.output.shape = {property_.outputs};
  }

  /// The number of the variable that a word, and in version 2 indices behind it, name.
  Index variable(const Word& word) { return property_.version == 2 ? element(word) : scalar(word); }

 private:
  static constexpr Index most_variables = Index{1} << 22;
  static constexpr std::size_t undeclared = static_cast<std::size_t>(-1);

  void tensor(bool output) {
    const Word name = scan_.expect_name("a name"), type = scan_.expect_name("a type");
    scan_.require(is_identifier(name.text), name.at, "expected a name of letters, digits and _, found '",
                  name, "'");
    constexpr std::array<std::string_view, 4> types{"Real", "real", "float32", "float64"};
    scan_.require(std::find(types.begin(), types.end(), type.text) != types.end(), type.at,
                  "expected real numbers (real, float32 or float64), found '", type, "'");
    VnnLib::Variables& variables = output ? property_.output : property_.input;
    scan_.require(!any_declared() || property_.input.name != name.text, name.at, name.text,
                  " is declared again");
    variables = {std::string(name.text), std::string(type.text), {}};
    const std::size_t at = scan_.next().at;
    Index size = 1;
    for (const Index extent : wholes()) {
      scan_.require(extent >= 1 && extent <= most_variables / size, at, "expected a tensor of 1 to ",
                    most_variables, " numbers");
      size *= extent;
      variables.shape.push_back(extent);
    }
    (output ? outputs_at_ : inputs_at_).assign(static_cast<std::size_t>(size), name.at);
  }

  /// [2,3], or [].
  std::vector<Index> wholes() {
    std::vector<Index> out;
    scan_.expect("[");
    if (scan_.take_if("]")) return out;
    do {
      const Word word = scan_.expect_name("a whole number");
      const auto value = parse_whole<Index>(word.text);
      scan_.require(value && *value >= 0, word.at, "expected a whole number, found '", word, "'");
      scan_.require(out.size() < 16, word.at, "expected a tensor of at most 16 axes");
      out.push_back(*value);
    } while (scan_.take_if(","));
    scan_.expect("]");
    return out;
  }

  static bool is_identifier(std::string_view name) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    return is_letter(name[0]) && std::all_of(name.begin(), name.end(), [&](char c) {
             return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
           });
  }
  bool any_declared() const { return !inputs_at_.empty() || !outputs_at_.empty(); }

  /// Whether it is an output, and its number: of X_0 and Y_12.
  static std::optional<std::pair<bool, Index>> numbered(std::string_view name) {
    if (!name.starts_with("X_") && !name.starts_with("Y_")) return std::nullopt;
    const std::string_view digits = name.substr(2);
    const auto index = parse_whole<Index>(digits);
    if (!index || *index < 0 || *index >= most_variables || (digits.size() > 1 && digits[0] == '0'))
      return std::nullopt;
    return std::pair(name[0] == 'Y', *index);
  }

  Index scalar(const Word& word) const {
    const auto which = numbered(word.text);
    const auto& places = which && which->first ? outputs_at_ : inputs_at_;
    scan_.require(which && which->second < static_cast<Index>(places.size()), word.at, "'", word,
                  "' is not declared; there are X_0 to X_", inputs_at_.size() - 1, " and Y_0 to Y_",
                  outputs_at_.size() - 1);
    return which->first ? -1 - which->second : which->second;
  }

  Index element(const Word& word) {
    const bool output = word.text == property_.output.name;
    const VnnLib::Variables& variables = output ? property_.output : property_.input;
    scan_.require(word.text == variables.name, word.at, "'", word, "' is not declared; there are ",
                  property_.input.name, " and ", property_.output.name);
    const std::vector<Index> place = scan_.next().is("[") ? wholes() : std::vector<Index>();
    scan_.require(place.size() == variables.shape.size(), word.at, "expected ", variables.shape.size(),
                  " indices of ", variables.name, ", found ", place.size());
    Index index = 0;
    for (std::size_t axis = 0; axis < place.size(); ++axis) {
      scan_.require(place[axis] < variables.shape[axis], word.at, "expected an index from 0 to ",
                    variables.shape[axis] - 1, " for axis ", axis, " of ", variables.name, ", found ",
                    place[axis]);
      index = index * variables.shape[axis] + place[axis];
    }
    return output ? -1 - index : index;
  }

  Scanner& scan_;
  VnnLib property_{};
  bool has_version_ = false, finished_ = false;
  std::vector<std::size_t> inputs_at_{}, outputs_at_{};  // where they are declared
};

}  // namespace foil::io::detail
