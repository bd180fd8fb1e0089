// SPDX-License-Identifier: MIT
/// \file
/// What an attack class derives from: the call operator that users see. See docs/adding-an-attack.md.
///
/// An attack class has
///   std::string name() const                     static, mostly; kebab case, unique. Random numbers belong
///   to it,
///                                                or to stream(), where an attack was renamed and that is
///                                                given
///   using norm = L2;                             what distances are measured in
///   static constexpr Knowledge knowledge         the least a model must offer
///   using Options / options()                    an aggregate with list(), see run/options_list.hpp
///   Task<> attack(Oracle&, double epsilon) const     for a fixed budget, or
///   Task<> attack(Oracle&) const                     for a minimal perturbation.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/core/criteria.hpp"
#include "foil/core/given.hpp"
#include "foil/core/model.hpp"
#include "foil/core/result.hpp"
#include "foil/run/epsilons.hpp"
#include "foil/run/judge.hpp"
#include "foil/run/model_port.hpp"
#include "foil/run/options_list.hpp"
#include "foil/run/oracle.hpp"
#include "foil/run/run_options.hpp"
#include "foil/run/threads.hpp"

namespace foil {

namespace detail {

/// The options and the result of a run on a model; for what is no model, something to go on with until
/// explain_model() has spoken.
template <class M>
struct RunTypes {
  using Options = RunOptions<Tensor<float, 2>, false>;
  using Outcome = void;
};
template <HasInput M>
struct RunTypes<M> {
  using Options = RunOptions<input_t<M>, shareable<M>>;
  using Outcome = Result<input_t<M>>;
};

template <class>
inline constexpr bool never = false;

}  // namespace detail

/// The options of a run on a model of type M.
template <class M>
using run_options_t = typename detail::RunTypes<M>::Options;
/// What it returns.
template <class M>
using run_result_t = typename detail::RunTypes<M>::Outcome;

namespace detail {

/// One readable line for a model, inputs or a criterion that an attack cannot work with.
template <Knowledge needed, class M, class X, class C>
consteval bool fits() {
  constexpr bool model = explain_model<M, Knowledge::decisions>();
  if constexpr (model && DecisionModel<M>) {
    constexpr bool inputs = is_meant_as<input_t<M>, const X&>();
    static_assert(needed <= Knowledge::scores || DifferentiableModel<M>,
                  "foil: this attack needs gradients, the model offers no vjp(x) returning foil::Vjp{logits, "
                  "pullback}; attack it with a decision-based attack or add vjp");
    static_assert(
        needed != Knowledge::scores || ScoreModel<M>,
        "foil: this attack needs scores, the model offers no logits(x); attack it with a decision-based "
        "attack or add logits");
    static_assert(knowledge_needed<C> == Knowledge::decisions || ScoreModel<M>,
                  "foil: this criterion reads logits, the model only offers labels");
    static_assert(
        needed == Knowledge::decisions || MarginCriterion<C>,
        "foil: this attack needs a criterion with a margin on the logits: class labels, one of foil's "
        "criteria, or your own with `double margin(const foil::Scores&, Eigen::VectorXd*) const`");
    return inputs && needed <= knowledge_of<M> && knowledge_needed<C> <= knowledge_of<M> &&
           (needed == Knowledge::decisions || MarginCriterion<C>);
  }
  return false;
}

/// What the random numbers of an attack belong to.
template <class Attack>
std::string stream_of(const Attack& attack) {
  if constexpr (requires { attack.stream(); })
    return attack.stream();
  else
    return attack.name();
}

/// Here the types of model and criterion are forgotten: what a run is made of is compiled once per input
/// type.
template <class M, Criterion C>
Result<input_t<M>> run_forgetting_types(M&& model, const input_t<M>& inputs, const C& criterion,
                                        const AttackTraits& traits, const run_options_t<M>& options,
                                        const Launch& launch) {
  ModelPortTo<shared_if_possible<M>> port(model);
  return run<input_t<M>>(port, inputs, JudgeBy<C>(criterion), traits, options, launch);
}

}  // namespace detail

/// Runs an attack until its first success within a radius.
inline Task<> confined(Oracle& oracle, double epsilon, Task<> attack) {
  co_await oracle.within(epsilon, std::move(attack));
}

/// Base of attacks that look for any adversarial within a given radius.
template <class Derived>
class FixedBudgetAttack {
 public:
  static constexpr bool minimal = false;

  /// Attacks a batch.
  /// \param model      taken by reference; const if it can be
  /// \param inputs     within the model's bounds; see as_batch() for what may stand for the model's `Input`
  /// \param criterion  labels, see foil::GivenLabels, or any criterion
  /// \param epsilons   radius in the attack's norm and the inputs' units, one for all or one per sample
  /// \return one row per input; `success` only at distance <= epsilon
  template <class M, class X, class C>
  run_result_t<M> operator()(M&& model, const X& inputs, const C& criterion, const Epsilons& epsilons,
                             const run_options_t<M>& options = {}) const {
    const auto judge = as_criterion(criterion);
    if constexpr (detail::fits<Derived::knowledge, M, X, std::remove_cv_t<decltype(judge)>>()) {
      const auto& self = static_cast<const Derived&>(*this);
      const input_t<M>& batch = as_batch<input_t<M>>(inputs);
      const AttackTraits traits{self.name(),        detail::stream_of(self),         typename Derived::norm{},
                                Derived::knowledge, epsilons.expand(samples(batch)), nullptr};
      return detail::run_forgetting_types(
          model, batch, judge, traits, options, [&](Oracle& oracle, Index row) {
            return confined(oracle, traits.epsilons[row], self.attack(oracle, traits.epsilons[row]));
          });
    }
  }
  /// Without radii: does not compile.
  template <class M, class X, class C>
  run_result_t<M> operator()(M&&, const X&, const C&, const run_options_t<M>& = {}) const {
    static_assert(detail::never<M>,
                  "foil: this attack needs a radius, epsilon, behind the labels or the criterion; "
                  "foil::Minimal<Attack> looks for the smallest");
  }
};

/// How far a run has come: what MinimalAttack::run continues from. `State` is the attack's own, per sample.
template <class State>
struct RunState {
  std::vector<State> attacks{};
  std::vector<Ledger> ledgers{};
};

/// Base of attacks that look for the closest adversarial.
template <class Derived>
class MinimalAttack {
 public:
  static constexpr bool minimal = true;

  /// Attacks a batch; as for FixedBudgetAttack, without radii.
  template <class M, class X, class C>
  run_result_t<M> operator()(M&& model, const X& inputs, const C& criterion,
                             const run_options_t<M>& options = {}) const {
    const auto& self = static_cast<const Derived&>(*this);
    return launch(model, inputs, criterion, nullptr, options,
                  [&](Oracle& oracle, Index) { return self.attack(oracle); });
  }

  /// With a radius: does not compile.
  template <class M, class X, class C, std::convertible_to<Epsilons> E>
  run_result_t<M> operator()(M&&, const X&, const C&, const E&, const run_options_t<M>& = {}) const {
    static_assert(detail::never<M>,
                  "foil: this attack looks for the smallest distance and takes no epsilon: leave it out, and "
                  "ask the result for robust_accuracy(epsilon)");
  }

  /// As the call operator, for an attack that can be continued: begins where `states` was left, and leaves it
  /// where the run ended. Runs one after the other give bit for bit the result of a single one with the last
  /// budget: options.query_budget counts from the very beginning. Model, inputs, criterion and the other
  /// options have to stay the same.
  /// \param states  empty to begin with, then one entry per sample; may be copied
  template <class M, class X, class C, class State>
  run_result_t<M> run(M&& model, const X& inputs, const C& criterion, RunState<State>& states,
                      const run_options_t<M>& options = {}) const {
    const auto& self = static_cast<const Derived&>(*this);
    const input_t<M>& batch = as_batch<input_t<M>>(inputs);
    const auto count = static_cast<std::size_t>(samples(batch));
    if (states.attacks.empty()) {
      states.attacks.resize(count);
      states.ledgers.resize(count);
    }
    require(states.attacks.size() == count && states.ledgers.size() == count, self.name(),
            ": expected a state of ", count, " samples, got one of ", states.attacks.size());
    return launch(model, batch, criterion, &states.ledgers, options, [&](Oracle& oracle, Index row) {
      return self.attack(oracle, states.attacks[static_cast<std::size_t>(row)]);
    });
  }

 private:
  template <class M, class X, class C>
  run_result_t<M> launch(M& model, const X& inputs, const C& criterion, std::vector<Ledger>* ledgers,
                         const run_options_t<M>& options, const Launch& start) const {
    const auto judge = as_criterion(criterion);
    if constexpr (detail::fits<Derived::knowledge, M, X, std::remove_cv_t<decltype(judge)>>()) {
      const auto& self = static_cast<const Derived&>(*this);
      const AttackTraits traits{
          self.name(), detail::stream_of(self), typename Derived::norm{}, Derived::knowledge, {}, ledgers};
      return detail::run_forgetting_types(model, as_batch<input_t<M>>(inputs), judge, traits, options, start);
    }
  }
};

}  // namespace foil
