// SPDX-License-Identifier: MIT
/// \file
/// Criteria on classes: the true one left, a target reached, with or without a lead, among the k best.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "foil/core/criteria/criterion.hpp"
#include "foil/core/error.hpp"
#include "foil/core/given.hpp"
#include "foil/core/losses.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

namespace detail {

/// One class per sample, with the checks that all label-based criteria share.
class ClassPerSample {
 public:
  explicit ClassPerSample(Labels classes, const char* what) : classes_(std::move(classes)), what_(what) {}
  int operator[](Index sample) const { return classes_[sample]; }
  const Labels& all() const { return classes_; }

  /// Throws unless there is one class for each of `samples` samples, each in [0, classes) (classes = 0:
  /// unknown).
  void check(Index samples, Index classes) const {
    require(classes_.size() == samples, what_, ": expected one class for each of the ", samples,
            " samples, got ", classes_.size());
    for (Index i = 0; i < samples; ++i)
      require(classes_[i] >= 0 && (classes == 0 || classes_[i] < classes), what_, ": class ", classes_[i],
              " of sample ", i, " is out of range, ",
              classes == 0 ? std::string("expected 0 or more")
                           : text("the model has classes 0 to ", classes - 1));
  }

 private:
  Labels classes_;
  const char* what_;
};

}  // namespace detail

/// Any class but the true one. Margin z_y - max_{j != y} z_j.
class Misclassification {
 public:
  explicit Misclassification(GivenLabels labels) : labels_(std::move(labels), "labels") {}
  const Labels& labels() const { return labels_.all(); }
  void check(Index samples, Index classes) const { labels_.check(samples, classes); }
  Goal goal(Index sample) const { return {.leave = labels_[sample]}; }

  bool operator()(const Decision& d) const { return d.label != labels_[d.sample]; }
  bool operator()(const Scores& s) const { return losses::margin(s.logits, labels_[s.sample]) > 0; }
  double margin(const Scores& s, Eigen::VectorXd* gradient = nullptr) const {
    const double value = losses::margin(s.logits, labels_[s.sample], gradient);
    if (gradient) *gradient = -*gradient;
    return -value;
  }
  double loss(Loss kind, const Scores& s, Eigen::VectorXd* gradient) const {
    return losses::untargeted(kind, s.logits, labels_[s.sample], gradient);
  }

 private:
  detail::ClassPerSample labels_;
};

/// Exactly the target class. Margin max_{j != t} z_j - z_t.
class TargetedMisclassification {
 public:
  explicit TargetedMisclassification(GivenLabels targets) : targets_(std::move(targets), "target classes") {}
  const Labels& targets() const { return targets_.all(); }
  void check(Index samples, Index classes) const { targets_.check(samples, classes); }
  Goal goal(Index sample) const { return {.reach = targets_[sample]}; }

  bool operator()(const Decision& d) const { return d.label == targets_[d.sample]; }
  bool operator()(const Scores& s) const { return losses::margin(s.logits, targets_[s.sample]) < 0; }
  double margin(const Scores& s, Eigen::VectorXd* gradient = nullptr) const {
    return losses::margin(s.logits, targets_[s.sample], gradient);
  }
  double loss(Loss kind, const Scores& s, Eigen::VectorXd* gradient) const {
    return losses::targeted(kind, s.logits, targets_[s.sample], gradient);
  }

 private:
  detail::ClassPerSample targets_;
};

/// Misclassified by a safety distance in logits: max_{j != y} z_j - z_y >= kappa. With kappa > 0 the result
/// survives the rounding differences of another engine.
class MarginAbove {
 public:
  MarginAbove(GivenLabels labels, double kappa) : labels_(std::move(labels), "labels"), kappa_(kappa) {
    require(std::isfinite(kappa) && kappa >= 0, "margin above: expected a finite kappa >= 0, got ", kappa);
  }
  const Labels& labels() const { return labels_.all(); }
  void check(Index samples, Index classes) const { labels_.check(samples, classes); }
  Goal goal(Index sample) const { return {.leave = labels_[sample], .lead = kappa_}; }

  bool operator()(const Scores& s) const {
    const double lead = losses::margin(s.logits, labels_[s.sample]);
    return lead > 0 && lead >= kappa_;
  }
  double margin(const Scores& s, Eigen::VectorXd* gradient = nullptr) const {
    const double lead = losses::margin(s.logits, labels_[s.sample], gradient);
    if (gradient) *gradient = -*gradient;
    return kappa_ - lead;
  }
  double loss(Loss kind, const Scores& s, Eigen::VectorXd* gradient) const {
    return losses::untargeted(kind, s.logits, labels_[s.sample], gradient);
  }

 private:
  detail::ClassPerSample labels_;
  double kappa_;
};

/// The target class ahead by a safety distance in logits: z_t - max_{j != t} z_j >= kappa.
class TargetedMarginAbove {
 public:
  TargetedMarginAbove(GivenLabels targets, double kappa)
      : targets_(std::move(targets), "target classes"), kappa_(kappa) {
    require(std::isfinite(kappa) && kappa >= 0, "targeted margin above: expected a finite kappa >= 0, got ",
            kappa);
  }
  const Labels& targets() const { return targets_.all(); }
  void check(Index samples, Index classes) const { targets_.check(samples, classes); }
  Goal goal(Index sample) const { return {.reach = targets_[sample], .lead = kappa_}; }

  bool operator()(const Scores& s) const {
    const double behind = losses::margin(s.logits, targets_[s.sample]);
    return behind < 0 && -behind >= kappa_;
  }
  double margin(const Scores& s, Eigen::VectorXd* gradient = nullptr) const {
    return kappa_ + losses::margin(s.logits, targets_[s.sample], gradient);
  }
  double loss(Loss kind, const Scores& s, Eigen::VectorXd* gradient) const {
    return losses::targeted(kind, s.logits, targets_[s.sample], gradient);
  }

 private:
  detail::ClassPerSample targets_;
  double kappa_;
};

/// The true class is not among the k best: at least k classes are strictly ahead of it. k = 1 is
/// Misclassification. Margin z_y minus the k-th largest of the others.
class TopKMisclassification {
 public:
  TopKMisclassification(GivenLabels labels, int k) : labels_(std::move(labels), "labels"), k_(k) {
    require(k >= 1, "top-k misclassification: expected k >= 1, got ", k);
  }
  const Labels& labels() const { return labels_.all(); }
  void check(Index samples, Index classes) const {
    labels_.check(samples, classes);
    require(classes == 0 || k_ < classes, "top-k misclassification: expected k below the number of classes, ",
            classes, ", got ", k_);
  }

  bool operator()(const Scores& s) const { return margin(s) < 0; }
  double margin(const Scores& s, Eigen::VectorXd* gradient = nullptr) const {
    const Index own = labels_[s.sample], rival = kth_other(s.logits, own, k_);
    if (gradient) {
      gradient->setZero();
      (*gradient)[own] = 1;
      (*gradient)[rival] = -1;
    }
    return s.logits[own] - s.logits[rival];
  }

  /// The k-th best class other than `excluded`.
  static Index kth_other(const Eigen::VectorXd& z, Index excluded, int k) {
    const auto order = losses::detail::leading(z, std::min<Index>(z.size(), k + 1));
    Index seen = 0;
    for (const Index j : order)
      if (j != excluded && ++seen == k) return j;
    return order.back();
  }

 private:
  detail::ClassPerSample labels_;
  int k_;
};

/// The target class is strictly among the k best: fewer than k other classes reach its logit. Margin: k-th
/// largest of the others minus z_t.
class TargetedTopK {
 public:
  TargetedTopK(GivenLabels targets, int k) : targets_(std::move(targets), "target classes"), k_(k) {
    require(k >= 1, "targeted top-k: expected k >= 1, got ", k);
  }
  const Labels& targets() const { return targets_.all(); }
  void check(Index samples, Index classes) const {
    targets_.check(samples, classes);
    require(classes == 0 || k_ < classes, "targeted top-k: expected k below the number of classes, ", classes,
            ", got ", k_);
  }

  bool operator()(const Scores& s) const { return margin(s) < 0; }
  double margin(const Scores& s, Eigen::VectorXd* gradient = nullptr) const {
    const Index own = targets_[s.sample], rival = TopKMisclassification::kth_other(s.logits, own, k_);
    if (gradient) {
      gradient->setZero();
      (*gradient)[own] = -1;
      (*gradient)[rival] = 1;
    }
    return s.logits[rival] - s.logits[own];
  }

 private:
  detail::ClassPerSample targets_;
  int k_;
};

}  // namespace foil
