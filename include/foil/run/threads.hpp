// SPDX-License-Identifier: MIT
/// \file
/// Runs an attack on a batch: checks what was given, splits the samples among threads, reports progress.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "foil/core/result.hpp"
#include "foil/run/admission.hpp"
#include "foil/run/judge.hpp"
#include "foil/run/model_port.hpp"
#include "foil/run/run_options.hpp"
#include "foil/run/scheduler.hpp"

namespace foil {

namespace detail {

/// Adds up the progress of all threads and passes it on, one thread at a time.
class ProgressSum {
 public:
  ProgressSum(const Observer& observer, Index total) : observer_(observer) { sum_.total = total; }

  Control add(const Progress& change) {
    if (!observer_) return Control::proceed;
    const std::lock_guard lock(mutex_);
    sum_.finished += change.finished;
    sum_.found += change.found;
    sum_.queries += change.queries;
    sum_.gradient_queries += change.gradient_queries;
    if (!stopped_) stopped_ = observer_(sum_) == Control::stop;
    return stopped_ ? Control::stop : Control::proceed;
  }

 private:
  const Observer& observer_;
  std::mutex mutex_;
  Progress sum_{};
  bool stopped_ = false;
};

}  // namespace detail

/// Runs one task per sample. The foundation of every attack's call operator; see run/attack.hpp.
/// \throws Error for inputs, criteria or options that make no sense, before the model is called.
/// \throws RunFailure if the model or the attack throws, with everything found until then.
template <Batch Input, class Options>
Result<Input> run(ModelPort<Input>& model, const Input& inputs, const Judge& judge,
                  const AttackTraits& traits, const Options& options, const Launch& launch) {
  options.validate(inputs);
  judge.check(samples(inputs), 0);
  Admission<Input, Options>(inputs, model.bounds(), judge, options, traits.norm).check();
  options.pool.check(judge, samples(inputs));

  Result<Input> result(inputs);
  const Index count = samples(inputs);
  const Index threads = std::min<Index>(static_cast<int>(options.threads), count);
  detail::ProgressSum progress(options.observer, count);
  std::vector<std::exception_ptr> failures(static_cast<std::size_t>(threads));
  std::atomic<bool> failed = false;

  std::vector<Index> classes(static_cast<std::size_t>(threads), 0);
  const auto work = [&](Index shard) {
    std::unique_ptr<ModelPort<Input>> port;
    std::optional<Scheduler<Input, Options>> scheduler;
    try {
      port = model.another();
      scheduler.emplace(*port, inputs, judge, traits, options, launch, result);
      scheduler->run(count * shard / threads, count * (shard + 1) / threads, [&](const Progress& change) {
        const Control control = progress.add(change);
        return failed ? Control::stop : control;
      });
    } catch (...) {
      failures[static_cast<std::size_t>(shard)] = std::current_exception();
      failed = true;
      try {
        if (scheduler) scheduler->salvage();
      } catch (...) {  // no memory for that: the samples stay as they are, not run
      }
    }
    if (scheduler) classes[static_cast<std::size_t>(shard)] = scheduler->classes();
  };
  std::vector<std::thread> workers(static_cast<std::size_t>(threads - 1));
  Index own = threads;  // shards from here on are this thread's, and so is the first
  for (Index shard = 1; shard < own; ++shard) {
    try {
      workers[static_cast<std::size_t>(shard - 1)] = std::thread(work, shard);
    } catch (...) {
      own = shard;  // the machine has no thread left, or no memory for one: the result is the same
    }
  }
  work(0);
  for (Index shard = own; shard < threads; ++shard) work(shard);
  for (auto& worker : workers)
    if (worker.joinable()) worker.join();
  result.classes = *std::max_element(classes.begin(), classes.end());

  for (const auto& failure : failures) {
    if (!failure) continue;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      std::throw_with_nested(RunFailure<Input>(text(traits.name, ": ", error.what()), std::move(result)));
    } catch (...) {
      std::throw_with_nested(RunFailure<Input>(text(traits.name, ": the model threw"), std::move(result)));
    }
  }
  return result;
}

}  // namespace foil
