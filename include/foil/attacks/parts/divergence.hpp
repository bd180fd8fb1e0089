// SPDX-License-Identifier: MIT
/// \file
/// How far a model's answer is from another one: what attacks ascend that know no class.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "foil/core/error.hpp"
#include "foil/core/losses.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// The Kullback-Leibler divergence KL(softmax(reference) || softmax(z)), as an objective. Its gradient is
/// given the largest entry 1: a direction, which confident models keep, and models whose logits hardly
/// differ. That of a model in single precision would be lost on its way back to the input, and beyond a lead
/// of 745 it has no size in any precision.
class DivergenceFrom {
 public:
  explicit DivergenceFrom(Eigen::VectorXd reference)
      : reference_(std::move(reference)),
        log_share_(losses::log_softmax(reference_)),
        log_others_(log_share_) {
    reference_.maxCoeff(&top_);
    log_others_[top_] = nothing;
    log_others_ = losses::log_softmax(log_others_);
  }

  double operator()(const Eigen::VectorXd& z, Eigen::VectorXd* gradient) const {
    if (gradient) {
      Eigen::VectorXd before = log_share_, gained = moved(z);
      gained.array() -= log_mean_exp(before, gained);
      before[top_] = nothing;
      const double largest = std::max(before.maxCoeff(), (before + gained).maxCoeff());
      for (Index k = 0; k < z.size(); ++k) {
        const double higher = before[k] + std::max(gained[k], 0.0);  // of the shares before and after, logged
        (*gradient)[k] =
            std::copysign(std::exp(higher - largest) * std::expm1(-std::abs(gained[k])), gained[k]);
      }
      (*gradient)[top_] = -gradient->sum();  // nothing cancels
      const double size = Linf::size(*gradient);
      if (size > 0) *gradient /= size;
    }
    return losses::kl_divergence(reference_, z);
  }

  /// By how much the reference's first class has lost against all others: the difference of its log-odds.
  double lost(const Eigen::VectorXd& z) const {
    const Eigen::VectorXd gained = moved(z);
    return log_mean_exp(log_others_, gained) - gained[top_];
  }

 private:
  static constexpr double nothing = -std::numeric_limits<double>::infinity();

  /// How far the logits have moved, none of them upwards: what they have in common says nothing.
  Eigen::VectorXd moved(const Eigen::VectorXd& z) const {
    Eigen::VectorXd by = z - reference_;
    by.array() -= by.maxCoeff();
    return by;
  }

  /// log of the mean of exp(by), weighed by shares whose logarithms are given; by <= 0. To the last digit of
  /// the smallest moves, too.
  static double log_mean_exp(const Eigen::VectorXd& log_share, const Eigen::VectorXd& by) {
    double mean = 0;
    if (by.minCoeff() >= -1) {
      for (Index k = 0; k < by.size(); ++k) mean += std::exp(log_share[k]) * std::expm1(by[k]);
      return std::log1p(mean);
    }
    const double top = (log_share + by).maxCoeff();
    for (Index k = 0; k < by.size(); ++k) mean += std::exp(log_share[k] + by[k] - top);
    return top + std::log(mean);
  }

  Eigen::VectorXd reference_, log_share_, log_others_;
  Index top_ = 0;
};

/// Throws foil::Error where a target class is wanted, before anything is asked.
inline void refuse_target(const Oracle& oracle) {
  require(oracle.goal().reach < 0,
          "leads away from what the model says, to no class in particular; it cannot aim at a target");
}

}  // namespace foil
