// SPDX-License-Identifier: MIT
/// \file
/// Adversarials as pictures: a folder of PNG files for each attack.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/tensor.hpp"
#include "outputs.hpp"

namespace evaluate {

/// How samples are pictures of 1 or 3 channels.
struct PictureLayout {
  foil::Index channels = 1, height = 1, width = 1;
  bool channels_last = false;
  /// The feature that is a pixel's channel; pixels are counted along the rows.
  foil::Index feature(foil::Index pixel, foil::Index channel) const {
    return channels_last ? pixel * channels + channel : channel * height * width + pixel;
  }
};

/// For samples of shape (1, H, W), (3, H, W), (H, W), (H, W, 1) or (H, W, 3); none for others.
std::optional<PictureLayout> picture_layout(const std::vector<foil::Index>& shape);

/// Writes samples as 8-bit PNG files, of which 0 is the lower and 255 the upper end of the bounds, so that
/// images on a lattice of 255 steps are read back as they are. All waits for OutputFolder::publish().
class PngFolder {
 public:
  /// Throws foil::Error unless the samples are pictures, see picture_layout().
  PngFolder(OutputFolder& folder, foil::Bounds<float> bounds, const std::vector<foil::Index>& shape);

  /// Writes samples into the folder of that name, each as its row of the data set, padded to seven digits.
  /// Rows that are not finite or out of bounds, hence no pictures, are left out. Returns the files.
  std::vector<std::pair<std::string, Content>> write(const std::string& name,
                                                     const foil::Tensor<float, 4>& images,
                                                     std::span<const std::int64_t> rows);

 private:
  OutputFolder& folder_;
  foil::Bounds<float> bounds_;
  PictureLayout layout_;
};

}  // namespace evaluate
