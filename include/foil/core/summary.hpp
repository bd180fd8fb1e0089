// SPDX-License-Identifier: MIT
/// \file
/// What is said of the results on many samples: success rate, robust accuracy, median distance. Every figure
/// that foil reports is counted here.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "foil/core/status.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// part / whole; NaN where there is nothing to share.
inline double share(Index part, Index whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole)
                   : std::numeric_limits<double>::quiet_NaN();
}

/// The samples of one attack, each in exactly one bin, and the figures that follow.
///
/// **Robust accuracy** is the share of samples that are right to begin with, were attacked to the end and
/// withstood. Its denominator holds every sample but the unfinished ones: what could not be attacked as it
/// should (invalid, no start, NaN, unstable) is never robust.
///
/// **Success rate** is the share of the attacked that are fooled. Attacked are the samples that were right to
/// begin with and whose attack had its say; one that ended without a start, in NaN or unconfirmed failed.
///
/// **Median distance** is over the attacked, failures being infinitely far; the mean of the middle two if
/// their number is even.
///
/// Right to begin with: classified correctly, with a finite answer, and not adversarial before the attack.
/// With targets hence a sample is robust if it is classified correctly and not moved to its target.
///
/// Within a radius, only adversarials at most that far away fool the model; a farther one is a failure.
struct Summary {
  // No verdict, because the run ended first; in no denominator.
  Index unfinished = 0;  ///< never reached, or interrupted or failed before it was fooled

  // Reached, but not attacked as it should have been: never robust.
  Index invalid = 0;     ///< the input is not finite or not within the bounds, the model never saw it
  Index non_finite = 0;  ///< not fooled, and the model answered NaN or infinity at least once
  Index no_start = 0;    ///< not fooled, for want of a starting point
  Index unstable = 0;    ///< fooled, but the model did not confirm it when asked again

  Index wrong = 0;   ///< wrong or adversarial before the attack
  Index fooled = 0;  ///< right before it, a verified adversarial after it
  Index robust = 0;  ///< right before and after it

  Index attacked = 0;  ///< fooled, robust, no_start, unstable, and non_finite that were right before
  Index cut_short =
      0;  ///< of the finished: fooled when the run ended, which their attack might have bettered
  double median_distance = std::numeric_limits<double>::quiet_NaN();  ///< NaN if none was attacked

  /// Samples in all bins but `unfinished`.
  Index finished() const { return invalid + non_finite + no_start + unstable + wrong + fooled + robust; }
  Index total() const { return finished() + unfinished; }
  /// Whether every attack ran to its end.
  bool complete() const { return unfinished == 0 && cut_short == 0; }

  double success_rate() const { return share(fooled, attacked); }       ///< NaN if none was attacked
  double robust_accuracy() const { return share(robust, finished()); }  ///< NaN if none is finished
};

/// Puts samples into the bins of a Summary.
class Tally {
 public:
  /// Adversarials farther away than `epsilon` do not count.
  explicit Tally(double epsilon = std::numeric_limits<double>::infinity()) : epsilon_(epsilon) {}

  /// Adds a sample.
  /// \param success   a verified adversarial, or adversarial as it is
  /// \param distance  of the adversarial; read only with success
  /// \param correct   whether the model was right about the clean sample; a NaN is never right
  /// \param finite    whether all of the model's answers were; whatever ended the attack, a sample with other
  ///                  ones has not withstood it
  void add(Status status, bool success, double distance, bool correct = true, bool finite = true) {
    const bool reached = status != Status::not_run && status != Status::failed;
    const bool fooled = reached && success && distance <= epsilon_;
    Summary& s = summary_;
    s.cut_short += fooled && status == Status::interrupted;
    if (!reached || (status == Status::interrupted && !fooled)) {
      ++s.unfinished;
    } else if (status == Status::invalid_input) {
      ++s.invalid;
    } else if (status == Status::non_finite) {
      ++s.non_finite;
      s.attacked += correct;
    } else if (status == Status::already_adversarial || !correct) {
      ++s.wrong;
    } else {
      ++s.attacked;
      ++(fooled                           ? s.fooled
         : status == Status::start_failed ? s.no_start
         : status == Status::unstable     ? s.unstable
         : !finite                        ? s.non_finite
                                          : s.robust);
      if (fooled) distances_.push_back(distance);
    }
  }

  /// Of the samples so far. O(n).
  Summary summary() const {
    Summary out = summary_;
    if (out.attacked == 0) return out;
    std::vector<double> distances = distances_;
    const auto at = [&](std::size_t rank) {
      if (rank >= distances.size()) return std::numeric_limits<double>::infinity();
      const auto place = distances.begin() + static_cast<std::ptrdiff_t>(rank);
      std::nth_element(distances.begin(), place, distances.end());
      return *place;
    };
    const auto count = static_cast<std::size_t>(out.attacked);
    const double low = at((count - 1) / 2), high = at(count / 2);
    out.median_distance = low == high ? high : low + (high - low) / 2;
    return out;
  }

 private:
  double epsilon_;
  Summary summary_{};
  std::vector<double> distances_{};  // of the fooled
};

}  // namespace foil
