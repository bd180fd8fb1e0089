// SPDX-License-Identifier: MIT
/// \file
/// A margin in which every class has a say, less and less.
#pragma once

#include <cmath>

#include "foil/attacks/parts/schedule.hpp"
#include "foil/core/losses.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/options_list.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// How a margin is softened.
struct SoftMarginOptions {
  double sharpness = 2.5;
  double final_sharpness = 40;

  void list(OptionList& option) {
    option(
        "sharpness", sharpness,
        "of the margin that is ascended: factor on the logits, in units of their standard deviation, within "
        "log-sum-exp; 0: the margin as it is",
        between(0, 1e6));
    option("final_sharpness", final_sharpness, "the same at the last step", above(0, 1e6));
  }
};

/// What an attack that looks for the smallest distance ascends. The margin knows but one class to go to, and
/// its gradient jumps wherever two are as close; Loss::lsem weighs them all, on a scale of its own. This is
/// LSEM at a temperature that follows the logits, whatever they are multiplied by, and that falls from step
/// to step, so that at first the common way of many classes counts and in the end the boundary. Against the
/// margin it gives distances that are some hundredths smaller. Without a single class to leave or to reach it
/// is the criterion's margin.
class SoftMargin {
 public:
  SoftMargin(const Oracle& oracle, const SoftMarginOptions& options)
      : goal_(oracle.goal()), options_(options) {}

  /// What to ask with, that share of the way through the attack. Refers to this object.
  Objective at(double share) {
    const bool classes = goal_.leave >= 0 || goal_.reach >= 0;
    if (!classes || options_.sharpness == 0) return Loss::margin;
    sharpness_ = exponential_decay(options_.sharpness, options_.final_sharpness, share);
    return *this;
  }

  /// The softened margin, to be ascended. The scale counts as a constant.
  double operator()(const Eigen::VectorXd& logits, Eigen::VectorXd* gradient) const {
    const double count = static_cast<double>(logits.size());
    const double mean = foil::sum(logits.size(), [&](Index k) { return logits[k]; }) / count;
    const double variance =
        foil::sum(logits.size(), [&](Index k) { return (logits[k] - mean) * (logits[k] - mean); }) / count;
    const double factor = sharpness_ / std::sqrt(variance);
    const double scale = factor > 0 && std::isfinite(factor) ? factor : 1;
    const Eigen::VectorXd z = scale * logits;
    return (goal_.leave >= 0 ? losses::lsem(z, goal_.leave, gradient)
                             : losses::targeted(Loss::lsem, z, goal_.reach, gradient)) /
           scale;
  }

  /// The criterion's own margin where an answer was given, positive where adversarial.
  double margin(const Answer& at) const {
    if (goal_.leave >= 0) return losses::margin(at.logits, goal_.leave) - goal_.lead;
    return goal_.reach >= 0 ? -losses::margin(at.logits, goal_.reach) - goal_.lead : at.loss;
  }

 private:
  Goal goal_;
  SoftMarginOptions options_;
  double sharpness_ = 1;
};

}  // namespace foil
