// SPDX-License-Identifier: MIT
/// \file
/// What a model says before it is attacked, and which samples are worth attacking.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "foil/core/answers.hpp"
#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/accuracy.hpp"
#include "foil/evaluation/source.hpp"
#include "foil/run/pool.hpp"
#include "foil/run/run_options.hpp"

namespace foil {

/// Which rows of a source choose_samples() takes.
struct ChoiceOptions {
  static constexpr Index all = std::numeric_limits<Index>::max();
  Index first = 0;            ///< row to begin with
  Index count = all;          ///< so many samples, or as many as there are
  bool correct_only = false;  ///< pass over rows that are classified wrongly
  /// The class that each row of the source is to be moved to; empty: any. Rows that are there already by
  /// their label are passed over: nothing is to be changed about them.
  Labels targets{};
  Index batch_size = 128;  ///< rows per model call
  /// Of the first so many rows the answers are kept, for attacks to start from: enough of every class, few
  /// enough to go through.
  Index pool_rows = 1000;
  Observer observer{};  ///< called after every model call; counts the samples up to `count`, else the rows
};

/// The samples to attack, with what the model said about them.
template <Batch Input>
struct Chosen : Selection {
  Labels labels{};
  Labels predictions{};              ///< -1 where the answer was NaN or infinity, and for invalid rows
  Labels targets{};                  ///< if there are any
  Pool<Input> pool{};                ///< the first rows that the model was shown, with its answers
  Index examined = 0, accurate = 0;  ///< rows that the model was shown, and how many of them it got right
  Index invalid = 0;                 ///< rows that are not finite or out of bounds: examined, but not shown
  Index unanswered = 0;              ///< for how many of them its answer was NaN or infinity
  Index on_target = 0;               ///< how many were passed over, their target being their label
  bool stopped = false;              ///< by the observer; then there may be too few, and no pool
};

namespace detail {

/// The rows of a batch that are finite and within the bounds.
template <Batch Input>
std::vector<Index> rows_within(const Bounds<typename Input::Scalar>& bounds, const Input& batch) {
  bounds.check(features(batch));
  std::vector<Index> out;
  for (Index i = 0; i < samples(batch); ++i)
    if (bounds.contain(sample(batch, i))) out.push_back(i);
  return out;
}

}  // namespace detail

/// Shows the model the rows of a source, batch by batch, until there are samples enough. Rows that are not
/// finite or out of the model's bounds are wrong without the model being asked; throws if all are.
/// \param labels  for every row of the source
template <class M, SampleSource Source>
  requires DecisionModel<M> && std::same_as<batch_t<Source>, input_t<M>>
Chosen<input_t<M>> choose_samples(M&& model, Source& source, const Labels& labels,
                                  const ChoiceOptions& options = {}) {
  using Scalar = scalar_t<M>;
  const Index rows = source.rows();
  require(labels.size() == rows, "choice of samples: expected one label for each of the ", rows,
          " rows, got ", labels.size());
  require(options.first >= 0 && options.first < rows, "choice of samples: expected a first row from 0 to ",
          rows - 1, ", got ", options.first);
  require(options.count >= 1 && options.batch_size >= 1 && options.pool_rows >= 1,
          "choice of samples: expected count, batch_size and pool_rows >= 1, got ", options.count, ", ",
          options.batch_size, ", ", options.pool_rows);
  require(options.targets.size() == 0 || options.targets.size() == rows,
          "choice of samples: expected one target for each of the ", rows, " rows, got ",
          options.targets.size());
  const bool limited = options.count != ChoiceOptions::all;
  const Index last =
      options.correct_only || options.count > rows - options.first ? rows : options.first + options.count;

  const auto on_target = [&](Index row) {
    return options.targets.size() > 0 && options.targets[row] == labels[row];
  };
  Index hopeless = options.first;
  while (hopeless < last && on_target(hopeless)) ++hopeless;
  require(hopeless < last, "targets: all ", last - options.first,
          " are the labels of their rows, so that nothing is to be changed; expected other classes");

  constexpr Scalar nan = std::numeric_limits<Scalar>::quiet_NaN();
  const Bounds<Scalar> bounds = model.bounds();
  Chosen<input_t<M>> chosen;
  std::vector<int> predictions;
  std::vector<std::int64_t> wanted;
  Logits<Scalar> known;  // answers about the pool's rows, as far as they come
  Index classes = 0;
  Labels known_labels(std::min(options.pool_rows, last - options.first));
  for (Index row = options.first; row < last && chosen.size() < options.count && !chosen.stopped;) {
    wanted.clear();
    for (Index i = 0; i < std::min(options.batch_size, last - row); ++i) wanted.push_back(row + i);
    auto batch = source.gather(wanted);
    const auto valid = detail::rows_within(bounds, batch);
    if (static_cast<Index>(valid.size()) < samples(batch)) batch = gather(batch, valid);
    Labels told;
    Logits<Scalar> told_logits;
    if constexpr (ScoreModel<M>) {
      if (!valid.empty()) {
        told_logits = model.logits(batch);
        check_answer(samples(batch), told_logits.rows(), told_logits.cols(), classes);
      }
      told = decide<Scalar>(told_logits);
    } else if (!valid.empty()) {
      told = predict(model, batch);
    }
    Labels answers = Labels::Constant(static_cast<Index>(wanted.size()), -1);
    Logits<Scalar> logits = Logits<Scalar>::Constant(answers.size(), told_logits.cols(), nan);
    for (std::size_t i = 0; i < valid.size(); ++i) {
      answers[valid[i]] = told[static_cast<Index>(i)];
      if (told_logits.size() > 0) logits.row(valid[i]) = told_logits.row(static_cast<Index>(i));
    }
    std::size_t next_valid = 0;
    for (Index i = 0; i < answers.size() && chosen.size() < options.count; ++i, ++row) {
      if (chosen.examined < known_labels.size()) {
        known_labels[chosen.examined] = answers[i];
        if (logits.size() > 0) {
          if (known.size() == 0) known = Logits<Scalar>::Constant(known_labels.size(), classes, nan);
          known.row(chosen.examined) = logits.row(i);
        }
      }
      const bool correct = answers[i] == labels[row];
      ++chosen.examined;
      chosen.accurate += correct;
      const bool invalid = next_valid == valid.size() || valid[next_valid] != i;
      next_valid += !invalid;
      chosen.invalid += invalid;
      chosen.unanswered += answers[i] < 0 && !invalid;
      chosen.on_target += on_target(row);
      if (on_target(row) || (options.correct_only && !correct)) continue;
      chosen.rows.push_back(row);
      predictions.push_back(answers[i]);
    }
    const Index finished = limited ? chosen.size() : chosen.examined;
    const Index total = limited ? options.count : last - options.first;
    chosen.stopped = options.observer({finished, total, 0, chosen.examined, 0}) == Control::stop;
  }

  require(chosen.stopped || chosen.invalid < chosen.examined,
          "choice of samples: expected finite values within the bounds, found none of the ", chosen.examined,
          " rows valid");
  const auto gather_entries = [](const Labels& all, const std::vector<std::int64_t>& from) {
    Labels out(static_cast<Index>(from.size()));
    for (std::size_t i = 0; i < from.size(); ++i)
      out[static_cast<Index>(i)] = all[static_cast<Index>(from[i])];
    return out;
  };
  const Index count = chosen.size();
  chosen.predictions = Eigen::Map<const Labels>(predictions.data(), count);
  chosen.labels = gather_entries(labels, chosen.rows);
  chosen.correct = chosen.predictions.array() == chosen.labels.array();
  if (options.targets.size() > 0) chosen.targets = gather_entries(options.targets, chosen.rows);
  if (chosen.stopped) return chosen;

  const Index pool_rows = std::min(chosen.examined, known_labels.size());
  wanted.clear();
  for (Index i = 0; i < pool_rows; ++i) wanted.push_back(options.first + i);
  auto images = source.gather(wanted);
  if (known.size() > 0)
    chosen.pool = Pool<input_t<M>>(std::move(images), Logits<Scalar>(known.topRows(pool_rows)));
  else
    chosen.pool = Pool<input_t<M>>(std::move(images), Labels(known_labels.head(pool_rows)));
  return chosen;
}

}  // namespace foil
