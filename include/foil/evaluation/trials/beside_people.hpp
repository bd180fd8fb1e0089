// SPDX-License-Identifier: MIT
/// \file
/// Models beside people: the same figures of both under the same conditions.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/binomial.hpp"
#include "foil/evaluation/trials/confusion.hpp"
#include "foil/evaluation/trials/error_consistency.hpp"
#include "foil/evaluation/trials/trials.hpp"

namespace foil {

/// What one observer, or people together, did under one condition.
struct ObserverFigures {
  int condition;        ///< its number in the trials
  int observer;         ///< its number in the trials; -1: people together
  Index observers;      ///< how many it is
  Confusion confusion;  ///< all trials together
  double accuracy;      ///< the mean over observers
  Interval accuracies;  ///< of one the exact interval; of people from the lowest to the highest of them
  double entropy;       ///< Confusion::response_entropy() in bits, the mean over observers that have one
  double pattern;       ///< error_pattern_distance() to people, the mean over pairs that have one
  MeanConsistency consistency;  ///< with people; of people with each other
};

/// Two observers about the same images under one condition.
struct ObserverPair {
  int condition, first, second;  ///< numbers in the trials
  MeanConsistency consistency;
  double pattern;
};

namespace detail {

/// The mean of the numbers that are not NaN; NaN of none.
inline double mean_of_known(const std::vector<double>& numbers) {
  double sum = 0, known = 0;
  for (const double number : numbers) {
    if (std::isnan(number)) continue;
    sum += number;
    ++known;
  }
  return sum / known;
}

/// The trials of a condition, by observer.
class ConditionTrials {
 public:
  ConditionTrials(const Trials& trials, int condition) {
    std::map<int, Index> columns;  // of images
    for (const Trial& trial : trials.all()) {
      if (trial.condition != condition) continue;
      const auto categories = static_cast<Index>(trials.categories().size());
      confusions_.try_emplace(trial.observer, categories).first->second.add(trial.category, trial.response);
      columns.try_emplace(trial.image, static_cast<Index>(columns.size()));
      truths_.push_back(&trial);
    }
    Index row = 0;
    for (const auto& entry : confusions_) rows_[entry.first] = row++;
    right_ = Correctness::Constant(row, static_cast<Index>(columns.size()), -1);
    for (const Trial* trial : truths_) {
      right_(rows_.at(trial->observer), columns.at(trial->image)) = trial->response == trial->category;
    }
  }

  /// By observer, in ascending order.
  const std::map<int, Confusion>& confusions() const { return confusions_; }
  const Confusion& confusion(int observer) const { return confusions_.at(observer); }

  MeanConsistency consistency(const std::vector<std::pair<int, int>>& pairs,
                              const ConsistencyOptions& options) const {
    std::vector<std::pair<Index, Index>> rows;
    for (const auto& [a, b] : pairs) rows.emplace_back(rows_.at(a), rows_.at(b));
    return mean_error_consistency(right_, rows, options);
  }
  double pattern(const std::vector<std::pair<int, int>>& pairs) const {
    std::vector<double> distances;
    for (const auto& [a, b] : pairs) distances.push_back(error_pattern_distance(confusion(a), confusion(b)));
    return mean_of_known(distances);
  }

 private:
  std::map<int, Confusion> confusions_{};
  std::map<int, Index> rows_{};
  std::vector<const Trial*> truths_{};
  Correctness right_{};
};

}  // namespace detail

/// Condition by condition, in their order, people together and then everybody else in the order of the
/// trials. Conditions that only people or only others saw are told of those. Throws foil::Error if there are
/// no trials of people.
/// \param people  the numbers of the observers that are people
inline std::vector<ObserverFigures> beside_people(const Trials& trials, const std::vector<int>& people,
                                                  const ConsistencyOptions& options = {}) {
  const auto is_person = [&](int observer) {
    return std::find(people.begin(), people.end(), observer) != people.end();
  };
  require(std::any_of(trials.all().begin(), trials.all().end(),
                      [&](const Trial& trial) { return is_person(trial.observer); }),
          "beside people: expected trials of people, found none");
  std::vector<ObserverFigures> out;
  for (const int condition : trials.ordered_conditions()) {
    const detail::ConditionTrials under(trials, condition);
    std::vector<int> here;  // people
    for (const auto& entry : under.confusions())
      if (is_person(entry.first)) here.push_back(entry.first);
    if (!here.empty()) {
      ObserverFigures all{condition,
                          -1,
                          static_cast<Index>(here.size()),
                          Confusion(static_cast<Index>(trials.categories().size())),
                          0,
                          {1, 0},
                          0,
                          0,
                          {}};
      std::vector<std::pair<int, int>> pairs;
      std::vector<double> entropies;
      for (const int person : here) {
        const Confusion& confusion = under.confusion(person);
        const double accuracy = confusion.accuracy(), count = static_cast<double>(here.size());
        all.confusion.add(confusion);
        all.accuracy += accuracy / count;
        entropies.push_back(confusion.response_entropy());
        all.accuracies = {std::min(all.accuracies.low, accuracy), std::max(all.accuracies.high, accuracy)};
        for (const int other : here)
          if (other > person) pairs.emplace_back(person, other);
      }
      all.entropy = detail::mean_of_known(entropies);
      all.pattern = under.pattern(pairs);
      all.consistency = under.consistency(pairs, options);
      out.push_back(std::move(all));
    }
    for (const auto& [observer, confusion] : under.confusions()) {
      if (is_person(observer)) continue;
      std::vector<std::pair<int, int>> pairs;
      for (const int person : here) pairs.emplace_back(observer, person);
      out.push_back({condition, observer, 1, confusion, confusion.accuracy(),
                     confusion.accuracy_interval(options.confidence), confusion.response_entropy(),
                     under.pattern(pairs), under.consistency(pairs, options)});
    }
  }
  return out;
}

/// Everybody with everybody else under each condition.
inline std::vector<ObserverPair> observer_pairs(const Trials& trials,
                                                const ConsistencyOptions& options = {}) {
  std::vector<ObserverPair> out;
  for (const int condition : trials.ordered_conditions()) {
    const detail::ConditionTrials under(trials, condition);
    for (auto a = under.confusions().begin(); a != under.confusions().end(); ++a)
      for (auto b = std::next(a); b != under.confusions().end(); ++b) {
        const std::vector<std::pair<int, int>> pair{{a->first, b->first}};
        out.push_back({condition, a->first, b->first, under.consistency(pair, options), under.pattern(pair)});
      }
  }
  return out;
}

}  // namespace foil
