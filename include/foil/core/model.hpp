// SPDX-License-Identifier: MIT
/// \file
/// What a classifier must offer to be attacked.
#pragma once

#include <cmath>
#include <concepts>
#include <type_traits>
#include <utility>

#include "foil/core/answers.hpp"
#include "foil/core/bounds.hpp"
#include "foil/core/given.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// One forward pass that can be pulled back: the logits, and a function that maps a cotangent of the logits
/// (N x K) to the gradient with respect to the inputs (the shape of the inputs). The pullback owns or
/// outlives what it needs and may be called any number of times.
template <class Scalar, class Pullback>
struct Vjp {
  Logits<Scalar> logits;
  Pullback pullback;
};
template <class Derived, class Pullback>
Vjp(Derived, Pullback) -> Vjp<typename Derived::Scalar, Pullback>;

template <class M>
using input_t = typename std::remove_cvref_t<M>::Input;
template <class M>
using scalar_t = typename input_t<M>::Scalar;

namespace detail {

/// A value that becomes a Target without a change of its number type, which Eigen's implicit conversions
/// would only refuse too late.
template <class Answer, class Target>
concept Yields = std::convertible_to<Answer, Target> &&
                 std::same_as<typename std::remove_cvref_t<Answer>::Scalar, typename Target::Scalar>;

template <class M>
concept HasInput = requires { typename std::remove_cvref_t<M>::Input; } && Batch<input_t<M>>;

template <class M>
concept HasBounds = requires(M& model) {
  { model.bounds() } -> std::convertible_to<Bounds<scalar_t<M>>>;
};

template <class M>
concept HasPredict = requires(M& model, const input_t<M>& x) {
  { model.predict(x) } -> Yields<Labels>;
};

template <class M>
concept HasLogits = requires(M& model, const input_t<M>& x) {
  { model.logits(x) } -> Yields<Logits<scalar_t<M>>>;
};

template <class M>
concept HasVjp = requires(M& model, const input_t<M>& x, const Logits<scalar_t<M>>& cotangent) {
  { model.vjp(x).logits } -> Yields<Logits<scalar_t<M>>>;
  { model.vjp(x).pullback(cotangent) } -> std::convertible_to<input_t<M>>;
};

/// Answers that would do, were it not for their number type.
template <class Answer, class Scalar>
inline constexpr bool of_another_type = false;
template <class Answer, class Scalar>
  requires requires { typename std::remove_cvref_t<Answer>::Scalar; }
inline constexpr bool of_another_type<Answer, Scalar> =
    !std::same_as<typename std::remove_cvref_t<Answer>::Scalar, Scalar>;

template <class M>
concept PredictsAnotherType = requires(M& model, const input_t<M>& x) {
  model.predict(x);
} && of_another_type<decltype(std::declval<M&>().predict(std::declval<const input_t<M>&>())), int>;
template <class M>
concept ScoresAnotherType = requires(M& model, const input_t<M>& x) {
  model.logits(x);
} && of_another_type<decltype(std::declval<M&>().logits(std::declval<const input_t<M>&>())), scalar_t<M>>;
template <class M>
concept PullsBackAnotherType = requires(M& model, const input_t<M>& x) {
  model.vjp(x).logits;
} && of_another_type<decltype(std::declval<M&>().vjp(std::declval<const input_t<M>&>()).logits), scalar_t<M>>;

}  // namespace detail

/// `typename Input` (a foil::Tensor), `bounds()`, and `predict(x)` -> Labels or `logits(x)`.
template <class M>
concept DecisionModel =
    detail::HasInput<M> && detail::HasBounds<M> && (detail::HasPredict<M> || detail::HasLogits<M>);

/// A DecisionModel with `logits(x)` -> Logits (N x K).
template <class M>
concept ScoreModel = DecisionModel<M> && detail::HasLogits<M>;

/// A ScoreModel with `vjp(x)` -> {logits, pullback}; see foil::Vjp.
template <class M>
concept DifferentiableModel = ScoreModel<M> && detail::HasVjp<M>;

/// How much of the model an attack or a criterion looks at.
enum class Knowledge { decisions, scores, gradients };

/// The most that a model offers.
template <DecisionModel M>
inline constexpr Knowledge knowledge_of = DifferentiableModel<M> ? Knowledge::gradients
                                          : ScoreModel<M>        ? Knowledge::scores
                                                                 : Knowledge::decisions;

/// Whether a model can be used through a const reference, and hence by several threads at once (which it
/// then has to support).
template <class M>
inline constexpr bool shareable =
    DecisionModel<const std::remove_cvref_t<M>> &&
    (!ScoreModel<M> || ScoreModel<const std::remove_cvref_t<M>>) &&
    (!DifferentiableModel<M> || DifferentiableModel<const std::remove_cvref_t<M>>);

/// The model's type through which it is best referred to: const, and hence open to several threads, where
/// that is possible.
template <class M>
using shared_if_possible =
    std::conditional_t<shareable<M>, const std::remove_cvref_t<M>, std::remove_reference_t<M>>;

/// Index of the largest entry in each row; the first one on a tie.
template <class Scalar>
Labels argmax(const Logits<Scalar>& logits) {
  Labels labels(logits.rows());
  for (Index i = 0; i < logits.rows(); ++i) {
    Index best = 0;
    for (Index k = 1; k < logits.cols(); ++k)
      if (logits(i, k) > logits(i, best)) best = k;
    labels[i] = static_cast<int>(best);
  }
  return labels;
}

/// The class of each row of logits, as argmax() but for rows that hold NaN or infinity: -1, no class at all.
template <class Scalar>
Labels decide(const Logits<Scalar>& logits) {
  Labels labels = argmax<Scalar>(logits);
  for (Index i = 0; i < labels.size(); ++i)
    for (Index k = 0; k < logits.cols(); ++k)
      if (!std::isfinite(logits(i, k))) labels[i] = -1;
  return labels;
}

/// The model's decisions about a batch, see as_batch(): its own predict(), else the argmax of its logits.
/// Negative where it has none: rows of logits that hold NaN or infinity are -1, and no own label below 0
/// counts as a class either. Throws for an answer of another shape; where `classes` is given, see
/// check_answer(), also for another number of them than before.
template <class M, class X>
  requires DecisionModel<M>
Labels predict(M& model, const X& x, [[maybe_unused]] Index& classes) {
  const auto& batch = as_batch<input_t<M>>(x);
  if constexpr (detail::HasPredict<M>) {
    Labels labels = model.predict(batch);
    check_answer(samples(batch), labels.size());
    return labels;
  } else {
    const Logits<scalar_t<M>> logits = model.logits(batch);
    check_answer(samples(batch), logits.rows(), logits.cols(), classes);
    return decide<scalar_t<M>>(logits);
  }
}
template <class M, class X>
  requires DecisionModel<M>
Labels predict(M& model, const X& x) {
  Index classes = 0;
  return predict(model, x, classes);
}

/// To be pasted into a user's own test: `static_assert(foil::explain_model<MyModel>());` fails with one
/// readable sentence naming the first thing that MyModel lacks to serve gradient-based attacks. Pass
/// foil::Knowledge::scores or ::decisions for models that offer less by design.
template <class M, Knowledge wanted = Knowledge::gradients>
consteval bool explain_model() {
  static_assert(detail::HasInput<M>,
                "foil: the model needs `using Input = foil::Tensor<float, R>;` (or double), R >= 2");
  if constexpr (detail::HasInput<M>) {
    static_assert(detail::HasBounds<M>, "foil: the model needs `foil::Bounds<Scalar> bounds() const`");
    constexpr bool predicts = !detail::PredictsAnotherType<M>, scores = !detail::ScoresAnotherType<M>,
                   pulls_back = !detail::PullsBackAnotherType<M>;
    static_assert(predicts, "foil: the model's predict(x) returns another number type than int");
    static_assert(scores, "foil: the model's logits(x) return another number type than that of its `Input`");
    static_assert(pulls_back,
                  "foil: the model's vjp(x).logits are of another number type than that of its `Input`");
    if constexpr (wanted == Knowledge::decisions)
      static_assert(detail::HasPredict<M> || detail::HasLogits<M> || !predicts || !scores,
                    "foil: the model needs `foil::Labels predict(const Input&) const` or logits(x)");
    else
      static_assert(detail::HasLogits<M> || !scores,
                    "foil: the model needs `foil::Logits<Scalar> logits(const Input&) const`");
    if constexpr (wanted == Knowledge::gradients)
      static_assert(detail::HasVjp<M> || !pulls_back,
                    "foil: gradient attacks need `vjp(x)` returning foil::Vjp{logits, pullback}");
  }
  return true;
}

}  // namespace foil
