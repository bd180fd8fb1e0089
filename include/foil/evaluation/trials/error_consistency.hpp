// SPDX-License-Identifier: MIT
/// \file
/// Whether observers are wrong about the same images, beyond what their accuracies alone make of it.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/given.hpp"
#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/binomial.hpp"
#include "foil/evaluation/paired_accuracy.hpp"

namespace foil {

namespace detail {

/// Cohen's kappa of how often two are right together and alone, of `all`. NaN of none.
inline double kappa(double both, double only_first, double only_second, double all) {
  if (all <= 0) return std::numeric_limits<double>::quiet_NaN();
  const double differ = only_first + only_second;
  if (differ == 0) return 1;
  const double p = (both + only_first) / all, q = (both + only_second) / all;
  const double expected = p * q + (1 - p) * (1 - q);
  return ((all - differ) / all - expected) / (1 - expected);
}

/// The quantile of numbers in ascending order, linear between two of them.
inline double sorted_quantile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(place), high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (place - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

}  // namespace detail

/// How two observers' answers about the same images agree in being right or wrong (Geirhos, Meding, Wichmann
/// 2020, arXiv:2006.16736).
struct ErrorConsistency : PairedAccuracy {
  /// The share of images about which both are right or both wrong.
  double observed() const { return share(samples - only_first - only_second, samples); }
  /// The share that would be if whether one is right told nothing of the other.
  double expected() const { return first() * second() + (1 - first()) * (1 - second()); }
  /// Cohen's kappa, (observed - expected) / (1 - expected): 1 if both are right about the same images, 0 as
  /// by chance, negative if they are wrong about different ones. 1 where all is observed to agree, as then
  /// nothing may be left to divide by. NaN of no image.
  double kappa() const {
    return detail::kappa(static_cast<double>(both), static_cast<double>(only_first),
                         static_cast<double>(only_second), static_cast<double>(samples));
  }
};

/// Counts two lists of decisions about the same images, see paired_accuracy().
inline ErrorConsistency error_consistency(const GivenLabels& first, const GivenLabels& second,
                                          const GivenLabels& labels) {
  return {paired_accuracy(first, second, labels)};
}

/// Who is right about what: observers x images, 1 for right, 0 for wrong, -1 for never shown.
using Correctness = Eigen::Matrix<signed char, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// How a mean kappa is made, and its interval, which has no closed form: again and again as many images are
/// drawn, with replacement, as there are.
struct ConsistencyOptions {
  int draws = 1000;
  std::uint64_t seed = 0;
  double confidence = 0.95;
  /// Pairs of fewer images in common are left out. Of a handful, kappa says nothing: it is 1 as soon as two
  /// agree about all, which they often do by chance.
  Index least_images = 30;
};

/// The mean kappa of some pairs of observers.
struct MeanConsistency {
  double kappa = std::numeric_limits<double>::quiet_NaN();  ///< NaN if no pair counts
  Interval interval{-1, 1};  ///< for images drawn like these, observers as they are
  Index pairs = 0;           ///< that count
  Index images = 0;          ///< in common of the pair that has fewest
  /// How many of these somebody is wrong about, or right, whichever is rarer; of the observer and the pair
  /// that have fewest. All that kappa is about is these: of a handful it says little, however many images
  /// there are.
  Index rare = 0;
};

/// The mean kappa of pairs of rows, each over the images that both saw, and its interval: the percentiles of
/// the same mean over images drawn anew, all pairs' at once. It is approximate, as bootstrap intervals are,
/// and too short for few images; deterministic for a seed. O(draws x pairs x images). Throws foil::Error for
/// rows that there are not, and draws, images or a confidence that make no sense.
inline MeanConsistency mean_error_consistency(const Correctness& right,
                                              const std::vector<std::pair<Index, Index>>& pairs,
                                              const ConsistencyOptions& options = {}) {
  require(options.draws >= 1 && options.confidence > 0 && options.confidence < 1 && options.least_images >= 1,
          "error consistency: expected a draw and an image or more, and a confidence between 0 and 1, got ",
          options.draws, ", ", options.least_images, " and ", options.confidence);
  /// An image that both saw, and who is right about it: 2 for the first, 1 for the second.
  struct Common {
    Index image;
    std::size_t who;
  };
  std::vector<std::vector<Common>> common;
  MeanConsistency out;
  for (const auto& [a, b] : pairs) {
    require(a >= 0 && b >= 0 && a < right.rows() && b < right.rows(),
            "error consistency: expected rows below ", right.rows(), ", got ", a, " and ", b);
    std::vector<Common> images;
    for (Index i = 0; i < right.cols(); ++i)
      if (right(a, i) >= 0 && right(b, i) >= 0)
        images.push_back({i, static_cast<std::size_t>(2 * right(a, i) + right(b, i))});
    const auto count = static_cast<Index>(images.size());
    if (count < options.least_images) continue;
    Index first = 0, second = 0;  // are right
    for (const Common& one : images) {
      first += one.who >= 2;
      second += one.who % 2 == 1;
    }
    const Index rare = std::min({first, count - first, second, count - second});
    out.images = common.empty() ? count : std::min(out.images, count);
    out.rare = common.empty() ? rare : std::min(out.rare, rare);
    common.push_back(std::move(images));
  }
  out.pairs = static_cast<Index>(common.size());
  if (common.empty()) return out;

  const auto mean_kappa = [&](const std::vector<double>& weights) {
    double sum = 0, known = 0;
    for (const auto& images : common) {
      double by_who[4] = {0, 0, 0, 0};
      for (const Common& one : images) by_who[one.who] += weights[static_cast<std::size_t>(one.image)];
      const double all = by_who[0] + by_who[1] + by_who[2] + by_who[3];
      if (all == 0) continue;
      sum += detail::kappa(by_who[3], by_who[2], by_who[1], all);
      ++known;
    }
    return sum / known;
  };
  const auto images = static_cast<std::size_t>(right.cols());
  out.kappa = mean_kappa(std::vector<double>(images, 1.0));
  std::vector<double> drawn;
  const std::uint64_t key = random_key(options.seed, "error-consistency");
  for (int d = 0; d < options.draws; ++d) {
    RandomDraw random(key, static_cast<std::uint64_t>(d), Purpose::permutation, 0);
    std::vector<double> weights(images, 0.0);
    for (std::size_t i = 0; i < images; ++i) weights[random.integer(images)] += 1;
    if (const double kappa = mean_kappa(weights); !std::isnan(kappa)) drawn.push_back(kappa);
  }
  if (drawn.empty()) return out;
  std::sort(drawn.begin(), drawn.end());
  const double tail = (1 - options.confidence) / 2;
  out.interval = {detail::sorted_quantile(drawn, tail), detail::sorted_quantile(drawn, 1 - tail)};
  return out;
}

}  // namespace foil
