// SPDX-License-Identifier: MIT
/// \file
/// The form of images that corruptions work on.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <string_view>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"

namespace foil::corruptions {

/// An image, or a map without colours: channels x height x width numbers, of which 0 is black and 1 white.
/// Results of corruptions may leave [0, 1]; foil::corrupt() clips them.
struct Planes {
  Index channels = 0, height = 0, width = 0;
  Eigen::VectorXd values{};  ///< channel by channel, row by row

  Planes() = default;
  Planes(Index channels_, Index height_, Index width_)
      : channels(channels_),
        height(height_),
        width(width_),
        values(Eigen::VectorXd::Zero(channels_ * height_ * width_)) {}

  /// Pixels of one channel.
  Index area() const { return height * width; }
  /// One channel, row by row.
  double* plane(Index channel) { return values.data() + channel * area(); }
  const double* plane(Index channel) const { return values.data() + channel * area(); }
  double* row(Index channel, Index y) { return plane(channel) + y * width; }
  const double* row(Index channel, Index y) const { return plane(channel) + y * width; }
};

/// Some numbers that follow each other.
using Line = Eigen::Map<Eigen::ArrayXd>;
using ConstLine = Eigen::Map<const Eigen::ArrayXd>;

/// What lies beyond the edges of an image.
enum class Edges {
  nearest,  ///< the last pixel, again and again: a a a | a b c
  reflect,  ///< the image mirrored, the last pixel twice: c b a | a b c
  mirror    ///< the image mirrored, the last pixel once: d c b | a b c
};

/// Which of `length` pixels stands at a place that may be beyond the ends, as often as it takes.
inline Index inside(Index place, Index length, Edges edges) {
  if (place >= 0 && place < length) return place;
  if (edges == Edges::nearest || length == 1) return place < 0 ? 0 : length - 1;
  const Index twice = edges == Edges::mirror ? 1 : 0, period = 2 * (length - twice);
  const Index within = (place % period + period) % period;
  return within < length ? within : period - 1 + twice - within;
}

/// A value cut off at 0 and 1; NaN is 0.
inline double share_of(double value) {
  return std::min(std::max(0.0, value), 1.0);  // in this order
}

/// The highest level at most a value in [0, 1], in 255ths; of all else, that of share_of(). The originals cut
/// off what is behind the point; here a millionth of a level that rounding took from a whole one is given
/// back first.
inline double floor_level(double value) {
  return static_cast<int>(share_of(value) * 255 + 1e-6);
}

/// The level that is nearest to a value in [0, 1]; of all else, that of share_of().
inline double nearest_level(double value) {
  return static_cast<int>(share_of(value) * 255 + 0.5);
}

/// The 256 levels in [0, 1].
inline constexpr std::array<double, 256> level_shares = [] {
  std::array<double, 256> out{};
  for (std::size_t level = 0; level < out.size(); ++level) out[level] = static_cast<double>(level) / 255;
  return out;
}();

/// Cuts an image down to levels.
inline void truncate_to_levels(Planes& image) {
  for (Index i = 0; i < image.values.size(); ++i) image.values[i] = floor_level(image.values[i]) / 255;
}

/// Throws foil::Error unless there is an image: a number for each pixel of each channel, at least one.
inline void check_size(std::string_view what, const Planes& image) {
  require(image.channels > 0 && image.height > 0 && image.width > 0 &&
              image.values.size() == image.channels * image.area(),
          what, ": expected at least one pixel and a number for each, got ", image.values.size(),
          " numbers of ", image.channels, " x ", image.height, " x ", image.width);
}

/// Throws foil::Error unless there are `count` random numbers, all of them finite.
inline void check_normal(const char* corruption, const Eigen::VectorXd& numbers, Index count) {
  require(numbers.size() == count, corruption, ": expected ", count, " random numbers, got ", numbers.size());
  require(numbers.allFinite(), corruption, ": expected random numbers that are finite");
}

/// The same of numbers in [0, 1).
inline void check_uniform(const char* corruption, const Eigen::VectorXd& numbers, Index count) {
  check_normal(corruption, numbers, count);
  require((numbers.array() >= 0).all() && (numbers.array() < 1).all(), corruption,
          ": expected random numbers from 0 to before 1");
}

/// Throws foil::Error unless all constants of a corruption are finite.
inline void check_constants(const char* corruption, std::initializer_list<double> constants) {
  for (const double each : constants)
    require(std::isfinite(each), corruption, ": expected constants that are finite, got ", each);
}

}  // namespace foil::corruptions
