// SPDX-License-Identifier: MIT
/// \file
/// What remains of an attack when the images are gone: one record per sample, and the figures over them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/model.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/result.hpp"
#include "foil/core/summary.hpp"
#include "foil/run/any_attack.hpp"

namespace foil {

/// How one sample's attack ended.
struct Record {
  std::int64_t id;  ///< of the sample, mostly its row of the data set
  Status status;
  bool success;     ///< a verified adversarial, or adversarial as it is
  bool correct;     ///< right to begin with: classified correctly and not adversarial; see foil::Summary
  int predicted;    ///< class of what the attack returned: of the sample itself where it found nothing
  double distance;  ///< in the attack's norm; infinite without success
  std::int64_t queries, gradient_queries, verification_queries;  ///< as in foil::Result, as are the others
  std::int64_t bad_rows = 0, zero_gradients = 0, probability_rows = 0, changed_answers = 0;
  int stage = -1;                    ///< of a suite, the one that fooled it: its place in Outcome::stages
  std::vector<double> parameters{};  ///< as in foil::Result
};

/// Model calls, summed over samples.
struct Cost {
  std::int64_t queries = 0, gradient_queries = 0, verification_queries = 0;
  std::int64_t zero_gradients = 0;  ///< of the gradient queries, those that said nothing: see foil::Result
};

/// What one stage of a suite came to.
struct StageOutcome {
  std::string name;
  Index attacked = 0, fooled = 0;
  std::int64_t queries = 0, gradient_queries = 0;  ///< summed over the attacked, as in foil::StageCalls
  std::string attack{};                            ///< its attack's name
  Knowledge knowledge = Knowledge::decisions;      ///< that its attack needs
};

/// One attack, at one epsilon if it has a fixed budget: how it was asked for, and what it came to on every
/// sample.
struct Outcome {
  std::string attack;  ///< its name
  Lp norm;
  Knowledge knowledge = Knowledge::decisions;
  std::vector<std::pair<std::string, std::string>> options{};  ///< all of them, as used, where they are known
  std::optional<double> epsilon{};                             ///< none for a minimal attack
  double seconds = 0;                                          ///< spent in the attack
  std::vector<Record> records{};                               ///< of the samples in their order
  Index classes = 0;                                           ///< as in foil::Result
  std::vector<StageOutcome> stages{};                          ///< of a suite, in their order
  std::vector<std::string> parameters{};                       ///< what those of the records are

  /// Nothing run yet, of what has a name and a norm.
  Outcome(std::string named, Lp measured_in, std::optional<double> at = std::nullopt)
      : attack(std::move(named)), norm(measured_in), epsilon(at) {}
  /// Nothing run yet. `epsilon` is passed over if the attack is a minimal one.
  explicit Outcome(const AnyAttack& of, std::optional<double> at = std::nullopt)
      : attack(of.name()), norm(of.norm()), knowledge(of.knowledge()) {
    if (!of.minimal()) epsilon = at;
    parameters = of.parameters();
    for (const StageInfo& stage : of.stages())
      stages.push_back({stage.name, 0, 0, 0, 0, stage.attack, stage.knowledge});
  }

  /// Adds the result on the samples that come next.
  /// \param ids      one for each; empty: numbered on from the samples before
  /// \param correct  whether the model was right about each, for those who know the true classes; empty: as
  ///                 far as the run could tell
  template <Batch Input>
  void add(const Result<Input>& result, std::span<const std::int64_t> ids = {},
           const Eigen::Array<bool, Eigen::Dynamic, 1>& correct = {}) {
    require(ids.empty() || static_cast<Index>(ids.size()) == result.size(),
            "outcome: expected one id for each of the ", result.size(), " samples, got ", ids.size());
    require(correct.size() == 0 || correct.size() == result.size(),
            "outcome: expected to know of each of the ", result.size(),
            " samples whether it is correct, got ", correct.size());
    for (Index i = 0; i < result.size(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      records.push_back({ids.empty() ? static_cast<std::int64_t>(records.size()) : ids[at], result.status[at],
                         result.success[i], result.correct(i) && (correct.size() == 0 || correct[i]),
                         result.predictions[i], result.distances[i], result.queries[i],
                         result.gradient_queries[i], result.verification_queries[i], result.bad_rows[i],
                         result.zero_gradients[i], result.probability_rows[i], result.changed_answers[i],
                         result.won_by(i), result.parameters[at]});
      for (const StageCalls& calls : result.stages[at]) {
        const auto number = static_cast<std::size_t>(calls.stage);
        if (stages.size() <= number) stages.resize(number + 1);
        StageOutcome& stage = stages[number];
        ++stage.attacked;
        stage.fooled += result.won_by(i) == calls.stage;
        stage.queries += calls.queries;
        stage.gradient_queries += calls.gradient_queries;
      }
    }
    classes = std::max(classes, result.classes);
  }

  /// The bins and figures; adversarials farther away than `within` do not count.
  Summary summary(double within = std::numeric_limits<double>::infinity()) const {
    Tally tally(within);
    for (const Record& r : records) tally.add(r.status, r.success, r.distance, r.correct, r.bad_rows == 0);
    return tally.summary();
  }

  /// "linf-pgd", or "linf-pgd eps 0.1".
  std::string title() const { return attack + (epsilon ? text(" eps ", *epsilon) : std::string()); }

  /// What it took.
  Cost cost() const {
    Cost sum;
    for (const Record& r : records) {
      sum.queries += r.queries;
      sum.gradient_queries += r.gradient_queries;
      sum.verification_queries += r.verification_queries;
      sum.zero_gradients += r.zero_gradients;
    }
    return sum;
  }
};

/// An outcome whose distances are the attack's own measure, the first of its parameters, in place of its
/// norm's: what figures and curves of it are by severity, say. Throws foil::Error for an attack without.
inline Outcome by_own_measure(Outcome outcome) {
  require(!outcome.parameters.empty(), outcome.attack, ": has no measure of its own");
  for (Record& r : outcome.records)
    if (!r.parameters.empty()) r.distance = r.parameters.front();
  return outcome;
}

}  // namespace foil
