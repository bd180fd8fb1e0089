// SPDX-License-Identifier: MIT
/// \file
/// Threads that share the samples of a call, or the steps of one sample.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
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

/// Threads that go through the same steps side by side.
class Team {
 public:
  /// Lets a thread that is ready wait for the others. Waits busily for at most 50 microseconds, since steps
  /// of a network are hardly longer, and sleeps then; where that was in vain, since other programs want the
  /// processors, for half as long the next time.
  void meet() {
    const unsigned now = phase_.load(std::memory_order_relaxed);
    if (waiting_.fetch_add(1, std::memory_order_acq_rel) + 1 == size_) {
      waiting_.store(0, std::memory_order_relaxed);
      phase_.store(now + 1, std::memory_order_release);
      phase_.notify_all();
      return;
    }
    const int patience = patience_.load(std::memory_order_relaxed);
    const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(patience);
    do {
      for (int i = 0; i < 200; ++i) {
        if (phase_.load(std::memory_order_acquire) == now) continue;
        patience_.store(std::min(50'000, 2 * patience), std::memory_order_relaxed);
        return;
      }
    } while (std::chrono::steady_clock::now() < end);
    patience_.store(std::max(1000, patience / 2), std::memory_order_relaxed);
    while (phase_.load(std::memory_order_acquire) == now) phase_.wait(now, std::memory_order_acquire);
  }

  Index size() const { return size_; }
  bool failed() const { return failed_.load(std::memory_order_relaxed); }
  void fail(std::exception_ptr problem) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = problem;
    failed_.store(true, std::memory_order_relaxed);
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
  std::atomic<bool> started_ = false, failed_ = false;
  std::atomic<unsigned> phase_ = 0;
  std::atomic<int> patience_ = 50'000;  ///< nanoseconds
  std::atomic<Index> waiting_ = 0;
  Index size_ = 1;
  std::mutex mutex_;
  std::exception_ptr failure_;
};

/// A thread that evaluates a graph, alone or as one of a team.
class Worker {
 public:
  Worker() = default;
  Worker(Team& team, Index rank) : team_(&team), rank_(rank) {}

  Share share() const { return {rank_, team_ == nullptr ? 1 : team_->size()}; }
  bool alone() const { return team_ == nullptr; }
  bool first() const { return rank_ == 0; }

  /// Does a step's work, and waits until the others have done theirs. After an exception on any thread, all
  /// of a team's threads go through the remaining steps without doing anything.
  template <class F>
  void step(F&& work) const {
    if (team_ == nullptr) {
      work();
      return;
    }
    if (!team_->failed()) try {
        work();
      } catch (...) {
        team_->fail(std::current_exception());
      }
    team_->meet();
  }

 private:
  Team* team_ = nullptr;
  Index rank_ = 0;
};

}  // namespace foil::nn::detail
