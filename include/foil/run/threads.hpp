// SPDX-License-Identifier: MIT
/// \file
/// Runs an attack on a batch: checks what was given, shares the samples out among threads, reports progress.
#pragma once

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstddef>
#include <exception>
#include <iterator>
#include <limits>
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

/// A thread's part in a run.
template <Batch Input, class Options>
struct Lane {
  std::unique_ptr<ModelPort<Input>> port{};
  std::optional<Scheduler<Input, Options>> scheduler{};
  std::exception_ptr failure{};
};

/// Evens out what the lanes have to do, once one of them is about to run out of rows to begin with: else the
/// last ones to end would keep the others waiting. Who gets what, and so which samples share a model call,
/// follows from what all have come to in so many rounds, never from how long these took. Changes nothing if
/// it throws.
template <class Lanes>
void share_out(Lanes& lanes, Index batch_size) {
  const auto count = std::ssize(lanes);
  Index active = 0, fresh = 0, least = std::numeric_limits<Index>::max();
  for (const auto& lane : lanes) {
    const Workload& work = lane.scheduler->work();
    active += std::ssize(work.active);
    fresh += std::ssize(work.fresh);
    least = std::min<Index>(least, std::ssize(work.fresh));
  }
  if (least >= batch_size) return;
  Workload all;
  all.active.reserve(static_cast<std::size_t>(active));
  all.fresh.reserve(static_cast<std::size_t>(fresh));
  std::vector<Workload> shares(lanes.size());
  for (Workload& share : shares) {
    share.active.reserve(static_cast<std::size_t>(active / count + 1));
    share.fresh.reserve(static_cast<std::size_t>(fresh / count + 1));
  }
  const auto move_last = [](auto& from, auto& to, Index number) {
    to.insert(to.end(), std::make_move_iterator(from.end() - number), std::make_move_iterator(from.end()));
    from.resize(from.size() - static_cast<std::size_t>(number));
  };
  for (auto lane = lanes.rbegin(); lane != lanes.rend(); ++lane) {
    Workload work = lane->scheduler->hand_over();
    move_last(work.active, all.active, std::ssize(work.active));
    move_last(work.fresh, all.fresh, std::ssize(work.fresh));
  }
  for (Index i = 0; i < count; ++i) {
    Workload& share = shares[static_cast<std::size_t>(i)];
    move_last(all.active, share.active, active * (i + 1) / count - active * i / count);
    move_last(all.fresh, share.fresh, fresh * (i + 1) / count - fresh * i / count);
    lanes[static_cast<std::size_t>(i)].scheduler->take_over(std::move(share));
  }
}

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
  constexpr Index to_the_end = std::numeric_limits<Index>::max();
  detail::ProgressSum progress(options.observer, count);
  std::vector<detail::Lane<Input, Options>> lanes(static_cast<std::size_t>(threads));
  std::atomic<bool> failed = false;

  // Threads meet after so many rounds of model calls, which are long beside a meeting, and share out what is
  // left.
  Index rounds = threads > 1 ? 8 : to_the_end;
  bool done = false;
  const auto go_on = [&](Index number) {
    auto& lane = lanes[static_cast<std::size_t>(number)];
    if (lane.failure) return;
    try {
      if (!lane.scheduler) {
        lane.port = model.another();
        lane.scheduler.emplace(*lane.port, inputs, judge, traits, options, launch, result);
        Workload work;
        for (Index row = count * (number + 1) / threads; row-- > count * number / threads;)
          work.fresh.push_back(row);
        lane.scheduler->take_over(std::move(work));
      }
      lane.scheduler->run(rounds, [&](const Progress& change) {
        const Control control = progress.add(change);
        return failed ? Control::stop : control;
      });
    } catch (...) {
      lane.failure = std::current_exception();
      failed = true;
      try {
        if (lane.scheduler) lane.scheduler->salvage();
      } catch (...) {  // no memory for that: the samples stay as they are, not run
      }
    }
  };
  const auto meet = [&]() noexcept {
    done = std::none_of(lanes.begin(), lanes.end(),
                        [](auto& lane) { return !lane.failure && lane.scheduler->busy(); });
    if (failed) rounds = to_the_end;
    if (done || failed) return;
    try {
      detail::share_out(lanes, options.batch_size);
    } catch (...) {  // no memory for that: each goes on with what it has
    }
  };
  std::barrier meeting(static_cast<std::ptrdiff_t>(threads), meet);
  const auto work = [&](Index lane) {
    while (!done) {
      go_on(lane);
      meeting.arrive_and_wait();
    }
  };
  std::vector<std::thread> workers(static_cast<std::size_t>(threads - 1));
  Index own = threads;  // lanes from here on are this thread's, and so is the first
  for (Index lane = 1; lane < own; ++lane) {
    try {
      workers[static_cast<std::size_t>(lane - 1)] = std::thread(work, lane);
    } catch (...) {
      own = lane;  // the machine has no thread left, or no memory for one: the result is the same
    }
  }
  for (Index lane = own; lane < threads; ++lane) meeting.arrive_and_drop();
  while (!done) {
    go_on(0);
    for (Index lane = own; lane < threads; ++lane) go_on(lane);
    meeting.arrive_and_wait();
  }
  for (auto& worker : workers)
    if (worker.joinable()) worker.join();
  for (const auto& lane : lanes)
    if (lane.scheduler) result.classes = std::max(result.classes, lane.scheduler->classes());

  for (const auto& lane : lanes) {
    if (!lane.failure) continue;
    try {
      std::rethrow_exception(lane.failure);
    } catch (const std::exception& error) {
      std::throw_with_nested(RunFailure<Input>(text(traits.name, ": ", error.what()), std::move(result)));
    } catch (...) {
      std::throw_with_nested(RunFailure<Input>(text(traits.name, ": the model threw"), std::move(result)));
    }
  }
  return result;
}

}  // namespace foil
