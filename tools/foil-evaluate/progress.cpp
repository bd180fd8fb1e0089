// SPDX-License-Identifier: MIT
#include "progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/parse.hpp"

namespace evaluate {
namespace {

using foil::Index;
using foil::Progress;
using Json = nlohmann::ordered_json;

std::string clock_text(double seconds) {
  char text[32];
  const auto whole = static_cast<long>(std::min(seconds, 1e9));
  if (whole < 3600)
    std::snprintf(text, sizeof text, "%ld:%02ld", whole / 60, whole % 60);
  else
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  return text;
}

std::string rate_text(double per_second) {
  char text[32];
  std::snprintf(text, sizeof text, per_second < 10 ? "%.1f/s" : "%.0f/s", per_second);
  return text;
}

/// The least of what the terminal and the environment say, so that no line is broken; else 80.
std::size_t terminal_width() {
  std::size_t width = 0;
  struct ::winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0) width = size.ws_col;
  const char* const columns = std::getenv("COLUMNS");
  const auto said = foil::parse_whole<std::size_t>(columns == nullptr ? "" : columns).value_or(0);
  if (said > 0) width = width > 0 ? std::min(width, said) : said;
  return width > 0 ? width : 80;
}

/// A terminal that can go back to the beginning of a line and clear it.
bool can_rewrite() {
  const char* const terminal = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && terminal != nullptr && *terminal != '\0' &&
         std::string_view(terminal) != "dumb";
}

/// A number, or null where there is none.
Json number(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json();
}

}  // namespace

Teller::Teller(Telling telling) : telling_(telling), live_(telling == Telling::lines && can_rewrite()) {}

void Teller::say(const char* kind, const std::string& text) {
  leave_line();
  if (telling_ == Telling::json)
    event({{"event", kind}, {"text", text}});
  else
    std::fprintf(stderr, "foil-evaluate: %s\n", text.c_str());
}

void Teller::remark(const std::string& text) {
  if (telling_ != Telling::quiet) say("remark", text);
}

void Teller::warn(const std::string& text) {
  say("warning", text);
}

void Teller::fail(const std::string& text) {
  say("error", text);
}

void Teller::unfinished(const Unfinished& run) {
  Json written = Json::array();
  if (run.why_not_written.empty())
    for (const auto& path : run.written) written.push_back(path.string());
  event({{"event", run.why},
         {"attacks_finished", run.attacks},
         {"attacks", run.of},
         {"samples_finished", run.samples},
         {"samples", run.of_samples},
         {"written", written},
         {"resume", run.again.empty() ? Json() : Json(run.again)}});
  if (telling_ == Telling::json) return;
  std::string text = run.why;
  if (run.written.empty()) {
    text += " before there was anything to write";
  } else if (!run.why_not_written.empty()) {
    text += "; what was finished could not be written, the files are as they were at the last checkpoint: " +
            run.why_not_written;
  } else {
    text += foil::text("; written is what was finished: ", run.attacks, " of ", run.of, " attacks");
    if (run.cut_short)
      text += foil::text(", and ", run.samples, " of ", run.of_samples, " samples of another, cut short");
    text += "\n  in ";
    for (const auto& path : run.written) text += (path == run.written[0] ? "" : ", ") + path.string();
  }
  text += run.again.empty() ? "\nno block of samples was finished, so that the same command begins anew"
                            : "\nthe same command with --resume goes on:\n  " + run.again;
  warn(text);
}

void Teller::event(const Json& event) {
  if (telling_ != Telling::json) return;
  const std::string line = event.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
  std::fputs(line.c_str(), stderr);
}

void Teller::line(const std::string& text) {
  if (telling_ != Telling::lines) return;
  const std::string line = live_ ? '\r' + text + "\033[K" : text + '\n';
  std::fputs(line.c_str(), stderr);
  open_ = live_;
}

void Teller::leave_line() {
  if (std::exchange(open_, false)) std::fputc('\n', stderr);
}

void Pace::note(Index done, double seconds) {
  constexpr std::size_t most = 128;
  if (past_.empty()) past_.emplace_back(0, 0);
  if (past_.size() > 1 && past_.back().first < past_[past_.size() - 2].first + apart_)
    past_.back() = {seconds, done};  // the last may be nearer than the others are
  else
    past_.emplace_back(seconds, done);
  if (past_.size() < most) return;
  apart_ = 2 * seconds / most;
  std::vector<std::pair<double, Index>> fewer;
  for (const auto& moment : past_)
    if (fewer.empty() || moment.first >= fewer.back().first + apart_) fewer.push_back(moment);
  fewer.push_back(past_.back());
  past_ = std::move(fewer);
}

std::optional<double> Pace::per_second() const {
  if (past_.empty() || past_.back().second == 0) return std::nullopt;
  const auto [seconds, done] = past_.back();
  auto from = past_.front();
  for (const auto& moment : past_)  // the latest by half of the time after which something was done still
    if (moment.first <= seconds / 2 && moment.second < done) from = moment;
  return static_cast<double>(done - from.second) / (seconds - from.first);
}

Stand stand(const Work& work, const Progress& now, double seconds, const Pace& pace) {
  Stand at{.now = now, .seconds = seconds};
  const auto spent = static_cast<double>(now.queries - work.from.queries);
  const double calls = spent + static_cast<double>(now.gradient_queries - work.from.gradient_queries);
  if (calls > 0 && seconds > 0) at.calls_per_second = calls / seconds;
  const Index done = now.finished - work.from.finished, open = now.total - now.finished;
  const auto per_second = pace.per_second();
  if (open <= 0)
    at.seconds_left = 0;
  else if (per_second && done >= work.at_work)
    at.seconds_left = static_cast<double>(open) / *per_second;
  if (work.budget == std::numeric_limits<std::int64_t>::max() || spent <= 0) return at;
  const auto budget = static_cast<double>(work.budget);
  const double most = std::min(static_cast<double>(open) * budget,
                               static_cast<double>(now.total - work.from.finished) * budget - spent);
  at.most_seconds_left = seconds * std::max(most, 0.0) / spent;
  return at;
}

std::string progress_text(const Work& work, const Stand& at, std::size_t width, bool bar) {
  const Progress& now = at.now;
  struct Part {
    int matters;  // the least goes first
    std::string text;
  };
  const Index percent = now.total > 0 ? 100 * now.finished / now.total : 100;
  const bool calls = now.queries + now.gradient_queries > 0;
  std::vector<Part> parts;
  if (bar) {
    constexpr Index length = 20;
    const auto filled = static_cast<std::size_t>(length * percent / 100);
    parts.push_back({0, "  [" + std::string(filled, '#') + std::string(length - filled, '.') + "]"});
  }
  parts.push_back({7, foil::text("  ", now.finished, '/', now.total, " done")});
  parts.push_back({9, foil::text(" (", percent, " %)")});
  if (work.phase == "attack") parts.push_back({6, foil::text(", ", now.found, " found")});
  if (calls) parts.push_back({3, foil::text(", ", now.queries, " + ", now.gradient_queries, " model calls")});
  if (at.calls_per_second) parts.push_back({4, " at " + rate_text(*at.calls_per_second)});
  parts.push_back({2, ", " + clock_text(at.seconds)});
  if (at.seconds_left && now.finished < now.total)
    parts.push_back({5, ", about " + clock_text(*at.seconds_left) + " left"});
  else if (at.most_seconds_left && now.finished < now.total)
    parts.push_back({5, ", at most about " + clock_text(*at.most_seconds_left) + " left"});
  if (work.number < work.of)
    parts.push_back({1, foil::text(", ", work.of - work.number,
                                   work.of - work.number == 1 ? " more attack" : " more attacks")});

  std::string label = work.label;
  const auto size = [&] {
    std::size_t sum = label.size();
    for (const Part& part : parts) sum += part.text.size();
    return sum;
  };
  const auto least = [](const Part& a, const Part& b) { return a.matters < b.matters; };
  while (size() > width && parts.size() > 1) parts.erase(std::min_element(parts.begin(), parts.end(), least));
  if (size() > width) label.resize(label.size() - std::min(label.size(), size() - width));
  for (const Part& part : parts) label += part.text;
  label.resize(std::min(label.size(), width));
  return label;
}

ProgressLine::ProgressLine(Teller& teller, Work work) : teller_(teller), work_(std::move(work)) {
  if (teller_.telling() == Telling::lines) next_ += std::chrono::milliseconds(teller_.live() ? 100 : 1000);
}

void ProgressLine::update(const Progress& now) {
  now_ = now;
  const auto time = Clock::now();
  pace_.note(now.finished - work_.from.finished, std::chrono::duration<double>(time - start_).count());
  if (time < next_) return;
  next_ = time + std::chrono::milliseconds(teller_.telling() == Telling::json ? 1000
                                           : teller_.live()                   ? 100
                                                                              : 10000);
  tell("progress");
}

void ProgressLine::finish() {
  if (work_.minor && !told_ && teller_.telling() == Telling::lines) return;
  tell(now_.finished < now_.total ? "stopped" : "finished");
  teller_.leave_line();
}

void ProgressLine::tell(const char* event) {
  told_ = true;
  const Stand at = stand(work_, now_, std::chrono::duration<double>(Clock::now() - start_).count(), pace_);
  if (teller_.telling() == Telling::lines) {
    const bool live = teller_.live();
    const std::size_t width =
        live ? terminal_width() - 1 : std::string::npos;  // the last column may break it
    teller_.line(progress_text(work_, at, width, live));
  }
  if (teller_.telling() != Telling::json) return;
  const bool attack = work_.phase == "attack";
  const auto only = [&](bool there, const auto& value) { return there ? Json(value) : Json(); };
  teller_.event({{"event", event},
                 {"phase", work_.phase},
                 {"attack", only(attack, work_.attack)},
                 {"epsilon", number(work_.epsilon)},
                 {"number", only(attack, work_.number)},
                 {"attacks", only(attack, work_.of)},
                 {"done", now_.finished},
                 {"total", now_.total},
                 {"found", only(attack, now_.found)},
                 {"forward", now_.queries},
                 {"backward", now_.gradient_queries},
                 {"calls_per_second", number(at.calls_per_second)},
                 {"seconds", at.seconds},
                 {"seconds_left", number(at.seconds_left)},
                 {"most_seconds_left", number(at.most_seconds_left)}});
}

}  // namespace evaluate
