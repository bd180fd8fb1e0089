// SPDX-License-Identifier: MIT
/// \file
/// The model of most of these programs, which has no mistake.
#pragma once

#include "foil/core/model.hpp"

struct Model {
  using Input = foil::Tensor<float, 2>;
  foil::Bounds<float> bounds() const;
  foil::Logits<float> logits(const Input& x) const;
  auto vjp(const Input& x) const {
    return foil::Vjp{logits(x), [](const foil::Logits<float>&) { return Input(); }};
  }
};
