// SPDX-License-Identifier: MIT
/// \file
/// Signals that ask a program to come to an end, which it does where it looks.
#pragma once

#include <atomic>

namespace programs {

/// Whether one of the signals of catch_signals() has come.
extern std::atomic<bool> interrupted;

/// Notes a signal. The second Ctrl-C is the default one and kills; a second of the others is not meant so, as
/// shells and `timeout` send theirs twice. May be called by a handler.
void note_signal(int signal);

/// Has SIGINT, SIGTERM and, but under nohup, SIGHUP handled.
/// \param handler  calls note_signal()
void catch_signals(void (*handler)(int) = note_signal);

/// 128 and the last signal, as shells tell of those that end a program; 1 if none has come. May be called by
/// a handler.
int exit_interrupted();

}  // namespace programs
