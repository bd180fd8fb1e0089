// SPDX-License-Identifier: MIT
/// \file
/// Several models as one: their mean, or all of them at once.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <type_traits>
#include <utility>

#include "foil/core/answers.hpp"
#include "foil/core/bounds.hpp"
#include "foil/core/criteria.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/every_member.hpp"
#include "foil/models/votes.hpp"
#include "foil/models/wrapper.hpp"

namespace foil {

/// Base of a model that refers to several ones, of the same or of different types but with one type of input
/// and the same bounds. It offers what all of them do; can be shared by threads if all can.
template <class Derived, DecisionModel First, DecisionModel... Others>
class Ensemble
    : public Answering<Derived, input_t<First>, std::min({knowledge_of<First>, knowledge_of<Others>...}),
                       (shareable<First> && ... && shareable<Others>)> {
  static_assert((std::is_same_v<input_t<First>, input_t<Others>> && ...),
                "foil: the members of an ensemble have to have the same `Input`");

 public:
  using Input = input_t<First>;
  using Scalar = scalar_t<First>;
  static constexpr int members = 1 + static_cast<int>(sizeof...(Others));

  Bounds<Scalar> answer_bounds() const { return std::get<0>(members_)->bounds(); }

 protected:
  explicit Ensemble(First& first, Others&... others) : members_(&first, &others...) {
    const Bounds<Scalar> bounds = first.bounds();
    for_each([&](auto& member) {
      require(Bounds<Scalar>(member.bounds()) == bounds,
              "ensemble: expected members with the same bounds, theirs differ");
    });
  }

  /// Calls f(member) for each, in their order.
  template <class F>
  void for_each(const F& f) const {
    std::apply([&](auto*... member) { (f(*member), ...); }, members_);
  }
  /// A column of labels for each member.
  Eigen::MatrixXi labels(const Input& x) const {
    Eigen::MatrixXi out(samples(x), members);
    Index column = 0;
    for_each([&](auto& member) { out.col(column++) = foil::predict(member, x); });
    return out;
  }
  /// Calls f(logits), checked, for each member's logits at x.
  template <class F>
  void for_each_logits(const Input& x, const F& f) const {
    Index classes = 0;
    for_each([&](auto& member) {
      const Logits<Scalar> z = member.logits(x);
      check_answer(samples(x), z.rows(), z.cols(), classes);
      f(z);
    });
  }
  /// Each member's pass at x.
  auto passes(const Input& x) const {
    auto out = std::apply([&](auto*... member) { return std::tuple{member->vjp(x)...}; }, members_);
    Index classes = 0;
    std::apply(
        [&](const auto&... pass) {
          (check_answer(samples(x), pass.logits.rows(), pass.logits.cols(), classes), ...);
        },
        out);
    return out;
  }
  /// The sum of what the members pull back, of cotangent_of(its number) each.
  template <class Passes, class F>
  static Eigen::MatrixXd pulled(Passes& passes, const typename Input::Dimensions& shape,
                                const F& cotangent_of) {
    Eigen::MatrixXd sum;
    int number = 0;
    const auto add = [&](auto& pass) {
      const Input gradient = pass.pullback(cotangent_of(number++));
      check_gradient(gradient, shape);
      if (sum.size() == 0) sum = Eigen::MatrixXd::Zero(shape[0], features(gradient));
      sum += as_matrix(gradient).template cast<double>();
    };
    std::apply([&](auto&... pass) { (add(pass), ...); }, passes);
    return sum;
  }

 private:
  std::tuple<shared_if_possible<First>*, shared_if_possible<Others>*...> members_;
};

/// The mean of the members' logits, and its gradients; of models of labels the class that most of them say,
/// of several the smallest. Adversarials found on it are the usual ones to carry over to yet another model
/// (Liu, Chen, Liu, Song 2017, arXiv:1611.02770). Refers to the members. A call asks each of them once.
template <DecisionModel... Ms>
class MeanEnsemble : public Ensemble<MeanEnsemble<Ms...>, Ms...> {
  using Base = Ensemble<MeanEnsemble, Ms...>;

 public:
  using Input = typename Base::Input;
  using Scalar = typename Base::Scalar;

  /// Throws foil::Error unless all have the same bounds; calls throw unless all have as many classes.
  explicit MeanEnsemble(Ms&... members) : Base(members...) {}

  Labels answer_predict(const Input& x) const { return elected(this->labels(x)); }

  Logits<Scalar> answer_logits(const Input& x) const {
    Eigen::MatrixXd sum;
    this->for_each_logits(x, [&](const Logits<Scalar>& z) { add(sum, z); });
    return (sum / double{Base::members}).template cast<Scalar>();
  }

  auto answer_vjp(const Input& x) const {
    auto passes = this->passes(x);
    Eigen::MatrixXd sum;
    std::apply([&](const auto&... pass) { (add(sum, pass.logits), ...); }, passes);
    return Vjp{
        Logits<Scalar>((sum / double{Base::members}).template cast<Scalar>()),
        [passes = Changeable{std::move(passes)}, shape = x.dimensions()](const Logits<Scalar>& cotangent) {
          Input out(shape);
          const Eigen::MatrixXd all =
              Base::pulled(passes.value, shape, [&](int) -> auto& { return cotangent; });
          as_matrix(out) = (all / double{Base::members}).template cast<Scalar>();
          return out;
        }};
  }

 private:
  static void add(Eigen::MatrixXd& sum, const Logits<Scalar>& z) {
    if (sum.size() == 0) sum = Eigen::MatrixXd::Zero(z.rows(), z.cols());
    sum += z.template cast<double>();
  }
};

/// All members at once, for the worst case: an input is adversarial if it fools every one of them. Which is
/// for the criterion to say, so attack it with its own:
///
///     const foil::EveryMember all(first, second);
///     const auto result = attack(all, images, all.criterion(labels), epsilon);
///
/// The margin is the least of the members' towards being adversarial, and gradients are those of the member
/// that resists most. Answers are what foil::OfEvery reads and mean nothing to others, to whom all is
/// adversarial as it is: the members' logits one after the other, and behind them one that exceeds them all;
/// of models of labels one number made of all labels. What hides logits belongs on the members, not on top.
///
/// Refers to the members. A call asks each of them once.
template <DecisionModel... Ms>
class EveryMember : public Ensemble<EveryMember<Ms...>, Ms...> {
  using Base = Ensemble<EveryMember, Ms...>;

 public:
  using Input = typename Base::Input;
  using Scalar = typename Base::Scalar;

  /// Throws foil::Error unless all have the same bounds; calls throw unless all have as many classes.
  explicit EveryMember(Ms&... members) : Base(members...) {}

  /// Whether every member meets a criterion, or does not say these labels.
  template <class C>
  auto criterion(const C& of_each) const {
    return OfEvery(of_each, Base::members);
  }

  Labels answer_predict(const Input& x) const {
    const Eigen::MatrixXi all = this->labels(x);
    Labels out(all.rows());
    for (Index i = 0; i < all.rows(); ++i) out[i] = labels_in_one(all.row(i));
    return out;
  }

  Logits<Scalar> answer_logits(const Input& x) const {
    Logits<Scalar> out;
    Index member = 0;
    this->for_each_logits(x, [&](const Logits<Scalar>& z) { place(z, member++, out); });
    return with_last(std::move(out));
  }

  auto answer_vjp(const Input& x) const {
    auto passes = this->passes(x);
    Logits<Scalar> out;
    Index member = 0;
    std::apply([&](const auto&... pass) { (place(pass.logits, member++, out), ...); }, passes);
    return Vjp{
        with_last(std::move(out)),
        [passes = Changeable{std::move(passes)}, shape = x.dimensions()](const Logits<Scalar>& cotangent) {
          const Index classes = classes_of_each(cotangent.cols(), Base::members);
          Input gradient(shape);
          as_matrix(gradient) = Base::pulled(passes.value, shape, [&](int number) {
                                  return Logits<Scalar>(cotangent.middleCols(number * classes, classes));
                                }).template cast<Scalar>();
          return gradient;
        }};
  }

 private:
  static void place(const Logits<Scalar>& z, Index member, Logits<Scalar>& out) {
    if (member == 0) out.resize(z.rows(), Base::members * z.cols() + 1);
    out.middleCols(member * z.cols(), z.cols()) = z;
  }
  /// Fills the last column.
  static Logits<Scalar> with_last(Logits<Scalar> z) {
    const Index last = z.cols() - 1;
    for (Index i = 0; i < z.rows(); ++i) {
      Scalar top = z(i, 0);
      for (Index k = 1; k < last; ++k) top = std::max(top, z(i, k));
      z(i, last) = std::min(top + std::max(Scalar(1), std::abs(top)), std::numeric_limits<Scalar>::max());
    }
    return z;
  }
};

}  // namespace foil
