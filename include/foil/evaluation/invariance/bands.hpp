// SPDX-License-Identifier: MIT
/// \file
/// The point of a box nearest to another one among those where some linear functions lie in intervals.
#pragma once

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "foil/core/tensor.hpp"

namespace foil {

/// A box cut by bands: all d with lower <= d <= upper and low <= normals * d <= high; one row of `normals`
/// and one entry of `low` and `high` for each band.
struct BandedBox {
  Eigen::VectorXd lower, upper;
  Logits<double> normals;
  Eigen::VectorXd low, high;
};

/// What nearest_in() found.
struct BandedPoint {
  Eigen::VectorXd point;        ///< in the box
  Eigen::VectorXd multipliers;  ///< of the bands: above 0 at the upper end, below 0 at the lower one
  double outside = 0;           ///< by how much a linear function leaves its interval, at most
};

namespace detail {

/// The dual of the projection, in as many variables as there are bands: for given multipliers the nearest
/// point of the box alone is its clipping, and the multipliers that are best bring it into the bands.
/// Maximised by Newton's method on the features that are not at an end, each step halved until it is better.
class BandedProjection {
 public:
  BandedProjection(const Eigen::VectorXd& goal, const BandedBox& box)
      : goal_(goal),
        box_(box),
        normals_(box.normals),
        low_(box.low),
        high_(box.high),
        sizes_(box.normals.rows()) {
    for (Index k = 0; k < sizes_.size(); ++k) {  // bands of one scale
      const double size = normals_.row(k).norm();
      sizes_[k] = size > 0 && std::isfinite(size) ? size : 1;
      normals_.row(k) /= sizes_[k];
      low_[k] /= sizes_[k];
      high_[k] /= sizes_[k];
    }
  }

  BandedPoint run() {
    constexpr int most_steps = 300;
    const Index bands = sizes_.size();
    multipliers_ = Eigen::VectorXd::Zero(bands);
    value_ = look(multipliers_);
    const double scale = std::max(goal_.cwiseAbs().maxCoeff(), std::numeric_limits<double>::min());
    for (int step = 0; step < most_steps; ++step) {
      if (ascent().cwiseAbs().maxCoeff() <= 1e-13 * scale) break;
      bool better = false;
      for (double ridge = 1e-12; ridge < 10 && !better; ridge *= 1e3) better = improve(newton(ridge));
      if (!better) break;
    }
    BandedPoint out{point_, multipliers_.cwiseQuotient(sizes_), 0};
    const Eigen::VectorXd at = box_.normals * point_;
    for (Index k = 0; k < bands; ++k)
      out.outside = std::max({out.outside, at[k] - box_.high[k], box_.low[k] - at[k]});
    return out;
  }

 private:
  /// Sets point_ to that of these multipliers; the value of the dual.
  double look(const Eigen::VectorXd& multipliers) {
    point_ = (goal_ - normals_.transpose() * multipliers).cwiseMax(box_.lower).cwiseMin(box_.upper);
    double value = 0.5 * (point_ - goal_).squaredNorm() + multipliers.dot(normals_ * point_);
    for (Index k = 0; k < multipliers.size(); ++k)
      value -= multipliers[k] * (multipliers[k] > 0 ? high_[k] : low_[k]);
    return value;
  }

  /// The dual's slope where it has one, else towards where it rises; 0 at its top.
  Eigen::VectorXd ascent() const {
    const Eigen::VectorXd at = normals_ * point_;
    Eigen::VectorXd out(at.size());
    for (Index k = 0; k < at.size(); ++k) {
      const double above = at[k] - high_[k], below = at[k] - low_[k];
      out[k] = multipliers_[k] > 0   ? above
               : multipliers_[k] < 0 ? below
                                     : std::max(above, 0.0) + std::min(below, 0.0);
    }
    return out;
  }

  /// These bands' normals, of the features that are not at an end: features x bands.
  Eigen::MatrixXd free_normals(const std::vector<Index>& bands) const {
    Eigen::MatrixXd out(point_.size(), static_cast<Index>(bands.size()));
    Index count = 0;
    for (Index i = 0; i < point_.size(); ++i) {
      if (!(point_[i] > box_.lower[i] && point_[i] < box_.upper[i])) continue;
      for (Index k = 0; k < out.cols(); ++k) out(count, k) = normals_(bands[static_cast<std::size_t>(k)], i);
      ++count;
    }
    return out.topRows(count);
  }

  /// Of the multipliers that are not 0 or should not be; the larger the ridge, the more like the slope.
  Eigen::VectorXd newton(double ridge) const {
    const Eigen::VectorXd slope = ascent();
    std::vector<Index> bands;
    for (Index k = 0; k < slope.size(); ++k)
      if (slope[k] != 0 || multipliers_[k] != 0) bands.push_back(k);
    const Eigen::MatrixXd free = free_normals(bands);
    Eigen::MatrixXd curvature = free.transpose() * free;
    curvature.diagonal().array() += ridge;
    Eigen::VectorXd step(curvature.rows()), move = Eigen::VectorXd::Zero(slope.size());
    for (Index k = 0; k < step.size(); ++k) step[k] = slope[bands[static_cast<std::size_t>(k)]];
    curvature.ldlt().solveInPlace(step);
    for (Index k = 0; k < step.size(); ++k) move[bands[static_cast<std::size_t>(k)]] = step[k];
    return move;
  }

  /// Moves the multipliers, as far as makes the dual larger; false if nothing does. A multiplier changes its
  /// sign by way of 0.
  bool improve(const Eigen::VectorXd& move) {
    const Eigen::VectorXd slope = ascent(), before = point_;
    for (double length = 1; length > 1e-14; length /= 2) {
      Eigen::VectorXd next = multipliers_ + length * move;
      for (Index k = 0; k < next.size(); ++k)
        if (next[k] * (multipliers_[k] != 0 ? multipliers_[k] : slope[k]) < 0) next[k] = 0;
      const double there = look(next), gain = there - value_;
      if (gain > 0 && gain >= 1e-4 * slope.dot(next - multipliers_)) {
        multipliers_ = next;
        value_ = there;
        return true;
      }
      point_ = before;
    }
    return false;
  }

  const Eigen::VectorXd& goal_;
  const BandedBox& box_;
  Logits<double> normals_;
  Eigen::VectorXd low_, high_, sizes_, multipliers_{}, point_{};
  double value_ = 0;
};

}  // namespace detail

/// The point of a banded box nearest to `goal`, to about nine digits; if the box holds no such point, one of
/// the box that is near to the bands: `outside` tells. O(bands^2 features) for each of a few Newton steps.
inline BandedPoint nearest_in(const BandedBox& box, const Eigen::VectorXd& goal) {
  return detail::BandedProjection(goal, box).run();
}

}  // namespace foil
