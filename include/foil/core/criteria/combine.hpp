// SPDX-License-Identifier: MIT
/// \file
/// Criteria made of criteria: && and || and !, for the library's own and a user's callable on one side; and
/// what bare labels mean.
#pragma once

#include <algorithm>
#include <concepts>
#include <utility>

#include "foil/core/criteria/criterion.hpp"
#include "foil/core/criteria/labels.hpp"
#include "foil/core/given.hpp"
#include "foil/core/losses.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

namespace detail {

/// a && b or a || b: the margin is the worse or the better of the two, the loss that of the deciding part.
template <Criterion A, Criterion B, bool both>
class Combination {
 public:
  static constexpr Index least_outputs = std::max(least_outputs_of<A>, least_outputs_of<B>);

  Combination(A a, B b) : a_(std::move(a)), b_(std::move(b)) {}

  void check(Index samples, Index classes) const {
    check_criterion(a_, samples, classes);
    check_criterion(b_, samples, classes);
  }
  bool operator()(const Decision& d) const
    requires DecisionCriterion<A> && DecisionCriterion<B>
  {
    return both ? a_(d) && b_(d) : a_(d) || b_(d);
  }
  bool operator()(const Scores& s) const {
    return both ? judge(a_, s) && judge(b_, s) : judge(a_, s) || judge(b_, s);
  }
  double margin(const Scores& s, Eigen::VectorXd* gradient = nullptr) const
    requires MarginCriterion<A> && MarginCriterion<B>
  {
    return first_decides(s) ? a_.margin(s, gradient) : b_.margin(s, gradient);
  }
  double loss(Loss kind, const Scores& s, Eigen::VectorXd* gradient) const
    requires MarginCriterion<A> && MarginCriterion<B>
  {
    return first_decides(s) ? loss_of(a_, kind, s, gradient) : loss_of(b_, kind, s, gradient);
  }

 private:
  template <class C>
  static bool judge(const C& criterion, const Scores& s) {
    if constexpr (ScoreCriterion<C>) {
      return criterion(s);
    } else {
      return criterion(Decision{s.sample, static_cast<int>(losses::detail::leading(s.logits, 1).front())});
    }
  }
  bool first_decides(const Scores& s) const {
    const double a = a_.margin(s, nullptr), b = b_.margin(s, nullptr);
    return both ? a >= b : a <= b;
  }

  A a_;
  B b_;
};

template <Criterion A>
class Negation {
 public:
  static constexpr Index least_outputs = least_outputs_of<A>;

  explicit Negation(A a) : a_(std::move(a)) {}
  void check(Index samples, Index classes) const { check_criterion(a_, samples, classes); }
  bool operator()(const Decision& d) const
    requires DecisionCriterion<A>
  {
    return !a_(d);
  }
  bool operator()(const Scores& s) const
    requires ScoreCriterion<A>
  {
    return !a_(s);
  }
  double margin(const Scores& s, Eigen::VectorXd* gradient = nullptr) const
    requires MarginCriterion<A>
  {
    const double value = a_.margin(s, gradient);
    if (gradient) *gradient = -*gradient;
    return -value;
  }

 private:
  A a_;
};

/// The library's own criteria and their combinations get operators; a user's callable may be one side.
template <class C>
inline constexpr bool composable = false;
template <class C>
  requires requires(const C& c) { c.check(Index{}, Index{}); } && Criterion<C>
inline constexpr bool composable<C> = true;

}  // namespace detail

template <class A, class B>
  requires Criterion<A> && Criterion<B> && (detail::composable<A> || detail::composable<B>)
auto operator&&(A a, B b) {
  return detail::Combination<A, B, true>(std::move(a), std::move(b));
}
template <class A, class B>
  requires Criterion<A> && Criterion<B> && (detail::composable<A> || detail::composable<B>)
auto operator||(A a, B b) {
  return detail::Combination<A, B, false>(std::move(a), std::move(b));
}
template <class A>
  requires detail::composable<A>
auto operator!(A a) {
  return detail::Negation<A>(std::move(a));
}

/// Bare labels, see foil::GivenLabels, mean Misclassification; anything else is taken as the criterion it is.
template <class C>
auto as_criterion(const C& criterion) {
  if constexpr (detail::LabelsLike<C>) {
    return Misclassification(criterion);
  } else {
    static_assert(Criterion<C>,
                  "foil: a criterion is class labels (foil::Labels), one of foil's criteria, or a callable "
                  "`bool(const foil::Decision&)` or `bool(const foil::Scores&)`");
    return criterion;
  }
}

}  // namespace foil
