// SPDX-License-Identifier: MIT
/// \file
/// What decisions tell about the plane that divides them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"

namespace foil::query {

/// A normal distribution over the planes { z : w . z = 1 } that may divide points z from the origin. Every
/// point that is known to lie beyond or not makes it narrower: assumed density filtering with a probit
/// likelihood, whose `noise` stands for what is not a plane in a boundary. O(n^2) per point and in memory,
/// the latter in single precision.
class Belief {
 public:
  /// n numbers of mean 0 and the covariance prior(i, j).
  template <class Prior>
  Belief(Index n, double noise, Prior prior) : noise_(noise), mean_(Eigen::VectorXd::Zero(n)) {
    covariance_.reserve(static_cast<std::size_t>(n * n));
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j) covariance_.push_back(static_cast<float>(prior(i, j)));
  }

  Index size() const { return mean_.size(); }
  /// The likeliest w.
  const Eigen::VectorXd& mean() const { return mean_; }
  /// Root mean square of the standard deviations of w's entries.
  double deviation() const {
    const double trace = sum(size(), [&](Index i) { return static_cast<double>(row(i)[i]); });
    return std::sqrt(std::max(0.0, trace) * scale_ / static_cast<double>(size()));
  }
  /// The covariance times a vector.
  Eigen::VectorXd spread(const Eigen::VectorXd& z) const {
    std::vector<float> out(static_cast<std::size_t>(size()));
    for (Index i = 0; i < size(); ++i) {
      const auto factor = static_cast<float>(z[i]);
      const float* const entries = row(i);
      for (std::size_t j = 0; j < out.size(); ++j) out[j] += factor * entries[j];
    }
    Eigen::VectorXd product(size());
    for (Index i = 0; i < size(); ++i)
      product[i] = scale_ * static_cast<double>(out[static_cast<std::size_t>(i)]);
    return product;
  }

  /// z lies on the plane, up to `width`.
  void learn_crossing(const Eigen::VectorXd& z, double width) {
    const Eigen::VectorXd across = spread(z);
    const double variance = std::max(0.0, dot(z, across)) + width * width;
    mean_ += (1 - dot(z, mean_)) / variance * across;
    narrow(across, 1 / variance);
  }
  /// z lies beyond the plane, or not.
  void learn(const Eigen::VectorXd& z, bool beyond) {
    const Eigen::VectorXd across = spread(z);
    const double deviation = std::sqrt(std::max(0.0, dot(z, across)) + noise_ * noise_);
    const double side = beyond ? 1 : -1, lead = side * (dot(z, mean_) - 1) / deviation;
    const double hazard = inverse_mills(lead);
    mean_ += side * hazard / deviation * across;
    narrow(across, hazard * (hazard + lead) / (deviation * deviation));
  }
  /// The plane may have turned: all deviations grow by a factor.
  void widen(double factor) { scale_ *= factor * factor; }

 private:
  /// Density over distribution function of the standard normal distribution.
  static double inverse_mills(double x) {
    if (x < -30) return -x;
    return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi) /
           (0.5 * std::erfc(-x / std::numbers::sqrt2));
  }
  void narrow(const Eigen::VectorXd& across, double share) {
    std::vector<float> entries(static_cast<std::size_t>(size()));
    for (Index i = 0; i < size(); ++i) entries[static_cast<std::size_t>(i)] = static_cast<float>(across[i]);
    for (Index i = 0; i < size(); ++i) {
      const auto factor = static_cast<float>(share / scale_ * across[i]);
      float* const to = covariance_.data() + i * size();
      for (std::size_t j = 0; j < entries.size(); ++j) to[j] -= factor * entries[j];
    }
  }
  const float* row(Index i) const { return covariance_.data() + i * size(); }

  double noise_, scale_ = 1;  // the covariance is scale_ times what is stored
  Eigen::VectorXd mean_;
  std::vector<float> covariance_{};
};

}  // namespace foil::query
