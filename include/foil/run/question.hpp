// SPDX-License-Identifier: MIT
/// \file
/// What a suspended attack waits for, and what it gets: the words that attacks and scheduler speak.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include "foil/core/losses.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// How much is wanted of the model: its decision, the logits as well, or gradients as well.
enum class Need : std::uint8_t { decision, score, gradient };

/// What is computed from the logits and ascended: one of foil's losses, by way of the criterion (see
/// loss_of()), or a function of the attack's own, `double(const Eigen::VectorXd& logits, Eigen::VectorXd*
/// gradient)`, which sets the gradient with respect to the logits where one is asked for. Refers to that
/// function, which must live until the answer is there.
class Objective {
 public:
  Objective(Loss loss = Loss::lsem) : loss_(loss) {}
  template <class Own>
    requires std::is_invocable_r_v<double, const Own&, const Eigen::VectorXd&, Eigen::VectorXd*>
  Objective(const Own& own)
      : own_(&own), call_([](const void* function, const Eigen::VectorXd& logits, Eigen::VectorXd* gradient) {
          return static_cast<double>((*static_cast<const Own*>(function))(logits, gradient));
        }) {}

  /// Whether it is a function of the attack's own.
  bool is_own() const { return call_ != nullptr; }
  Loss loss() const { return loss_; }
  double own(const Eigen::VectorXd& logits, Eigen::VectorXd* gradient) const {
    return call_(own_, logits, gradient);
  }

 private:
  Loss loss_ = Loss::lsem;
  const void* own_ = nullptr;
  double (*call_)(const void*, const Eigen::VectorXd&, Eigen::VectorXd*) = nullptr;
};

/// What an attack has made a point of: the numbers, in the order of the attack's parameters(), and the worth
/// that it gives to such a point. See Oracle::describe().
struct Making {
  std::vector<double> parameters{};
  double worth = std::numeric_limits<double>::quiet_NaN();
};

/// What an attack asks: data, no behaviour.
struct Question {
  std::span<Eigen::VectorXd> points{};  ///< rounded in place before they are asked about
  Need need = Need::decision;
  Objective objective{};             ///< its values, and with Need::gradient its gradients
  std::span<const Index> classes{};  ///< the gradients of these logits instead
  bool until_adversarial = false;    ///< stop at the first adversarial; else all are answered
  Making making{};                   ///< of what the points are made
};

/// What the model said about one point. Valid until the attack's next question.
struct Answer {
  bool adversarial = false;  ///< the point meets the criterion
  int label = -1;            ///< the class that the model gives it; -1 if the answer was not finite
  /// The objective, to be ascended; NaN if the answer was not finite or no objective was asked for.
  double loss = std::numeric_limits<double>::quiet_NaN();
  Eigen::VectorXd logits{};    ///< from Need::score on
  Eigen::VectorXd gradient{};  ///< of the objective with respect to the point; non-finite entries are 0
  std::vector<Eigen::VectorXd> class_gradients{};  ///< of Question::classes, in their order; likewise
  /// The gradients asked for are exactly zero wherever the point may move. Not said of an adversarial point
  /// where the objective itself is flat.
  bool vanished = false;

  Answer() = default;
  Answer(Answer&&) = default;
  Answer& operator=(Answer&&) = default;
  Answer(const Answer&) = delete;  ///< refer to an answer: `const auto& a = co_await oracle.gradient(x);`
  Answer& operator=(const Answer&) = delete;
};

/// The answer to points that were asked about in turn.
struct InTurn {
  std::size_t answered;  ///< so many of the points have been judged
  bool adversarial;      ///< the last of these meets the criterion; those before never do
};

}  // namespace foil
