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
  /// Rows whose answers are kept, for attacks to start from: enough of every class, few enough to go through.
  /// They depend on the source alone, never on which rows are attacked; those beyond its end are left out.
  /// 0 rows: no pool.
  Index pool_first = 0, pool_rows = 1000;
  /// Called after every batch; counts the samples up to `count`, else the rows, and as queries the rows that
  /// the model was to be shown.
  Observer observer{};
};

/// The samples to attack, with what the model said about them.
template <Batch Input>
struct Chosen : Selection {
  Labels labels{};
  Labels predictions{};              ///< -1 where the answer was NaN or infinity, and for invalid rows
  Labels targets{};                  ///< if there are any
  Pool<Input> pool{};                ///< see ChoiceOptions; empty if none of its rows is valid
  Index examined = 0, accurate = 0;  ///< rows that the model was shown, and how many of them it got right
  Index invalid = 0;                 ///< rows that are not finite or out of bounds: examined, but not shown
  Index unanswered = 0;              ///< for how many of them its answer was NaN or infinity
  Index on_target = 0;               ///< how many were passed over, their target being their label
  bool stopped = false;              ///< by the observer; then there may be too few or none, and no pool
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

/// What a model says of rows that follow each other: -1 and NaN of those that it cannot be shown.
template <class Scalar>
struct Answers {
  Labels labels;
  Logits<Scalar> logits{};  ///< if it gives any
  std::vector<bool> valid;

  explicit Answers(Index rows) : labels(Labels::Constant(rows, -1)), valid(static_cast<std::size_t>(rows)) {}
  /// Takes over what another has on its rows from `from` on, as its own from `to` on.
  void copy(const Answers& other, Index from, Index count, Index to) {
    if (other.logits.size() > 0 && logits.size() == 0)
      logits.setConstant(labels.size(), other.logits.cols(), std::numeric_limits<Scalar>::quiet_NaN());
    for (Index i = 0; i < count; ++i) {
      labels[to + i] = other.labels[from + i];
      valid[static_cast<std::size_t>(to + i)] = other.valid[static_cast<std::size_t>(from + i)];
      if (other.logits.size() > 0) logits.row(to + i) = other.logits.row(from + i);
    }
  }
};

/// Shows a model `count` rows of a source. `classes` are as check_answer() has them.
template <class M, class Source>
Answers<scalar_t<M>> ask_about(M& model, Source& source, Index first, Index count, Index& classes) {
  std::vector<std::int64_t> wanted;
  for (Index i = 0; i < count; ++i) wanted.push_back(first + i);
  auto batch = source.gather(wanted);
  const auto shown = rows_within(model.bounds(), batch);
  Answers<scalar_t<M>> out(count);
  if (shown.empty()) return out;
  if (static_cast<Index>(shown.size()) < count) batch = gather(batch, shown);
  Answers<scalar_t<M>> told(static_cast<Index>(shown.size()));
  if constexpr (ScoreModel<M>) {
    told.logits = model.logits(batch);
    check_answer(samples(batch), told.logits.rows(), told.logits.cols(), classes);
    told.labels = decide<scalar_t<M>>(told.logits);
  } else {
    told.labels = predict(model, batch);
  }
  told.valid.assign(told.valid.size(), true);
  for (std::size_t i = 0; i < shown.size(); ++i) out.copy(told, static_cast<Index>(i), 1, shown[i]);
  return out;
}

}  // namespace detail

/// Shows the model the rows of the pool, and then those of a source, batch by batch, until there are samples
/// enough; none twice. Rows that are not finite or out of the model's bounds are wrong without the model
/// being asked; throws if all are, but for the pool's.
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
  require(options.count >= 1 && options.batch_size >= 1,
          "choice of samples: expected count and batch_size >= 1, got ", options.count, ", ",
          options.batch_size);
  require(options.pool_first >= 0 && options.pool_first < rows && options.pool_rows >= 0,
          "choice of samples: expected a pool from a row of 0 to ", rows - 1, " on and pool_rows >= 0, got ",
          options.pool_first, " and ", options.pool_rows);
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

  const Index pool_begin = options.pool_first,
              pool_end = pool_begin + std::min(options.pool_rows, rows - pool_begin);

  Chosen<input_t<M>> chosen;
  Index classes = 0, asked = 0;
  const auto tell = [&] {
    const Index finished = limited ? chosen.size() : chosen.examined;
    const Index total = limited ? options.count : last - options.first;
    chosen.stopped = options.observer({finished, total, 0, asked, 0}) == Control::stop;
  };
  const auto ask = [&](Index first, Index count) {
    asked += count;
    return detail::ask_about(model, source, first, count, classes);
  };
  detail::Answers<Scalar> known(pool_end - pool_begin);
  for (Index row = pool_begin; row < pool_end && !chosen.stopped; row += options.batch_size) {
    const Index count = std::min(options.batch_size, pool_end - row);
    known.copy(ask(row, count), 0, count, row - pool_begin);
    tell();
  }
  std::vector<int> predictions;
  for (Index row = options.first; row < last && chosen.size() < options.count && !chosen.stopped;) {
    const bool in_pool = row >= pool_begin && row < pool_end;
    Index count = std::min(options.batch_size, last - row);
    if (row < pool_end) count = std::min(count, (in_pool ? pool_end : pool_begin) - row);
    detail::Answers<Scalar> answers(count);
    answers.copy(in_pool ? known : ask(row, count), in_pool ? row - pool_begin : 0, count, 0);
    for (Index i = 0; i < count && chosen.size() < options.count; ++i, ++row) {
      const int answer = answers.labels[i];
      const bool correct = answer == labels[row], valid = answers.valid[static_cast<std::size_t>(i)];
      ++chosen.examined;
      chosen.accurate += correct;
      chosen.invalid += !valid;
      chosen.unanswered += answer < 0 && valid;
      chosen.on_target += on_target(row);
      if (on_target(row) || (options.correct_only && !correct)) continue;
      chosen.rows.push_back(row);
      predictions.push_back(answer);
    }
    tell();
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

  if (std::find(known.valid.begin(), known.valid.end(), true) == known.valid.end()) return chosen;
  std::vector<std::int64_t> wanted;
  for (Index row = pool_begin; row < pool_end; ++row) wanted.push_back(row);
  auto images = source.gather(wanted);
  if (known.logits.size() > 0)
    chosen.pool = Pool<input_t<M>>(std::move(images), std::move(known.logits));
  else
    chosen.pool = Pool<input_t<M>>(std::move(images), std::move(known.labels));
  return chosen;
}

}  // namespace foil
