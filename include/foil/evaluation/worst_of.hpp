// SPDX-License-Identifier: MIT
/// \file
/// The worst case over several attacks: each sample's closest adversarial, whichever attack found it.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <functional>
#include <iterator>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/result.hpp"
#include "foil/core/status.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/record.hpp"

namespace foil {

/// The worst case over results, and the results that it is made of.
template <Batch Input>
struct WorstResult {
  Result<Input> result;
  std::vector<Index>
      winner;  ///< for each sample the number of the result that is closest; -1 if none found any
};

/// The worst case over outcomes. Its name is "worst case"; its costs and seconds are the sums.
struct WorstOutcome {
  Outcome outcome;
  std::vector<Index> winner;           ///< for each sample, a place in `members`; -1 if none found any
  std::vector<std::size_t> members{};  ///< numbers of the outcomes that it is made of
};

namespace detail {

/// How one sample's attack ended, within the radius that is asked about.
struct Ending {
  Status status;
  bool success;
  double distance;
};

/// Which of several endings of one sample decides, and what they come to together.
struct Verdict {
  std::size_t decides;
  Status status;
  bool success;
};

/// See foil::worst_of().
inline Verdict verdict(const std::vector<Ending>& endings) {
  // From what weighs most to what weighs least, where nothing was found.
  constexpr Status ranking[] = {Status::failed,           Status::interrupted,  Status::not_run,
                                Status::invalid_input,    Status::non_finite,   Status::unstable,
                                Status::not_found,        Status::converged,    Status::success,
                                Status::budget_exhausted, Status::start_failed, Status::already_adversarial};
  const auto rank = [&](Status status) { return std::find(std::begin(ranking), std::end(ranking), status); };
  const auto unfinished = [](const Ending& e) {
    return e.status == Status::failed || e.status == Status::interrupted || e.status == Status::not_run;
  };
  std::size_t best = 0;
  for (std::size_t k = 1; k < endings.size(); ++k) {
    const Ending &a = endings[k], &b = endings[best];
    if (a.success != b.success ? a.success
        : a.success            ? a.distance < b.distance
                               : rank(a.status) < rank(b.status))
      best = k;
  }
  const Ending& deciding = endings[best];
  Status status = deciding.status;
  const bool open = std::any_of(endings.begin(), endings.end(), unfinished);
  const bool begun = std::any_of(endings.begin(), endings.end(),
                                 [](const Ending& e) { return e.status != Status::not_run; });
  if (deciding.success)
    status = open && status != Status::already_adversarial ? Status::interrupted : status;
  else if (status == Status::not_run && begun)
    status = Status::interrupted;
  else if (status == Status::success || status == Status::converged)
    status = Status::not_found;  // farther away than what is asked about
  return {best, status, deciding.success};
}

/// An outcome's record within a radius.
inline Ending ending_of(const Record& record, double radius) {
  const bool success = record.success && record.distance <= radius;
  return {record.status, success, success ? record.distance : std::numeric_limits<double>::infinity()};
}

}  // namespace detail

/// The worst case over the results of several attacks on the same samples in one norm and, where the budget
/// is fixed, within one radius: each sample's closest verified adversarial, the first one on a tie. Counts
/// are summed; traces, stages and parameters, which belong to single runs, are left out.
///
/// A sample for which one attack has found something is fooled, as closely as the closest; if another attack
/// on it did not end, its status is `interrupted`, as it might have come closer. Where none has found
/// anything, the first of these that holds for any attack is the sample's status: it did not end (no verdict
/// at all); the input was invalid; the model answered NaN or infinity; an adversarial was found but not
/// confirmed
/// (`unstable`): none of these is robust, whatever the other attacks say. Then comes what an attack that had
/// its say has said (`not_found`, `budget_exhausted`): the sample withstood it, even if another attack had no
/// start. Only if no attack had one it is `start_failed`.
///
/// \param results  any range of foil::Result
/// \throws Error if there are none, or if they are of inputs of different shapes
template <class Results>
  requires requires(const Results& all) { all.begin()->adversarials; }
auto worst_of(const Results& results) {
  using Input = std::remove_cvref_t<decltype(results.begin()->adversarials)>;
  std::vector<const Result<Input>*> all;
  for (const Result<Input>& result : results) all.push_back(&result);
  require(!all.empty(), "worst_of: expected at least one result, got none");
  for (const auto* result : all)
    require(result->adversarials.dimensions() == all.front()->adversarials.dimensions(),
            "worst_of: expected results of the same samples, got shapes ",
            shape_text(all.front()->adversarials), " and ", shape_text(result->adversarials));

  WorstResult<Input> worst{Result<Input>(all.front()->adversarials), {}};
  Result<Input>& out = worst.result;
  std::vector<detail::Ending> endings;
  for (Index i = 0; i < out.size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    endings.clear();
    for (const auto* from : all) {
      endings.push_back({from->status[at], from->success[i], from->distances[i]});
      out.queries[i] += from->queries[i];
      out.gradient_queries[i] += from->gradient_queries[i];
      out.verification_queries[i] += from->verification_queries[i];
      out.surplus_queries[i] += from->surplus_queries[i];
      out.surplus_gradient_queries[i] += from->surplus_gradient_queries[i];
      out.bad_rows[i] += from->bad_rows[i];
      out.zero_gradients[i] += from->zero_gradients[i];
      out.probability_rows[i] += from->probability_rows[i];
      out.changed_answers[i] += from->changed_answers[i];
    }
    const detail::Verdict verdict = detail::verdict(endings);
    const Result<Input>& deciding = *all[verdict.decides];
    sample(out.adversarials, i) = sample(deciding.adversarials, i);
    out.success[i] = verdict.success;
    out.status[at] = verdict.status;
    out.distances[i] = verdict.success ? deciding.distances[i] : std::numeric_limits<double>::infinity();
    out.predictions[i] = deciding.predictions[i];
    worst.winner.push_back(verdict.success ? static_cast<Index>(verdict.decides) : -1);
  }
  for (const auto* from : all) out.classes = std::max(out.classes, from->classes);
  return worst;
}

/// The same for outcomes. Where one has a radius all others have the same or none: adversarials of minimal
/// attacks farther away than it count as not found.
/// \param outcomes  any range of foil::Outcome or of what derives from it
/// \throws Error if there are none, or if they differ in samples, norm or radius
template <class Outcomes>
  requires requires(const Outcomes& all) {
    { *all.begin() } -> std::convertible_to<const Outcome&>;
  }
WorstOutcome worst_of(const Outcomes& outcomes) {
  std::vector<const Outcome*> all;
  for (const Outcome& outcome : outcomes) all.push_back(&outcome);
  require(!all.empty(), "worst_of: expected at least one outcome, got none");
  const Outcome& first = *all.front();
  std::optional<double> radius;
  for (const Outcome* outcome : all)
    if (outcome->epsilon && !radius) radius = outcome->epsilon;
  WorstOutcome worst{Outcome("worst case", first.norm, radius), {}};
  Outcome& out = worst.outcome;
  for (std::size_t k = 0; k < all.size(); ++k) {
    const Outcome& from = *all[k];
    require(from.norm == first.norm, "worst_of: expected outcomes in one norm, got ", first.norm.name(),
            " and ", from.norm.name());
    require(!from.epsilon || from.epsilon == radius, "worst_of: expected one radius, got ",
            radius.value_or(0), " and ", from.epsilon.value_or(0));
    require(from.records.size() == first.records.size(),
            "worst_of: expected records of the same samples, got ", first.records.size(), " and ",
            from.records.size());
    out.knowledge = std::max(out.knowledge, from.knowledge);
    out.seconds += from.seconds;
    out.classes = std::max(out.classes, from.classes);
    worst.members.push_back(k);
  }

  const double limit = radius.value_or(std::numeric_limits<double>::infinity());
  std::vector<detail::Ending> endings;
  for (std::size_t i = 0; i < first.records.size(); ++i) {
    endings.clear();
    for (const Outcome* from : all) {
      require(from->records[i].id == first.records[i].id,
              "worst_of: expected records of the same samples, got ", first.records[i].id, " and ",
              from->records[i].id, " at place ", i);
      endings.push_back(detail::ending_of(from->records[i], limit));
    }
    const detail::Verdict verdict = detail::verdict(endings);
    Record record = all[verdict.decides]->records[i];
    record.queries = record.gradient_queries = record.verification_queries = 0;
    record.bad_rows = record.zero_gradients = record.probability_rows = record.changed_answers = 0;
    record.stage = -1;
    record.parameters.clear();
    record.status = verdict.status;
    record.success = verdict.success;
    record.distance = endings[verdict.decides].distance;
    for (const Outcome* from : all) {
      const Record& other = from->records[i];
      record.correct = record.correct && other.correct;
      record.queries += other.queries;
      record.gradient_queries += other.gradient_queries;
      record.verification_queries += other.verification_queries;
      record.bad_rows += other.bad_rows;
      record.zero_gradients += other.zero_gradients;
      record.probability_rows += other.probability_rows;
      record.changed_answers += other.changed_answers;
    }
    out.records.push_back(record);
    worst.winner.push_back(verdict.success ? static_cast<Index>(verdict.decides) : -1);
  }
  return worst;
}

/// The worst cases of an evaluation: one for each norm and radius that at least two attacks have something to
/// say about, and one for each norm with at least two minimal attacks; in the order of the outcomes. Minimal
/// attacks count for every radius of their norm.
template <class Outcomes>
  requires requires(const Outcomes& all) {
    { *all.begin() } -> std::convertible_to<const Outcome&>;
  }
std::vector<WorstOutcome> worst_cases(const Outcomes& outcomes) {
  std::vector<const Outcome*> all;
  for (const Outcome& outcome : outcomes) all.push_back(&outcome);
  std::vector<WorstOutcome> out;
  for (const Outcome* leader : all) {
    const auto told = [&](const WorstOutcome& before) {
      return before.outcome.norm == leader->norm && before.outcome.epsilon == leader->epsilon;
    };
    if (std::any_of(out.begin(), out.end(), told)) continue;
    std::vector<std::reference_wrapper<const Outcome>> group;
    std::vector<std::size_t> members;
    for (std::size_t k = 0; k < all.size(); ++k) {
      const Outcome& other = *all[k];
      const bool same = other.norm == leader->norm && (!other.epsilon || other.epsilon == leader->epsilon);
      if (!same || other.records.size() != leader->records.size()) continue;
      group.emplace_back(other);
      members.push_back(k);
    }
    if (group.size() < 2) continue;
    out.push_back(worst_of(group));
    out.back().members = std::move(members);
  }
  return out;
}

}  // namespace foil
