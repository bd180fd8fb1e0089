// SPDX-License-Identifier: MIT
/// \file
/// A case of foil::falsify() as attacks see it: a model on the unit cube, and what is aimed at.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/criteria/criterion.hpp"
#include "foil/core/criteria/output_property.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/falsify/search.hpp"

namespace foil::detail {

/// A box as the unit cube of the features that can move: each has the same room, whatever its unit.
template <DifferentiableModel M>
class UnitCube {
 public:
  using Input = Tensor<double, 2>;

  UnitCube(FalsifySearch<M>& search, std::size_t c) : search_(search), case_(c) {}
  Bounds<double> bounds() { return {}; }
  Logits<double> logits(const Input& u) {
    return search_.logits(case_, search_.points(case_, as_matrix(u))).template cast<double>();
  }
  auto vjp(const Input& u) {
    const input_t<M> x = search_.points(case_, as_matrix(u));
    auto pass = search_.vjp(case_, x);
    Logits<double> logits = pass.logits.template cast<double>();
    return Vjp{std::move(logits),
               [this, pass = std::move(pass), &box = search_.box(case_), of_points = x.dimensions(),
                shape = u.dimensions()](const Logits<double>& cotangent) mutable {
                 search_.spend(of_points[0]);
                 const Logits<scalar_t<M>> own = cotangent.template cast<scalar_t<M>>();
                 const input_t<M> gradient = pass.pullback(own);
                 check_gradient(gradient, of_points);
                 Input out(shape);
                 for (Index row = 0; row < samples(out); ++row) {
                   const auto from = sample(gradient, row);
                   auto to = sample(out, row);
                   for (Index i = 0, k = 0; i < box.size(); ++i)
                     if (!box.is_frozen(i))
                       to[k++] = static_cast<double>(from[i]) *
                                 std::min(box.upper[i] - box.lower[i], std::numeric_limits<double>::max());
                 }
                 return out;
               }};
  }

 private:
  FalsifySearch<M>& search_;
  std::size_t case_;
};

/// The excess of each inequality of a clause.
inline Eigen::VectorXd excesses(const OutputClause& clause, const Eigen::VectorXd& y) {
  Eigen::VectorXd out(static_cast<Index>(clause.size()));
  for (std::size_t i = 0; i < clause.size(); ++i) out[static_cast<Index>(i)] = clause[i].excess(y);
  return out;
}

/// The clause that each row of a batch aims at, by minus its excess. Nothing counts as meeting it: that is
/// for FalsifySearch to say.
///
/// Of a clause with several inequalities the gradient is a mean of theirs, the more of one the nearer it is
/// to the largest excess: a tenth of the distance from the smallest to the largest takes a factor e off.
/// Along the largest alone, steps go to and fro where two are level.
struct Aim {
  static constexpr Index least_outputs = 1;

  const OutputProperty& condition;
  std::vector<std::size_t> clauses;  ///< one for each row
  std::vector<double>& nearest;      ///< for each row, the smallest excess of its clause so far

  bool operator()(const Scores&) const { return false; }
  double margin(const Scores& s, Eigen::VectorXd* gradient) const {
    const auto row = static_cast<std::size_t>(s.sample);
    const OutputClause& clause = condition.clauses[clauses[row]];
    if (gradient) gradient->setZero(s.logits.size());
    if (clause.empty()) return excess(clause, s.logits);  // met by whatever is an answer
    Eigen::VectorXd shares = excesses(clause, s.logits);
    const double largest = shares.maxCoeff(),
                 unit = std::min(0.1 * (largest - shares.minCoeff()), std::numeric_limits<double>::max());
    nearest[row] = std::min(nearest[row], largest);
    if (!gradient) return largest;
    for (double& share : shares) share = share == largest ? 1 : std::exp((share - largest) / unit);
    shares /= shares.sum();
    for (std::size_t i = 0; i < clause.size(); ++i)
      *gradient += shares[static_cast<Index>(i)] * clause[i].coefficients;
    return largest;
  }
};

}  // namespace foil::detail
