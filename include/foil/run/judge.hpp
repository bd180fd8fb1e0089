// SPDX-License-Identifier: MIT
/// \file
/// A criterion whose type is forgotten: what the engine asks about every row of every answer.
#pragma once

#include <algorithm>
#include <limits>

#include "foil/core/criteria.hpp"
#include "foil/core/error.hpp"
#include "foil/core/losses.hpp"

namespace foil {

/// Judges rows of a model's answers. Shared by threads; one virtual call per row.
class Judge {
 public:
  virtual ~Judge() = default;

  /// By the label alone. Throws if the criterion reads logits.
  virtual bool operator()(const Decision& decision) const = 0;
  /// By the logits, or by their largest if the criterion reads labels only.
  virtual bool operator()(const Scores& scores) const = 0;
  /// What a gradient attack ascends, see loss_of(). Throws if the criterion has no margin.
  virtual double loss(Loss kind, const Scores& scores, Eigen::VectorXd* gradient) const = 0;
  virtual Goal goal(Index sample) const = 0;
  /// Throws if the criterion does not fit so many samples and classes (0: unknown).
  virtual void check(Index samples, Index classes) const = 0;

  bool reads_scores() const { return reads_scores_; }
  bool reads_labels() const { return reads_labels_; }
  bool has_margin() const { return has_margin_; }
  /// The fewest outputs of a model that can be judged.
  Index least_outputs() const { return least_outputs_; }

 protected:
  Judge(bool reads_scores, bool reads_labels, bool has_margin, Index least_outputs)
      : reads_scores_(reads_scores),
        reads_labels_(reads_labels),
        has_margin_(has_margin),
        least_outputs_(least_outputs) {}

 private:
  bool reads_scores_, reads_labels_, has_margin_;
  Index least_outputs_;
};

/// The judge by a criterion, which it refers to.
template <Criterion C>
class JudgeBy final : public Judge {
 public:
  explicit JudgeBy(const C& criterion)
      : Judge(ScoreCriterion<C>, DecisionCriterion<C>, MarginCriterion<C>, least_outputs_of<C>),
        criterion_(criterion) {}

  bool operator()(const Decision& decision) const override {
    if constexpr (DecisionCriterion<C>)
      return criterion_(decision);
    else
      throw Error("criterion: it reads logits, the model only offers labels");
  }
  bool operator()(const Scores& scores) const override {
    if constexpr (ScoreCriterion<C>) {
      return criterion_(scores);
    } else {
      Index best = 0;
      for (Index k = 1; k < scores.logits.size(); ++k)
        if (scores.logits[k] > scores.logits[best]) best = k;
      return criterion_(Decision{scores.sample, static_cast<int>(best)});
    }
  }
  double loss(Loss kind, const Scores& scores, Eigen::VectorXd* gradient) const override {
    if constexpr (MarginCriterion<C>)
      return loss_of(criterion_, kind, scores, gradient);
    else
      throw Error("criterion: it has no margin on the logits, which this attack needs");
  }
  Goal goal(Index sample) const override { return goal_of(criterion_, sample); }
  void check(Index samples, Index classes) const override {
    detail::check_criterion(criterion_, samples, classes);
  }

 private:
  const C& criterion_;
};

}  // namespace foil
