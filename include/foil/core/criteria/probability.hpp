// SPDX-License-Identifier: MIT
/// \file
/// Criteria on the softmax probability of a class. Their margins are differences of log-odds, which stay
/// exact where probabilities round to 0 or 1.
#pragma once

#include <cmath>
#include <utility>

#include "foil/core/criteria/criterion.hpp"
#include "foil/core/criteria/labels.hpp"
#include "foil/core/error.hpp"
#include "foil/core/given.hpp"
#include "foil/core/losses.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

namespace detail {

inline double log_odds(double probability) {
  return std::log(probability) - std::log1p(-probability);
}

inline void check_probability(double p, const char* what) {
  require(p > 0 && p < 1, what, ": expected a probability strictly between 0 and 1, got ", p);
}

}  // namespace detail

/// Some wrong class has at least probability p (p > 1/2 makes it the prediction). Margin: the log-odds of p
/// minus those of the likeliest wrong class.
class ConfidentMisclassification {
 public:
  ConfidentMisclassification(GivenLabels labels, double probability)
      : labels_(std::move(labels), "labels"), log_odds_(detail::log_odds(probability)) {
    detail::check_probability(probability, "confident misclassification");
  }
  const Labels& labels() const { return labels_.all(); }
  void check(Index samples, Index classes) const { labels_.check(samples, classes); }

  bool operator()(const Scores& s) const { return margin(s) <= 0; }
  double margin(const Scores& s, Eigen::VectorXd* gradient = nullptr) const {
    return log_odds_ + losses::lsem(s.logits, losses::runner_up(s.logits, labels_[s.sample]), gradient);
  }

 private:
  detail::ClassPerSample labels_;
  double log_odds_;
};

/// The true class has a probability below p. Margin: its log-odds minus those of p.
class OriginalClassProbability {
 public:
  OriginalClassProbability(GivenLabels labels, double probability)
      : labels_(std::move(labels), "labels"), log_odds_(detail::log_odds(probability)) {
    detail::check_probability(probability, "original class probability");
  }
  const Labels& labels() const { return labels_.all(); }
  void check(Index samples, Index classes) const { labels_.check(samples, classes); }

  bool operator()(const Scores& s) const { return margin(s) < 0; }
  double margin(const Scores& s, Eigen::VectorXd* gradient = nullptr) const {
    const double value = losses::lsem(s.logits, labels_[s.sample], gradient);
    if (gradient) *gradient = -*gradient;
    return -value - log_odds_;
  }

 private:
  detail::ClassPerSample labels_;
  double log_odds_;
};

/// The target class has a probability above p. Margin: the log-odds of p minus those of the target.
class TargetClassProbability {
 public:
  TargetClassProbability(GivenLabels targets, double probability)
      : targets_(std::move(targets), "target classes"), log_odds_(detail::log_odds(probability)) {
    detail::check_probability(probability, "target class probability");
  }
  const Labels& targets() const { return targets_.all(); }
  void check(Index samples, Index classes) const { targets_.check(samples, classes); }

  bool operator()(const Scores& s) const { return margin(s) < 0; }
  double margin(const Scores& s, Eigen::VectorXd* gradient = nullptr) const {
    return log_odds_ + losses::lsem(s.logits, targets_[s.sample], gradient);
  }

 private:
  detail::ClassPerSample targets_;
  double log_odds_;
};

}  // namespace foil
