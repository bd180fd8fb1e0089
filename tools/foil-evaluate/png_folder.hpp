// SPDX-License-Identifier: MIT
/// \file
/// Adversarials as pictures: a folder of PNG files for each attack.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/tensor.hpp"

namespace evaluate {

/// Writes samples as 8-bit PNG files, of which 0 is the lower and 255 the upper end of the bounds, so that
/// images on a lattice of 255 steps are read back as they are. All waits in a hidden folder until publish().
class PngFolder {
 public:
  /// Throws foil::Error unless the folder is new or empty, not inside of a folder of inputs, and the samples
  /// are pictures: (1, H, W), (3, H, W), (H, W), (H, W, 1) or (H, W, 3). Leaves nothing behind if nothing is
  /// published.
  PngFolder(std::filesystem::path path, foil::Bounds<float> bounds, const std::vector<foil::Index>& shape,
            const std::vector<std::filesystem::path>& inputs);
  PngFolder(const PngFolder&) = delete;
  PngFolder& operator=(const PngFolder&) = delete;
  ~PngFolder();

  /// Writes samples into the folder of that name, each as its row of the data set, padded to seven digits.
  /// Rows that are not finite or out of bounds, hence no pictures, are left out.
  void write(const std::string& name, const foil::Tensor<float, 4>& images,
             std::span<const std::int64_t> rows);

  /// Puts what has been written in place.
  void publish();

 private:
  std::filesystem::path path_, staging_;
  foil::Bounds<float> bounds_;
  foil::Index height_ = 0, width_ = 0, channels_ = 0;
  bool channels_last_ = false, created_ = false;
  std::vector<std::string> waiting_{};
};

}  // namespace evaluate
