// SPDX-License-Identifier: MIT
/// \file
/// The criterion of a worst case: that every member of an ensemble is fooled.
#pragma once

#include <Eigen/Core>
#include <utility>

#include "foil/core/criteria.hpp"
#include "foil/core/error.hpp"
#include "foil/core/losses.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// Bits that each of so many members has for its label in the one number that they share.
constexpr int bits_of_label(int members) {
  return 30 / members;
}

/// The labels of all members as one number, which no class has: -1 if one of them is negative. Throws
/// foil::Error for labels that do not fit, from 32,768 on for two members, from 1,024 on for three.
inline int labels_in_one(const Eigen::RowVectorXi& labels) {
  const int members = static_cast<int>(labels.size()), bits = bits_of_label(members);
  int out = 1;
  for (int m = members; m-- > 0;) {
    if (labels[m] < 0) return -1;
    require(labels[m] < 1 << bits, "every member: expected labels below ", 1 << bits, " of ", members,
            " members that offer labels only, got ", labels[m]);
    out = out << bits | labels[m];
  }
  return out;
}

/// Of how many classes each member is, by the logits of an answer of foil::EveryMember.
constexpr Index classes_of_each(Index logits, int members) {
  return (logits - 1) / members;  // the last one is no member's
}

/// That an answer of foil::EveryMember meets a criterion in the part of every member. Losses and gradients
/// are those of the member that is farthest from it.
template <Criterion C>
class OfEvery {
 public:
  template <class X>
  OfEvery(const X& of_each, int members) : of_each_(as_criterion(of_each)), members_(members) {
    require(members >= 1 && members <= 30, "every member: expected 1 to 30 members, got ", members);
  }
  const C& of_each() const { return of_each_; }

  void check(Index samples, Index classes) const {
    const Index each = classes > 0 ? classes_of_each(classes, members_) : 0;
    require(classes == 0 || (classes == each * members_ + 1 && each >= 2), who, members_, " members, got ",
            classes);
    detail::check_criterion(of_each_, samples, each);
  }

  bool operator()(const Decision& d) const
    requires DecisionCriterion<C>
  {
    const int bits = bits_of_label(members_);
    require(d.label >> (members_ * bits) == 1, "every member: expected the labels of ", members_,
            " members, as foil::EveryMember gives them, got ", d.label);
    for (int m = 0; m < members_; ++m)
      if (!of_each_(Decision{d.sample, d.label >> (m * bits) & ((1 << bits) - 1)})) return false;
    return true;
  }
  bool operator()(const Scores& s) const {
    const Index last = s.logits.size() - 1;
    require(s.logits[last] >= s.logits.head(last).maxCoeff(), who, members_, " members, got others");
    for (int m = 0; m < members_; ++m) {
      const Eigen::VectorXd z = part(s, m);
      if constexpr (ScoreCriterion<C>) {
        if (!of_each_(Scores{s.sample, z})) return false;
      } else {
        Index best = 0;
        for (Index k = 1; k < z.size(); ++k)
          if (z[k] > z[best]) best = k;
        if (!of_each_(Decision{s.sample, static_cast<int>(best)})) return false;
      }
    }
    return true;
  }
  double margin(const Scores& s, Eigen::VectorXd* gradient = nullptr) const
    requires MarginCriterion<C>
  {
    return in_part(s, gradient,
                   [&](const Scores& own, Eigen::VectorXd* of_own) { return of_each_.margin(own, of_own); });
  }
  double loss(Loss kind, const Scores& s, Eigen::VectorXd* gradient) const
    requires MarginCriterion<C>
  {
    return in_part(s, gradient, [&](const Scores& own, Eigen::VectorXd* of_own) {
      return loss_of(of_each_, kind, own, of_own);
    });
  }

 private:
  static constexpr const char* who =
      "every member: expected logits as foil::EveryMember gives them, those of ";

  Index classes(const Scores& s) const { return classes_of_each(s.logits.size(), members_); }
  Eigen::VectorXd part(const Scores& s, int member) const {
    return s.logits.segment(member * classes(s), classes(s));
  }
  /// f(scores, gradient) for the member with the largest margin.
  template <class F>
  double in_part(const Scores& s, Eigen::VectorXd* gradient, const F& f) const {
    int farthest = 0;
    double most = 0;
    for (int m = 0; m < members_; ++m) {
      const Eigen::VectorXd z = part(s, m);
      const double margin = of_each_.margin(Scores{s.sample, z}, nullptr);
      if (m > 0 && !(margin > most)) continue;
      most = margin;
      farthest = m;
    }
    const Eigen::VectorXd z = part(s, farthest);
    if (!gradient) return f(Scores{s.sample, z}, nullptr);
    Eigen::VectorXd of_part = Eigen::VectorXd::Zero(z.size());
    const double value = f(Scores{s.sample, z}, &of_part);
    gradient->setZero(s.logits.size());
    gradient->segment(farthest * z.size(), z.size()) = of_part;
    return value;
  }

  C of_each_;
  int members_;
};
template <class X>
OfEvery(const X&, int) -> OfEvery<decltype(as_criterion(std::declval<const X&>()))>;

}  // namespace foil
