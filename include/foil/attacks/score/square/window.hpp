// SPDX-License-Identifier: MIT
/// \file
/// Square's windows: how large they are and where they are put.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <vector>

#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/image.hpp"

namespace foil::square {

/// What a step's windows cover of the image, of a schedule for 10,000 steps: the first share until step 10,
/// then half as much until 50, 200, 500, 1,000, 2,000, 4,000, 6,000, 8,000 and the end.
inline double covered(double first_share, std::int64_t step) {
  constexpr std::int64_t ends[] = {10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000};
  const auto halvings = std::lower_bound(std::begin(ends), std::end(ends), step) - std::begin(ends);
  return std::ldexp(first_share, -static_cast<int>(halvings));
}

/// A rectangle of pixels.
struct Window {
  Index top = 0, left = 0, height = 1, width = 1;
};

/// A window of such a share of the image: a square, and where the image is too narrow for it, as much longer.
/// For `bumps` the side is odd and at least 3.
inline Window window_of(const geometry::ImageLayout& image, double share, bool bumps) {
  const double area = share * static_cast<double>(image.height * image.width);
  Index side = std::max<Index>(static_cast<Index>(std::lround(std::sqrt(area))), bumps ? 3 : 1);
  if (bumps && side % 2 == 0) ++side;
  const auto length = [&](Index other) {
    return other == side ? side
                         : std::max(side, static_cast<Index>(std::lround(area / static_cast<double>(other))));
  };
  const Index height = std::min(side, image.height), width = std::min(side, image.width);
  return {0, 0, std::min(length(width), image.height), std::min(length(height), image.width)};
}

/// Puts a window anywhere in the image, its edges included.
inline void place(Window& window, const geometry::ImageLayout& image, RandomDraw& random) {
  const auto anywhere = [&](Index room) {
    return static_cast<Index>(random.integer(static_cast<std::uint64_t>(room) + 1));
  };
  window.top = anywhere(image.height - window.height);
  window.left = anywhere(image.width - window.width);
}

}  // namespace foil::square
