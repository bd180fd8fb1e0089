// SPDX-License-Identifier: MIT
/// \file
/// A picture of 8-bit pixels.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/io/file.hpp"

namespace foil::io {

/// Red, green, blue; 0 is dark.
using Colour = std::array<std::uint8_t, 3>;

/// Pixels row by row from the top left, one byte per channel: 1 (gray) or 3 (RGB) channels.
class Picture {
 public:
  /// No file may make us decode more: a few kilobytes can announce terabytes.
  static constexpr Index most_pixels = Index{1} << 26;

  Picture(Index width, Index height, int channels, std::uint8_t fill = 255)
      : width_(width), height_(height), channels_(channels) {
    foil::require(width > 0 && height > 0 && width <= 1 << 20 && height <= 1 << 20,
                  "picture: expected 1 to 1048576 pixels in each direction, got ", width, " x ", height);
    foil::require(channels == 1 || channels == 3, "picture: expected 1 or 3 channels, got ", channels);
    bytes_.assign(static_cast<std::size_t>(width * height * channels), fill);
  }

  Index width() const { return width_; }
  Index height() const { return height_; }
  int channels() const { return channels_; }
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }

  /// The channels of one pixel.
  std::uint8_t* pixel(Index x, Index y) {
    return bytes_.data() + static_cast<std::size_t>((y * width_ + x) * channels_);
  }
  const std::uint8_t* pixel(Index x, Index y) const {
    return bytes_.data() + static_cast<std::size_t>((y * width_ + x) * channels_);
  }

  /// Fills a rectangle, cut off at the picture's border. A gray picture takes the colour's mean.
  void fill(Index x, Index y, Index width, Index height, const Colour& colour) {
    const auto mean = static_cast<std::uint8_t>((colour[0] + colour[1] + colour[2]) / 3);
    for (Index v = std::max<Index>(y, 0); v < std::min(y + height, height_); ++v)
      for (Index u = std::max<Index>(x, 0); u < std::min(x + width, width_); ++u)
        if (channels_ == 1)
          *pixel(u, v) = mean;
        else
          std::copy(colour.begin(), colour.end(), pixel(u, v));
  }

 private:
  Index width_, height_;
  int channels_;
  std::vector<std::uint8_t> bytes_;
};

/// Throws unless a file's picture has a size that is worth decoding.
inline void check_pixels(const std::filesystem::path& name, Index width, Index height) {
  require(width > 0 && height > 0 && width <= Picture::most_pixels / height, name, "expected at most ",
          Picture::most_pixels, " pixels, found ", width, " x ", height);
}

}  // namespace foil::io
