// SPDX-License-Identifier: MIT
/// \file
/// Hides all of a model but its decisions.
#pragma once

#include "foil/core/model.hpp"

namespace foil {

/// A decision-only view of any model, which it refers to: what an attacker sees of a service that returns
/// labels.
template <DecisionModel M>
class LabelOnly {
 public:
  using Input = input_t<M>;
  explicit LabelOnly(M& model) : model_(&model) {}

  Bounds<scalar_t<M>> bounds() const { return model_->bounds(); }
  Labels predict(const Input& x) const { return foil::predict(*model_, x); }

 private:
  M* model_;
};

}  // namespace foil
