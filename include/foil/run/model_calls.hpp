// SPDX-License-Identifier: MIT
/// \file
/// Puts points into batches, asks the model about them, and reads its answers.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/answers.hpp"
#include "foil/core/criteria.hpp"
#include "foil/core/error.hpp"
#include "foil/core/numbers.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/judge.hpp"
#include "foil/run/model_port.hpp"
#include "foil/run/question.hpp"

namespace foil {

/// One thread's conversation with a model, judged by a criterion.
template <Batch Input>
class ModelCalls {
 public:
  using Scalar = typename Input::Scalar;

  /// Batches have the shape of `like` but for the number of samples. The model is asked for its logits, where
  /// it has any, unless the criterion and the attack, whose knowledge is `needed`, do without: not by
  /// question, so that no sample's answer depends on what the others ask.
  ModelCalls(ModelPort<Input>& model, const Judge& judge, const Input& like, Knowledge needed)
      : model_(model),
        judge_(judge),
        like_(like),
        asks_logits_(model.knowledge() >= Knowledge::scores &&
                     (judge.reads_scores() || !model.decides() || needed >= Knowledge::scores)) {}

  /// Of the logits so far; 0 before the first.
  Index classes() const { return classes_; }

  /// Throws unless such a question can be answered.
  void check(const std::string& who, const Question& question) const {
    const bool margin = judge_.has_margin() || question.objective.is_own() || !question.classes.empty();
    const bool offered =
        question.need == Need::score ? asks_logits_ : model_.knowledge() == Knowledge::gradients;
    const bool answers = question.need == Need::decision || (margin && offered);
    require(answers, who, ": asks for a ", question.need == Need::gradient ? "gradient" : "score",
            ", which this model or this criterion does not offer");
  }

  /// A batch of so many points, to be filled by place().
  void begin(std::size_t count) {
    const Index size = static_cast<Index>(count);
    if (batch_.size() == 0 || samples(batch_) != size) batch_.resize(resized(like_, size));
  }
  void place(std::size_t i, const Eigen::VectorXd& point) {
    detail::copy_entries(point, sample(batch_, static_cast<Index>(i)));
  }

  void forward() {
    has_logits_ = asks_logits_;
    if (has_logits_) {
      logits_ = model_.logits(batch_);
      check_logits();
    } else {
      labels_ = model_.predict(batch_);
      check_answer(samples(batch_), labels_.size());
    }
  }
  /// A forward pass to be pulled back.
  void vjp() {
    has_logits_ = true;
    logits_ = model_.vjp(batch_);
    check_logits();
    cotangent_.setZero(logits_.rows(), logits_.cols());
  }
  /// What is pulled back for the i-th point.
  void set_cotangent(std::size_t i, const Eigen::VectorXd& cotangent) {
    require(cotangent.size() == cotangent_.cols(), "objective: expected a gradient with respect to ",
            cotangent_.cols(), " logits, got one of ", cotangent.size(), " entries");
    cotangent_.row(static_cast<Index>(i)) = cotangent.transpose().template cast<Scalar>();
  }
  /// The same: the gradient of one logit.
  void set_cotangent(std::size_t i, Index of_class) {
    require(of_class >= 0 && of_class < cotangent_.cols(), "gradient: expected classes from 0 to ",
            cotangent_.cols() - 1, ", got ", of_class);
    cotangent_.row(static_cast<Index>(i)).setZero();
    cotangent_(static_cast<Index>(i), of_class) = 1;
  }
  void pull_back() {
    gradients_ = model_.pullback(cotangent_);
    check_gradient(gradients_, batch_.dimensions());
  }
  /// Gives back what the pass and the gradients occupy: the next ones find that memory in the caches.
  void end_pullbacks() {
    model_.forget();
    gradients_ = Input();
  }

  /// What was said about the i-th point, of the sample in that row of the attacked batch. With an objective
  /// also its value, and where asked its gradient with respect to the logits. False if the answer was not
  /// finite, or no class.
  bool read(std::size_t i, Index row, Answer& answer, const Objective* objective,
            Eigen::VectorXd* cotangent) {
    answer.adversarial = false;
    answer.loss = std::numeric_limits<double>::quiet_NaN();
    if (!has_logits_) {
      answer.label = labels_[static_cast<Index>(i)];
      if (answer.label < 0) {  // no class at all
        answer.label = -1;
        return false;
      }
      answer.adversarial = judge_(Decision{row, answer.label});
      return true;
    }
    Eigen::VectorXd& z = answer.logits;
    z = logits_.row(static_cast<Index>(i)).transpose().template cast<double>();
    bool finite = true;
    Index best = 0;
    for (Index k = 0; k < z.size(); ++k) {
      finite = finite && std::isfinite(z[k]);
      if (z[k] > z[best]) best = k;
    }
    answer.label = finite ? static_cast<int>(best) : -1;
    if (cotangent) cotangent->setZero(z.size());
    if (!finite) return false;
    answer.adversarial = judge_(Scores{row, z});
    if (objective && objective->is_own())
      answer.loss = objective->own(z, cotangent);
    else if (objective && judge_.has_margin())
      answer.loss = judge_.loss(objective->loss(), Scores{row, z}, cotangent);
    return true;
  }

  /// The i-th gradient, with zeros for what is not finite. False if there was any.
  bool read_gradient(std::size_t i, Eigen::VectorXd& gradient) const {
    gradient.resize(features(batch_));
    detail::copy_entries(sample(gradients_, static_cast<Index>(i)), gradient);
    if (all_finite(gradient)) return true;
    gradient = gradient.unaryExpr([](double g) { return std::isfinite(g) ? g : 0.0; }).eval();
    return false;
  }

 private:
  void check_logits() {
    if (check_answer(samples(batch_), logits_.rows(), logits_.cols(), classes_, judge_.least_outputs()))
      judge_.check(samples(like_), classes_);
  }

  ModelPort<Input>& model_;
  const Judge& judge_;
  const Input& like_;
  bool asks_logits_, has_logits_ = false;
  Index classes_ = 0;
  Input batch_{}, gradients_{};
  Labels labels_{};
  Logits<Scalar> logits_{}, cotangent_{};
};

}  // namespace foil
