// SPDX-License-Identifier: MIT
/// \file
/// One sample's account: what has been found and spent.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "foil/core/result.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// What an attack on one sample has found and spent, apart from its own variables. Kept after a run that was
/// ended by its budget, it lets another one continue; see MinimalAttack::run.
class Ledger {
 public:
  struct Found {
    Eigen::VectorXd x;
    double distance;
    double loss;
    int label;
    std::vector<double> parameters{};  ///< what the attack has made it of, if it says so
    std::int64_t number = 0;           ///< of the improvement; set by consider()
  };

  std::int64_t queries = 0, gradient_queries = 0, bad_rows = 0;
  std::int64_t surplus_queries = 0, surplus_gradient_queries = 0;
  std::int64_t zero_gradients = 0, probability_rows = 0, changed_answers = 0;
  int label = -1;                   ///< class given to the point last asked about
  int original_label = -1;          ///< class given to the original
  bool judged = false;              ///< the original has been asked about
  bool ended = false;               ///< by the attack itself: nothing is left to continue
  Status status = Status::not_run;  ///< by the attack's own word, then as the run ended
  std::vector<TracePoint> trace{};
  std::vector<StageCalls> stages{};  ///< of a suite, with what had been spent when each began

  bool found() const { return !best_.empty(); }
  const Found& best() const { return best_.back(); }
  double best_distance() const {
    return found() ? best_.back().distance : std::numeric_limits<double>::infinity();
  }

  /// Enters an adversarial. It is kept if it is the closest so far, or that of highest loss if so wanted; the
  /// one kept before stays as the fallback of the verification.
  void consider(Found candidate, bool highest_loss, bool keep_trace) {
    const auto better = [&] {
      if (!highest_loss) return candidate.distance < best().distance;
      return candidate.loss > best().loss || (std::isnan(best().loss) && !std::isnan(candidate.loss));
    };
    if (found() && !better()) return;
    if (keep_trace) trace.push_back({queries, gradient_queries, candidate.distance, candidate.loss});
    remember(std::move(candidate));
  }
  /// Strikes out the best: the one before it that is remembered takes its place, if there is one.
  void fall_back() { best_.pop_back(); }
  /// Puts a candidate in the place of the best, whatever it is, until fall_back().
  void propose(Found candidate) { best_.push_back(std::move(candidate)); }
  /// Forgets what was found if it is all farther away than that.
  void forget_beyond(double distance) {
    if (best_distance() <= distance) return;
    best_.clear();
    std::erase_if(trace, [&](const TracePoint& point) { return point.distance > distance; });
  }
  /// What each stage has spent.
  std::vector<StageCalls> stage_calls() const {
    std::vector<StageCalls> calls = stages;
    StageCalls end{0, queries, gradient_queries};
    for (std::size_t i = calls.size(); i-- > 0;) {
      const StageCalls begin = calls[i];
      calls[i].queries = end.queries - (i == 0 ? 0 : begin.queries);
      calls[i].gradient_queries = end.gradient_queries - (i == 0 ? 0 : begin.gradient_queries);
      end = begin;
    }
    return calls;
  }
  /// Forgets what was found, since the original turned out to be adversarial.
  void clear() {
    best_.clear();
    trace.clear();
  }

 private:
  /// Remembers the best, the one before it, the first, and of those between a few whose ages are spaced
  /// geometrically: at most 8, and half a megabyte but for the first two.
  void remember(Found candidate) {
    const auto room = static_cast<std::size_t>((Index{1} << 16) / std::max<Index>(candidate.x.size(), 1));
    candidate.number = ++improvements_;
    best_.push_back(std::move(candidate));
    if (best_.size() <= std::clamp<std::size_t>(room, 2, 8)) return;
    const auto age = [&](std::size_t i) { return static_cast<double>(improvements_ - best_[i].number); };
    std::size_t least = 0;
    for (std::size_t i = 1; i + 2 < best_.size(); ++i)
      if (least == 0 || age(i - 1) * age(least + 1) < age(least - 1) * age(i + 1)) least = i;
    best_.erase(best_.begin() + static_cast<std::ptrdiff_t>(least));
  }

  std::vector<Found> best_{};  // the best last
  std::int64_t improvements_ = 0;
};

}  // namespace foil
