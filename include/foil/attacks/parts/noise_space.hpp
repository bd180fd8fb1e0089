// SPDX-License-Identifier: MIT
/// \file
/// The space that random directions are drawn from: all features, or the low frequencies of images.
#pragma once

#include <optional>
#include <string_view>

#include "foil/core/error.hpp"
#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/image.hpp"
#include "foil/geometry/low_frequency.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// Isotropic noise of one sample: in all its features, or of images in the ceil(size / subspace) lowest
/// frequencies of each axis. 0 where a mask freezes features.
class NoiseSpace {
 public:
  /// `subspace` is at least 1, which stands for all features. Throws foil::Error in the name of `who` where
  /// it is more and the samples are no images.
  NoiseSpace(const Oracle& oracle, std::string_view who, int subspace, bool channels_last)
      : box_(oracle.box()) {
    if (subspace == 1) return;
    const auto& shape = oracle.shape();
    require(shape.size() == 3, who,
            ": a subspace of low frequencies needs images with three dimensions, the samples have ",
            shape.size());
    const geometry::ImageLayout image = geometry::image_layout(shape, channels_last);
    low_.emplace(image.channels, image.height, image.width, subspace, channels_last);
    coefficients_.resize(low_->dimension());
  }

  /// Number of its dimensions; frequencies are not fewer for a mask.
  Index dimension() const { return low_ ? low_->dimension() : box_.free_features(); }

  /// Writes normal noise, of variance 1 along each dimension.
  void fill(RandomDraw random, Eigen::VectorXd& noise) {
    noise.resize(box_.size());
    if (low_) {
      random.fill_normal(coefficients_);
      low_->synthesise(coefficients_, noise);
    } else {
      random.fill_normal(noise);
    }
    box_.hold_frozen(noise);
  }

 private:
  const geometry::Box& box_;
  std::optional<geometry::LowFrequency> low_{};
  Eigen::VectorXd coefficients_{};
};

}  // namespace foil
