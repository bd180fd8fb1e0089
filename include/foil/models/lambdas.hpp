// SPDX-License-Identifier: MIT
/// \file
/// Models from functions, for those who would rather not write a class.
#pragma once

#include <type_traits>
#include <utility>

#include "foil/core/bounds.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

namespace detail {

template <Batch T, class Predict>
struct PredictModel {
  using Input = T;
  Bounds<typename T::Scalar> box;
  Predict predict_function;

  Bounds<typename T::Scalar> bounds() const { return box; }
  Labels predict(const Input& x) { return predict_function(x); }
  Labels predict(const Input& x) const
    requires std::is_invocable_v<const Predict&, const Input&>
  {
    return predict_function(x);
  }
};

template <Batch T, class Scores>
struct LogitsModel {
  using Input = T;
  Bounds<typename T::Scalar> box;
  Scores logits_function;

  Bounds<typename T::Scalar> bounds() const { return box; }
  Logits<typename T::Scalar> logits(const Input& x) { return logits_function(x); }
  Logits<typename T::Scalar> logits(const Input& x) const
    requires std::is_invocable_v<const Scores&, const Input&>
  {
    return logits_function(x);
  }
};

template <Batch T, class Scores, class VjpFunction>
struct VjpModel : LogitsModel<T, Scores> {
  using Input = T;
  VjpFunction vjp_function;

  auto vjp(const Input& x) { return vjp_function(x); }
  auto vjp(const Input& x) const
    requires std::is_invocable_v<const VjpFunction&, const Input&>
  {
    return vjp_function(x);
  }
};

}  // namespace detail

/// A model from a function. `make_model<Tensor<float, 4>>(bounds, f)`, where f(x) returns Labels (a
/// decision-only model: a label service, say) or Logits (a score model).
template <Batch Input, class F>
auto make_model(const Bounds<typename Input::Scalar>& bounds, F f) {
  using Said = std::invoke_result_t<F&, const Input&>;
  if constexpr (detail::Yields<Said, Labels>) {
    return detail::PredictModel<Input, F>{bounds, std::move(f)};
  } else {
    static_assert(detail::Yields<Said, Logits<typename Input::Scalar>>,
                  "foil: make_model needs a function that returns foil::Labels or foil::Logits<Scalar>");
    return detail::LogitsModel<Input, F>{bounds, std::move(f)};
  }
}

/// A differentiable model from two functions: logits(x), and vjp(x) returning foil::Vjp{logits, pullback}.
template <Batch Input, class F, class G>
auto make_model(const Bounds<typename Input::Scalar>& bounds, F logits, G vjp) {
  return detail::VjpModel<Input, F, G>{{bounds, std::move(logits)}, std::move(vjp)};
}

}  // namespace foil
