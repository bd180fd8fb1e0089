// SPDX-License-Identifier: MIT
/// \file
/// One sample under a mixture of corruptions of any strength.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "foil/attacks/decision/adversarial_corruption/options.hpp"
#include "foil/geometry/blur.hpp"
#include "foil/geometry/image.hpp"
#include "foil/geometry/plasma.hpp"
#include "foil/geometry/rigid_motion.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// A sample and what corrupts it. A mixture is given by shares of the ranges, one for each corruption in
/// their order: in [-1, 1], or in [0, 1] for those that have one side. Refers to the oracle, whose box is
/// finite, and the options.
class CorruptionMixture {
 public:
  CorruptionMixture(const Oracle& oracle, const AdversarialCorruptionOptions& options)
      : oracle_(oracle),
        options_(options),
        image_(geometry::image_or_row(oracle.shape(), options.channels_last)),
        chosen_(options.chosen()) {
    if (std::find(chosen_.begin(), chosen_.end(), "fog") != chosen_.end()) draw_fog();
  }

  std::size_t size() const { return chosen_.size(); }
  bool one_sided(std::size_t k) const { return chosen_[k] == "fog" || chosen_[k] == "blur"; }
  double range(std::size_t k) const {
    const std::string_view word = chosen_[k];
    return word == "rotation"   ? options_.rotation
           : word == "fog"      ? options_.fog
           : word == "blur"     ? options_.blur
           : word == "contrast" ? options_.contrast
                                : options_.brightness;
  }

  /// The shares' largest, and what they are in the options' units.
  std::vector<double> parameters(const Eigen::VectorXd& shares) const {
    std::vector<double> out{shares.lpNorm<Eigen::Infinity>()};
    for (std::size_t k = 0; k < size(); ++k) out.push_back(shares[static_cast<Index>(k)] * range(k));
    return out;
  }

  /// The corrupted sample, not clipped to its box.
  Eigen::VectorXd apply(const Eigen::VectorXd& shares) const {
    Eigen::VectorXd x = oracle_.original();
    for (std::size_t k = 0; k < size(); ++k) {
      const double amount = shares[static_cast<Index>(k)] * range(k);
      if (amount == 0) continue;
      const std::string_view word = chosen_[k];
      if (word == "rotation") x = turned(x, amount);
      if (word == "fog") add_fog(x, amount);
      if (word == "blur") blur(x, amount);
      if (word == "contrast") take_contrast(x, amount);
      if (word == "brightness") x += amount * (oracle_.upper() - oracle_.lower());
    }
    return x;
  }

 private:
  /// The widest map of plasma; larger images are given its points for more than a pixel.
  static constexpr Index widest_fog = 1024;

  Index longer_side() const { return std::max(image_.height, image_.width); }

  void draw_fog() {
    const Index longer = longer_side();
    const auto side =
        static_cast<Index>(std::bit_ceil(static_cast<std::uint64_t>(std::min<Index>(longer, widest_fog))));
    RandomDraw random = oracle_.random(Purpose::noise);
    const geometry::PlasmaMap map = geometry::plasma(
        side, options_.roughness, [&](double low, double high) { return random.uniform(low, high); });
    const auto place = [&](Index pixel) { return longer <= side ? pixel : pixel * side / longer; };
    fog_.resize(image_.height, image_.width);
    for (Index i = 0; i < image_.height; ++i)
      for (Index j = 0; j < image_.width; ++j) fog_(i, j) = map(place(i), place(j));
  }

  Eigen::VectorXd turned(const Eigen::VectorXd& x, double degrees) const {
    return geometry::moved(image_, {degrees, 0, 0}, x,
                           options_.padding == Padding::lower ? &oracle_.lower() : nullptr);
  }

  void blur(Eigen::VectorXd& x, double lengths) const {
    geometry::gaussian_blur(image_, lengths * static_cast<double>(longer_side()), x);
  }

  /// Adds fog and darkens all by as much as keeps the brightest value where it was.
  void add_fog(Eigen::VectorXd& x, double amount) const {
    const Eigen::VectorXd &lower = oracle_.lower(), &upper = oracle_.upper();
    double brightest = 0;
    for (Index i = 0; i < x.size(); ++i)
      if (upper[i] > lower[i]) brightest = std::max(brightest, (x[i] - lower[i]) / (upper[i] - lower[i]));
    const double dim = brightest > 0 ? brightest / (brightest + amount) : 0;
    for (Index c = 0; c < image_.channels; ++c)
      for (Index i = 0; i < image_.height; ++i)
        for (Index j = 0; j < image_.width; ++j) {
          const Index at = image_.at(c, i, j);
          const double fog = amount * fog_(i, j) * (upper[at] - lower[at]);
          x[at] = lower[at] + (x[at] - lower[at] + fog) * dim;
        }
  }

  /// Moves every channel towards its mean, or away from it.
  void take_contrast(Eigen::VectorXd& x, double share) const {
    const Index pixels = image_.height * image_.width;
    for (Index c = 0; c < image_.channels; ++c) {
      const Index first = image_.first(c), stride = image_.stride();
      double mean = 0;
      for (Index k = 0; k < pixels; ++k) mean += x[first + k * stride];
      mean /= static_cast<double>(pixels);
      for (Index k = 0; k < pixels; ++k) x[first + k * stride] += share * (mean - x[first + k * stride]);
    }
  }

  const Oracle& oracle_;
  const AdversarialCorruptionOptions& options_;
  geometry::ImageLayout image_;
  std::vector<std::string_view> chosen_;
  Eigen::MatrixXd fog_{};
};

}  // namespace foil
