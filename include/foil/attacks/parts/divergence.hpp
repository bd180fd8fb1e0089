// SPDX-License-Identifier: MIT
/// \file
/// How far a model's answer is from another one: what attacks ascend that know no class.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include "foil/core/error.hpp"
#include "foil/core/losses.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// The Kullback-Leibler divergence KL(softmax(reference) || softmax(z)), as an objective. Its gradient is
/// given the largest entry 1: a direction, which confident models keep. That of a model in single precision
/// would be lost on its way back to the input, and beyond a lead of 745 it has no size in any precision.
class DivergenceFrom {
 public:
  explicit DivergenceFrom(Eigen::VectorXd reference)
      : reference_(std::move(reference)), log_share_(losses::log_softmax(reference_)) {
    reference_.maxCoeff(&top_);
  }

  double operator()(const Eigen::VectorXd& z, Eigen::VectorXd* gradient) const {
    if (gradient) {
      Eigen::VectorXd log_share = losses::log_softmax(z), before = log_share_;
      log_share[top_] = before[top_] = -std::numeric_limits<double>::infinity();
      const double largest = std::max(log_share.maxCoeff(), before.maxCoeff());
      for (Index k = 0; k < z.size(); ++k)
        (*gradient)[k] = std::exp(log_share[k] - largest) - std::exp(before[k] - largest);
      (*gradient)[top_] = -gradient->sum();  // nothing cancels
      const double size = Linf::size(*gradient);
      if (size > 0) *gradient /= size;
    }
    return losses::kl_divergence(reference_, z);
  }

  /// By how much the reference's first class has lost against all others: the difference of its log-odds.
  double lost(const Eigen::VectorXd& z) const {
    return losses::lsem(z, top_) - losses::lsem(reference_, top_);
  }

 private:
  Eigen::VectorXd reference_, log_share_;
  Index top_ = 0;
};

/// Throws foil::Error where a target class is wanted, before anything is asked.
inline void refuse_target(std::string_view who, const Oracle& oracle) {
  require(oracle.goal().reach < 0, who,
          ": leads away from what the model says, to no class in particular; it cannot aim at a target");
}

}  // namespace foil
