// SPDX-License-Identifier: MIT
/// \file
/// Blurs of movement: of the camera, towards what is seen, and behind rough glass.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numbers>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/corruptions/blur.hpp"
#include "foil/evaluation/corruptions/planes.hpp"

namespace foil::corruptions {

/// Moves an image along a line of 2 `radius` + 1 whole pixels, in which a place i counts exp(-i^2 / 2
/// `decay`^2): everything leaves a trace on one side. Beyond the edges the last pixel goes on. The movement
/// ends where it is longer than the image, and the image then gets darker, as in the original.
/// \param angle  of the line in degrees, clockwise from pointing right
inline void motion_blur(Planes& image, double radius, double decay, double angle) {
  require(radius >= 0 && radius < 1e4 && decay > 0 && std::isfinite(angle),
          "motion_blur: expected a radius in [0, 1e4), a decay > 0 and an angle that is finite, got ", radius,
          ", ", decay, " and ", angle);
  const Index count = 2 * static_cast<Index>(std::ceil(radius)) + 1, height = image.height,
              width = image.width;
  Eigen::ArrayXd weights(count);
  for (Index i = 0; i < count; ++i) {
    const double share = static_cast<double>(i) / decay;
    weights[i] = std::exp(-share * share / 2);
  }
  weights /= weights.sum();
  const double down = std::sin(angle * std::numbers::pi / 180),
               across = std::cos(angle * std::numbers::pi / 180);
  const Planes before = image;
  image.values.setZero();
  for (Index i = 0; i < count; ++i) {
    const auto step = static_cast<double>(i);
    const auto v = static_cast<Index>(std::ceil(step * down - 0.5)),
               u = static_cast<Index>(std::ceil(step * across - 0.5));
    if (std::abs(v) >= height || std::abs(u) >= width) break;
    const Index first = std::max<Index>(0, -u),
                last = std::min(width, width - u);  // with a pixel of their own
    for (Index c = 0; c < image.channels; ++c)
      for (Index y = 0; y < height; ++y) {
        const double* from = before.row(c, inside(y + v, height, Edges::nearest));
        double* to = image.row(c, y);
        Line(to, first) += weights[i] * from[0];
        Line(to + first, last - first) += weights[i] * ConstLine(from + first + u, last - first);
        Line(to + last, width - last) += weights[i] * from[width - 1];
      }
  }
}

/// More than anything is enlarged by.
inline constexpr double most_enlarged = 1000;

/// Where the middle of an image comes to lie that is enlarged: bilinearly, corners on corners.
struct Enlarged {
  /// Takes the middle ceil(length / factor) of `length` pixels to their `factor` >= 1 fold, rounded. Throws
  /// foil::Error for less, and for more than most_enlarged.
  Enlarged(Index length, double factor)
      : from(static_cast<Index>(std::ceil(static_cast<double>(length) / checked(factor)))),
        first((length - from) / 2),
        size(static_cast<Index>(std::nearbyint(static_cast<double>(from) * factor))),
        step(size > 1 ? static_cast<double>(from - 1) / static_cast<double>(size - 1) : 0) {}

  /// The pixel before a place, and how far it is from there to the next.
  Index before(Index place) const {
    return first +
           std::min(static_cast<Index>(static_cast<double>(place) * step), std::max<Index>(from - 2, 0));
  }
  double share(Index place) const {
    return static_cast<double>(place) * step - static_cast<double>(before(place) - first);
  }

  Index from, first, size;  ///< pixels that are taken, the first of them, and those that they become
  double step;

 private:
  static double checked(double factor) {
    require(factor >= 1 && factor <= most_enlarged, "zoom: expected a factor from 1 to ", most_enlarged,
            ", got ", factor);
    return factor;
  }
};

/// The middle of an image enlarged: a part of the size of the result, from its top left corner or, if
/// `centred`, from its middle. `add` is called with channel, row and a line of `width` pixels for each.
template <class Add>
void for_enlarged(const Planes& image, double factor, Index height, Index width, bool centred, Add&& add) {
  const Enlarged rows(image.height, factor), columns(image.width, factor);
  const Index top = centred ? std::max<Index>(0, (rows.size - height) / 2) : 0,
              left = centred ? std::max<Index>(0, (columns.size - width) / 2) : 0;
  height = std::min(height, rows.size - top), width = std::min(width, columns.size - left);
  Eigen::ArrayX<Index> place(width);
  Eigen::ArrayXd share(width), line(image.width), out(width);
  for (Index x = 0; x < width; ++x) place[x] = columns.before(left + x), share[x] = columns.share(left + x);
  for (Index c = 0; c < image.channels; ++c)
    for (Index y = 0; y < height; ++y) {
      const Index above = rows.before(top + y), below = std::min(above + 1, image.height - 1);
      const double down = rows.share(top + y);
      line = (1 - down) * ConstLine(image.row(c, above), image.width) +
             down * ConstLine(image.row(c, below), image.width);
      for (Index x = 0; x < width; ++x) {
        const double here = line[place[x]], next = line[std::min(place[x] + 1, image.width - 1)];
        out[x] = here + share[x] * (next - here);
      }
      add(c, y, out);
    }
}

/// The mean of an image and of `layers` enlargements by 1, 1 + step, ....
/// \param centred  whether what is too much of these is cut off on all sides, as for the data sets of
///                 Hendrycks & Dietterich, or at the lower right
inline void zoom_blur(Planes& image, Index layers, double step, bool centred) {
  require(layers >= 1 && step >= 0, "zoom_blur: expected layers >= 1 and a step >= 0, got ", layers, " and ",
          step);
  const Planes before = image;
  for (Index i = 0; i < layers; ++i) {
    // The bits of NumPy's arange(), by which sizes are rounded up or down.
    const double factor = 1 + static_cast<double>(i) * ((1 + step) - 1);
    for_enlarged(
        before, factor, image.height, image.width, centred,
        [&](Index c, Index y, const Eigen::ArrayXd& line) { Line(image.row(c, y), line.size()) += line; });
  }
  image.values /= static_cast<double>(layers + 1);
}

/// What glass_blur() does with a pixel and its neighbour.
enum class GlassSwap {
  reference,  ///< the pixel takes the neighbour's value, and the neighbour keeps it: what the original's
              ///< exchange of array views comes to
  true_swap   ///< they are exchanged
};

/// How many random numbers glass_blur() takes.
inline Index glass_draws(const Planes& image, Index reach, Index passes) {
  constexpr Index most = 10000;
  require(reach >= 1 && reach <= most && passes >= 0 && passes <= most,
          "glass_blur: expected a reach from 1 to ", most, " and passes from 0 to ", most, ", got ", reach,
          " and ", passes);
  return 2 * passes * std::max<Index>(0, image.height - 2 * reach) *
         std::max<Index>(0, image.width - 2 * reach);
}

/// Behind rough glass: a Gaussian blur, then each pixel and one near it are swapped, from the lower right to
/// the upper left and a frame of `reach` pixels left alone, then blurred again. A neighbour is from -reach to
/// reach - 1 pixels away in each direction.
/// \param reach      from 1 to 10,000 pixels
/// \param passes     from 0 to 10,000
/// \param uniform    numbers in (0, 1), two for each swap: across, then down
/// \param eight_bit  cut down to 256 levels before swapping, as in the original
inline void glass_blur(Planes& image, double sigma, Index reach, Index passes, const Eigen::VectorXd& uniform,
                       GlassSwap swap = GlassSwap::reference, bool eight_bit = true) {
  check_uniform("glass_blur", uniform, glass_draws(image, reach, passes));
  gaussian_blur(image, sigma);
  if (eight_bit) truncate_to_levels(image);
  const auto offset = [&](Index i) {
    return static_cast<Index>(uniform[i] * static_cast<double>(2 * reach)) - reach;
  };
  Index next = 0;
  for (Index pass = 0; pass < passes; ++pass)
    for (Index y = image.height - reach; y > reach; --y)
      for (Index x = image.width - reach; x > reach; --x, next += 2) {
        const Index here = y * image.width + x, there = here + offset(next + 1) * image.width + offset(next);
        for (Index c = 0; c < image.channels; ++c) {
          double &a = image.plane(c)[here], &b = image.plane(c)[there];
          const double value = a;
          a = b;
          if (swap == GlassSwap::true_swap) b = value;
        }
      }
  gaussian_blur(image, sigma);
}

}  // namespace foil::corruptions
