// SPDX-License-Identifier: MIT
/// \file
/// Logits from probabilities.
#pragma once

#include <cmath>
#include <limits>
#include <utility>

#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/numbers.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/wrapper.hpp"

namespace foil {

/// What the probabilities of a model's classes are.
enum class Probabilities {
  exclusive,   ///< those of a softmax: they add up to 1
  independent  ///< those of one sigmoid per class
};

/// For models that answer with probabilities and cannot be asked for the logits behind them: attacks see log
/// p if they are exclusive, log p - log(1 - p) if they are independent. These are the logits, but for a
/// summand that all classes share, and have their gradients, where gradients of p itself would have vanished:
/// exactly so as long as no p has underflowed to 0 or, for independent ones, has been rounded to 1. Where the
/// model has lost that, so have its gradients.
///
/// Below 64 times the smallest normal number, log p goes on as a straight line, so that everything is finite,
/// 0 and even numbers that are no probabilities included; so does log(1 - p) below a quarter of the type's
/// epsilon. The order of the classes is that of the probabilities, and ties stay ties: where a rounded
/// logarithm makes two of the largest alike, the larger one is raised by one unit in the last place.
///
/// Refers to the model; can be shared by threads if the model can. Costs no model calls.
template <ScoreModel M>
class LogProbabilities : public Wrapper<LogProbabilities<M>, M, knowledge_of<M>> {
 public:
  using Input = input_t<M>;
  using Scalar = scalar_t<M>;

  explicit LogProbabilities(M& model, Probabilities kind = Probabilities::exclusive)
      : Wrapper<LogProbabilities, M, knowledge_of<M>>(model), kind_(kind) {}

  Probabilities kind() const { return kind_; }

  Logits<Scalar> answer_logits(const Input& x) const {
    Logits<Scalar> answer = this->model().logits(x);
    transform(answer, nullptr);
    return answer;
  }

  auto answer_vjp(const Input& x) const
    requires DifferentiableModel<M>
  {
    auto pass = this->model().vjp(x);
    Logits<Scalar> slopes(pass.logits.rows(), pass.logits.cols());
    transform(pass.logits, &slopes);
    return Vjp{std::move(pass.logits),
               [slopes = std::move(slopes),
                pullback = Changeable{std::move(pass.pullback)}](const Logits<Scalar>& cotangent) {
                 require(cotangent.rows() == slopes.rows() && cotangent.cols() == slopes.cols(),
                         "log probabilities: expected a cotangent of ", slopes.rows(), " x ", slopes.cols(),
                         ", got ", cotangent.rows(), " x ", cotangent.cols());
                 return Input(pullback.value(Logits<Scalar>(cotangent.cwiseProduct(slopes))));
               }};
  }

 private:
  struct Value {
    double value, slope;
  };

  /// log p, continued by its tangent below `floor`.
  static Value log_from(double p, double floor) {
    if (p < floor) return {std::log(floor) + (p - floor) / floor, 1 / floor};
    return {std::log(p), 1 / p};
  }

  Value logit(Scalar probability) const {
    const double p = static_cast<double>(probability);
    const Value yes = log_from(p, 64 * static_cast<double>(std::numeric_limits<Scalar>::min()));
    if (kind_ == Probabilities::exclusive) return yes;
    const Value no = log_from(1 - p, static_cast<double>(std::numeric_limits<Scalar>::epsilon()) / 4);
    return {yes.value - no.value, yes.slope + no.slope};
  }

  /// Replaces probabilities by logits, and writes down the slopes if asked to.
  void transform(Logits<Scalar>& answer, Logits<Scalar>* slopes) const {
    Eigen::Matrix<Scalar, Eigen::Dynamic, 1> p(answer.cols());
    for (Index i = 0; i < answer.rows(); ++i) {
      p = answer.row(i);
      for (Index k = 0; k < p.size(); ++k) {
        const Value f = logit(p[k]);
        answer(i, k) = narrowed(f.value);
        if (slopes != nullptr) (*slopes)(i, k) = narrowed(f.slope);
      }
      keep_order(p, answer, i);
    }
  }

  static Scalar narrowed(double value) {
    constexpr double most = static_cast<double>(std::numeric_limits<Scalar>::max());
    return static_cast<Scalar>(std::isnan(value) ? value : clip(value, -most, most));
  }

  /// Raises the logit of the largest probability where one of a smaller one is as large.
  template <class Row>
  static void keep_order(const Row& p, Logits<Scalar>& answer, Index i) {
    Index best = 0;
    for (Index k = 1; k < p.size(); ++k)
      if (p[k] > p[best]) best = k;
    Scalar highest = -std::numeric_limits<Scalar>::infinity();
    for (Index k = 0; k < p.size(); ++k)
      if (p[k] < p[best] && answer(i, k) > highest) highest = answer(i, k);
    if (highest < answer(i, best)) return;
    const Scalar raised = std::nextafter(highest, std::numeric_limits<Scalar>::infinity());
    for (Index k = 0; k < p.size(); ++k)
      if (p[k] == p[best]) answer(i, k) = raised;
  }

  Probabilities kind_;
};

}  // namespace foil
