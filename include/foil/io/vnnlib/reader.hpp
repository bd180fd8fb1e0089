// SPDX-License-Identifier: MIT
/// \file
/// The grammar of VNN-LIB files: declarations, and assertions as formulas.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/parse.hpp"
#include "foil/io/vnnlib/conditions.hpp"
#include "foil/io/vnnlib/decimal.hpp"
#include "foil/io/vnnlib/declarations.hpp"
#include "foil/io/vnnlib/property.hpp"
#include "foil/io/vnnlib/scanner.hpp"
#include "foil/io/vnnlib/terms.hpp"

namespace foil::io::detail {

/// Reads the commands of a file one after the other.
class VnnLibReader {
 public:
  static constexpr int deepest = 200;  ///< parentheses in one another

  VnnLibReader(const VnnLibReader&) = delete;
  VnnLibReader& operator=(const VnnLibReader&) = delete;
  VnnLibReader(std::string_view text, std::filesystem::path name) : scan_(text, std::move(name)) {}

  const Scanner& scanner() const { return scan_; }
  /// The declarations; the cases are for others to make.
  const VnnLib& declared() const { return declarations_.property(); }
  const std::vector<Formula>& assertions() const { return assertions_; }

  void read() {
    while (!scan_.next().text.empty()) {
      const std::size_t at = scan_.next().at;
      scan_.expect("(");
      const Word command = scan_.expect_name("a command");
      if (command.is("declare-const") || command.is("declare-fun")) {
        declarations_.declare(command);
      } else if (command.is("vnnlib-version")) {
        declarations_.version(at);
      } else if (command.is("declare-network")) {
        declarations_.network(at);
      } else if (command.is("assert")) {
        declarations_.finish();
        assertions_.push_back(formula(1));
      } else {
        constexpr std::array<std::string_view, 5> commands{"declare-const", "assert", "vnnlib-version",
                                                           "declare-network", "declare-fun"};
        scan_.require(false, command.at, "there is no command '", command, "'",
                      did_you_mean(command.text, commands));
      }
      scan_.expect(")");
    }
    declarations_.finish();
  }

 private:
  Formula formula(int depth) {
    const std::size_t at = scan_.next().at;
    scan_.require(depth <= deepest, at, "expected at most ", deepest, " parentheses in one another");
    scan_.expect("(");
    const Word what = scan_.expect_name("and, or, or a comparison");
    Formula out{Formula::Kind::all, true, {}, at};
    if (what.is("and") || what.is("or")) {
      if (what.is("or")) out.kind = Formula::Kind::any;
      do out.parts.push_back(formula(depth + 1));
      while (!scan_.next().is(")"));
    } else {
      out = comparison(what, depth);
    }
    scan_.expect(")");
    return out;
  }

  Formula comparison(const Word& what, int depth) {
    constexpr std::array<std::string_view, 9> known{"<=", ">=", "<", ">", "=", "==", "!=", "and", "or"};
    const bool found = std::find(known.begin(), known.end(), what.text) != known.end();
    scan_.require(found, what.at, "expected and, or, or a comparison (<=, >=, <, >, =, !=), found '", what,
                  "'");
    LinearTerm difference = term(depth + 1), right = term(depth + 1);
    right.negate();
    difference.add(std::move(right));
    const auto is_output = [](const auto& part) { return part.first < 0; };
    const bool of_outputs = std::any_of(difference.parts.begin(), difference.parts.end(), is_output);
    difference.gather();
    if (what.is("<=") || what.is("<"))
      return at_most_zero(std::move(difference), of_outputs, what.is("<"), what.at);
    LinearTerm opposite = difference;
    opposite.negate();
    if (what.is(">=") || what.is(">"))
      return at_most_zero(std::move(opposite), of_outputs, what.is(">"), what.at);
    const bool unequal = what.is("!=");
    Formula first = at_most_zero(std::move(difference), of_outputs, unequal, what.at);
    return Formula::joined(unequal ? Formula::Kind::any : Formula::Kind::all, what.at, std::move(first),
                           at_most_zero(std::move(opposite), of_outputs, unequal, what.at));
  }

  /// `of_outputs`: there are outputs in it, though their factors may have become 0.
  Formula at_most_zero(LinearTerm term, bool of_outputs, bool strict, std::size_t at) const {
    const Constant bound = -term.constant;
    Formula out{Formula::Kind::condition, true, {}, at};
    if (!term.parts.empty() && term.parts.front().first >= 0) {
      scan_.require(term.parts.size() == 1, at, "expected bounds of single inputs, this compares several");
      out.condition = input_bound(term.parts[0].first, bound, term.parts[0].second, strict, at);
    } else if (!of_outputs) {
      const bool certain = std::abs(bound.value()) > bound.error() || bound.error() == 0;
      scan_.require(certain, at, "this compares two constants that differ by less than can be told");
      out.condition = strict ? bound.value() > 0 : bound.value() >= 0;
    } else {
      const double safe = bound.floor();  // what is at most that is surely at most the bound
      check(Constant(safe), at);
      OutputBound condition{{}, safe + 0.0, strict && bound.is(safe)};  // without the sign of zero
      for (const auto& [output, factor] : term.parts) {
        scan_.require(output < 0, at, "expected a condition on inputs or on outputs, this compares both");
        check(factor, at);
        const double size = std::abs(factor.value()), error = factor.error();
        scan_.require(error <= 0x1p-40 * size, at,
                      "a factor of this condition is the difference of numbers that doubles hardly tell "
                      "apart, or smaller than they can be");
        int exponent = 0;
        std::frexp(std::max(error / size, std::numeric_limits<double>::min()), &exponent);
        if (error > 0) condition.uncertainty = std::max(condition.uncertainty, std::ldexp(1.0, exponent));
        condition.factors.emplace_back(-1 - output, factor.value());
      }
      out.condition = std::move(condition);
    }
    return out;
  }

  /// factor * input <= bound, or < where it is strict.
  InputBound input_bound(Index input, const Constant& bound, const Constant& factor, bool strict,
                         std::size_t at) const {
    check(factor, at);
    scan_.require(std::abs(factor.value()) > factor.error(), at, "expected a factor that is not 0");
    const bool upper = factor.value() > 0;
    const Constant number = bound / factor;
    check(number, at);
    InputBound out{input, upper, strict && number.has_limit(), number.limit(upper), 0, at};
    check(Constant(out.limit.value()), at);
    out.beyond = number.has_limit() ? out.limit.value() : number.limit(!upper).value();
    return out;
  }

  void check(const Constant& value, std::size_t at) const {
    scan_.require(value.is_finite(), at, "this number is beyond what a double holds");
  }

  LinearTerm term(int depth) {
    const std::size_t at = scan_.next().at;
    if (scan_.next().is_name()) return value(scan_.take());
    scan_.require(depth <= deepest, at, "expected at most ", deepest, " parentheses in one another");
    if (!scan_.take_if("("))
      scan_.require(false, at, "expected a number, a variable or a term, found ", scan_.found());
    const Word what = scan_.expect_name("+, - or *");
    scan_.require(what.is("+") || what.is("-") || what.is("*"), what.at, "expected +, - or *, found '", what,
                  "'");
    LinearTerm out = term(depth + 1);
    if (what.is("-") && scan_.next().is(")")) out.negate();
    while (!scan_.next().is(")")) {
      const std::size_t next = scan_.next().at;
      LinearTerm other = term(depth + 1);
      if (what.is("*")) {
        scan_.require(out.parts.empty() || other.parts.empty(), next,
                      "expected a linear term, this multiplies variables");
        if (out.parts.empty()) std::swap(out, other);
        out.scale(other.constant);
      } else {
        if (what.is("-")) other.negate();
        out.add(std::move(other));
      }
    }
    scan_.expect(")");
    return out;
  }

  LinearTerm value(const Word& word) {
    LinearTerm out;
    if (std::string_view("0123456789+-.").find(word.text[0]) != std::string_view::npos) {
      const auto number = Decimal::parse(word.text);
      scan_.require(number.has_value(), word.at, "expected a decimal number that a double can hold, found '",
                    word, "'");
      out.constant = Constant(*number);
    } else {
      out.parts.emplace_back(declarations_.variable(word), Constant(1.0));
    }
    return out;
  }

  Scanner scan_;
  Declarations declarations_{scan_};
  std::vector<Formula> assertions_{};
};

}  // namespace foil::io::detail
