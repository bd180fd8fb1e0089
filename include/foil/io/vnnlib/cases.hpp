// SPDX-License-Identifier: MIT
/// \file
/// The boxes of a VNN-LIB property, and what must not hold on each, made of its assertions.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/io/vnnlib/conditions.hpp"
#include "foil/io/vnnlib/decimal.hpp"
#include "foil/io/vnnlib/property.hpp"
#include "foil/io/vnnlib/reader.hpp"

namespace foil::io::detail {

/// Joins what all assertions say of single inputs to one box, multiplies the alternatives out, and gathers
/// those of equal boxes.
class VnnLibCases {
 public:
  static constexpr std::size_t most_conditions = std::size_t{1} << 20;  ///< when multiplied out
  static constexpr Index most_bounds = Index{1} << 22;                  ///< inputs times boxes
  static constexpr Index most_coefficients = Index{1} << 25;            ///< outputs times inequalities

  explicit VnnLibCases(const VnnLibReader& reader)
      : scan_(reader.scanner()), property_(reader.declared()), sides_(2 * inputs()) {
    for (const Formula& formula : reader.assertions()) sort(formula);
  }

  VnnLib make() {
    for (std::size_t i = 0; i < inputs(); ++i) {
      const Side *lower = sides_[2 * i], *upper = sides_[2 * i + 1];
      if (lower && upper) refuse_if_empty(*lower, *upper);
    }
    if (!impossible_)
      for (const Conjunction& alternative : alternatives()) add(alternative);
    if (property_.cases.empty()) {
      if (empty_.first) refuse_if_empty(*empty_.first, *empty_.second);
      require(false, scan_.name(), "none of the conditions can hold, whatever the inputs");
    }
    return std::move(property_);
  }

 private:
  using Side = InputBound;
  /// Bounds of an alternative that are tighter than those of all, by 2 * input + 1 of an upper one.
  using Tighter = std::map<std::size_t, const Side*>;

  std::size_t inputs() const { return static_cast<std::size_t>(property_.inputs); }
  static std::size_t place(const Side& bound) {
    return 2 * static_cast<std::size_t>(bound.input) + (bound.upper ? 1 : 0);
  }
  static bool tighter(const Side& a, const Side& b) {
    if (a.upper ? a.limit < b.limit : b.limit < a.limit) return true;
    return a.strict && !b.strict && a.limit == b.limit;
  }
  std::string name(std::size_t input) const { return variable_name(property_, property_.input, input); }

  /// Whether no number lies between two bounds of an input. Of bounds that had to be computed it may be that
  /// one does, where none lies there for sure.
  static bool is_empty(const Side& lower, const Side& upper) {
    if (lower.limit < upper.limit) return false;
    if (lower.computed() || upper.computed()) return lower.beyond > upper.beyond;
    return upper.limit < lower.limit || lower.strict || upper.strict;
  }

  void refuse_if_empty(const Side& lower, const Side& upper) const {
    if (is_empty(lower, upper)) refuse("the box is empty", lower, upper);
  }
  void refuse(const char* what, const Side& lower, const Side& upper) const {
    scan_.require(false, std::max(lower.at, upper.at), what, ": ",
                  name(static_cast<std::size_t>(lower.input)),
                  lower.strict ? " is to be above " : " is to be at least ", shown(lower.limit), " (line ",
                  scan_.line_of(lower.at), ") and ", upper.strict ? "below " : "at most ", shown(upper.limit),
                  " (line ", scan_.line_of(upper.at), ")");
  }

  /// A bound as a number that may be reached: of a strict one the next float inside, if there is one.
  static std::optional<Decimal> closed(const Side& side) {
    if (!side.strict) return side.limit;
    constexpr float far = std::numeric_limits<float>::infinity();
    float inside = side.upper ? side.limit.float_below() : side.limit.float_above();
    if (std::isfinite(inside) && Decimal::exactly(inside) == side.limit)
      inside = std::nextafter(inside, side.upper ? -far : far);
    if (!std::isfinite(inside)) return std::nullopt;
    return Decimal::exactly(inside);
  }

  /// The ends of an input's numbers. Where no float lies between two bounds, one of which is strict, the
  /// other is both ends; if both are, a double between them.
  std::pair<Decimal, Decimal> ends(const Side& lower, const Side& upper) const {
    const std::optional<Decimal> low = closed(lower), high = closed(upper);
    if (low && high && *low <= *high) return {*low, *high};
    if (!(lower.limit < upper.limit))
      refuse("no number is in the box for sure, whose bounds had to be computed", lower, upper);
    if (lower.strict && upper.strict) {
      const Decimal middle = Decimal::exactly(std::midpoint(lower.limit.value(), upper.limit.value()));
      if (!(lower.limit < middle && middle < upper.limit)) refuse("no double is in the box", lower, upper);
      return {middle, middle};
    }
    const Decimal& only = lower.strict ? upper.limit : lower.limit;
    return {only, only};
  }
  static std::string shown(const Decimal& number) { return printable(number.text(), 40); }

  /// What holds whatever the alternative goes to the box or to the conditions of all.
  void sort(const Formula& formula) {
    if (formula.kind == Formula::Kind::any) {
      choices_.push_back(&formula);
    } else if (formula.kind == Formula::Kind::all) {
      for (const Formula& part : formula.parts) sort(part);
    } else if (const auto* bound = std::get_if<Side>(&formula.condition)) {
      const Side*& side = sides_[place(*bound)];
      if (!side || tighter(*bound, *side)) side = bound;
    } else if (const bool* holds = std::get_if<bool>(&formula.condition)) {
      impossible_ = impossible_ || !*holds;
    } else {
      always_.push_back(&formula.condition);
    }
  }

  std::vector<Conjunction> alternatives() const {
    const auto refuse = [&](const Formula& formula) {
      scan_.require(false, formula.at, "expected at most ", most_conditions,
                    " conditions when all alternatives are multiplied out");
    };
    const NormalForm normal(most_conditions, refuse);
    std::vector<Conjunction> out{{}};
    for (const Formula* choice : choices_) out = normal.both(std::move(out), normal(*choice), *choice);
    return out;
  }

  void add(const Conjunction& alternative) {
    Tighter box;
    for (const Condition* condition : alternative) {
      if (const bool* holds = std::get_if<bool>(condition); holds && !*holds) return;
      if (const auto* bound = std::get_if<Side>(condition)) tighten(box, *bound);
    }
    if (is_empty(box)) return;
    OutputProperty& property = case_of(box).property;
    OutputClause clause;
    for (const Conjunction* list : std::array<const Conjunction*, 2>{&always_, &alternative})
      for (const Condition* condition : *list)
        if (const auto* bound = std::get_if<OutputBound>(condition)) clause.push_back(dense(*bound));
    scan_.require(!clause.empty(), place_of(alternative),
                  "expected a condition on the outputs for every box, this has none");
    property.clauses.push_back(std::move(clause));
  }

  /// Where it stands, or what holds for all.
  std::size_t place_of(const Conjunction& alternative) const {
    std::size_t at = 0;
    for (const Condition* condition : alternative)
      if (const auto* bound = std::get_if<Side>(condition)) at = std::max(at, bound->at);
    if (at == 0 && !choices_.empty()) at = choices_.back()->at;
    for (std::size_t i = 0; at == 0 && i < sides_.size(); ++i)
      if (sides_[i]) at = sides_[i]->at;
    return at;
  }

  void tighten(Tighter& box, const Side& bound) const {
    const std::size_t at = place(bound);
    const auto found = box.find(at);
    const Side* before = found == box.end() ? sides_[at] : found->second;
    if (!before || tighter(bound, *before)) box[at] = &bound;
  }

  /// The tighter bound, or that of all.
  const Side* bound_at(const Tighter& box, std::size_t at) const {
    const auto found = box.find(at);
    return found == box.end() ? sides_[at] : found->second;
  }

  bool is_empty(const Tighter& box) {
    for (const auto& [at, bound] : box) {
      const Side *lower = bound_at(box, at & ~std::size_t{1}), *upper = bound_at(box, at | 1);
      if (!lower || !upper || !is_empty(*lower, *upper)) continue;
      empty_ = {lower, upper};
      return true;
    }
    return false;
  }

  /// The case with this box, which may be new.
  VnnLib::Case& case_of(const Tighter& box) {
    std::string key;
    for (const auto& [at, bound] : box) {
      const Digits digits = digits_of(bound->limit.text());
      key += text(at, bound->strict ? "<" : "=", digits.negative ? "-" : "", digits.digits, "e",
                  digits.exponent, ";");
    }
    const auto [found, fresh] = case_at_.emplace(std::move(key), property_.cases.size());
    if (fresh) property_.cases.push_back(new_case(box));
    return property_.cases[found->second];
  }

  VnnLib::Case new_case(const Tighter& box) const {
    const auto boxes = static_cast<Index>(property_.cases.size()) + 1;
    require(boxes <= most_bounds / property_.inputs, scan_.name(), "expected boxes and inputs of at most ",
            most_bounds, " bounds, found more");
    const auto bounds = [&](std::size_t i) {
      const Side *lower = bound_at(box, 2 * i), *upper = bound_at(box, 2 * i + 1);
      if (!lower || !upper)
        require(false, scan_.name(), name(i), " has no ", lower ? "upper" : "lower",
                " bound: boxes of inputs have both");
      return ends(*lower, *upper);
    };
    return box_of(inputs(), bounds, [&](std::size_t i, const auto&... parts) {
      scan_.require(false, bound_at(box, 2 * i + 1)->at, name(i), ": ", parts...);
    });
  }

  OutputInequality dense(const OutputBound& bound) {
    require(++inequalities_ <= most_conditions, scan_.name(), "expected at most ", most_conditions,
            " conditions when all alternatives are multiplied out");
    coefficients_ += property_.outputs;
    require(coefficients_ <= most_coefficients, scan_.name(), "expected inequalities and outputs of at most ",
            most_coefficients, " coefficients, found more");
    OutputInequality out{Eigen::VectorXd::Zero(property_.outputs), bound.bound, bound.strict,
                         bound.uncertainty};
    for (const auto& [output, factor] : bound.factors) out.coefficients[output] = factor;
    return out;
  }

  const Scanner& scan_;
  VnnLib property_;
  std::vector<const Side*> sides_;  // of the box of all, lower and upper in turn
  Conjunction always_{};            // about outputs
  bool impossible_ = false;
  std::vector<const Formula*> choices_{};
  std::unordered_map<std::string, std::size_t> case_at_{};
  std::pair<const Side*, const Side*> empty_{};
  Index coefficients_ = 0;
  std::size_t inequalities_ = 0;
};

}  // namespace foil::io::detail
