// SPDX-License-Identifier: MIT
/// \file
/// Noise: every value for itself, by a random number of its own.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/corruptions/planes.hpp"

namespace foil::corruptions {

/// x + sigma n. `normal` has a standard normal number for every value.
inline void gaussian_noise(Planes& image, double sigma, const Eigen::VectorXd& normal) {
  check_normal("gaussian_noise", normal, image.values.size());
  check_constants("gaussian_noise", {sigma});
  image.values += sigma * normal;
}

/// x + x sigma n. `normal` has a standard normal number for every value.
inline void speckle_noise(Planes& image, double sigma, const Eigen::VectorXd& normal) {
  check_normal("speckle_noise", normal, image.values.size());
  check_constants("speckle_noise", {sigma});
  image.values.array() *= 1 + sigma * normal.array();
}

/// Salt and pepper: a share of all values, each for itself, becomes 0 or 1 with equal chances. `uniform` has
/// a number in (0, 1) for every value.
inline void impulse_noise(Planes& image, double share, const Eigen::VectorXd& uniform) {
  check_uniform("impulse_noise", uniform, image.values.size());
  require(share >= 0 && share <= 1, "impulse_noise: expected a share in [0, 1], got ", share);
  for (Index i = 0; i < uniform.size(); ++i)
    if (uniform[i] < share) image.values[i] = uniform[i] < share / 2 ? 0 : 1;
}

/// The Poisson distribution function of a mean, for drawing by its inverse. What lies further than twelve
/// standard deviations and twelve out is left away: less than 1e-15.
class PoissonQuantile {
 public:
  explicit PoissonQuantile(double mean) {
    require(mean >= 0 && mean < 1e6, "shot_noise: expected a mean in [0, 1e6), got ", mean);
    const double reach = 12 * std::sqrt(mean) + 12;
    first_ = std::max(0.0, std::floor(mean - reach));
    double sum = 0, share = 1;  // relative to that of the first
    for (double k = first_; k < mean + reach; share *= mean / ++k) below_.push_back(sum += share);
    for (double& below : below_) below /= sum;
    std::size_t at = 0;
    for (std::size_t part = 0; part < starts; ++part) {
      while (below_[at] < static_cast<double>(part) / starts) ++at;
      start_[part] = at;
    }
  }

  /// The smallest k whose distribution function reaches u in (0, 1).
  double operator()(double u) const {
    std::size_t at = start_[static_cast<std::size_t>(u * starts)];
    while (below_[at] < u) ++at;
    return first_ + static_cast<double>(at);
  }

 private:
  static constexpr std::size_t starts = 64;
  double first_ = 0;
  std::vector<double> below_{};
  std::array<std::size_t, starts> start_{};  // where to begin to look, by the first bits of u
};

/// Poisson(photons x) / photons: light as counted. `uniform` has a number in (0, 1) for every value, whose
/// Poisson quantile is taken. Distribution functions of whole levels are computed once.
inline void shot_noise(Planes& image, double photons, const Eigen::VectorXd& uniform) {
  check_uniform("shot_noise", uniform, image.values.size());
  require(photons > 0, "shot_noise: expected photons > 0, got ", photons);
  std::array<std::vector<PoissonQuantile>, 256> of_level;
  for (Index i = 0; i < uniform.size(); ++i) {
    const double x = std::max(image.values[i], 0.0), level = std::round(x * 255);
    if (level > 255 || x != level / 255) {
      image.values[i] = PoissonQuantile(photons * x)(uniform[i]) / photons;
      continue;
    }
    auto& quantile = of_level[static_cast<std::size_t>(level)];
    if (quantile.empty()) quantile.emplace_back(photons * x);
    image.values[i] = quantile[0](uniform[i]) / photons;
  }
}

}  // namespace foil::corruptions
