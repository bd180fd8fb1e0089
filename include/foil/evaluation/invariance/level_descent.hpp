// SPDX-License-Identifier: MIT
/// \file
/// One sample's descent from a target to the points that a model answers alike. Knows no model.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "foil/core/tensor.hpp"
#include "foil/evaluation/invariance/level_walk.hpp"

namespace foil {

/// Adam (Kingma, Ba 2015, arXiv:1412.6980) on the squared distance to the target plus a growing weight times
/// the squares of what logits change beyond the tolerance. Kinks of the model, at which a walk comes to rest,
/// it passes by. Both terms are relative to what they are for the input and at the first point, so that
/// units do not matter; steps are parts of the features' ranges, or of the largest change where these are
/// infinite, and become smaller.
class LevelDescent {
 public:
  LevelDescent(const LevelProblem& problem, Eigen::VectorXd start, double from_input, int steps)
      : problem_(&problem),
        at_(std::move(start)),
        first_(Eigen::VectorXd::Zero(at_.size())),
        second_(Eigen::VectorXd::Zero(at_.size())),
        size_(std::max(from_input * from_input, std::numeric_limits<double>::min())),
        largest_((problem.target - at_).cwiseAbs().maxCoeff()),
        steps_(steps) {}

  const Eigen::VectorXd& at() const { return at_; }

  /// The slope of the objective on the logits at at(), to be pulled back.
  Eigen::VectorXd slope(const Eigen::VectorXd& logits) {
    constexpr double begin = 0.3, growth = 1e4, grown_by = 0.75, aim = 0.95;
    if (step_ == 0) drift_ = std::max(problem_->drift(logits), problem_->tolerance);
    const double share = static_cast<double>(step_) / steps_;
    const double weight = begin * std::pow(growth, std::min(1.0, share / grown_by));
    Eigen::VectorXd out(logits.size());
    for (Index k = 0; k < out.size(); ++k) {
      const double change = logits[k] - problem_->logits[k];
      const double beyond = std::max(0.0, std::abs(change) - aim * problem_->tolerance);
      out[k] = std::copysign(2 * weight * beyond / (drift_ * drift_), change);
    }
    return out;
  }

  /// Moves by what was pulled back.
  void move(const Eigen::VectorXd& pulled_back) {
    constexpr double rate = 0.02, last = 0.01, keep_first = 0.9, keep_second = 0.999, tiny = 1e-12;
    const double share = static_cast<double>(step_++) / steps_, length = rate * std::pow(last, share);
    const double of_first = 1 - std::pow(keep_first, step_), of_second = 1 - std::pow(keep_second, step_);
    for (Index i = 0; i < at_.size(); ++i) {
      const double slope = pulled_back[i] + 2 * (at_[i] - problem_->target[i]) / size_;
      first_[i] = keep_first * first_[i] + (1 - keep_first) * slope;
      second_[i] = keep_second * second_[i] + (1 - keep_second) * slope * slope;
      const double range = problem_->upper[i] - problem_->lower[i];
      const double step = length * (std::isfinite(range) ? range : largest_);
      const double next = at_[i] - step * first_[i] / of_first / (std::sqrt(second_[i] / of_second) + tiny);
      at_[i] = std::clamp(next, problem_->lower[i], problem_->upper[i]);
    }
  }

 private:
  const LevelProblem* problem_;
  Eigen::VectorXd at_, first_, second_;
  double size_, largest_, drift_ = 0;
  int steps_, step_ = 0;
};

}  // namespace foil
