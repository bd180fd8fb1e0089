// SPDX-License-Identifier: MIT
/// \file
/// What a user may say about a run of any attack.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/given.hpp"
#include "foil/core/lattice.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/pool.hpp"

namespace foil {

/// An observer's answer: go on, or end the run and return what has been found.
enum class Control { proceed, stop };

/// State of a run, reported after model calls.
struct Progress {
  Index finished = 0;        ///< samples done
  Index total = 0;           ///< samples in all
  Index found = 0;           ///< of those finished, how many the attack has fooled (pending verification)
  std::int64_t queries = 0;  ///< forward passes so far, verification included
  std::int64_t gradient_queries = 0;  ///< backward passes so far
};

/// Any callable on a Progress that returns nothing or a Control. Never called by two threads at once.
class Observer {
 public:
  Observer() = default;
  template <class F>
    requires std::is_invocable_v<F&, const Progress&> && (!std::same_as<std::remove_cvref_t<F>, Observer>)
  Observer(F observe) {
    if constexpr (std::is_void_v<std::invoke_result_t<F&, const Progress&>>)
      observe_ = [observe = std::move(observe)](const Progress& p) mutable {
        observe(p);
        return Control::proceed;
      };
    else
      observe_ = std::move(observe);
  }
  explicit operator bool() const { return static_cast<bool>(observe_); }
  Control operator()(const Progress& p) const { return observe_ ? observe_(p) : Control::proceed; }

 private:
  std::function<Control(const Progress&)> observe_;
};

/// What to do about a sample that cannot be attacked (invalid input, NaN or infinity from the model): give it
/// a status and go on, or throw foil::Error naming the sample.
enum class OnBadSample { report, raise };

namespace detail {
/// Stands in for the thread count when the model cannot be shared by threads.
class OneThread {
 public:
  constexpr OneThread() = default;
  template <class Number>
  constexpr OneThread(Number) {
    static_assert(
        !std::is_arithmetic_v<Number>,
        "foil: .threads needs a model whose bounds, predict, logits and vjp are const (and thread-safe)");
  }
  constexpr operator int() const { return 1; }
};
template <bool concurrent>
using ThreadCount = std::conditional_t<concurrent, int, OneThread>;

template <bool concurrent>
constexpr ThreadCount<concurrent> one_thread() {
  if constexpr (concurrent)
    return 1;
  else
    return {};
}
}  // namespace detail

/// Options of a run, common to all attacks. `concurrent` is whether the model can be used through a const
/// reference; only then can `threads` be set.
template <Batch Input, bool concurrent = true>
struct RunOptions {
  std::uint64_t seed = 0;         ///< same seed, same bits
  std::int64_t first_sample = 0;  ///< id of row 0; rows are numbered on from it. Random numbers belong to ids
  std::vector<std::int64_t> sample_ids{};  ///< an id for each row instead, for subsets and permutations
  detail::ThreadCount<concurrent> threads =
      detail::one_thread<concurrent>();                                  ///< samples are split among them
  std::int64_t query_budget = std::numeric_limits<std::int64_t>::max();  ///< forward passes per sample, hard
  GivenBatch<Input> starting_points{};  ///< one start per sample, where an attack takes them; empty: none, as
                                        ///< is a row of NaN
  GivenBatch<Input> prior{};  ///< a direction for each sample in which adversarials are likely, of any
                              ///< length: a surrogate's gradient (foil::surrogate_directions), or what an
                              ///< attack on a surrogate has changed. Attacks by decisions alone look there
                              ///< for a start. Empty: none, as is a row of zeros or one that is not finite
  GivenBatch<Input> mask{};   ///< one sample for all rows, or one per row: where it is 0, the feature keeps
                              ///< its value. Empty: all may move
  Lattice lattice{};       ///< the values that features which may move can take: {0, 1, 255} for 8-bit images
  Pool<Input> pool{};      ///< a data set that attacks which need a start may take it from; see foil::Pool
  double early_stop = 0;   ///< minimal attacks leave a sample alone once it is this close
  Index batch_size = 128;  ///< samples worked on at a time by each thread, and rows per model call
  Observer observer{};     ///< called after every model call
  OnBadSample on_bad_sample = OnBadSample::report;
  bool none_valid = false;  ///< go on if no sample is valid, as a part of a larger run may be; else an error
  bool trace = false;       ///< record Result::traces

  /// Throws foil::Error naming the first field that makes no sense for `count` samples.
  void validate(const Input& inputs) const {
    const Input &starts = starting_points, &directions = prior, &frozen = mask;
    const Index count = samples(inputs);
    require(sample_ids.empty() || static_cast<Index>(sample_ids.size()) == count,
            "run options: expected one sample id for each of the ", count, " samples, got ",
            sample_ids.size());
    require(static_cast<int>(threads) >= 1, "run options: expected threads >= 1, got ",
            static_cast<int>(threads));
    require(query_budget >= 1, "run options: expected a query budget >= 1, got ", query_budget);
    require(early_stop >= 0, "run options: expected an early stop distance >= 0, got ", early_stop);
    require(batch_size >= 1, "run options: expected a batch size >= 1, got ", batch_size);
    require(starts.size() == 0 || starts.dimensions() == inputs.dimensions(),
            "run options: expected starting points of shape ", shape_text(inputs), ", got ",
            shape_text(starts));
    require(directions.size() == 0 || directions.dimensions() == inputs.dimensions(),
            "run options: expected a prior of shape ", shape_text(inputs), ", got ", shape_text(directions));
    require(frozen.size() == 0 || resized(frozen, count) == inputs.dimensions(),
            "run options: expected a mask of the shape of one sample or of all, ", shape_text(inputs),
            ", got ", shape_text(frozen));
    require(frozen.size() == 0 || samples(frozen) == 1 || samples(frozen) == count,
            "run options: expected a mask for all samples or one for each of the ", count, ", got ",
            samples(frozen));
    for (Index i = 0; i < frozen.size(); ++i)
      require(frozen.data()[i] == frozen.data()[i], "run options: expected a mask of numbers, got NaN");
    require(pool.empty() || resized(pool.inputs(), count) == inputs.dimensions(),
            "run options: expected a pool of the inputs' shape ", shape_text(inputs), ", got ",
            shape_text(pool.inputs()));
  }

  std::int64_t sample_id(Index row) const {
    if (!sample_ids.empty()) return sample_ids[static_cast<std::size_t>(row)];
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(first_sample) +
                                     static_cast<std::uint64_t>(row));
  }
};

}  // namespace foil
