// SPDX-License-Identifier: MIT
/// \file
/// VNN-LIB properties made by programs, and as text.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/parse.hpp"
#include "foil/core/tensor.hpp"
#include "foil/io/file.hpp"
#include "foil/io/vnnlib/decimal.hpp"
#include "foil/io/vnnlib/property.hpp"

namespace foil::io {

namespace detail {

/// The decimal that is read as this bound again: the shortest one unless that is below it, or beside a strict
/// one, which would be read as the next double below.
inline Decimal bound_decimal(double bound, bool strict) {
  Decimal shortest = Decimal::shortest(bound), exact = Decimal::exactly(bound);
  const bool kept = strict ? shortest == exact : exact <= shortest;
  return kept ? shortest : exact;
}

/// The decimal of an inequality's coefficient above 0: the shortest one where that is the number, or stands
/// for what is no double.
inline Decimal coefficient_decimal(double size, double uncertainty) {
  Decimal shortest = Decimal::shortest(size), exact = Decimal::exactly(size);
  const bool enough = uncertainty > 0 && size > std::numeric_limits<double>::min();
  return enough || shortest == exact ? shortest : exact;
}

/// Which coefficient has to be written with digits too small to count, for the inequality to be read as
/// uncertain: the first, if all decimals are what they say; -1: none.
inline Index to_blur(const OutputInequality& inequality) {
  if (inequality.uncertainty == 0) return -1;
  Index first = -1;
  for (Index k = 0; k < inequality.coefficients.size(); ++k) {
    const double size = std::abs(inequality.coefficients[k]);
    if (size <= std::numeric_limits<double>::min()) continue;
    if (Decimal::shortest(size) != Decimal::exactly(size)) return -1;
    if (first < 0) first = k;
  }
  return first;
}
inline std::string blurred(std::string decimal) {
  return decimal + (decimal.find('.') == decimal.npos ? "." : "") + std::string(20, '0') + "1";
}

/// A decimal that has the same floats below it as the smaller of value + epsilon, whatever its digits, and
/// most, two floats: the shortest of the double if it has.
inline Decimal upper_end(double value, double epsilon, double most) {
  const double sum = value + epsilon, rest = sum - value, lost = (value - (sum - rest)) + (epsilon - rest);
  if (sum > most || (sum == most && lost >= 0)) return Decimal::exactly(most);
  float last = Decimal::exactly(sum).float_below();
  if (static_cast<double>(last) == sum && lost < 0)
    last = std::nextafter(last, -std::numeric_limits<float>::infinity());
  Decimal shortest = Decimal::shortest(sum);
  return shortest.float_below() == last ? shortest : Decimal::exactly(last);
}

/// An inequality of outputs; Y_2 <= Y_5 and Y_2 <= 3 as people write them.
inline std::string inequality_text(const VnnLib& property, const OutputInequality& inequality) {
  std::vector<std::string> left, right;
  const Index blur = to_blur(inequality);
  for (Index k = 0; k < inequality.coefficients.size(); ++k) {
    const double factor = inequality.coefficients[k];
    if (factor == 0) continue;
    const std::string name = variable_name(property, property.output, static_cast<std::size_t>(k));
    const double size = std::abs(factor);
    const std::string decimal = coefficient_decimal(size, inequality.uncertainty).text();
    (factor > 0 ? left : right)
        .push_back(size == 1 && k != blur
                       ? name
                       : text("(* ", k == blur ? blurred(decimal) : decimal, " ", name, ")"));
  }
  const Decimal bound = bound_decimal(inequality.bound + 0.0, inequality.strict);  // without the sign of zero
  if (left.empty() && right.empty())
    left.push_back(text("(* 0 ", variable_name(property, property.output, 0), ")"));
  if (right.empty())
    right.push_back(bound.text());
  else if (left.empty())
    left.push_back(bound.value() == 0 ? "0" : bound.negated().text());
  else if (bound.value() < 0)
    left.push_back(bound.negated().text());
  else if (bound.value() > 0)
    right.push_back(bound.text());
  const auto sum = [](const std::vector<std::string>& terms) {
    if (terms.size() == 1) return terms[0];
    std::string out = "(+";
    for (const std::string& term : terms) out += " " + term;
    return out + ")";
  };
  return text(inequality.strict ? "(< " : "(<= ", sum(left), " ", sum(right), ")");
}

}  // namespace detail

/// A box around an input and what says that it keeps its class: the counterexamples are the inputs within
/// epsilon in Linf, and within the bounds, on which another class has a score as large as the label's, or
/// larger. Throws foil::Error unless the numbers are finite, epsilon >= 0 and the label one of the classes.
inline VnnLib vnnlib_robustness(std::span<const float> x, double epsilon, const Bounds<float>& bounds,
                                Index label, Index classes) {
  foil::require(!x.empty() && std::isfinite(epsilon) && epsilon >= 0,
                "robustness: expected inputs and a finite epsilon >= 0, got ", x.size(), " and ", epsilon);
  foil::require(classes >= 2 && label >= 0 && label < classes, "robustness: expected a label of ", classes,
                " classes, got ", label);
  bounds.check(static_cast<Index>(x.size()));
  VnnLib out;
  out.inputs = static_cast<Index>(x.size());
  out.outputs = classes;
  out.input.shape = {out.inputs};
  out.output.shape = {out.outputs};
  const auto ends = [&](std::size_t i) {
    const double value = static_cast<double>(x[i]);
    const double low = static_cast<double>(bounds.lower(static_cast<Index>(i))),
                 high = static_cast<double>(bounds.upper(static_cast<Index>(i)));
    foil::require(value >= low && value <= high, "robustness: expected input ", i, " from ", low, " to ",
                  high, ", got ", value);
    return std::pair(detail::upper_end(-value, epsilon, -low).negated(),
                     detail::upper_end(value, epsilon, high));
  };
  VnnLib::Case box = detail::box_of(x.size(), ends, [](std::size_t i, const auto&... parts) {
    foil::require(false, "robustness: input ", i, ": ", parts...);
  });
  for (Index other = 0; other < classes; ++other) {
    if (other == label) continue;
    OutputInequality inequality{Eigen::VectorXd::Zero(classes), 0, false};
    inequality.coefficients[label] = 1;
    inequality.coefficients[other] = -1;
    box.property.clauses.push_back({std::move(inequality)});
  }
  out.cases.push_back(std::move(box));
  return out;
}

/// The property as text, from which parse_vnnlib() reads the same cases to the bit, equal boxes gathered and
/// those without clauses left out; uncertain coefficients are then uncertain by 2^-52. In the
/// form that simple readers of other tools take: bounds one by one, then an or of ands. Of several boxes each
/// alternative repeats the bounds of its own.
/// \param comment  stands at the beginning, each line behind a semicolon
/// \throws Error for clauses without inequalities, or of numbers that are not finite
inline std::string vnnlib_text(const VnnLib& property, std::string_view comment = "") {
  std::string out;
  if (!comment.empty())
    for (const std::string_view lines : parts_of(comment, '\n'))
      for (const std::string_view line : parts_of(lines, '\r')) out += text("; ", line, "\n");
  if (property.version == 2)
    out += text("(vnnlib-version <2.0>)\n(declare-network network\n  (declare-input ",
                detail::heading(property.input), ")\n  (declare-output ", detail::heading(property.output),
                "))\n");
  else
    for (const auto& [variables, count] :
         {std::pair(&property.input, property.inputs), std::pair(&property.output, property.outputs)})
      for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
        out += text("(declare-const ", detail::variable_name(property, *variables, i), " Real)\n");

  // What all alternatives share, if there is one box alone, is asserted by itself, and so is a single one.
  std::vector<std::vector<std::string>> alternatives;
  const auto assert_all = [&](const std::vector<std::string>& conditions) {
    for (const std::string& condition : conditions) out += text("(assert ", condition, ")\n");
  };
  for (const VnnLib::Case& one : property.cases) {
    if (!one.property.clauses.empty()) one.property.check(0, property.outputs);
    std::vector<std::string> bounds;
    for (std::size_t i = 0; i < one.lower_text.size(); ++i) {
      const std::string name = detail::variable_name(property, property.input, i);
      bounds.push_back(text("(>= ", name, " ", one.lower_text[i], ")"));
      bounds.push_back(text("(<= ", name, " ", one.upper_text[i], ")"));
    }
    if (property.cases.size() == 1) assert_all(std::exchange(bounds, {}));
    for (const OutputClause& clause : one.property.clauses) {
      foil::require(!clause.empty(), "vnnlib: expected a condition in every clause, one has none");
      alternatives.push_back(bounds);
      for (const OutputInequality& inequality : clause)
        alternatives.back().push_back(detail::inequality_text(property, inequality));
    }
  }
  foil::require(!alternatives.empty(), "vnnlib: expected a case with a clause, found none");
  if (alternatives.size() == 1) {
    assert_all(alternatives[0]);
    return out;
  }
  out += "(assert (or\n";
  for (const auto& conditions : alternatives) {
    out += "  (and";
    for (const std::string& condition : conditions) out += " " + condition;
    out += ")\n";
  }
  return out + "))\n";
}

/// Writes the property to a file, all or nothing.
inline void write_vnnlib(const std::filesystem::path& path, const VnnLib& property,
                         std::string_view comment = "") {
  write_file(path, vnnlib_text(property, comment));
}

}  // namespace foil::io
