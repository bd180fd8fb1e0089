// SPDX-License-Identifier: MIT
/// \file
/// Which category was answered for which, and what follows from it.
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/summary.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/binomial.hpp"

namespace foil {

/// How often which response was given to images of which category. No response, "na", is a row of its own:
/// such trials are not right, and say nothing of which category is taken for which.
class Confusion {
 public:
  explicit Confusion(Index categories) : counts_(Counts::Zero(categories + 1, categories)) {
    require(categories >= 2, "confusion: expected at least two categories, got ", categories);
  }

  /// \param response  -1: none
  void add(int category, int response) { ++counts_(row(response), category); }
  void add(const Confusion& other) {
    require(other.categories() == categories(), "confusion: expected ", categories(), " categories, got ",
            other.categories());
    counts_ += other.counts_;
  }

  Index categories() const { return counts_.cols(); }
  /// Images of the category that were given that response; -1: none.
  Index count(int category, int response) const { return counts_(row(response), category); }
  Index trials() const { return counts_.sum(); }
  Index trials(int category) const { return counts_.col(category).sum(); }
  Index right() const { return counts_.topRows(categories()).diagonal().sum(); }
  Index unanswered() const { return counts_.row(categories()).sum(); }

  /// The share of the trials that are right; NaN of none.
  double accuracy() const { return share(right(), trials()); }
  /// Its exact interval, given that images are independent.
  Interval accuracy_interval(double confidence = 0.95) const {
    return clopper_pearson(right(), trials(), confidence);
  }

  /// The entropy of the responses, whichever images they were given to, in bits: log2 of the number of
  /// categories if all are answered equally often, 0 if always the same is. Trials without response do not
  /// count; NaN if no other is there. Of few trials it is too small by about (categories - 1) / (2 ln 2
  /// trials) bits, so that it should be compared over as many.
  double response_entropy() const {
    const Index answered = trials() - unanswered();
    if (answered == 0) return std::numeric_limits<double>::quiet_NaN();
    double bits = 0;
    for (Index k = 0; k < categories(); ++k)
      if (const double p = share(counts_.row(k).sum(), answered); p > 0) bits -= p * std::log2(p);
    return bits;
  }

  /// Of each category the share of answered trials that are wrong; NaN of none.
  std::vector<double> error_rates() const {
    std::vector<double> out;
    for (Index k = 0; k < categories(); ++k) {
      const Index answered = counts_.col(k).head(categories()).sum();
      out.push_back(share(answered - counts_(k, k), answered));
    }
    return out;
  }

 private:
  using Counts = Eigen::Matrix<Index, Eigen::Dynamic, Eigen::Dynamic>;

  Index row(int response) const { return response < 0 ? categories() : response; }

  Counts counts_;
};

/// How differently the errors of two observers are spread over the categories (Geirhos et al. 2018,
/// arXiv:1808.08750): each one's error rates by category, made to sum to 1, and the squared Euclidean
/// distance of the two, from 0 to 2. How many errors either makes does not matter, which images they are of
/// neither. Categories about which one of them answered nothing are left out; NaN if one of them makes no
/// error. Throws foil::Error for other categories.
inline double error_pattern_distance(const Confusion& first, const Confusion& second) {
  require(first.categories() == second.categories(), "error pattern: expected as many categories, got ",
          first.categories(), " and ", second.categories());
  const std::vector<double> a = first.error_rates(), b = second.error_rates();
  double sum_a = 0, sum_b = 0, distance = 0;
  const auto both = [&](std::size_t k) { return !std::isnan(a[k]) && !std::isnan(b[k]); };
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (!both(k)) continue;
    sum_a += a[k];
    sum_b += b[k];
  }
  if (sum_a == 0 || sum_b == 0) return std::numeric_limits<double>::quiet_NaN();
  for (std::size_t k = 0; k < a.size(); ++k)
    if (both(k)) distance += (a[k] / sum_a - b[k] / sum_b) * (a[k] / sum_a - b[k] / sum_b);
  return distance;
}

}  // namespace foil
