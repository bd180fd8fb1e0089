// SPDX-License-Identifier: MIT
/// \file
/// What the couplings of a flow compute of the half that they leave alone: a function of rows.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/core/answers.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/flow/step.hpp"

namespace foil {

/// A function of rows, N x n to N x m, and, where it has one, its pullback at rows. It need not be
/// invertible, nor exact: it has to give the same bits for the same row, whatever the other rows.
template <class Scalar>
struct RowFunction {
  using Rows = Logits<Scalar>;
  std::function<Rows(const Rows& x)> value;
  std::function<Rows(const Rows& x, const Rows& cotangent)> pullback{};
};

namespace detail {

/// Rows as a batch of a model, in its own number type.
template <Batch Input, class Scalar>
Input as_input(const Logits<Scalar>& rows, const typename Input::Dimensions& shape) {
  Input x(shape);
  copy_entries(rows, as_matrix(x));
  return x;
}

template <class Scalar, class From>
Logits<Scalar> as_rows(const From& from) {
  Logits<Scalar> rows(from.rows(), from.cols());
  copy_entries(from, rows);
  return rows;
}

}  // namespace detail

/// The function of rows that a model's logits are: of a model whose samples have rank 1 that of each row, of
/// others that of the rows as channels, height and width. The model may compute in another number type, as an
/// ONNX network in single precision does. Keeps a copy of the model.
template <class Scalar, ScoreModel M>
RowFunction<Scalar> row_function(M given, const FlowShape& shape) {
  using Input = input_t<M>;
  constexpr std::size_t rank = Input::NumIndices;
  static_assert(rank == 2 || rank == 4, "foil: a flow's network takes (N, features) or (N, C, H, W)");
  const auto model = std::make_shared<M>(std::move(given));
  const auto dimensions = [shape](Index count) {
    if constexpr (rank == 2)
      return typename Input::Dimensions(count, shape.size());
    else
      return typename Input::Dimensions(count, shape.channels, shape.height, shape.width);
  };
  RowFunction<Scalar> out;
  out.value = [model, dimensions](const Logits<Scalar>& x) {
    const Logits<scalar_t<M>> said = model->logits(detail::as_input<Input>(x, dimensions(x.rows())));
    return detail::as_rows<Scalar>(said);
  };
  if constexpr (DifferentiableModel<M>)
    out.pullback = [model, dimensions](const Logits<Scalar>& x, const Logits<Scalar>& cotangent) {
      const Input at = detail::as_input<Input>(x, dimensions(x.rows()));
      auto pass = model->vjp(at);
      const Input gradient = pass.pullback(detail::as_rows<scalar_t<M>>(cotangent));
      check_gradient(gradient, at.dimensions());
      return detail::as_rows<Scalar>(as_matrix(gradient));
    };
  return out;
}

/// The same of a function of rows without a pullback, and of what is a RowFunction already.
template <class Scalar>
RowFunction<Scalar> row_function(RowFunction<Scalar> function, const FlowShape&) {
  return function;
}
template <class Scalar, class F>
  requires(!ScoreModel<F> && std::is_invocable_r_v<Logits<Scalar>, F&, const Logits<Scalar>&>)
RowFunction<Scalar> row_function(F function, const FlowShape&) {
  return {std::move(function), {}};
}

}  // namespace foil
