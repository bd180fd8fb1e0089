// SPDX-License-Identifier: MIT
/// \file
/// What a criterion is: the concepts, what it is asked with, and what an attack may ask of it.
#pragma once

#include <concepts>
#include <type_traits>

#include "foil/core/losses.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// What a decision-only model says about one sample. `sample` is the row in the attacked batch.
struct Decision {
  Index sample;
  int label;
};

/// One sample's logits, all finite, in double.
struct Scores {
  Index sample;
  const Eigen::VectorXd& logits;
};

template <class C>
concept DecisionCriterion = std::is_invocable_r_v<bool, const C&, const Decision&>;
template <class C>
concept ScoreCriterion = std::is_invocable_r_v<bool, const C&, const Scores&>;

/// A callable on a Decision, on Scores, or on both (then Scores are preferred where the model gives them).
template <class C>
concept Criterion = DecisionCriterion<C> || ScoreCriterion<C>;

/// A criterion that also has `double margin(const Scores&, Eigen::VectorXd* gradient) const`: negative where
/// adversarial, positive where not (at zero the decision stands), with its gradient with respect to the
/// logits.
template <class C>
concept MarginCriterion =
    ScoreCriterion<C> && requires(const C& c, const Scores& s, Eigen::VectorXd* gradient) {
      { c.margin(s, gradient) } -> std::convertible_to<double>;
    };

/// The fewest outputs that a criterion can be asked about: its own `least_outputs`, else two classes. With
/// one it is usable for networks that are no classifiers.
template <Criterion C>
inline constexpr Index least_outputs_of = [] {
  if constexpr (requires { C::least_outputs; })
    return Index{C::least_outputs};
  else
    return Index{2};
}();

/// What a criterion needs of the model.
template <Criterion C>
inline constexpr Knowledge knowledge_needed = DecisionCriterion<C> ? Knowledge::decisions : Knowledge::scores;

/// The loss a gradient attack ascends to meet the criterion: the criterion's own `loss(kind, scores,
/// gradient)` if it has one, else minus its margin, whatever the kind asked for. Loss::margin is always minus
/// the margin: positive where adversarial.
template <MarginCriterion C>
double loss_of(const C& criterion, Loss kind, const Scores& scores, Eigen::VectorXd* gradient) {
  if constexpr (requires { criterion.loss(kind, scores, gradient); })
    if (kind != Loss::margin) return criterion.loss(kind, scores, gradient);
  const double margin = criterion.margin(scores, gradient);
  if (gradient) *gradient = -*gradient;
  return -margin;
}

/// What a criterion on classes wants of a sample, for attacks that aim at single classes: another class ahead
/// of `leave`, or class `reach` ahead of all others, by at least `lead` in the logits (ties do not count). -1
/// where it does not say.
struct Goal {
  int leave = -1;
  int reach = -1;
  double lead = 0;
};

/// The goal of a sample by the criterion's own `Goal goal(Index sample) const`; Goal{} for criteria without,
/// which are those that no single class describes: probabilities, the k best, combinations, and a user's
/// callables. `sample` is the row in the attacked batch.
template <Criterion C>
Goal goal_of(const C& criterion, Index sample) {
  if constexpr (requires {
                  { criterion.goal(sample) } -> std::convertible_to<Goal>;
                })
    return criterion.goal(sample);
  else
    return Goal{};
}

namespace detail {

template <class C>
void check_criterion(const C& criterion, Index samples, Index classes) {
  if constexpr (requires { criterion.check(samples, classes); }) criterion.check(samples, classes);
}

}  // namespace detail

}  // namespace foil
