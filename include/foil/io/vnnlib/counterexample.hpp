// SPDX-License-Identifier: MIT
/// \file
/// Counterexamples to VNN-LIB properties, in the format of the verifiers' competition and in that of
/// version 2.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/io/vnnlib/decimal.hpp"
#include "foil/io/vnnlib/property.hpp"
#include "foil/io/vnnlib/scanner.hpp"

namespace foil::io {

/// An input of a network, and the outputs that somebody says it has.
struct Counterexample {
  std::vector<Decimal> inputs{}, outputs{};

  /// The input as programs read it that compute in single precision.
  std::vector<float> input() const {
    std::vector<float> out;
    for (const Decimal& number : inputs) out.push_back(number.nearest_float());
    return out;
  }
};

namespace detail {

/// A decimal in the box that is read as x, by way of a double as well: the shortest float's, where that will
/// do. Where there is no float in the box, that of the lower bound.
inline Decimal input_decimal(float x, const Decimal& lower, const Decimal& upper) {
  const double wide = static_cast<double>(x);
  for (const Decimal& number : {Decimal::shortest(x), Decimal::shortest(wide), Decimal::exactly(wide)}) {
    const auto read = Decimal::parse(number.text());
    if (read && read->nearest_float() == x && lower <= *read && *read <= upper) return *read;
  }
  return lower;
}

/// Reads the numbers of all inputs or outputs.
inline std::vector<Decimal> read_numbers(Scanner& scan, const VnnLib& property, bool of_outputs) {
  const VnnLib::Variables& variables = of_outputs ? property.output : property.input;
  const auto count = static_cast<std::size_t>(of_outputs ? property.outputs : property.inputs);
  if (property.version == 2) {
    const std::string expected = heading(variables);
    for (Scanner words(expected, {}); !words.next().text.empty(); words.take())
      scan.expect(words.next().text);
  }
  std::vector<Decimal> out;
  while (out.size() < count) {
    if (property.version == 1) {
      scan.expect("(");
      scan.expect(variable_name(property, variables, out.size()));
    }
    const Word word = scan.expect_name("a number");
    auto number = Decimal::parse(word.text);
    scan.require(number.has_value(), word.at, "expected a decimal number, found '", word, "'");
    out.push_back(std::move(*number));
    if (property.version == 1) scan.expect(")");
  }
  return out;
}

}  // namespace detail

/// Whether an input lies in a case's box, as the decimals have it, exactly.
inline bool in_box(const VnnLib::Case& box, const Counterexample& found) {
  bool inside = found.inputs.size() == box.lower.size();
  for (std::size_t i = 0; inside && i < found.inputs.size(); ++i) {
    const auto lower = Decimal::parse(box.lower_text[i]), upper = Decimal::parse(box.upper_text[i]);
    inside = lower && upper && *lower <= found.inputs[i] && found.inputs[i] <= *upper;
  }
  return inside;
}

/// An input in a case's box as decimals that lie in it, exactly, and that programs read as that input.
/// Outputs are the shortest decimals of floats, or of doubles where the condition asks for more digits.
/// Throws foil::Error unless it is as large as the box and each entry from `lowest` to `highest`.
inline Counterexample counterexample(const VnnLib::Case& box, std::span<const float> x,
                                     std::span<const float> outputs) {
  foil::require(x.size() == box.lower.size(), "counterexample: expected ", box.lower.size(), " inputs, got ",
                x.size());
  Counterexample out;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float lowest = box.lowest[static_cast<Index>(i)], highest = box.highest[static_cast<Index>(i)];
    foil::require(x[i] >= lowest && x[i] <= highest, "counterexample: expected input ", i, " from ", lowest,
                  " to ", highest, ", got ", x[i]);
    const auto lower = Decimal::parse(box.lower_text[i]), upper = Decimal::parse(box.upper_text[i]);
    foil::require(lower && upper, "counterexample: the box has no decimal bounds of input ", i);
    out.inputs.push_back(detail::input_decimal(x[i], *lower, *upper));
  }
  for (const float y : outputs) {
    foil::require(std::isfinite(y), "counterexample: expected outputs that are finite, got ", y);
    out.outputs.push_back(Decimal::shortest(y));
  }
  // As floats are written they may miss a condition that they meet.
  Eigen::VectorXd written(static_cast<Index>(outputs.size())), exact(written.size());
  for (Index k = 0; k < exact.size(); ++k) {
    written[k] = Decimal::parse(out.outputs[static_cast<std::size_t>(k)].text()).value().value();
    exact[k] = static_cast<double>(outputs[static_cast<std::size_t>(k)]);
  }
  const auto met_by = [&](const Eigen::VectorXd& y) {
    return std::any_of(
        box.property.clauses.begin(), box.property.clauses.end(), [&](const OutputClause& clause) {
          const auto fits = [&](const OutputInequality& one) { return one.coefficients.size() == y.size(); };
          return std::all_of(clause.begin(), clause.end(), fits) && holds(clause, y);
        });
  };
  if (met_by(exact) && !met_by(written))
    for (Index k = 0; k < exact.size(); ++k)
      out.outputs[static_cast<std::size_t>(k)] = Decimal::shortest(exact[k]);
  return out;
}

/// A counterexample as the competition takes it, ((X_0 0.5) ... (Y_0 1.25)), each pair in a line; and for
/// properties in version 2 as that has it, name, type and shape, then a number a line.
inline std::string counterexample_text(const VnnLib& property, const Counterexample& found) {
  std::string out;
  for (const auto& [variables, numbers] :
       {std::pair(&property.input, &found.inputs), std::pair(&property.output, &found.outputs)}) {
    if (property.version == 2) out += detail::heading(*variables) + '\n';
    for (std::size_t i = 0; i < numbers->size(); ++i) {
      const std::string& number = (*numbers)[i].text();
      out += property.version == 2 ? number + '\n'
                                   : text(out.empty() ? "((" : "\n(",
                                          detail::variable_name(property, *variables, i), " ", number, ")");
    }
  }
  return property.version == 2 ? out : out + ")\n";
}

/// Reads what counterexample_text() writes, after the word `sat` or without it. Throws foil::Error with line
/// and column for anything else, as where a number is missing.
inline Counterexample parse_counterexample(std::string_view text, const VnnLib& property,
                                           const std::filesystem::path& name = "counterexample") {
  detail::Scanner scan(text, name);
  scan.take_if("sat");
  if (property.version == 1) scan.expect("(");
  Counterexample out;
  out.inputs = detail::read_numbers(scan, property, false);
  out.outputs = detail::read_numbers(scan, property, true);
  if (property.version == 1) scan.expect(")");
  scan.require(scan.next().text.empty(), scan.next().at, "expected nothing more, found ", scan.found());
  return out;
}

}  // namespace foil::io
