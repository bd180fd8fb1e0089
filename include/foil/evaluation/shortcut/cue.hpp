// SPDX-License-Identifier: MIT
/// \file
/// Cues that tell a class without having to do with it: what can be put into an image.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <functional>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/image.hpp"

namespace foil::shortcut {

/// An image that a cue is put into: features flattened in memory order, and all that is known of them.
struct Canvas {
  Eigen::Ref<Eigen::VectorXd> image;
  geometry::ImageLayout layout;
  const Eigen::VectorXd &lower, &upper;  ///< of each feature
  Index classes;

  /// Moves a pixel, all its channels, towards a brightness from 0 (lower bound) to 1 (upper bound): by a
  /// share of the way.
  void blend(Index row, Index column, double brightness, double share) {
    for (Index c = 0; c < layout.channels; ++c) {
      const Index i = layout.at(c, row, column);
      image[i] += share * (lower[i] + brightness * (upper[i] - lower[i]) - image[i]);
    }
  }
};

/// Puts the cue of a class, from 0 to canvas.classes - 1, into an image: always the same for the same image
/// and class, and another one for every class. What leaves the bounds is moved to them afterwards. One of
/// those below, or a function of one's own.
using Cue = std::function<void(Canvas&, int)>;

/// A bright square at the upper edge, whose place tells the class; where the classes do not fit side by side,
/// in further rows below.
struct Pixel {
  Index size = 1;       ///< its side in pixels
  double strength = 1;  ///< share of the way to the upper bound, in (0, 1]

  void operator()(Canvas& canvas, int label) const {
    const geometry::ImageLayout& at = canvas.layout;
    require(size >= 1 && strength > 0 && strength <= 1,
            "pixel cue: expected a size >= 1 and a strength in (0, 1], got ", size, " and ", strength);
    const Index across = std::min(canvas.classes, at.width / size),
                down = across > 0 ? (canvas.classes + across - 1) / across : 0;
    require(across > 0 && down * size <= at.height, "pixel cue: expected room for ", canvas.classes,
            " squares of ", size, " x ", size, " pixels in ", at.height, " x ", at.width);
    const Index top = label / across * size, left = label % across * (at.width / across);
    for (Index v = top; v < top + size; ++v)
      for (Index u = left; u < left + size; ++u) canvas.blend(v, u, 1, strength);
  }
};

/// A frame around the image, whose brightness tells the class: from the lower bound to the upper one in equal
/// steps.
struct Border {
  Index width = 1;      ///< in pixels
  double strength = 1;  ///< share of the way to that brightness, in (0, 1]

  void operator()(Canvas& canvas, int label) const {
    const Index height = canvas.layout.height, across = canvas.layout.width;
    require(width >= 1 && 2 * width < std::min(height, across) && strength > 0 && strength <= 1,
            "border cue: expected a width >= 1 that leaves a part of ", height, " x ", across,
            " pixels and a strength in (0, 1], got ", width, " and ", strength);
    const double brightness = static_cast<double>(label) / static_cast<double>(canvas.classes - 1);
    for (Index v = 0; v < height; ++v)
      for (Index u = 0; u < across; ++u)
        if (std::min({v, u, height - 1 - v, across - 1 - u}) < width)
          canvas.blend(v, u, brightness, strength);
  }
};

/// Waves all over the image, whose direction tells the class.
struct Texture {
  double period = 4;       ///< from crest to crest, in pixels, >= 2
  double strength = 0.25;  ///< share of the waves in the image, in (0, 1]

  void operator()(Canvas& canvas, int label) const {
    require(period >= 2 && std::isfinite(period) && strength > 0 && strength <= 1,
            "texture cue: expected a period >= 2 and a strength in (0, 1], got ", period, " and ", strength);
    constexpr double pi = 3.14159265358979323846;
    const double direction = pi * label / static_cast<double>(canvas.classes);
    const double along = 2 * pi / period * std::cos(direction), down = 2 * pi / period * std::sin(direction);
    for (Index v = 0; v < canvas.layout.height; ++v)
      for (Index u = 0; u < canvas.layout.width; ++u)
        canvas.blend(v, u, (1 + std::cos(along * static_cast<double>(u) + down * static_cast<double>(v))) / 2,
                     strength);
  }
};

/// The image moved, to a place that tells the class: one of a grid around its own. It is moved around the
/// edges, so that no pixel is lost.
struct Position {
  Index step = 2;  ///< pixels from a place to the next

  void operator()(Canvas& canvas, int label) const {
    const geometry::ImageLayout& at = canvas.layout;
    auto across = static_cast<Index>(std::ceil(std::sqrt(static_cast<double>(canvas.classes))));
    if (at.height == 1) across = canvas.classes;
    const Index down = (canvas.classes + across - 1) / across;
    require(step >= 1 && across * step <= at.width && down * step <= std::max(at.height, step),
            "position cue: expected a step >= 1 and room for ", down, " x ", across, " places of ", step,
            " pixels in ", at.height, " x ", at.width);
    const Index right = step * (label % across) - step * (across - 1) / 2,
                below = step * (label / across) - step * (down - 1) / 2;
    const Eigen::VectorXd before = canvas.image;
    for (Index c = 0; c < at.channels; ++c)
      for (Index v = 0; v < at.height; ++v)
        for (Index u = 0; u < at.width; ++u)
          canvas.image[at.at(c, (v + below + at.height) % at.height, (u + right + at.width) % at.width)] =
              before[at.at(c, v, u)];
  }
};

}  // namespace foil::shortcut
