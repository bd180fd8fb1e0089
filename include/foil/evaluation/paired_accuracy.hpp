// SPDX-License-Identifier: MIT
/// \file
/// How often a model is right about the same samples twice: as they are, and changed.
#pragma once

#include <limits>

#include "foil/core/error.hpp"
#include "foil/core/given.hpp"
#include "foil/core/summary.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/binomial.hpp"

namespace foil {

/// How many of the same samples a model is right about first, and then again under another condition. All
/// intervals are exact: they hold the true figure with at least the confidence asked for, given that samples
/// are independent.
struct PairedAccuracy {
  Index samples = 0;
  Index both = 0;         ///< right both times
  Index only_first = 0;   ///< right at first, wrong then
  Index only_second = 0;  ///< wrong at first, right then

  Index right_first() const { return both + only_first; }
  Index right_second() const { return both + only_second; }
  /// Shares of the samples; NaN of none.
  double first() const { return share(right_first(), samples); }
  double second() const { return share(right_second(), samples); }
  Interval first_interval(double confidence = 0.95) const {
    return clopper_pearson(right_first(), samples, confidence);
  }
  Interval second_interval(double confidence = 0.95) const {
    return clopper_pearson(right_second(), samples, confidence);
  }

  /// By how much the accuracy falls, from -1 to 1, and foil::paired_difference() of it.
  double drop() const { return share(only_first - only_second, samples); }
  Interval drop_interval(double confidence = 0.95) const {
    return paired_difference(only_first, only_second, samples, confidence);
  }

  /// Which share of the first accuracy is lost: 1 - second / first. 0: nothing, 1: all of it, negative if
  /// more is right than before; NaN if nothing was right at first.
  double lost() const { return share(only_first - only_second, right_first()); }

  /// An interval of lost(). It is how likely a sample that is right at first is wrong then, less the odds of
  /// being right the second time only against being right the first time. Each has its Clopper-Pearson
  /// interval, at half the error, and the ends are those of their difference. From minus infinity on if
  /// nothing was right at first.
  Interval lost_interval(double confidence = 0.95) const {
    detail::check_shares(only_first, right_first(), confidence);
    const double each = (1 + confidence) / 2;
    const Interval turned = clopper_pearson(only_first, right_first(), each),
                   before = clopper_pearson(right_first(), right_first() + only_second, each);
    const auto odds = [](double p) { return p > 0 ? (1 - p) / p : std::numeric_limits<double>::infinity(); };
    return {turned.low - odds(before.low), turned.high - odds(before.high)};
  }
};

/// Counts two lists of decisions about the same samples. Negative decisions are never right. Throws
/// foil::Error unless all three are of one size, at least 1.
inline PairedAccuracy paired_accuracy(const GivenLabels& first, const GivenLabels& second,
                                      const GivenLabels& labels) {
  require(labels.size() > 0 && first.size() == labels.size() && second.size() == labels.size(),
          "paired accuracy: expected two decisions for each label and at least one, got ", first.size(),
          " and ", second.size(), " for ", labels.size());
  PairedAccuracy out;
  out.samples = labels.size();
  for (Index i = 0; i < labels.size(); ++i) {
    const bool before = labels[i] >= 0 && first[i] == labels[i],
               after = labels[i] >= 0 && second[i] == labels[i];
    out.both += before && after;
    out.only_first += before && !after;
    out.only_second += !before && after;
  }
  return out;
}

}  // namespace foil
