// SPDX-License-Identifier: MIT
/// \file
/// A model whose type is forgotten: what the engine asks once per batch.
#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// One thread's way to a model. A virtual call per batch costs nothing beside the model's own.
template <Batch Input>
class ModelPort {
 public:
  using Scalar = typename Input::Scalar;

  ModelPort(Knowledge knowledge, bool decides) : knowledge_(knowledge), decides_(decides) {}
  virtual ~ModelPort() = default;

  /// Another thread's way to the same model.
  virtual std::unique_ptr<ModelPort> another() const = 0;

  /// Throws if they are not what they were, for whichever thread: samples have one box from start to end.
  virtual Bounds<Scalar> bounds() = 0;
  virtual Labels predict(const Input& x) = 0;
  virtual Logits<Scalar> logits(const Input& x) = 0;
  /// A forward pass that is kept, for any number of pullbacks, until forget() or the next one.
  virtual const Logits<Scalar>& vjp(const Input& x) = 0;
  virtual Input pullback(const Logits<Scalar>& cotangent) = 0;
  virtual void forget() = 0;

  Knowledge knowledge() const { return knowledge_; }
  /// Whether the model has decisions of its own, or logits only.
  bool decides() const { return decides_; }

 private:
  Knowledge knowledge_;
  bool decides_;
};

namespace detail {

/// A forward pass of a model and what it may be pulled back with; nothing for models without gradients.
template <class M>
struct KeptPass {};

template <DifferentiableModel M>
struct KeptPass<M> {
  using Pass = std::remove_cvref_t<decltype(std::declval<M&>().vjp(std::declval<const input_t<M>&>()))>;
  /// Becomes the pass where it is stored, without a move.
  struct Ask {
    M& model;
    const input_t<M>& x;
    operator Pass() const { return model.vjp(x); }
  };
  std::optional<Pass> pass{};
  Logits<scalar_t<M>> converted{};
};

}  // namespace detail

/// The port to a model, which it refers to.
template <DecisionModel M>
class ModelPortTo final : public ModelPort<input_t<M>> {
 public:
  using Input = input_t<M>;
  using Scalar = scalar_t<M>;

  explicit ModelPortTo(M& model) : ModelPort<Input>(knowledge_of<M>, detail::HasPredict<M>), model_(model) {}

  std::unique_ptr<ModelPort<Input>> another() const override {
    auto port = std::make_unique<ModelPortTo>(model_);
    port->bounds_ = bounds_;
    return port;
  }
  Bounds<Scalar> bounds() override {
    Bounds<Scalar> now = model_.bounds();
    require(!bounds_ || *bounds_ == now, "model: its bounds changed during the run");
    bounds_ = now;
    return now;
  }
  Labels predict(const Input& x) override { return foil::predict(model_, x); }
  Logits<Scalar> logits(const Input& x) override {
    if constexpr (ScoreModel<M>)
      return model_.logits(x);
    else
      throw Error("model: it offers no logits");
  }
  const Logits<Scalar>& vjp(const Input& x) override {
    if constexpr (DifferentiableModel<M>) {
      kept_.pass.emplace(typename detail::KeptPass<M>::Ask{model_, x});
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(kept_.pass->logits)>, Logits<Scalar>>)
        return kept_.pass->logits;
      else
        return kept_.converted = kept_.pass->logits;
    } else {
      throw Error("model: it offers no gradients");
    }
  }
  Input pullback([[maybe_unused]] const Logits<Scalar>& cotangent) override {
    if constexpr (DifferentiableModel<M>)
      return kept_.pass->pullback(cotangent);
    else
      throw Error("model: it offers no gradients");
  }
  void forget() override {
    if constexpr (DifferentiableModel<M>) kept_.pass.reset();
  }

 private:
  M& model_;
  std::optional<Bounds<Scalar>> bounds_{};
  [[no_unique_address]] detail::KeptPass<M> kept_{};
};

}  // namespace foil
