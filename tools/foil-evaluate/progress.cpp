// SPDX-License-Identifier: MIT
#include "progress.hpp"

#include <unistd.h>

#include <cstdio>
#include <utility>

namespace evaluate {
namespace {

std::string clock_text(double seconds) {
  char text[32];
  const auto whole = static_cast<long>(seconds);
  if (whole < 3600)
    std::snprintf(text, sizeof text, "%ld:%02ld", whole / 60, whole % 60);
  else
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  return text;
}

}  // namespace

ProgressLine::ProgressLine(std::string label)
    : label_(std::move(label)),
      terminal_(isatty(2) == 1),
      next_(start_ + std::chrono::milliseconds(terminal_ ? 100 : 1000)) {}

void ProgressLine::update(foil::Index done, foil::Index total, std::optional<foil::Index> found,
                          std::int64_t forward, std::int64_t backward) {
  done_ = done;
  total_ = total;
  found_ = found;
  forward_ = forward;
  backward_ = backward;
  const auto now = Clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(terminal_ ? 100 : 10000);
  print();
}

void ProgressLine::finish() {
  print();
  if (std::exchange(open_, false)) std::fputc('\n', stderr);
}

ProgressLine::~ProgressLine() {
  if (open_) std::fputc('\n', stderr);
}

void ProgressLine::print() {
  constexpr foil::Index width = 24;
  const double elapsed = std::chrono::duration<double>(Clock::now() - start_).count();
  const foil::Index filled = total_ > 0 ? width * done_ / total_ : 0;
  std::string line = label_ + "  ";
  if (terminal_)
    line = "\r" + line + "[" + std::string(static_cast<std::size_t>(filled), '#') +
           std::string(static_cast<std::size_t>(width - filled), '.') + "] ";
  line += std::to_string(done_) + "/" + std::to_string(total_) + " done, ";
  if (found_) line += std::to_string(*found_) + " found, ";
  line +=
      std::to_string(forward_) + " + " + std::to_string(backward_) + " model calls, " + clock_text(elapsed);
  if (done_ < total_ && 10 * done_ >= total_)  // too early to tell before
    line += ", about " +
            clock_text(elapsed * static_cast<double>(total_ - done_) / static_cast<double>(done_)) + " left";
  line += terminal_ ? "\033[K" : "\n";
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
  open_ = terminal_;
}

}  // namespace evaluate
