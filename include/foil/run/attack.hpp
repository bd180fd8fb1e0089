// SPDX-License-Identifier: MIT
/// \file
/// What an attack class derives from: the call operator that users see. See docs/adding-an-attack.md.
///
/// An attack class has
///   static constexpr std::string_view name      kebab case, unique: enters the random streams
///   using norm = L2;                             what distances are measured in
///   static constexpr Knowledge knowledge         the least a model must offer
///   using Options / options()                    a documented aggregate, with validate() and describe(visit)
///   Task<> attack(Oracle&, double epsilon) const     for a fixed budget, or
///   Task<> attack(Oracle&) const                     for a minimal perturbation.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/run/threads.hpp"

namespace foil {

namespace detail {

/// One readable line for a model or a criterion that an attack cannot work with.
template <Knowledge needed, class M, class C>
consteval bool fits() {
  constexpr bool model = explain_model<M, Knowledge::decisions>();
  if constexpr (model && DecisionModel<M>) {
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
    return needed <= knowledge_of<M> && knowledge_needed<C> <= knowledge_of<M> &&
           (needed == Knowledge::decisions || MarginCriterion<C>);
  }
  return false;
}

}  // namespace detail

/// Base of attacks that look for any adversarial within a given radius.
template <class Derived>
class FixedBudgetAttack {
 public:
  static constexpr bool minimal = false;

  /// Attacks a batch.
  /// \param model      taken by reference; const if it can be
  /// \param inputs     within the model's bounds
  /// \param criterion  labels, or any criterion
  /// \param epsilons   radius in the attack's norm and the inputs' units, one for all or one per sample
  /// \return one row per input; `success` only at distance <= epsilon
  template <class M, class C>
  Result<input_t<M>> operator()(M&& model, const input_t<M>& inputs, const C& criterion,
                                const Epsilons& epsilons,
                                const RunOptions<input_t<M>, shareable<M>>& options = {}) const {
    const auto judge = as_criterion(criterion);
    if constexpr (detail::fits<Derived::knowledge, M, std::remove_cv_t<decltype(judge)>>()) {
      const auto& self = static_cast<const Derived&>(*this);
      shared_if_possible<M>& reference = model;
      const AttackSetup setup{Derived::name, typename Derived::norm{}, epsilons.expand(samples(inputs))};
      return run(reference, inputs, judge, setup, options,
                 [&](Oracle& oracle, Index row) { return confined(self, oracle, setup.epsilons[row]); });
    }
  }

 private:
  static Task<> confined(const Derived& self, Oracle& oracle, double epsilon) {
    co_await oracle.within(epsilon, self.attack(oracle, epsilon));
  }
};

/// How far a run has come: what MinimalAttack::run continues from. `State` is the attack's own, per sample.
template <class State>
struct RunState {
  std::vector<State> attacks{};
  std::vector<Memory> memories{};
};

/// Base of attacks that look for the closest adversarial.
template <class Derived>
class MinimalAttack {
 public:
  static constexpr bool minimal = true;

  /// Attacks a batch; as for FixedBudgetAttack, without radii.
  template <class M, class C>
  Result<input_t<M>> operator()(M&& model, const input_t<M>& inputs, const C& criterion,
                                const RunOptions<input_t<M>, shareable<M>>& options = {}) const {
    const auto judge = as_criterion(criterion);
    if constexpr (detail::fits<Derived::knowledge, M, std::remove_cv_t<decltype(judge)>>()) {
      const auto& self = static_cast<const Derived&>(*this);
      shared_if_possible<M>& reference = model;
      return foil::run(reference, inputs, judge, AttackSetup{Derived::name, typename Derived::norm{}},
                       options, [&](Oracle& oracle, Index) { return self.attack(oracle); });
    }
  }

  /// As the call operator, for an attack that can be continued: begins where `states` was left, and leaves it
  /// where the run ended. Runs one after the other give bit for bit the result of a single one with the last
  /// budget: options.query_budget counts from the very beginning. Model, inputs, criterion and the other
  /// options have to stay the same.
  /// \param states  empty to begin with, then one entry per sample; may be copied
  template <class M, class C, class State>
  Result<input_t<M>> run(M&& model, const input_t<M>& inputs, const C& criterion, RunState<State>& states,
                         const RunOptions<input_t<M>, shareable<M>>& options = {}) const {
    const auto judge = as_criterion(criterion);
    if constexpr (detail::fits<Derived::knowledge, M, std::remove_cv_t<decltype(judge)>>()) {
      const auto& self = static_cast<const Derived&>(*this);
      const auto count = static_cast<std::size_t>(samples(inputs));
      if (states.attacks.empty()) {
        states.attacks.resize(count);
        states.memories.resize(count);
      }
      require(states.attacks.size() == count && states.memories.size() == count, Derived::name,
              ": expected a state of ", count, " samples, got one of ", states.attacks.size());
      shared_if_possible<M>& reference = model;
      AttackSetup setup{Derived::name, typename Derived::norm{}};
      setup.memories = &states.memories;
      return foil::run(reference, inputs, judge, setup, options, [&](Oracle& oracle, Index row) {
        return self.attack(oracle, states.attacks[static_cast<std::size_t>(row)]);
      });
    }
  }
};

/// Any attack, its type forgotten: for lists of attacks chosen at run time. What a model lacks is an Error
/// then.
class AnyAttack {
 public:
  template <class Attack>
    requires requires(const Attack& a) { a.options(); }
  AnyAttack(Attack attack)
      : name_(Attack::name),
        norm_(typename Attack::norm{}),
        knowledge_(Attack::knowledge),
        minimal_(Attack::minimal) {
    launch_ = [attack = std::move(attack)](Oracle& oracle, double epsilon) {
      if constexpr (Attack::minimal)
        return attack.attack(oracle);
      else
        return attack.attack(oracle, epsilon);
    };
  }

  std::string_view name() const { return name_; }
  Lp norm() const { return norm_; }
  Knowledge knowledge() const { return knowledge_; }
  bool minimal() const { return minimal_; }

  /// As the attack's own call operator. `epsilons` is ignored by minimal attacks.
  template <class M, class C>
  Result<input_t<M>> operator()(M&& model, const input_t<M>& inputs, const C& criterion,
                                const Epsilons& epsilons = 0,
                                const RunOptions<input_t<M>, shareable<M>>& options = {}) const {
    const auto judge = as_criterion(criterion);
    using Judge = std::remove_cv_t<decltype(judge)>;
    static_assert(knowledge_needed<Judge> <= knowledge_of<M>,
                  "foil: this criterion reads logits, the model only offers labels");
    require(knowledge_ <= knowledge_of<M>, name_, ": needs more of the model than it offers (",
            knowledge_ == Knowledge::gradients ? "vjp" : "logits", ")");
    require(knowledge_ == Knowledge::decisions || MarginCriterion<Judge>, name_,
            ": needs a criterion with a margin on the logits");
    shared_if_possible<M>& reference = model;
    AttackSetup setup{name_, norm_};
    if (!minimal_) setup.epsilons = epsilons.expand(samples(inputs));
    return run(reference, inputs, judge, setup, options, [&](Oracle& oracle, Index row) {
      return minimal_ ? launch_(oracle, 0) : confined(oracle, setup.epsilons[row]);
    });
  }

 private:
  Task<> confined(Oracle& oracle, double epsilon) const {
    co_await oracle.within(epsilon, launch_(oracle, epsilon));
  }

  std::string_view name_;
  Lp norm_;
  Knowledge knowledge_;
  bool minimal_;
  std::function<Task<>(Oracle&, double)> launch_;
};

namespace detail {

/// Concatenation of compile-time texts: `joined<a, b>` for names built from a norm's name.
template <const std::string_view&... parts>
struct Joined {
  static constexpr auto storage = [] {
    std::array<char, (parts.size() + ... + 0)> all{};
    std::size_t at = 0;
    const auto add = [&](std::string_view part) {
      for (const char c : part) all[at++] = c;
    };
    (add(parts), ...);
    return all;
  }();
  static constexpr std::string_view value{storage.data(), storage.size()};
};
template <const std::string_view&... parts>
inline constexpr std::string_view joined = Joined<parts...>::value;

}  // namespace detail
}  // namespace foil
