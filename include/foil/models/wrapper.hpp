// SPDX-License-Identifier: MIT
/// \file
/// What models made of other models have in common.
#pragma once

#include "foil/core/bounds.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// What a pullback may change although it is called through a const reference: the pullback of the model
/// within, which may have to.
template <class T>
struct Changeable {
  mutable T value;
};
template <class T>
Changeable(T) -> Changeable<T>;

/// Base of a model made of other ones, which answers in its own way, offering that much knowledge. The
/// answers `Derived` writes once, as const members answer_bounds(), and answer_predict(x) for
/// Knowledge::decisions, or answer_logits(x), and from Knowledge::gradients on answer_vjp(x). This class
/// makes of them the members that foil's concepts ask for, const exactly if `shared`: if all that it is made
/// of can be used through a const reference, and hence by several threads.
template <class Derived, Batch In, Knowledge offered, bool shared>
class Answering {
 public:
  using Input = In;
  using Scalar = typename In::Scalar;

  Bounds<Scalar> bounds() const
    requires shared
  {
    return own().answer_bounds();
  }
  Bounds<Scalar> bounds()
    requires(!shared)
  {
    return own().answer_bounds();
  }
  auto predict(const Input& x) const
    requires(shared && offered == Knowledge::decisions)
  {
    return own().answer_predict(x);
  }
  auto predict(const Input& x)
    requires(!shared && offered == Knowledge::decisions)
  {
    return own().answer_predict(x);
  }
  auto logits(const Input& x) const
    requires(shared && offered >= Knowledge::scores)
  {
    return own().answer_logits(x);
  }
  auto logits(const Input& x)
    requires(!shared && offered >= Knowledge::scores)
  {
    return own().answer_logits(x);
  }
  auto vjp(const Input& x) const
    requires(shared && offered == Knowledge::gradients)
  {
    return own().answer_vjp(x);
  }
  auto vjp(const Input& x)
    requires(!shared && offered == Knowledge::gradients)
  {
    return own().answer_vjp(x);
  }

 private:
  const Derived& own() const { return static_cast<const Derived&>(*this); }
};

/// Base of a model that refers to another one, and has its bounds; see foil::Answering.
template <class Derived, DecisionModel M, Knowledge offered>
class Wrapper : public Answering<Derived, input_t<M>, offered, shareable<M>> {
 public:
  using Input = input_t<M>;
  using Scalar = scalar_t<M>;

  Bounds<Scalar> answer_bounds() const { return model_->bounds(); }

 protected:
  explicit Wrapper(M& model) : model_(&model) {}
  shared_if_possible<M>& model() const { return *model_; }

 private:
  shared_if_possible<M>* model_;
};

}  // namespace foil
