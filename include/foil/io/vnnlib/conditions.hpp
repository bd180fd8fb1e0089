// SPDX-License-Identifier: MIT
/// \file
/// The conditions of a VNN-LIB property and their disjunctive normal form.
#pragma once

#include <cstddef>
#include <utility>
#include <variant>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/io/vnnlib/decimal.hpp"

namespace foil::io::detail {

/// input <= limit, or >= where it is no upper one; < or > where it is strict.
struct InputBound {
  Index input = 0;
  bool upper = false, strict = false;
  Decimal limit{};    ///< where it had to be computed, rounded so that what meets it surely meets the file's
  double beyond = 0;  ///< then, what does not meet it surely does not meet the file's; else the limit's value
  std::size_t at = 0;  ///< in the file

  bool computed() const { return beyond != limit.value(); }
};

/// The sum of factors times outputs is <= bound, or < where it is strict.
struct OutputBound {
  std::vector<std::pair<Index, double>> factors{};
  double bound = 0;
  bool strict = false;
  double uncertainty = 0;  ///< OutputInequality::uncertainty
};

/// A condition without parts: on one input, on the outputs, or one that holds or not whatever they are.
using Condition = std::variant<bool, InputBound, OutputBound>;

/// Conditions joined by and and or, as a tree.
struct Formula {
  enum class Kind { condition, all, any };

  Kind kind = Kind::condition;
  Condition condition{true};
  std::vector<Formula> parts{};
  std::size_t at = 0;

  static Formula joined(Kind kind, std::size_t at, Formula a, Formula b) {
    Formula out{kind, true, {}, at};
    out.parts.push_back(std::move(a));
    out.parts.push_back(std::move(b));
    return out;
  }
};

/// Conditions that hold together; they belong to the formulas.
using Conjunction = std::vector<const Condition*>;

/// The conjunctions of which a formula says that one holds. Throws by `refuse(formula)` where they are
/// together of more than `most` conditions.
template <class Refuse>
class NormalForm {
 public:
  NormalForm(std::size_t most, const Refuse& refuse) : most_(most), refuse_(refuse) {}

  std::vector<Conjunction> operator()(const Formula& formula) const {
    if (formula.kind == Formula::Kind::condition) return {{&formula.condition}};
    if (formula.kind == Formula::Kind::all) {
      std::vector<Conjunction> out{{}};
      for (const Formula& part : formula.parts) out = both(std::move(out), (*this)(part), formula);
      return out;
    }
    std::vector<Conjunction> out;
    std::size_t size = 0;
    for (const Formula& part : formula.parts)
      for (Conjunction& conjunction : (*this)(part)) {
        size += conjunction.size() + 1;
        if (size > most_) refuse_(formula);
        out.push_back(std::move(conjunction));
      }
    return out;
  }

  /// What holds where one conjunction of each list does.
  std::vector<Conjunction> both(std::vector<Conjunction> a, const std::vector<Conjunction>& b,
                                const Formula& formula) const {
    if (b.size() == 1) {
      std::size_t size = 0;
      for (const Conjunction& one : a) size += one.size() + b[0].size() + 1;
      if (size > most_) refuse_(formula);
      for (Conjunction& one : a) one.insert(one.end(), b[0].begin(), b[0].end());
      return a;
    }
    if (a.size() > most_ / (b.size() + 1)) refuse_(formula);
    std::vector<Conjunction> out;
    std::size_t size = 0;
    for (const Conjunction& one : a)
      for (const Conjunction& other : b) {
        size += one.size() + other.size() + 1;
        if (size > most_) refuse_(formula);
        out.push_back(one);
        out.back().insert(out.back().end(), other.begin(), other.end());
      }
    return out;
  }

 private:
  std::size_t most_;
  const Refuse& refuse_;
};

}  // namespace foil::io::detail
