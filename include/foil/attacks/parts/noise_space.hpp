// SPDX-License-Identifier: MIT
/// \file
/// The space that random directions are drawn from: all features, or the low frequencies of images.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>

#include "foil/core/error.hpp"
#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/image.hpp"
#include "foil/geometry/low_frequency.hpp"
#include "foil/run/options_list.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// Which space that is.
struct NoiseSpaceOptions {
  int subspace = 1;
  geometry::ChannelsLast channels_last{};

  void list(OptionList& option) {
    option("subspace", subspace,
           "images: only the lowest 1 / subspace frequencies of each axis; 1: all; 0: 4 for images of 224 x "
           "224 pixels and more, as in papers, else 1",
           at_least(0));
    option("channels_last", channels_last,
           foil::text(geometry::ChannelsLast::meaning, "; only matters for the subspace"));
  }
};

/// Isotropic noise of one sample: in all its features, or of images in the ceil(size / subspace) lowest
/// frequencies of each axis. 0 where a mask freezes features.
class NoiseSpace {
 public:
  /// `subspace` is at least 1, which stands for all features. Throws foil::Error in the name of `who` where
  /// it is more and the samples are no images.
  NoiseSpace(const Oracle& oracle, std::string_view who, int subspace, geometry::ChannelsLast channels_last)
      : box_(oracle.box()) {
    if (subspace == 1) return;
    const auto& shape = oracle.shape();
    require(shape.size() == 3, who,
            ": a subspace of low frequencies needs images with three dimensions, the samples have ",
            shape.size());
    const geometry::ImageLayout image = geometry::image_layout(shape, channels_last);
    low_.emplace(image.channels, image.height, image.width, subspace, image.channels_last);
    coefficients_.resize(low_->dimension());
  }

  NoiseSpace(const Oracle& oracle, std::string_view who, const NoiseSpaceOptions& options)
      : NoiseSpace(oracle, who, options.subspace > 0 ? options.subspace : usual_subspace(oracle, options),
                   options.channels_last) {}

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
  static int usual_subspace(const Oracle& oracle, const NoiseSpaceOptions& options) {
    if (oracle.shape().size() != 3) return 1;
    const geometry::ImageLayout image = geometry::image_layout(oracle.shape(), options.channels_last);
    return std::min(image.height, image.width) >= 224 ? 4 : 1;
  }

  const geometry::Box& box_;
  std::optional<geometry::LowFrequency> low_{};
  Eigen::VectorXd coefficients_{};
};

}  // namespace foil
