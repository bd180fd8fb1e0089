// SPDX-License-Identifier: MIT
/// \file
/// What an invertible classifier must offer.
#pragma once

#include <concepts>
#include <type_traits>

#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// A bijection between inputs and codes: `typename Input`, `bounds()`, `forward(x)` -> Logits (N x n, as many
/// columns as an input has features), `inverse(codes)` -> Input, and `semantic_size()`: so many of the first
/// columns are the logits, all that the classifier sees. The other columns are the nuisances (Jacobsen,
/// Behrmann, Zemel, Bethge 2019, arXiv:1811.00401).
template <class M>
concept BijectiveModel = detail::HasInput<M> && detail::HasBounds<M> &&
                         requires(M& model, const input_t<M>& x, const Logits<scalar_t<M>>& codes) {
                           { model.forward(x) } -> detail::Yields<Logits<scalar_t<M>>>;
                           { model.inverse(codes) } -> std::convertible_to<input_t<M>>;
                           { model.semantic_size() } -> std::convertible_to<Index>;
                         };

/// The codes of a batch. Throws foil::Error unless they have its number of rows and features, and some but
/// not all columns are semantic. One call of forward().
template <class M>
  requires BijectiveModel<M>
Logits<scalar_t<M>> codes_of(M& model, const input_t<M>& x) {
  Logits<scalar_t<M>> codes = model.forward(x);
  require(codes.rows() == samples(x) && codes.cols() == features(x), "flow: expected codes of ", samples(x),
          " x ", features(x), " like the inputs, got ", codes.rows(), " x ", codes.cols());
  const Index semantic = model.semantic_size();
  require(semantic >= 1 && semantic < codes.cols(), "flow: expected 1 to ", codes.cols() - 1,
          " semantic columns of ", codes.cols(), ", got ", semantic);
  return codes;
}

/// What the classifier of a batch does not see: the columns of its codes from semantic_size() on.
template <class M>
  requires BijectiveModel<M>
Logits<scalar_t<M>> nuisances_of(M& model, const input_t<M>& x) {
  const Logits<scalar_t<M>> codes = codes_of(model, x);
  return codes.rightCols(codes.cols() - model.semantic_size());
}

}  // namespace foil
