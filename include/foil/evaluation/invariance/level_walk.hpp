// SPDX-License-Identifier: MIT
/// \file
/// One sample's way to a target along the points that a model answers alike. Knows no model.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "foil/core/numbers.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/invariance/bands.hpp"

namespace foil {

/// What of a walk is the same from any start.
struct LevelProblem {
  Eigen::VectorXd target, lower, upper;  ///< where to go, and the bounds
  Eigen::VectorXd logits;                ///< that are to stay
  double tolerance = 0;                  ///< by which each may change

  /// The largest change of a logit; NaN if one is NaN.
  double drift(const Eigen::VectorXd& now) const {
    double most = 0;
    for (Index k = 0; k < logits.size(); ++k) {
      const double change = std::abs(now[k] - logits[k]);
      most = std::isnan(change) || std::isnan(most) ? std::numeric_limits<double>::quiet_NaN()
                                                    : std::max(most, change);
    }
    return most;
  }
};

/// Sequential quadratic programming: each step goes to the point nearest to the target at which the logits'
/// linearisation changes by no more than the tolerance, within the bounds and a trust region. A step is taken
/// if it lowers half the squared distance plus a weight times what the largest change has above the
/// tolerance. Where the logits turn out otherwise, the step is corrected by what they are, with the slopes
/// that are known, before the region shrinks. From a start beyond the tolerance the way back comes first, as
/// short as it goes, and only the change of the logits counts. Between propose() and judge() somebody asks
/// the model.
class LevelWalk {
 public:
  LevelWalk(const LevelProblem& problem, Eigen::VectorXd start)
      : problem_(&problem), at_(std::move(start)), radius_(widest()) {}

  /// Where the model's logits and their Jacobian are asked for, whenever wants_jacobian().
  const Eigen::VectorXd& at() const { return at_; }
  bool wants_jacobian() const { return !known_; }
  bool done() const { return done_; }
  /// Whether the logits are within the tolerance and no step was left that their linearisation says pays.
  bool converged() const { return converged_ && holds(logits_); }

  /// Ends the walk if an entry is not finite.
  void know(const Eigen::VectorXd& logits, Logits<double> jacobian) {
    known_ = true;
    logits_ = base_ = logits;
    jacobian_ = std::move(jacobian);
    corrections_ = 0;
    done_ = done_ || !all_finite(logits_) || !all_finite(jacobian_.reshaped());
  }

  /// The next point to ask about; done() tells whether there is none.
  Eigen::VectorXd propose() {
    const Eigen::VectorXd room = Eigen::VectorXd::Constant(at_.size(), radius_);
    const Eigen::VectorXd change = base_ - problem_->logits;
    const Eigen::VectorXd band = Eigen::VectorXd::Constant(change.size(), aim());
    const BandedBox box{(problem_->lower - at_).cwiseMax(-room), (problem_->upper - at_).cwiseMin(room),
                        jacobian_, -band - change, band - change};
    Eigen::VectorXd goal = Eigen::VectorXd::Zero(at_.size());
    if (holds(logits_)) goal = problem_->target - at_;
    BandedPoint step = nearest_in(box, goal);
    if (corrections_ == 0) {
      weight_ = std::max(weight_, 2 * step.multipliers.cwiseAbs().sum());
      expected_ = merit(at_, logits_) - merit(at_ + step.point, logits_ + jacobian_ * step.point);
      const double worth = 1e-9 * merit(at_, logits_);
      converged_ = !(expected_ > worth);
      done_ = converged_;
    }
    step_ = std::move(step.point);
    return at_ + step_;
  }

  /// What the model answered about the proposed point, as it was rounded.
  void judge(const Eigen::VectorXd& asked, const Eigen::VectorXd& logits) {
    constexpr int most_corrections = 2;
    const bool finite = all_finite(logits);
    const double gained = finite ? merit(at_, logits_) - merit(asked, logits) : -1;
    if (gained >= 0.1 * expected_) {
      const double length = step_.cwiseAbs().maxCoeff();
      if (gained >= 0.75 * expected_) radius_ = std::min(widest(), std::max(radius_, 2 * length));
      at_ = asked;
      known_ = false;
      return;
    }
    if (finite && corrections_ < most_corrections && !holds(logits)) {
      ++corrections_;
      base_ = logits - jacobian_ * (asked - at_);
      return;
    }
    corrections_ = 0;
    base_ = logits_;
    radius_ = 0.4 * std::min(radius_, step_.cwiseAbs().maxCoeff());
    done_ = radius_ <= 1e-7 * widest();
  }

 private:
  bool holds(const Eigen::VectorXd& logits) const { return problem_->drift(logits) <= problem_->tolerance; }

  /// Within the tolerance by a hundredth, so that rounding does not leave it.
  double aim() const { return 0.99 * problem_->tolerance; }

  double widest() const {
    double most = (problem_->target - at_).cwiseAbs().maxCoeff();
    for (Index i = 0; i < at_.size(); ++i) {
      const double range = problem_->upper[i] - problem_->lower[i];
      if (std::isfinite(range)) most = std::max(most, range);
    }
    return most;
  }

  double merit(const Eigen::VectorXd& x, const Eigen::VectorXd& logits) const {
    const double beyond = std::max(0.0, problem_->drift(logits) - aim());
    return holds(logits_) ? 0.5 * (x - problem_->target).squaredNorm() + weight_ * beyond : beyond;
  }

  const LevelProblem* problem_;
  Eigen::VectorXd at_, logits_{}, base_{}, step_{};  // base: what the logits at at_ are taken for
  Logits<double> jacobian_{};
  double radius_, weight_ = 0, expected_ = 0;
  int corrections_ = 0;
  bool known_ = false, done_ = false, converged_ = false;
};

}  // namespace foil
