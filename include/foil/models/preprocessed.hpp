// SPDX-License-Identifier: MIT
/// \file
/// A model behind a preprocessing function: defences that change their input before they look at it.
#pragma once

#include <utility>

#include "foil/core/answers.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/wrapper.hpp"

namespace foil {

/// Gives a model function(x) instead of x: a JPEG compression, fewer bits, a denoiser. Answers are those of
/// the defended model. Gradients pass the function as if it were the identity: they are the model's at
/// function(x), pulled back unchanged, which is an approximation for the backward pass alone (BPDA: Athalye,
/// Carlini, Wagner 2018, arXiv:1802.00420) and to be reported as such. It suits functions that stay near
/// their input; for others give the model a vjp of its own, see foil::make_model.
///
/// `function` maps a batch to one of the same shape, each sample by itself, and always to the same: one that
/// draws random numbers belongs into foil::Redrawn. Refers to the model; can be shared by threads if the
/// model can, and the function then has to support it. Costs one call of the function per model call. Throws
/// foil::Error if the function changes the shape.
template <DecisionModel M, class F>
class Preprocessed : public Wrapper<Preprocessed<M, F>, M, knowledge_of<M>> {
 public:
  using Input = input_t<M>;
  using Scalar = scalar_t<M>;

  Preprocessed(M& model, F function)
      : Wrapper<Preprocessed, M, knowledge_of<M>>(model), function_(std::move(function)) {}

  /// What the model is given for x.
  Input given(const Input& x) const {
    Input out = function_(x);
    require(out.dimensions() == x.dimensions(), "preprocessed: expected the function to keep the shape ",
            shape_text(x), ", got ", shape_text(out));
    return out;
  }

  Labels answer_predict(const Input& x) const { return foil::predict(this->model(), given(x)); }
  Logits<Scalar> answer_logits(const Input& x) const { return this->model().logits(given(x)); }
  auto answer_vjp(const Input& x) const { return this->model().vjp(given(x)); }

 private:
  F function_;
};

}  // namespace foil
