// SPDX-License-Identifier: MIT
/// \file
/// How foil::falsify() walks to where a clause's inequalities hold together.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "foil/core/criteria/output_property.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/falsify/unit_cube.hpp"
#include "foil/geometry/minimax_step.hpp"

namespace foil::detail {

/// Walks from `begin` towards the clause of each row: a step is the best one that linear models of all its
/// inequalities allow, in the cube and in a region of trust, which grows where the largest excess has become
/// smaller and shrinks where it has not. It is never larger than the row's radius; a walk ends where it is a
/// thousandth of that. The steps are those of Brendel, Rauber, Kuemmerer, Ustyuzhaninov, Bethge 2019,
/// arXiv:1907.01003, with a boundary for each inequality, and towards them instead of along.
///
/// Cost per row and step: a forward pass, and where it came closer, another and a backward pass for each
/// inequality.
template <class M>
class FalsifyWalk {
 public:
  FalsifyWalk(UnitCube<M>& cube, const Tensor<double, 2>& begin, const Aim& aim, const Eigen::VectorXd& radii)
      : cube_(cube), aim_(aim), rows_(static_cast<std::size_t>(samples(begin))) {
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const auto at = static_cast<Index>(i);
      rows_[i] = {
          sample(begin, at), {}, {}, radii[at], radii[at] / 2, &aim.condition.clauses[aim.clauses[i]]};
    }
  }

  void go(int steps) {
    std::vector<std::size_t> moving;
    for (std::size_t i = 0; i < rows_.size(); ++i)
      if (!rows_[i].clause->empty()) moving.push_back(i);
    std::vector<std::size_t> moved = moving;
    for (int step = 0; step < steps; ++step) {
      look_at(moved);
      std::erase_if(moving, [&](std::size_t i) { return !rows_[i].open(); });
      if (moving.empty()) return;
      moved = move(moving);
    }
  }

 private:
  struct Row {
    Eigen::VectorXd u;       ///< the closest so far
    Eigen::VectorXd values;  ///< the excess of each inequality there
    Eigen::MatrixXd slopes;  ///< of each
    double radius, trust;
    const OutputClause* clause;

    bool open() const { return values.allFinite() && slopes.allFinite() && trust > radius / 1000; }
    Eigen::VectorXd next() const {
      const Eigen::VectorXd lower = (-u).cwiseMax(-trust);
      const Eigen::VectorXd upper = (Eigen::VectorXd::Ones(u.size()) - u).cwiseMin(trust);
      return (u + geometry::minimax_step(values, slopes, lower, upper)).cwiseMax(0).cwiseMin(1);
    }
  };

  Tensor<double, 2> points(const std::vector<std::size_t>& rows) const {
    Tensor<double, 2> u(static_cast<Index>(rows.size()), rows_[rows[0]].u.size());
    for (std::size_t i = 0; i < rows.size(); ++i) sample(u, static_cast<Index>(i)) = rows_[rows[i]].u;
    return u;
  }

  /// The excesses and their slopes where these rows are now.
  void look_at(const std::vector<std::size_t>& rows) {
    if (rows.empty()) return;
    auto pass = cube_.vjp(points(rows));
    std::size_t most = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      Row& row = rows_[rows[i]];
      const auto size = static_cast<Index>(row.clause->size());
      row.values = excesses(*row.clause, pass.logits.row(static_cast<Index>(i)).transpose());
      row.slopes.resize(size, row.u.size());
      most = std::max(most, row.clause->size());
      aim_.nearest[rows[i]] = std::min(aim_.nearest[rows[i]], row.values.maxCoeff());
    }
    Logits<double> cotangent(pass.logits.rows(), pass.logits.cols());
    for (std::size_t k = 0; k < most; ++k) {
      cotangent.setZero();
      for (std::size_t i = 0; i < rows.size(); ++i)
        if (const OutputClause& clause = *rows_[rows[i]].clause; k < clause.size())
          cotangent.row(static_cast<Index>(i)) = clause[k].coefficients.transpose();
      const Tensor<double, 2> slopes = pass.pullback(cotangent);
      for (std::size_t i = 0; i < rows.size(); ++i)
        if (Row& row = rows_[rows[i]]; k < row.clause->size())
          row.slopes.row(static_cast<Index>(k)) = sample(slopes, static_cast<Index>(i)).transpose();
    }
  }

  /// A step of each; returns those that came closer.
  std::vector<std::size_t> move(const std::vector<std::size_t>& rows) {
    Tensor<double, 2> to = points(rows);
    for (std::size_t i = 0; i < rows.size(); ++i) sample(to, static_cast<Index>(i)) = rows_[rows[i]].next();
    const Logits<double> outputs = cube_.logits(to);
    std::vector<std::size_t> closer;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      Row& row = rows_[rows[i]];
      const double value = excess(*row.clause, outputs.row(static_cast<Index>(i)).transpose());
      if (value < row.values.maxCoeff()) {
        closer.push_back(rows[i]);
        row.u = sample(to, static_cast<Index>(i));
        row.trust = std::min(1.5 * row.trust, row.radius);
      } else {
        row.trust /= 3;
      }
    }
    return closer;
  }

  UnitCube<M>& cube_;
  const Aim& aim_;
  std::vector<Row> rows_;
};

}  // namespace foil::detail
