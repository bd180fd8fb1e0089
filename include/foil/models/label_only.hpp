// SPDX-License-Identifier: MIT
/// \file
/// Hides all of a model but its decisions.
#pragma once

#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/wrapper.hpp"

namespace foil {

/// A decision-only view of any model, which it refers to: what an attacker sees of a service that returns
/// labels. Can be shared by threads if the model can.
template <DecisionModel M>
class LabelOnly : public Wrapper<LabelOnly<M>, M, Knowledge::decisions> {
 public:
  explicit LabelOnly(M& model) : Wrapper<LabelOnly, M, Knowledge::decisions>(model) {}

  Labels answer_predict(const input_t<M>& x) const { return foil::predict(this->model(), x); }
};

}  // namespace foil
