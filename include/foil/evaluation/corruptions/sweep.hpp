// SPDX-License-Identifier: MIT
/// \file
/// How often a model is right under common corruptions of every severity.
#pragma once

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <span>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/clean.hpp"
#include "foil/evaluation/corruptions/corrupt.hpp"
#include "foil/evaluation/corruptions/corruption.hpp"
#include "foil/evaluation/source.hpp"
#include "foil/run/run_options.hpp"

namespace foil {

/// What corruption_sweep() asks about, and how.
struct SweepOptions {
  std::vector<Corruption> corruptions{};       ///< at least one, each once
  std::vector<int> severities{1, 2, 3, 4, 5};  ///< likewise
  CorruptionOptions how{};                     ///< its bounds are not looked at: they are the model's
  Index batch_size = 128;                      ///< samples per model call
  int threads = 1;                             ///< more than one for models that can be shared only
  /// Never called by two threads at once. Counts images, clean and corrupted, and as queries those that the
  /// model was shown.
  Observer observer{};
};

/// How many of the same samples a model gets right, clean and corrupted.
struct CorruptionSweep {
  struct Row {
    Corruption corruption;
    std::vector<Index> right;         ///< at each severity
    std::vector<Index> unanswered{};  ///< likewise: those that the model answered with NaN or infinity
  };
  std::vector<int> severities{};
  std::vector<Row> rows{};  ///< in the order asked for
  Index samples = 0;        ///< that is of so many
  Index clean = 0;          ///< right without corruption
  Index invalid = 0;        ///< samples that are not finite or out of bounds: wrong, and never shown
  /// Images that the model answered with NaN or infinity, which is wrong, in all and among the clean ones;
  /// and samples of which any is one.
  Index unanswered = 0, clean_unanswered = 0, unanswered_samples = 0;
  Index classes = 0;     ///< of the model, by its logits; 0 if it gives none
  bool stopped = false;  ///< by the observer: then nothing is known
};

namespace detail {

/// Samples that are shown to the model together.
template <Batch Input>
struct SweepBatch {
  Input images{};
  std::vector<std::int64_t> ids{};
  Labels labels{};
  std::vector<bool> unanswered{};  ///< whether any image of the sample is
};

inline void check_sweep(const SweepOptions& options, Index rows, Index labels, bool shareable) {
  const auto twice = [](auto list) {
    std::sort(list.begin(), list.end());
    return std::adjacent_find(list.begin(), list.end()) != list.end();
  };
  require(!options.corruptions.empty() && !twice(options.corruptions),
          "corruption sweep: expected corruptions, at least one and each once");
  require(!options.severities.empty() && !twice(options.severities),
          "corruption sweep: expected severities, at least one and each once");
  require(rows >= 1 && labels == rows, "corruption sweep: expected rows and a label for each, got ", rows,
          " and ", labels);
  require(options.batch_size >= 1 && options.threads >= 1,
          "corruption sweep: expected batch_size and threads >= 1, got ", options.batch_size, " and ",
          options.threads);
  require(options.threads == 1 || shareable,
          "corruption sweep: expected one thread for a model that cannot be shared, got ", options.threads);
}

/// Does items 0, 1, ..., count - 1, each once, by so many threads, until one returns false; rethrows what the
/// first to fail threw.
template <class Do>
void share_items(std::size_t count, int threads, const Do& item) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    for (std::size_t i = next++; i < count; i = next++) try {
        if (!item(i)) next = count;
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        next = count;
      }
  };
  {
    std::vector<std::jthread> helpers;
    const auto wanted = std::min(static_cast<std::size_t>(threads), count);
    try {
      while (helpers.size() + 1 < wanted) helpers.emplace_back(work);
    } catch (const std::system_error&) {  // no thread left: those that there are do all of it
    }
    work();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace detail

/// Asks the model about rows of a source as they are and under every corruption at every severity. Each row's
/// corruption is a function of (seed, row, corruption, severity), and what is counted depends neither on the
/// batch size nor on the threads, with any model whose rows do not influence each other. In memory are at
/// most two batches for each thread.
/// \param rows    of the source; the samples' ids, too
/// \param labels  one for each
/// Model calls: one forward pass for each sample, and one for each corruption and severity of it.
template <class M, SampleSource Source>
  requires DecisionModel<M> && std::same_as<batch_t<Source>, input_t<M>>
CorruptionSweep corruption_sweep(M& model, Source& source, std::span<const std::int64_t> rows,
                                 const Labels& labels, const SweepOptions& options) {
  using Input = input_t<M>;
  const auto total = static_cast<Index>(rows.size());
  detail::check_sweep(options, total, labels.size(), shareable<M>);
  const auto bounds = model.bounds();
  CorruptionOptions how = options.how;
  how.bounds = bounds.template cast<double>();

  CorruptionSweep out{.severities = options.severities, .samples = total};
  for (const Corruption corruption : options.corruptions)
    out.rows.push_back({corruption, std::vector<Index>(options.severities.size(), 0),
                        std::vector<Index>(options.severities.size(), 0)});
  const std::size_t forms = 1 + options.corruptions.size() * options.severities.size();  // of each sample
  Progress done{.total = total * static_cast<Index>(forms)};
  std::mutex mutex;
  const auto tell = [&](Index images, Index shown) {
    done.finished += images;
    done.queries += shown;
    out.stopped = options.observer(done) == Control::stop || out.stopped;
  };

  for (Index first = 0; first < total && !out.stopped;) {
    std::vector<detail::SweepBatch<Input>> batches;
    for (int t = 0; t < options.threads && first < total && !out.stopped; ++t) {
      const Index count = std::min(options.batch_size, total - first);
      const auto wanted = rows.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
      Input images = source.gather(wanted);
      const std::vector<Index> valid = detail::rows_within(bounds, images);
      detail::SweepBatch<Input> batch;
      batch.labels.resize(std::ssize(valid));
      for (const Index i : valid) {
        batch.labels[std::ssize(batch.ids)] = labels[first + i];
        batch.ids.push_back(wanted[static_cast<std::size_t>(i)]);
      }
      const Index missing = count - std::ssize(valid);
      if (missing > 0) images = gather(images, valid);
      batch.images = std::move(images);
      batch.unanswered.resize(valid.size());
      if (!valid.empty()) batches.push_back(std::move(batch));
      out.invalid += missing;
      if (missing > 0) tell(missing * static_cast<Index>(forms), 0);
      first += count;
    }
    if (out.stopped) break;
    detail::share_items(batches.size() * forms, options.threads, [&](std::size_t item) {
      detail::SweepBatch<Input>& batch = batches[item / forms];
      const std::size_t form = item % forms, severities = options.severities.size();
      Index *right = &out.clean, *unanswered = &out.clean_unanswered;
      Index classes = 0;
      Labels answers;
      if (form == 0) {
        answers = predict(model, batch.images, classes);
      } else {
        const std::size_t row = (form - 1) / severities, place = (form - 1) % severities;
        right = &out.rows[row].right[place];
        unanswered = &out.rows[row].unanswered[place];
        answers = predict(model,
                          corrupt(batch.images, options.corruptions[row], options.severities[place], how,
                                  std::span<const std::int64_t>(batch.ids)),
                          classes);
      }
      const std::lock_guard lock(mutex);
      if (out.stopped) return false;
      *right += (answers.array() == batch.labels.array()).count();
      for (Index i = 0; i < answers.size(); ++i) {
        if (answers[i] >= 0) continue;
        ++*unanswered;
        ++out.unanswered;
        batch.unanswered[static_cast<std::size_t>(i)] = true;
      }
      out.classes = std::max(out.classes, classes);
      tell(answers.size(), answers.size());
      return !out.stopped;
    });
    for (const detail::SweepBatch<Input>& batch : batches)
      out.unanswered_samples += std::count(batch.unanswered.begin(), batch.unanswered.end(), true);
  }
  require(out.stopped || out.invalid < total,
          "corruption sweep: expected finite values within the bounds, found none of the ", total,
          " rows valid");
  return out;
}

}  // namespace foil
