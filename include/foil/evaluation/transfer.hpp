// SPDX-License-Identifier: MIT
/// \file
/// Transfer: adversarials made for one model that fool another, of which the attack has seen nothing
/// (Papernot, McDaniel & Goodfellow 2016, arXiv:1605.07277).
#pragma once

#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "foil/core/criteria.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/result.hpp"
#include "foil/core/status.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/judge_again.hpp"
#include "foil/run/any_attack.hpp"
#include "foil/run/epsilons.hpp"

namespace foil {

/// What an attack on a surrogate comes to there and on the target.
template <Batch Input>
struct Transfer {
  Result<Input> on_surrogate;
  /// Distances are those of the adversarials made for the surrogate: not the smallest ones to the target,
  /// whichever attack it was. Its calls are the target's: two forward passes for each sample, no more.
  Result<Input> on_target;
};

namespace detail {

template <class Surrogate, class Target>
void check_same_box(const Surrogate& surrogate, const Target& target, Index features) {
  const auto made = surrogate.bounds(), judged = target.bounds();
  made.check(features);
  judged.check(features);
  for (Index i = 0; i < features; ++i)
    require(made.lower(i) == judged.lower(i) && made.upper(i) == judged.upper(i),
            "transfer: expected a surrogate with the target's bounds, ", judged.lower(i), " and ",
            judged.upper(i), " at feature ", i, ", got ", made.lower(i), " and ", made.upper(i));
}

}  // namespace detail

/// What a result found on a surrogate comes to on the target: as judge_again() says, with the target's calls,
/// two forward passes for each sample, in place of the attack's, and without a trace. What makes such figures
/// mean less stays: samples for which the surrogate answered NaN or infinity and nothing was found are
/// Status::non_finite, and `zero_gradients` are the surrogate's, of samples of which it was half or more of
/// the gradients: diagnose() warns of them.
template <class Target, Criterion C>
Result<input_t<Target>> transferred(Target& target, const input_t<Target>& inputs, const C& criterion,
                                    Result<input_t<Target>> made) {
  for (Index i = 0; i < made.size(); ++i)
    if (2 * made.zero_gradients[i] < made.gradient_queries[i]) made.zero_gradients[i] = 0;
  for (Counts* calls :
       {&made.queries, &made.gradient_queries, &made.verification_queries, &made.surplus_gradient_queries,
        &made.surplus_queries, &made.bad_rows, &made.probability_rows, &made.changed_answers})
    calls->setZero();
  for (auto& trace : made.traces) trace.clear();
  for (auto& stages : made.stages)
    for (StageCalls& stage : stages) stage.queries = stage.gradient_queries = 0;
  made = judge_again(target, inputs, criterion, std::move(made));
  made.queries.setConstant(2);
  for (Index i = 0; i < made.size(); ++i)
    if (const auto at = static_cast<std::size_t>(i); made.status[at] == Status::already_adversarial)
      made.stages[at].clear();  // none of them has made it so
  return made;
}

/// Attacks the surrogate and judges on the target what was found. Both take inputs within the same bounds.
/// An attack on several surrogates at once is one on their foil::MeanEnsemble.
///
/// A sample that the surrogate gets wrong as it is has no adversarial made for it: Status::start_failed on
/// the target, unless that gets it wrong, too. See judge_again().
/// \param criterion  labels, or any criterion
/// \param options    of the attack; ids, seeds and starts are used as in any run
/// Model calls: the surrogate's are the attack's; the target's two forward passes for each sample.
template <class Surrogate, class Target, class C>
  requires DecisionModel<Target> && std::same_as<input_t<Surrogate>, input_t<Target>>
Transfer<input_t<Target>> transfer(const AnyAttack& attack, Surrogate& surrogate, Target& target,
                                   const input_t<Target>& inputs, const C& criterion,
                                   const Epsilons& epsilons = {},
                                   const run_options_t<Surrogate>& options = {}) {
  detail::check_same_box(surrogate, target, features(inputs));
  Transfer<input_t<Target>> out{attack(surrogate, inputs, criterion, epsilons, options), {}};
  out.on_target = transferred(target, inputs, as_criterion(criterion), out.on_surrogate);
  return out;
}

/// How many samples are fooled on each model by the adversarials made for each: rows made for, columns judged
/// on. On the diagonal is what the attack itself comes to.
struct TransferMatrix {
  Eigen::Array<Index, Eigen::Dynamic, Eigen::Dynamic> fooled;
  Eigen::Array<Index, Eigen::Dynamic, 1> right;  ///< samples that each model gets right as they are
  /// Share of the samples that `judged` gets right that adversarials made for `made` fool; NaN if none is.
  double rate(Index made, Index judged) const {
    return right[judged] > 0 ? static_cast<double>(fooled(made, judged)) / static_cast<double>(right[judged])
                             : std::numeric_limits<double>::quiet_NaN();
  }
};

/// Attacks each of the models, and judges on all of them what was found. Model calls: the attack's on each,
/// and on each two forward passes per sample and model.
template <class M, class C>
  requires DecisionModel<M>
TransferMatrix transfer_matrix(const AnyAttack& attack, std::span<M* const> models, const input_t<M>& inputs,
                               const C& criterion, const Epsilons& epsilons = {},
                               const run_options_t<M>& options = {}) {
  const auto judge = as_criterion(criterion);
  const auto count = std::ssize(models);
  require(count >= 1, "transfer: expected at least one model, got none");
  for (M* const model : models) {
    require(model != nullptr, "transfer: expected models, got a null pointer");
    detail::check_same_box(*model, *models[0], features(inputs));
  }
  TransferMatrix out{decltype(TransferMatrix::fooled)::Zero(count, count),
                     decltype(TransferMatrix::right)::Zero(count)};
  for (Index made = 0; made < count; ++made) {
    const auto found = attack(*models[static_cast<std::size_t>(made)], inputs, judge, epsilons, options);
    for (Index on = 0; on < count; ++on) {
      const auto judged = transferred(*models[static_cast<std::size_t>(on)], inputs, judge, found);
      out.right[on] = 0;
      for (Index i = 0; i < judged.size(); ++i) {
        if (judged.status[static_cast<std::size_t>(i)] == Status::invalid_input || !judged.correct(i))
          continue;
        ++out.right[on];
        out.fooled(made, on) += judged.success[i];
      }
    }
  }
  return out;
}

}  // namespace foil
