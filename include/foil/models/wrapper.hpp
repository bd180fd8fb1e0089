// SPDX-License-Identifier: MIT
/// \file
/// What models made of another model have in common.
#pragma once

#include "foil/core/bounds.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// Base of a model that refers to another one and answers in its own way, offering that much knowledge. The
/// answers `Derived` writes once, as const members answer_predict(x) for Knowledge::decisions, or
/// answer_logits(x), and from Knowledge::gradients on answer_vjp(x). This class makes of them the members
/// that foil's concepts ask for, const exactly if the model can be used through a const reference: a wrapper
/// can be shared by threads if its model can.
template <class Derived, DecisionModel M, Knowledge offered>
class Wrapper {
 public:
  using Input = input_t<M>;
  using Scalar = scalar_t<M>;

  Bounds<Scalar> bounds() const
    requires shareable<M>
  {
    return model_->bounds();
  }
  Bounds<Scalar> bounds()
    requires(!shareable<M>)
  {
    return model_->bounds();
  }
  auto predict(const Input& x) const
    requires(shareable<M> && offered == Knowledge::decisions)
  {
    return own().answer_predict(x);
  }
  auto predict(const Input& x)
    requires(!shareable<M> && offered == Knowledge::decisions)
  {
    return own().answer_predict(x);
  }
  auto logits(const Input& x) const
    requires(shareable<M> && offered >= Knowledge::scores)
  {
    return own().answer_logits(x);
  }
  auto logits(const Input& x)
    requires(!shareable<M> && offered >= Knowledge::scores)
  {
    return own().answer_logits(x);
  }
  auto vjp(const Input& x) const
    requires(shareable<M> && offered == Knowledge::gradients)
  {
    return own().answer_vjp(x);
  }
  auto vjp(const Input& x)
    requires(!shareable<M> && offered == Knowledge::gradients)
  {
    return own().answer_vjp(x);
  }

 protected:
  explicit Wrapper(M& model) : model_(&model) {}
  shared_if_possible<M>& model() const { return *model_; }

 private:
  const Derived& own() const { return static_cast<const Derived&>(*this); }

  shared_if_possible<M>* model_;
};

}  // namespace foil
