// SPDX-License-Identifier: MIT
/// \file
/// Attacks data sets of any size: samples are read, attacked and handed on in blocks, and what stays in
/// memory of each is its record.
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/result.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/record.hpp"
#include "foil/run/any_attack.hpp"
#include "foil/run/run_options.hpp"

namespace foil {

/// Where inputs come from, by their number: a file (foil::io::ImageReader), a tensor (foil::MemorySource), a
/// generator. `rows()` is how many there are, `gather(rows)` gives the wanted ones in the order asked for.
template <class S>
concept SampleSource = requires(S& source, std::span<const std::int64_t> wanted) {
  { source.rows() } -> std::convertible_to<Index>;
  requires Batch<std::remove_cvref_t<decltype(source.gather(wanted))>>;
};

/// The batches that a source gives.
template <SampleSource S>
using batch_t = std::remove_cvref_t<decltype(std::declval<S&>().gather(std::span<const std::int64_t>()))>;

/// Inputs that are in memory. Refers to them.
template <Batch Input>
class MemorySource {
 public:
  explicit MemorySource(const Input& inputs) : inputs_(&inputs) {}
  explicit MemorySource(Input&&) = delete;

  Index rows() const { return samples(*inputs_); }
  Input gather(std::span<const std::int64_t> wanted) const {
    for (const std::int64_t row : wanted)
      require(row >= 0 && row < rows(), "inputs: expected rows from 0 to ", rows() - 1, ", got ", row);
    return foil::gather(*inputs_, wanted);
  }

 private:
  const Input* inputs_;
};

/// Which samples of a source to attack.
struct Selection {
  std::vector<std::int64_t> rows{};                 ///< of the source; the samples' ids, too
  Eigen::Array<bool, Eigen::Dynamic, 1> correct{};  ///< see Record; empty: as far as the attack can tell
  Index size() const { return static_cast<Index>(rows.size()); }
};

/// Samples that are attacked together: [first, first + count) of the selection.
struct Block {
  Index first, count;
  std::span<const std::int64_t> rows;  ///< of the source
};

/// What an evaluation does around each block; all may be left out.
template <Batch Input, bool concurrent = true>
struct BlockHooks {
  /// Before the attack: sets those of the options that hold an entry per sample (starting points, say).
  std::function<void(const Block&, RunOptions<Input, concurrent>&)> prepare{};
  /// After it: the only sight of the adversarials.
  std::function<void(const Block&, const Result<Input>&)> sink{};
  /// When it has come to its end, neither stopped nor failed, and its records are in the outcome.
  std::function<void(const Block&)> finished{};
  /// How many samples are in the block that begins with the `first`-th, at most; else block_size().
  std::function<Index(Index first)> size{};
  /// In place of the attack here, which other processes make by attack_block(): what they have come to on the
  /// next block, or nothing if the run is to end. See foil/adapters/mpi.hpp.
  std::function<std::optional<Result<Input>>(const Block&)> elsewhere{};
};

/// So many samples are read and attacked at a time: 8 batches for each thread, and at least 256. Enough that
/// batches are full nearly always, since a block ends with its slowest sample.
template <Batch Input, bool concurrent>
Index block_size(const RunOptions<Input, concurrent>& options) {
  constexpr Index most = Index{1} << 40;  // more samples than anybody has, and no overflow
  return std::max<Index>(256, 8 * std::min(options.batch_size, most) * static_cast<int>(options.threads));
}

/// The samples [first, first + count) of a selection.
inline Block block_of(const Selection& selection, Index first, Index count) {
  return {
      first, count,
      std::span(selection.rows).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count))};
}

/// Reads one block of the samples and attacks it, within `epsilon` unless the attack is a minimal one. What
/// evaluate() does for each, and other processes do for it: whoever does, the bits are the same. Arguments
/// are those of evaluate().
template <class M, SampleSource Source, class CriterionOf>
  requires DecisionModel<M> && std::same_as<batch_t<Source>, input_t<M>> &&
           std::invocable<CriterionOf&, const Block&>
Result<input_t<M>> attack_block(
    const AnyAttack& attack, M&& model, Source& source, const Block& block, CriterionOf&& criterion_of,
    std::optional<double> epsilon, RunOptions<input_t<M>, shareable<M>>& options,
    const std::function<void(const Block&, RunOptions<input_t<M>, shareable<M>>&)>& prepare) {
  const auto inputs = source.gather(block.rows);
  options.sample_ids.assign(block.rows.begin(), block.rows.end());
  if (prepare) prepare(block, options);
  return attack(model, inputs, criterion_of(block), epsilon.value_or(0), options);
}

/// Runs an attack on selected samples of a source, block by block, at the epsilon of `outcome`, which gathers
/// the records. Random numbers belong to the rows of the source, so that no bit depends on the blocks.
///
/// An outcome that has records of the first samples already, as Checkpoint restores it, is gone on with.
///
/// The observer sees the progress over all blocks. When it stops the run, `outcome` ends with the block that
/// was at work. Whatever is thrown, by the source, the model or the hooks, the blocks before are in
/// `outcome`; after a RunFailure also what was found in its own block. Throws if no sample at all is valid.
///
/// \param criterion_of  the criterion for a block: criterion_of(const Block&), samples counted from its first
/// \param options       those common to all samples; not copied, for the pool may be large. Afterwards the
/// ids
///                      and what `prepare` sets are the last block's, the rest is as before
template <class M, SampleSource Source, class CriterionOf>
  requires DecisionModel<M> && std::same_as<batch_t<Source>, input_t<M>> &&
           std::invocable<CriterionOf&, const Block&>
void evaluate(const AnyAttack& attack, M&& model, Source& source, const Selection& selection,
              CriterionOf criterion_of, RunOptions<input_t<M>, shareable<M>>& options, Outcome& outcome,
              const BlockHooks<input_t<M>, shareable<M>>& hooks = {}) {
  using Clock = std::chrono::steady_clock;
  const Index total = selection.size();
  require(attack.minimal() || outcome.epsilon, attack.name(), ": expected an epsilon");
  require(selection.correct.size() == 0 || selection.correct.size() == total,
          "evaluate: expected to know of each of the ", total, " samples whether it is correct, got ",
          selection.correct.size());
  const Index known = static_cast<Index>(outcome.records.size());
  require(known <= total && std::equal(outcome.records.begin(), outcome.records.end(), selection.rows.begin(),
                                       [](const Record& r, std::int64_t row) { return r.id == row; }),
          "evaluate: expected an outcome of none or the first of the ", total, " samples, got ", known,
          " records of others");
  struct Restored {  // what is changed of the options, however this ends
    Observer &place, own;
    bool &lenient, was_lenient;
    ~Restored() {
      place = std::move(own);
      lenient = was_lenient;
    }
  } observer{options.observer, options.observer, options.none_valid, options.none_valid};
  Progress before, now;  // the blocks that are finished, and the one at work
  const auto enter = [&](Index from) {
    for (const Record& r : std::span(outcome.records).subspan(static_cast<std::size_t>(from))) {
      ++before.finished;
      before.found += r.success && r.status != Status::already_adversarial;
      before.queries += r.queries + r.verification_queries;
      before.gradient_queries += r.gradient_queries;
    }
    now = {};
  };
  enter(0);
  bool stopped = false;
  const auto so_far = [&] {
    return Progress{before.finished + now.finished, total, before.found + now.found,
                    before.queries + now.queries, before.gradient_queries + now.gradient_queries};
  };
  const auto tell = [&] {
    stopped = observer.own(so_far()) == Control::stop || stopped;
    return stopped ? Control::stop : Control::proceed;
  };
  options.observer = [&](const Progress& progress) {
    now = progress;
    return tell();
  };

  outcome.records.reserve(static_cast<std::size_t>(total));  // or they lie there twice when they move
  const auto size = [&](Index first) {
    const Index most = hooks.size ? hooks.size(first) : block_size(options);
    return std::clamp<Index>(most, 1, total - first);
  };
  for (Index first = known; first < total && !stopped && tell() == Control::proceed;) {
    const Index count = size(first);
    const Block block = block_of(selection, first, count);
    options.none_valid = observer.was_lenient || count < total;

    const auto hand_over = [&](const Result<input_t<M>>& result) {
      if (hooks.sink) hooks.sink(block, result);
      if (selection.correct.size() > 0)
        outcome.add(result, block.rows, selection.correct.segment(first, count));
      else
        outcome.add(result, block.rows);
    };
    const auto start = Clock::now();
    const auto stop_clock = [&] {
      outcome.seconds += std::chrono::duration<double>(Clock::now() - start).count();
    };
    try {
      std::optional<Result<input_t<M>>> result;
      if (hooks.elsewhere)
        result = hooks.elsewhere(block);
      else
        result =
            attack_block(attack, model, source, block, criterion_of, outcome.epsilon, options, hooks.prepare);
      stop_clock();
      if (!result) break;
      hand_over(*result);
      if (!stopped && hooks.finished) hooks.finished(block);
    } catch (const RunFailure<input_t<M>>& failure) {
      stop_clock();
      hand_over(failure.partial);
      throw;
    }
    enter(first);
    if (hooks.elsewhere) tell();  // what was not seen from here
    first += count;
  }
  const bool none_valid =
      !outcome.records.empty() &&
      std::all_of(outcome.records.begin(), outcome.records.end(),
                  [](const Record& record) { return record.status == Status::invalid_input; });
  require(observer.was_lenient || !none_valid, attack.name(), ": none of the samples is valid");
}

}  // namespace foil
