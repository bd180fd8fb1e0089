// SPDX-License-Identifier: MIT
/// \file
/// Any attack, its type forgotten: for lists of attacks chosen at run time.
#pragma once

#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/run/attack.hpp"

namespace foil {

/// What is known from outside of a suite's stage.
struct StageInfo {
  std::string name, attack;  ///< its own, and its attack's
  Knowledge knowledge;
};

/// Any attack, its type forgotten. What a model or a criterion lacks for it is an Error then.
class AnyAttack {
 public:
  /// Starts the attack on one sample; `epsilon` means nothing to minimal attacks.
  using Start = std::function<Task<>(Oracle&, double epsilon)>;

  template <class Attack>
    requires requires(const Attack& a) { a.options(); }
  AnyAttack(Attack attack)
      : AnyAttack(attack.name(), detail::stream_of(attack), typename Attack::norm{}, Attack::knowledge,
                  Attack::minimal, {}) {
    if constexpr (requires { attack.stages(); })
      for (const auto& stage : attack.stages())
        stages_.push_back({stage.name, stage.attack.name(), stage.attack.knowledge()});
    if constexpr (requires { attack.parameters(); }) parameters_ = attack.parameters();
    start_ = [attack = std::move(attack)](Oracle& oracle, [[maybe_unused]] double epsilon) {
      if constexpr (Attack::minimal)
        return attack.attack(oracle);
      else
        return attack.attack(oracle, epsilon);
    };
  }
  /// An attack made at run time.
  AnyAttack(std::string name, std::string stream, Lp norm, Knowledge knowledge, bool minimal, Start start,
            std::vector<StageInfo> stages = {})
      : name_(std::move(name)),
        stream_(std::move(stream)),
        norm_(norm),
        knowledge_(knowledge),
        minimal_(minimal),
        start_(std::move(start)),
        stages_(std::move(stages)) {}

  const std::string& name() const { return name_; }
  /// What its random numbers belong to.
  const std::string& stream() const { return stream_; }
  Lp norm() const { return norm_; }
  Knowledge knowledge() const { return knowledge_; }
  bool minimal() const { return minimal_; }
  /// A suite's stages; empty for a single attack.
  const std::vector<StageInfo>& stages() const { return stages_; }
  /// What the numbers in Result::parameters are; empty for most attacks.
  const std::vector<std::string>& parameters() const { return parameters_; }
  const Start& start() const { return start_; }

  /// As the attack's own call operator. Attacks with a fixed budget need `epsilons` and throw without;
  /// minimal ones ignore them.
  template <class M, class X, class C>
  run_result_t<M> operator()(M&& model, const X& inputs, const C& criterion, const Epsilons& epsilons = {},
                             const run_options_t<M>& options = {}) const {
    const auto judge = as_criterion(criterion);
    using Chosen = std::remove_cv_t<decltype(judge)>;
    if constexpr (detail::fits<Knowledge::decisions, M, X, Chosen>())
      return launch(model, as_batch<input_t<M>>(inputs), judge, epsilons, options);
  }
  /// The same for a minimal attack, with options.
  template <class M, class X, class C>
  run_result_t<M> operator()(M&& model, const X& inputs, const C& criterion,
                             const run_options_t<M>& options) const {
    return (*this)(model, inputs, criterion, Epsilons(), options);
  }

 private:
  template <class M, class C>
  run_result_t<M> launch(M& model, const input_t<M>& inputs, const C& judge, const Epsilons& epsilons,
                         const run_options_t<M>& options) const {
    require(knowledge_ <= knowledge_of<M>, name_, ": needs more of the model than it offers (",
            knowledge_ == Knowledge::gradients ? "vjp" : "logits", ")");
    require(knowledge_ == Knowledge::decisions || MarginCriterion<C>, name_,
            ": needs a criterion with a margin on the logits");
    AttackTraits traits{name_, stream_, norm_, knowledge_, {}, nullptr};
    require(minimal_ || !epsilons.empty(), name_, ": expected a radius, epsilon, got none");
    if (!minimal_) traits.epsilons = epsilons.expand(samples(inputs));
    return detail::run_forgetting_types(
        model, inputs, judge, traits, options, [&](Oracle& oracle, Index row) {
          return minimal_ ? start_(oracle, 0)
                          : confined(oracle, traits.epsilons[row], start_(oracle, traits.epsilons[row]));
        });
  }

  std::string name_, stream_;
  Lp norm_;
  Knowledge knowledge_;
  bool minimal_;
  Start start_;
  std::vector<StageInfo> stages_;
  std::vector<std::string> parameters_{};
};

}  // namespace foil
