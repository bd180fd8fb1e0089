// SPDX-License-Identifier: MIT
/// \file
/// Hides all of a model but its decisions.
#pragma once

#include "foil/core/bounds.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// A decision-only view of any model, which it refers to: what an attacker sees of a service that returns
/// labels. Can be shared by threads if the model can.
template <DecisionModel M>
class LabelOnly {
 public:
  using Input = input_t<M>;
  explicit LabelOnly(M& model) : model_(&model) {}

  Bounds<scalar_t<M>> bounds() const
    requires shareable<M>
  {
    return model_->bounds();
  }
  Bounds<scalar_t<M>> bounds()
    requires(!shareable<M>)
  {
    return model_->bounds();
  }
  Labels predict(const Input& x) const
    requires shareable<M>
  {
    return foil::predict(*model_, x);
  }
  Labels predict(const Input& x)
    requires(!shareable<M>)
  {
    return foil::predict(*model_, x);
  }

 private:
  shared_if_possible<M>* model_;
};

}  // namespace foil
