// SPDX-License-Identifier: MIT
/// \file
/// One perturbation that fools a model on many inputs.
#pragma once

#include <type_traits>
#include <utility>

#include "foil/core/criteria.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/universal/result.hpp"
#include "foil/evaluation/universal/search.hpp"
#include "foil/run/any_attack.hpp"
#include "foil/run/judge.hpp"
#include "foil/run/model_port.hpp"
#include "foil/run/options_list.hpp"

namespace foil {

/// Universal adversarial perturbations, Moosavi-Dezfooli, Fawzi, Fawzi, Frossard 2017, arXiv:1610.08401, by
/// any attack that looks for the closest adversarial: one that needs gradients, or one by decisions alone
/// with a small query budget. Goes through the samples in an order drawn from the seed and their ids; where
/// the perturbation so far does not fool the model, the inner attack runs from the perturbed input, and what
/// it has changed is added and projected onto the ball of the attack's norm (L0, L1, L2 or Linf). After each
/// pass the model is asked about all samples; the best perturbation so far is the result, and asked about
/// again.
///
/// Differs from the authors' code: what is added is the inner attack's change of the input as it was clipped,
/// and what is counted is the clipped input's answer; samples that are adversarial as they are count nowhere.
///
/// The result depends on all samples, so that of promise 2 (docs/design.md) only this holds: the same set
/// with the same ids gives the same bits, in whatever order, if the model's rows do not influence each other.
///
/// Cost: 1 forward pass per sample, and per pass 1 more and the inner attack's where it is not fooled.
class UniversalPerturbation {
 public:
  /// Throws foil::Error unless the inner attack is a minimal one.
  explicit UniversalPerturbation(AnyAttack inner, UniversalOptions options = {})
      : inner_(std::move(inner)), options_(checked("universal", options)) {
    require(inner_.minimal(), "universal: expected an attack that looks for the closest adversarial, ",
            inner_.name(), " looks within a radius");
  }
  const UniversalOptions& options() const { return options_; }

  /// \param epsilon  radius of the perturbation in the inner attack's norm
  /// \param options  of the inner attack's runs, one sample each, on one thread; the budget is one run's. A
  ///                 mask is to be one for all samples; lattices are not supported. The observer is told of
  ///                 samples, `total` being those of all passes
  template <class M, class X, class C>
    requires DecisionModel<M>
  UniversalResult<input_t<M>> operator()(M&& model, const X& inputs, const C& criterion, double epsilon,
                                         const run_options_t<M>& options = {}) const {
    using Input = input_t<M>;
    const auto by = as_criterion(criterion);
    using Chosen = std::remove_cv_t<decltype(by)>;
    require(inner_.knowledge() <= knowledge_of<M>, inner_.name(), ": needs more of the model than it offers");
    require(inner_.knowledge() == Knowledge::decisions || MarginCriterion<Chosen>, inner_.name(),
            ": needs a criterion with a margin on the logits");
    ModelPortTo<shared_if_possible<M>> port(model);
    const JudgeBy<Chosen> judge(by);
    const Input& batch = as_batch<Input>(inputs);
    return detail::UniversalSearch<Input, run_options_t<M>>(inner_, options_, port, batch, judge, epsilon,
                                                            options)
        .run();
  }

 private:
  AnyAttack inner_;
  UniversalOptions options_;
};

}  // namespace foil
