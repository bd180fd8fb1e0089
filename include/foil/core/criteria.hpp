// SPDX-License-Identifier: MIT
/// \file
/// What counts as adversarial. A criterion is any callable that judges one output of the model: a Decision if
/// it gets by with the label, Scores if it reads logits. Those of this header also offer, where it exists, a
/// signed margin on the logits (negative iff adversarial) and the losses that gradient attacks ascend.
///
/// Ties are not adversarial: with logits, a class wins only if it is strictly ahead.
#pragma once

#include <cmath>
#include <concepts>
#include <type_traits>
#include <utility>

#include "foil/core/error.hpp"
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

namespace detail {

/// One class per sample, with the checks that all label-based criteria share.
class ClassPerSample {
 public:
  explicit ClassPerSample(Labels classes, const char* what) : classes_(std::move(classes)), what_(what) {}
  Index operator[](Index sample) const { return classes_[sample]; }
  const Labels& all() const { return classes_; }

  /// Throws unless there is one class for each of `samples` samples, each in [0, classes) (classes = 0:
  /// unknown).
  void check(Index samples, Index classes) const {
    require(classes_.size() == samples, what_, ": expected one class for each of the ", samples,
            " samples, got ", classes_.size());
    for (Index i = 0; i < samples; ++i)
      require(classes_[i] >= 0 && (classes == 0 || classes_[i] < classes), what_, ": class ", classes_[i],
              " of sample ", i, " is out of range", classes == 0 ? "" : ", the model has classes 0 to ",
              classes == 0 ? std::string() : text(classes - 1));
  }

 private:
  Labels classes_;
  const char* what_;
};

inline double log_odds(double probability) {
  return std::log(probability) - std::log1p(-probability);
}

inline void check_probability(double p, const char* what) {
  require(p > 0 && p < 1, what, ": expected a probability strictly between 0 and 1, got ", p);
}

}  // namespace detail

/// Any class but the true one. Margin z_y - max_{j != y} z_j.
class Misclassification {
 public:
  explicit Misclassification(Labels labels) : labels_(std::move(labels), "labels") {}
  const Labels& labels() const { return labels_.all(); }
  void check(Index samples, Index classes) const { labels_.check(samples, classes); }

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
  explicit TargetedMisclassification(Labels targets) : targets_(std::move(targets), "target classes") {}
  const Labels& targets() const { return targets_.all(); }
  void check(Index samples, Index classes) const { targets_.check(samples, classes); }

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

/// The true class is not among the k best: at least k classes are strictly ahead of it. k = 1 is
/// Misclassification. Margin z_y minus the k-th largest of the others.
class TopKMisclassification {
 public:
  TopKMisclassification(Labels labels, int k) : labels_(std::move(labels), "labels"), k_(k) {
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
  TargetedTopK(Labels targets, int k) : targets_(std::move(targets), "target classes"), k_(k) {
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

/// Some wrong class has at least probability p (p > 1/2 makes it the prediction). Margin: the log-odds of p
/// minus those of the likeliest wrong class.
class ConfidentMisclassification {
 public:
  ConfidentMisclassification(Labels labels, double probability)
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
  OriginalClassProbability(Labels labels, double probability)
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
  TargetClassProbability(Labels targets, double probability)
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

/// Misclassified by a safety distance in logits: max_{j != y} z_j - z_y >= kappa. With kappa > 0 the result
/// survives the rounding differences of another engine.
class MarginAbove {
 public:
  MarginAbove(Labels labels, double kappa) : labels_(std::move(labels), "labels"), kappa_(kappa) {
    require(std::isfinite(kappa) && kappa >= 0, "margin above: expected a finite kappa >= 0, got ", kappa);
  }
  const Labels& labels() const { return labels_.all(); }
  void check(Index samples, Index classes) const { labels_.check(samples, classes); }

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

namespace detail {

template <class C>
void check_criterion(const C& criterion, Index samples, Index classes) {
  if constexpr (requires { criterion.check(samples, classes); }) criterion.check(samples, classes);
}

/// a && b or a || b: the margin is the worse or the better of the two, the loss that of the deciding part.
template <Criterion A, Criterion B, bool both>
class Combination {
 public:
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

/// Bare labels mean Misclassification; anything else is taken as the criterion it is.
template <class C>
auto as_criterion(const C& criterion) {
  if constexpr (std::convertible_to<const C&, Labels>) {
    return Misclassification(criterion);
  } else {
    static_assert(Criterion<C>,
                  "foil: a criterion is class labels (foil::Labels), one of foil's criteria, or a callable "
                  "`bool(const foil::Decision&)` or `bool(const foil::Scores&)`");
    return criterion;
  }
}

}  // namespace foil
