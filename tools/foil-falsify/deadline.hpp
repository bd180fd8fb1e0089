// SPDX-License-Identifier: MIT
/// \file
/// A program's answer when its time is up, whatever it is at.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

/// Ends the program from another thread when the time is up, unless it has begun to answer: a long call of
/// a network cannot be cut short, nor the reading of a large file.
class Deadline {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// \param answer  what is said then; its result is the exit status
  Deadline(Time when, std::function<int()> answer)
      : thread_([this, when, answer = std::move(answer)] { wait(when, answer); }) {}
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline() {
    keep();
    thread_.join();
  }

  /// From here on the program answers itself. Does not return where the time was up.
  void keep() {
    const std::lock_guard lock(mutex_);
    kept_ = true;
    changed_.notify_all();
  }

 private:
  void wait(Time when, const std::function<int()>& answer) {
    std::unique_lock lock(mutex_);
    if (changed_.wait_until(lock, when, [&] { return kept_; })) return;
    std::_Exit(answer());
  }

  std::mutex mutex_{};
  std::condition_variable changed_{};
  bool kept_ = false;
  std::thread thread_;
};
