// SPDX-License-Identifier: MIT
#include "common/signals.hpp"

#include <csignal>

namespace programs {

std::atomic<bool> interrupted = false;

namespace {
std::atomic<int> caught = 0;
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);
}  // namespace

void note_signal(int signal) {
  caught = signal;
  interrupted = true;
  if (signal == SIGINT) std::signal(SIGINT, SIG_DFL);
}

void catch_signals(void (*handler)(int)) {
  std::signal(SIGINT, handler);
  std::signal(SIGTERM, handler);
  if (std::signal(SIGHUP, handler) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);  // nohup
}

int exit_interrupted() {
  return caught == 0 ? 1 : 128 + caught;
}

}  // namespace programs
