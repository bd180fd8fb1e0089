// SPDX-License-Identifier: MIT
/// \file
/// What foil-evaluate says on stderr while it works, to people or to programs.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/run/run_options.hpp"

namespace evaluate {

/// What is said, and how.
enum class Telling {
  lines,  ///< text; on a terminal, progress is one line kept up to date
  quiet,  ///< text, but only warnings and errors
  json    ///< an object a line, whatever there is to say (docs/results.md)
};

/// A run that was interrupted or failed.
struct Unfinished {
  std::string why;                               ///< ended it
  std::size_t attacks = 0, of = 0;               ///< so many were finished
  bool cut_short = false;                        ///< and one more was begun:
  foil::Index samples = 0, of_samples = 0;       ///< of the last one's samples so many were finished
  std::vector<std::filesystem::path> written{};  ///< where that is
  std::string why_not_written{};                 ///< not all is there; empty: it is
  std::string again{};                           ///< the command that goes on, for a shell; empty: none does
};

/// The one writer to stderr, so that no text gets into a line of progress.
class Teller {
 public:
  explicit Teller(Telling telling);
  Teller(const Teller&) = delete;
  Teller& operator=(const Teller&) = delete;
  ~Teller() { leave_line(); }

  Telling telling() const { return telling_; }
  /// Whether lines of progress are kept up to date, on a terminal that can.
  bool live() const { return live_; }

  /// "foil-evaluate: ...": what is of interest, and what makes figures mean less or ends the run.
  void remark(const std::string& text);
  void warn(const std::string& text);
  void fail(const std::string& text);
  /// What is written of a run that did not come to its end, and how to go on.
  void unfinished(const Unfinished& run);
  /// For programs only.
  void event(const nlohmann::ordered_json& event);
  /// A line of progress. A live one is written over by the next, unless that leaves it.
  void line(const std::string& text);
  /// Ends a live line, which then stays.
  void leave_line();

 private:
  void say(const char* kind, const std::string& text);

  Telling telling_;
  bool live_, open_ = false;  // the last line is live and lacks its end
};

/// What is being done.
struct Work {
  std::string phase;   ///< "images", "clean", "attack", "audit" or "corruptions"
  std::string label;   ///< in a few words
  bool minor = false;  ///< its end is not worth a line by itself
  /// Of an attack: its name, its epsilon if it has one, its place from 1 on, and how many there are.
  std::string attack{};
  std::optional<double> epsilon{};
  std::size_t number = 0, of = 0;
  foil::Progress from{};    ///< what an earlier run had come to,
  foil::Index at_work = 0;  ///< how many are worked on side by side, at most,
  std::int64_t budget = std::numeric_limits<std::int64_t>::max();  ///< and forward passes for each, at most
};

/// How fast something is done of late. The first samples to end are the easy ones, so that the average over
/// all of the time would promise too much.
class Pace {
 public:
  /// So many are done after so many seconds.
  void note(foil::Index done, double seconds);
  /// So many a second, over the latter half of the time; nothing before one is.
  std::optional<double> per_second() const;

 private:
  std::vector<std::pair<double, foil::Index>> past_{};
  double apart_ = 0;  // seconds, at least
};

/// How far it has come.
struct Stand {
  foil::Progress now{};
  double seconds = 0;                        ///< without those of an earlier run
  std::optional<double> calls_per_second{};  ///< forward and backward
  /// Until all are done, at the pace of late. Nothing unless as many are done as are worked on side by side:
  /// nobody knows before whether these end one by one or together.
  std::optional<double> seconds_left{};
  std::optional<double> most_seconds_left{};  ///< at the speed so far, where there is a budget
};
Stand stand(const Work& work, const foil::Progress& now, double seconds, const Pace& pace);

/// The line that says so, in at most `width` characters: what matters least is left out. `bar`: with one.
std::string progress_text(const Work& work, const Stand& at, std::size_t width, bool bar);

/// Tells of one piece of work: on a terminal ten times a second, else after a second and then every ten, to
/// programs at the beginning and every second; and at the end.
class ProgressLine {
 public:
  ProgressLine(Teller& teller, Work work);
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine() { teller_.leave_line(); }

  void update(const foil::Progress& now);
  /// Leaves a last line behind.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  void tell(const char* event);

  Teller& teller_;
  Work work_;
  Clock::time_point start_ = Clock::now(), next_ = start_;
  foil::Progress now_{};
  Pace pace_{};
  bool told_ = false;
};

}  // namespace evaluate
