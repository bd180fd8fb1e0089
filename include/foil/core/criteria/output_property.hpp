// SPDX-License-Identifier: MIT
/// \file
/// The criterion of verification: linear inequalities on a network's outputs, joined by and and or.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "foil/core/criteria/criterion.hpp"
#include "foil/core/error.hpp"
#include "foil/core/exact_sum.hpp"
#include "foil/core/losses.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// coefficients . y <= bound for the outputs y of a network, or < where it is strict.
struct OutputInequality {
  Eigen::VectorXd coefficients{};  ///< one for each output, all finite
  double bound = 0;                ///< finite
  bool strict = false;
  /// How far each coefficient may be off, as a part of it: a power of two where the numbers that are meant
  /// are no doubles, else 0. The worst of them count.
  double uncertainty = 0;

  /// coefficients . y - bound: below 0 where the inequality holds, above 0 where it does not; at 0 it holds
  /// unless it is strict. The sign is exact, whatever the numbers: where a sum in double might be wrong about
  /// it, that is told by an ExactSum. The size is that of a double, so finite for finite outputs. Infinity
  /// where it is no number.
  double excess(const Eigen::VectorXd& y) const {
    double total = 0, size = 0;
    Index terms = 0;
    for (Index k = 0; k < coefficients.size(); ++k) {
      if (coefficients[k] == 0 || y[k] == 0) continue;
      const double product = coefficients[k] * y[k];
      total += product;
      size += std::abs(product);
      ++terms;
    }
    const double value = total + uncertainty * size - bound;
    if (terms == 0) return value;
    // Twice what products and sums may be off by, and products that underflow; infinity where they overflow.
    const double count = static_cast<double>(terms);
    const double lost = (count + 4) * std::numeric_limits<double>::epsilon() * (size + std::abs(bound)) +
                        count * std::numeric_limits<double>::denorm_min();
    return std::abs(value) > lost ? value : excess_within(y, 0);
  }

  /// The largest excess() of all outputs that differ from y by at most `radius` each, which is finite.
  double excess_within(const Eigen::VectorXd& y, double radius) const {
    ExactSum sum;
    double endless = 0;
    const auto add = [&](double factor, double number) {
      if (factor == 0) return;
      if (std::isfinite(factor) && std::isfinite(number))
        sum.add(factor, number);
      else
        endless += factor * number;
    };
    for (Index k = 0; k < coefficients.size(); ++k) {
      const double size = std::abs(coefficients[k]);
      add(coefficients[k], y[k]);
      add(size, radius);
      if (uncertainty == 0 || size == 0) continue;
      const double off = std::nextafter(uncertainty * size, std::numeric_limits<double>::infinity());
      add(off, std::abs(y[k]));
      add(off, radius);
    }
    add(-1, bound);
    if (std::isnan(endless)) return std::numeric_limits<double>::infinity();
    return endless != 0 ? endless : sum.value();
  }

  bool holds(const Eigen::VectorXd& y) const {
    const double value = excess(y);
    return strict ? value < 0 : value <= 0;
  }
};

/// Inequalities that hold together: of none of them, everywhere.
using OutputClause = std::vector<OutputInequality>;

/// The largest excess() of a clause, above 0 where the clause does not hold; minus infinity of none.
/// `first` is set to the first inequality that has it.
inline double excess(const OutputClause& clause, const Eigen::VectorXd& y, std::size_t* first = nullptr) {
  double largest = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < clause.size(); ++i) {
    const double value = clause[i].excess(y);
    if (i > 0 && !(value > largest)) continue;
    largest = value;
    if (first) *first = i;
  }
  return largest;
}

/// Whether all inequalities of a clause hold.
inline bool holds(const OutputClause& clause, const Eigen::VectorXd& y) {
  return std::all_of(clause.begin(), clause.end(), [&](const OutputInequality& i) { return i.holds(y); });
}

/// One of several clauses holds: a condition on the outputs that is to be met, the one that must never hold
/// if it is the property of a file for verifiers (foil/io/vnnlib.hpp). The same for every sample; needs
/// logits, of whatever meaning: the outputs of a network that is no classifier as well.
///
/// Margin: the smallest over the clauses of the largest excess() in each; negative where the condition holds
/// strictly, and where it is 0 equality decides. In units of the inequalities as they are written, none of
/// which is normalised.
struct OutputProperty {
  static constexpr Index least_outputs = 1;

  std::vector<OutputClause> clauses{};

  /// Throws unless there is a clause, and every inequality has a finite coefficient for each of `outputs`
  /// outputs (0: unknown), a finite bound, and an uncertainty from 0 to 1.
  void check(Index /*samples*/, Index outputs) const {
    require(!clauses.empty(), "output property: it has no clause, so nothing can meet it");
    for (std::size_t c = 0; c < clauses.size(); ++c)
      for (const OutputInequality& inequality : clauses[c]) {
        const Index count = inequality.coefficients.size();
        require(outputs == 0 || count == outputs, "output property: an inequality of clause ", c, " has ",
                count, " coefficients, the model has ", outputs, " outputs");
        bool finite = std::isfinite(inequality.bound);
        for (Index k = 0; k < count; ++k) finite = finite && std::isfinite(inequality.coefficients[k]);
        require(finite, "output property: expected finite coefficients and bounds, clause ", c,
                " has others");
        require(inequality.uncertainty >= 0 && inequality.uncertainty <= 1, "output property: expected an ",
                "uncertainty from 0 to 1, clause ", c, " has ", inequality.uncertainty);
      }
  }

  /// The clause with the smallest excess, the first one on a tie; -1 without clauses.
  Index nearest_clause(const Eigen::VectorXd& y) const {
    Index nearest = -1;
    double least = 0;
    for (std::size_t c = 0; c < clauses.size(); ++c) {
      const double value = excess(clauses[c], y);
      if (nearest >= 0 && !(value < least)) continue;
      least = value;
      nearest = static_cast<Index>(c);
    }
    return nearest;
  }

  bool operator()(const Scores& s) const {
    return std::any_of(clauses.begin(), clauses.end(),
                       [&](const OutputClause& clause) { return holds(clause, s.logits); });
  }
  double margin(const Scores& s, Eigen::VectorXd* gradient = nullptr) const {
    if (gradient) gradient->setZero(s.logits.size());
    const Index nearest = nearest_clause(s.logits);
    if (nearest < 0) return std::numeric_limits<double>::infinity();
    const OutputClause& clause = clauses[static_cast<std::size_t>(nearest)];
    std::size_t first = 0;
    const double value = excess(clause, s.logits, &first);
    if (gradient && !clause.empty()) *gradient = clause[first].coefficients;
    return value;
  }
  /// Where a kind of loss is asked for that is no difference of outputs: the margin with its minimum and
  /// maximum replaced by the logarithms of sums of exponentials, negated. Of "another class reaches the
  /// largest output" and "class t has the largest output" these are foil's losses::lsem.
  double loss(Loss kind, const Scores& s, Eigen::VectorXd* gradient) const;
};

namespace detail {

/// log sum exp; their softmax takes the place of the values, none of which is NaN.
inline double log_sum_exp_in_place(Eigen::VectorXd& values) {
  const double top = values.maxCoeff();
  double total = 0;
  for (double& value : values) {
    value = value == top ? 1 : std::exp(value - top);
    total += value;
  }
  values /= total;
  return top + std::log(total);
}

}  // namespace detail

inline double OutputProperty::loss(Loss kind, const Scores& s, Eigen::VectorXd* gradient) const {
  const double hard = margin(s, gradient);
  if (kind == Loss::margin || kind == Loss::dlr || !std::isfinite(hard)) {
    if (gradient) *gradient = -*gradient;
    return -hard;
  }
  std::vector<Eigen::VectorXd> shares(clauses.size());
  Eigen::VectorXd of_clauses(static_cast<Index>(clauses.size()));
  for (std::size_t c = 0; c < clauses.size(); ++c) {
    shares[c].resize(static_cast<Index>(clauses[c].size()));
    for (std::size_t i = 0; i < clauses[c].size(); ++i)
      shares[c][static_cast<Index>(i)] = clauses[c][i].excess(s.logits);
    of_clauses[static_cast<Index>(c)] = -detail::log_sum_exp_in_place(shares[c]);
  }
  const double value = detail::log_sum_exp_in_place(of_clauses);
  if (!gradient) return value;
  gradient->setZero(s.logits.size());
  for (std::size_t c = 0; c < clauses.size(); ++c)
    for (std::size_t i = 0; i < clauses[c].size(); ++i)
      *gradient -=
          of_clauses[static_cast<Index>(c)] * shares[c][static_cast<Index>(i)] * clauses[c][i].coefficients;
  return value;
}

}  // namespace foil
