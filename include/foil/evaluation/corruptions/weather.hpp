// SPDX-License-Identifier: MIT
/// \file
/// Fog, frost and snow.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/corruptions/motion.hpp"
#include "foil/evaluation/corruptions/planes.hpp"
#include "foil/geometry/plasma.hpp"

namespace foil::corruptions {

/// The side of the plasma() that covers an image: the next power of two. All of it is made, whatever part an
/// image shows, since its least and its largest value are those of all. Throws foil::Error for images so long
/// and narrow that it would have more than 4,096 x 4,096 numbers and more than 64 for each pixel.
inline Index plasma_side(const Planes& image) {
  constexpr Index always = 4096, most = 64;
  const auto side =
      static_cast<Index>(std::bit_ceil(static_cast<std::uint64_t>(std::max(image.height, image.width))));
  require(side <= always || side <= most * image.area() / side, "fog: expected images of at most ", always,
          " pixels, or less long and narrow ones, got ", image.height, " x ", image.width,
          ", whose plasma would be of ", side, " x ", side);
  return side;
}

/// Clouds in [0, 1]: geometry::plasma() of given draws.
/// \param side     of the square, a power of two
/// \param uniform  side^2 - 1 numbers in (0, 1)
inline Planes plasma(Index side, double decay, const Eigen::VectorXd& uniform) {
  check_uniform("fog", uniform, side * side - 1);
  Index next = 0;
  const geometry::PlasmaMap map = geometry::plasma(
      side, decay, [&](double low, double high) { return low + (high - low) * uniform[next++]; });
  Planes out(1, side, side);
  out.values = map.reshaped<Eigen::RowMajor>();
  return out;
}

/// Fog of a density: (x + density m) M / (M + density), m being the upper left of a map such as plasma() and
/// M the image's largest value.
inline void fog(Planes& image, double density, const Planes& map) {
  require(map.channels == 1 && map.height >= image.height && map.width >= image.width,
          "fog: expected a map of at least ", image.height, " x ", image.width, " pixels, got ", map.height,
          " x ", map.width);
  require(density >= 0 && std::isfinite(density), "fog: expected a density >= 0, got ", density);
  const double highest = image.values.maxCoeff();
  if (!(highest + density > 0)) return;
  const double share = highest / (highest + density);
  for (Index c = 0; c < image.channels; ++c)
    for (Index y = 0; y < image.height; ++y) {
      Line row(image.row(c, y), image.width);
      row = (row + density * ConstLine(map.row(0, y), image.width)) * share;
    }
}

/// Gray of red, green and blue by weights.
inline double gray_of(const std::array<double, 3>& weights, double red, double green, double blue) {
  return weights[0] * red + weights[1] * green + weights[2] * blue;
}
/// The weights of OpenCV, and those of imagecorruptions' ice and spatter on gray images, which for ice are
/// those of blue, green and red there: its textures are read in OpenCV's order.
inline constexpr std::array<double, 3> luma{.299, .587, .114}, short_luma{.2989, .587, .114};

/// How textures of ice are scaled before a part is cut out.
struct FrostScale {
  double factor =
      1.1;  ///< at least; larger where the texture would else not be 1.1 times as large as the image
  bool cubic = true;  ///< by cubic convolution, A = -3/4, or linearly; in both ways no pixel is averaged away
};

namespace detail {

/// For a place in a scaled line, the first of four pixels that count, and their weights.
struct FourPixels {
  FourPixels(Index place, double pixels_per_step, bool cubic) {
    const double middle = (static_cast<double>(place) + 0.5) * pixels_per_step - 0.5,
                 below = std::floor(middle), t = middle - below;
    first = static_cast<Index>(below) - 1;
    if (!cubic) {
      weights = {0, 1 - t, t, 0};
      return;
    }
    const auto near = [](double d) { return (1.25 * d - 2.25) * d * d + 1; };
    const auto far = [](double d) { return ((-0.75 * d + 3.75) * d - 6) * d + 3; };
    weights = {far(1 + t), near(t), near(1 - t), far(2 - t)};
  }
  Index first = 0;
  std::array<double, 4> weights{};
};

}  // namespace detail

/// The part of a texture, scaled and rounded to 256 levels, that covers an image: from where two numbers in
/// (0, 1) say, down and across. Throws foil::Error for textures without pixels, of other than one or three
/// channels, or of numbers there that are not finite.
inline Planes ice(const Planes& texture, Index height, Index width, const FrostScale& scale, double down,
                  double across) {
  require(texture.channels == 1 || texture.channels == 3, "frost: expected textures of 1 or 3 channels, got ",
          texture.channels);
  check_size("frost: textures", texture);
  const auto share = [](double u) { return u >= 0 && u < 1; };
  require(share(down) && share(across) && scale.factor > 0 && scale.factor <= most_enlarged,
          "frost: expected two numbers from 0 to before 1 and a scale in (0, ", most_enlarged, "], got ",
          down, ", ", across, " and ", scale.factor);
  const auto ratio = [](Index a, Index b) { return static_cast<double>(a) / static_cast<double>(b); };
  const double factor =
      std::max({scale.factor, 1.1 * ratio(height, texture.height), 1.1 * ratio(width, texture.width)});
  const auto scaled = [&](Index length) {
    const double exact = static_cast<double>(length) * factor;
    return static_cast<Index>(scale.cubic ? std::ceil(exact) : std::nearbyint(exact));
  };
  const Index all_rows = std::max(scaled(texture.height), height),
              all_columns = std::max(scaled(texture.width), width);
  const auto start = [](double u, Index room) {
    return static_cast<Index>(u * static_cast<double>(std::max<Index>(room, 1)));
  };
  const Index top = start(down, all_rows - height), left = start(across, all_columns - width);
  const double row_step = scale.cubic ? ratio(texture.height, all_rows) : 1 / factor,
               column_step = scale.cubic ? ratio(texture.width, all_columns) : 1 / factor;
  std::vector<detail::FourPixels> columns;
  for (Index x = 0; x < width; ++x) columns.emplace_back(left + x, column_step, scale.cubic);
  Planes out(texture.channels, height, width);
  Eigen::ArrayXd line(texture.width);
  for (Index c = 0; c < texture.channels; ++c)
    for (Index y = 0; y < height; ++y) {
      const detail::FourPixels rows(top + y, row_step, scale.cubic);
      line.setZero();
      for (Index k = 0; k < 4; ++k)
        line +=
            rows.weights[static_cast<std::size_t>(k)] *
            ConstLine(texture.row(c, inside(rows.first + k, texture.height, Edges::nearest)), texture.width);
      for (Index x = 0; x < width; ++x) {
        const detail::FourPixels& at = columns[static_cast<std::size_t>(x)];
        double sum = 0;
        for (Index k = 0; k < 4; ++k)
          sum += at.weights[static_cast<std::size_t>(k)] *
                 line[inside(at.first + k, texture.width, Edges::nearest)];
        require(std::isfinite(sum), "frost: expected textures of finite numbers, got ", sum, " of some");
        out.row(c, y)[x] = nearest_level(sum) / 255;
      }
    }
  return out;
}

/// Frost on the window: share x + ice_share i, of a texture of the image's size. It becomes gray for a gray
/// image.
inline void frost(Planes& image, double share, double ice_share, const Planes& texture) {
  require(texture.height == image.height && texture.width == image.width, "frost: expected a texture of ",
          image.height, " x ", image.width, " pixels, got ", texture.height, " x ", texture.width);
  check_constants("frost", {share, ice_share});
  image.values *= share;
  for (Index c = 0; c < image.channels; ++c)
    if (image.channels == texture.channels || texture.channels == 1)
      Line(image.plane(c), image.area()) +=
          ice_share * ConstLine(texture.plane(texture.channels == 1 ? 0 : c), image.area());
    else
      for (Index i = 0; i < image.area(); ++i)
        image.plane(c)[i] +=
            ice_share * gray_of(short_luma, texture.plane(0)[i], texture.plane(1)[i], texture.plane(2)[i]);
}

/// How much it snows.
struct SnowOptions {
  double mean = 0.1, deviation = 0.3;  ///< of the brightness of flakes
  double zoom = 3;                     ///< their size
  double threshold = 0.5;              ///< below which a flake is none
  double radius = 10, decay = 4;       ///< of their movement, see motion_blur()
  double share = 0.8;                  ///< of the image; the rest is whitened
  /// As the data sets of Hendrycks & Dietterich: what is too much of the enlarged layer is cut off on all
  /// sides and before the movement, and the layer cut down to 256 levels then.
  bool original = false;
};

/// Snow: a layer of moving flakes and the same upside down, added to an image that is whitened.
/// \param normal  a standard normal number for each pixel
/// \param angle   of the movement in degrees, see motion_blur()
inline void snow(Planes& image, const SnowOptions& options, const Eigen::VectorXd& normal, double angle) {
  check_normal("snow", normal, image.area());
  check_constants("snow", {options.mean, options.deviation, options.threshold, options.share});
  const Index height = image.height, width = image.width;
  Planes flakes(1, height, width);
  flakes.values = options.mean + options.deviation * normal.array();
  const Enlarged rows(height, options.zoom), columns(width, options.zoom);
  Planes layer(1, options.original ? height : rows.size, options.original ? width : columns.size);
  for_enlarged(flakes, options.zoom, layer.height, layer.width, options.original,
               [&](Index, Index y, const Eigen::ArrayXd& line) {
                 for (Index x = 0; x < line.size(); ++x)
                   layer.row(0, y)[x] = line[x] < options.threshold ? 0 : std::clamp(line[x], 0.0, 1.0);
               });
  if (options.original) truncate_to_levels(layer);
  motion_blur(layer, options.radius, options.decay, angle);
  for (Index i = 0; i < layer.values.size(); ++i) layer.values[i] = nearest_level(layer.values[i]) / 255;
  for (Index y = 0; y < height; ++y)
    for (Index x = 0; x < width; ++x) {
      const Index i = y * width + x;
      const double gray = image.channels == 3
                              ? gray_of(luma, image.plane(0)[i], image.plane(1)[i], image.plane(2)[i])
                              : image.plane(0)[i];
      const double fallen = layer.row(0, y)[x] + layer.row(0, height - 1 - y)[width - 1 - x];
      for (Index c = 0; c < image.channels; ++c) {
        double& value = image.plane(c)[i];
        value = options.share * value + (1 - options.share) * std::max(value, 1.5 * gray + 0.5) + fallen;
      }
    }
}

}  // namespace foil::corruptions
