// SPDX-License-Identifier: MIT
/// \file
/// Threads that share the samples of a call, or the steps of one sample.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn::detail {

/// Calls work(i) for i = 0 .. count - 1 on up to `threads` threads, this one among them; rethrows the first
/// exception.
template <class F>
void parallel_for(Index count, int threads, F&& work) {
  const Index helpers = std::min<Index>(threads, count) - 1;
  if (helpers <= 0) {
    for (Index i = 0; i < count; ++i) work(i);
    return;
  }
  std::atomic<Index> next = 0;
  std::vector<std::exception_ptr> failures(static_cast<std::size_t>(helpers) + 1);
  const auto run = [&](std::exception_ptr& failure) {
    try {
      for (Index i = next++; i < count; i = next++) work(i);
    } catch (...) {
      failure = std::current_exception();
    }
  };
  std::vector<std::thread> pool(static_cast<std::size_t>(helpers));
  try {
    for (std::size_t t = 0; t < pool.size(); ++t)
      pool[t] = std::thread([&run, &failure = failures[t + 1]] { run(failure); });
  } catch (...) {  // no thread left, or no memory for one: those that there are do all of it
  }
  run(failures[0]);
  for (std::thread& helper : pool)
    if (helper.joinable()) helper.join();
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

/// Threads that go through the same steps side by side. A step's work is cut into shares, which whoever comes
/// takes: a thread that gets no processor keeps nobody waiting but for a share that it has begun.
class Team {
 public:
  Index size() const { return size_; }

  /// Takes shares of a step as long as there are any, and returns once all of them are done, by whichever
  /// threads. Every thread goes through the same steps, numbered from 0. After an exception nothing more is
  /// done in any step.
  template <class F>
  void step(std::uint32_t number, Index shares, F&& work) {
    while (true) {
      std::uint64_t state = state_.load(std::memory_order_acquire);
      const auto current = static_cast<std::uint32_t>(state >> 32);
      const auto taken = static_cast<Index>(state & 0xFFFFFFFFu);
      if (current != number && current - number < (1u << 31)) return;  // it is over
      if (current != number || taken == shares) {
        wait(state);
        continue;
      }
      if (!state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel)) continue;
      if (!failed_.load(std::memory_order_relaxed)) try {
          work(taken);
        } catch (...) {
          fail(std::current_exception());
        }
      if (done_.fetch_add(1, std::memory_order_acq_rel) + 1 < shares) continue;
      done_.store(0, std::memory_order_relaxed);
      state_.store((std::uint64_t{number} + 1) << 32, std::memory_order_release);
      state_.notify_all();
      return;
    }
  }

  /// Calls work(rank) on up to `threads` threads, this one being rank 0; rethrows the first exception.
  template <class F>
  void run(int threads, F&& work) {
    std::vector<std::thread> helpers;
    helpers.reserve(static_cast<std::size_t>(threads));
    try {
      while (static_cast<int>(helpers.size()) + 1 < threads)
        helpers.emplace_back([this, &work, rank = static_cast<Index>(helpers.size()) + 1] {
          started_.wait(false, std::memory_order_acquire);
          work(rank);
        });
    } catch (...) {  // no thread left, or no memory for one: those that there are do all of it
    }
    size_ = static_cast<Index>(helpers.size()) + 1;
    started_.store(true, std::memory_order_release);
    started_.notify_all();
    work(Index(0));
    for (std::thread& helper : helpers) helper.join();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void fail(std::exception_ptr problem) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = problem;
    failed_.store(true, std::memory_order_relaxed);
  }

  /// Until another thread has changed the state. Waits busily for at most 50 microseconds, since steps of a
  /// network are hardly longer, and sleeps then; where that was in vain, since other programs want the
  /// processors, for half as long the next time.
  void wait(std::uint64_t state) {
    const int patience = patience_.load(std::memory_order_relaxed);
    const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(patience);
    do {
      for (int i = 0; i < 200; ++i) {
        if (state_.load(std::memory_order_acquire) == state) continue;
        patience_.store(std::min(50'000, 2 * patience), std::memory_order_relaxed);
        return;
      }
    } while (std::chrono::steady_clock::now() < end);
    patience_.store(std::max(1000, patience / 2), std::memory_order_relaxed);
    state_.wait(state, std::memory_order_acquire);
  }

  std::atomic<bool> started_ = false, failed_ = false;
  std::atomic<std::uint64_t> state_ = 0;  ///< the number of the step, and how many of its shares are taken
  std::atomic<Index> done_ = 0;           ///< shares of that step
  std::atomic<int> patience_ = 50'000;    ///< nanoseconds
  Index size_ = 1;
  std::mutex mutex_;
  std::exception_ptr failure_;
};

/// A thread that evaluates a graph, alone or as one of a team.
class Worker {
 public:
  Worker() = default;
  Worker(Team& team, Index rank) : team_(&team), rank_(rank) {}

  Index rank() const { return rank_; }
  Index threads() const { return team_ == nullptr ? 1 : team_->size(); }
  bool alone() const { return team_ == nullptr; }
  bool first() const { return rank_ == 0; }

  /// Goes through a step: work(share) for each of its shares, of which there is one unless it is `shared`,
  /// here or on another thread.
  template <class F>
  void step(bool shared, F&& work) {
    const Index shares = shared ? threads() : 1;
    if (team_ == nullptr)
      work(Share{});
    else
      team_->step(next_++, shares, [&](Index i) { work(Share{i, shares}); });
  }

 private:
  Team* team_ = nullptr;
  Index rank_ = 0;
  std::uint32_t next_ = 0;  ///< number of the next step
};

}  // namespace foil::nn::detail
