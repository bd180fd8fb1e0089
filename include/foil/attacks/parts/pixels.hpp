// SPDX-License-Identifier: MIT
/// \file
/// What attacks that change few pixels change as a whole.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/geometry/image.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// The pixels of an image, each with all its channels, and how many of them an L0 radius, which counts
/// features, has room for. Single features stand for pixels where channels are not to change together, where
/// the sample is no image, and where the radius is less than the channels of one pixel. Refers to the oracle.
class Pixels {
 public:
  Pixels(const Oracle& oracle, double epsilon, bool across_channels, geometry::ChannelsLast channels_last)
      : oracle_(oracle), layout_(geometry::image_or_row(oracle.shape(), channels_last)) {
    if (!across_channels || epsilon < static_cast<double>(layout_.channels))
      layout_ = layout_.channels_last
                    ? geometry::ImageLayout{1, layout_.height, layout_.width * layout_.channels}
                    : geometry::ImageLayout{1, layout_.channels * layout_.height, layout_.width};
    for (Index pixel = 0; pixel < layout_.height * layout_.width; ++pixel)
      if (moves(pixel)) moving_.push_back(pixel);
    const double room = std::floor(epsilon / static_cast<double>(layout_.channels));
    within_ = static_cast<Index>(std::min(room, static_cast<double>(moving_.size())));
  }

  const geometry::ImageLayout& layout() const { return layout_; }
  Index channels() const { return layout_.channels; }
  /// Those of which at least one feature has room to move, in ascending order.
  const std::vector<Index>& moving() const { return moving_; }
  bool moves(Index pixel) const {
    for (Index c = 0; c < channels(); ++c)
      if (oracle_.upper()[feature(pixel, c)] > oracle_.lower()[feature(pixel, c)]) return true;
    return false;
  }
  /// How many of them may change at once.
  Index within() const { return within_; }
  /// The feature that a channel of a pixel is. Pixels are counted row by row.
  Index feature(Index pixel, Index channel) const {
    return layout_.first(channel) + pixel * layout_.stride();
  }

 private:
  const Oracle& oracle_;
  geometry::ImageLayout layout_;
  std::vector<Index> moving_{};
  Index within_ = 0;
};

}  // namespace foil
