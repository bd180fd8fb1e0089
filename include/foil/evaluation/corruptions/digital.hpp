// SPDX-License-Identifier: MIT
/// \file
/// What files and transmission do: large pixels, JPEG, and a picture that is bent.
#pragma once

#include <Eigen/Core>
#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/corruptions/blur.hpp"
#include "foil/evaluation/corruptions/planes.hpp"

namespace foil {

/// Writes a picture as JPEG of a quality from 1 to 100 and reads it again, in place: height x width x
/// channels bytes. foil::io::jpeg_round_trip is one.
using JpegRoundTrip = std::function<void(std::span<std::uint8_t> pixels, Index height, Index width,
                                         Index channels, int quality)>;

namespace corruptions {

/// Writes and reads an image of 256 levels as JPEG. Others are rounded.
inline void jpeg_compression(Planes& image, int quality, const JpegRoundTrip& round_trip) {
  require(static_cast<bool>(round_trip),
          "jpeg_compression: expected a function that writes and reads JPEG: CorruptionOptions::jpeg");
  require(quality >= 1 && quality <= 100, "jpeg_compression: expected a quality from 1 to 100, got ",
          quality);
  const Index area = image.area(), channels = image.channels;  // bytes might be anything, these as well
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(image.values.size()));
  Eigen::VectorXi levels(area);
  for (Index c = 0; c < channels; ++c) {
    const double* const from = image.plane(c);
    std::uint8_t* const to = pixels.data() + c;
    for (Index i = 0; i < area; ++i) levels[i] = static_cast<int>(nearest_level(from[i]));
    for (Index i = 0; i < area; ++i) to[i * channels] = static_cast<std::uint8_t>(levels[i]);
  }
  round_trip(pixels, image.height, image.width, image.channels, quality);
  for (Index c = 0; c < channels; ++c) {
    const std::uint8_t* const from = pixels.data() + c;
    double* const to = image.plane(c);
    for (Index i = 0; i < area; ++i) to[i] = level_shares[from[i * channels]];
  }
}

namespace detail {

/// In pixels: what places of images are counted by has room for more, also times a length.
inline constexpr double farthest = 1e9;

/// Some pixels of a line, from the first to before the end.
struct Box {
  Index first, end;
};

/// Cuts a line of pixels into boxes: each of them belongs to where its centre lies, and if there are more
/// boxes than pixels, each box has the pixel that its centre lies in. On what lies between two the bits of
/// Pillow's sums decide, and so they do here.
inline std::vector<Box> boxes(Index length, Index count) {
  const double scale = static_cast<double>(length) / static_cast<double>(count),
               half = 0.5 * std::max(scale, 1.0), share = 1 / std::max(scale, 1.0);
  std::vector<Box> out;
  for (Index i = 0; i < count; ++i) {
    const volatile double rounded = (static_cast<double>(i) + 0.5) * scale;  // not fused with what follows
    const double middle = rounded;
    Box box{std::max<Index>(0, static_cast<Index>(middle - half + 0.5)),
            std::min(length, static_cast<Index>(middle + half + 0.5))};
    const auto place = [&](Index k) { return (static_cast<double>(k) - middle + 0.5) * share; };
    while (box.end - box.first > 1 && !(place(box.first) > -0.5)) ++box.first;
    while (box.end - box.first > 1 && !(place(box.end - 1) <= 0.5)) --box.end;
    out.push_back(box);
  }
  return out;
}

/// Rounds a line to 256 levels.
/// \param levels  room for as many numbers
inline void round_to_levels(Line line, std::vector<int>& levels) {
  const auto count = static_cast<std::size_t>(line.size());
  double* const values = line.data();
  levels.resize(count);
  for (std::size_t i = 0; i < count; ++i) levels[i] = static_cast<int>(nearest_level(values[i] + 1e-12));
  for (std::size_t i = 0; i < count; ++i) values[i] = levels[i] / 255.0;
}

/// The means over the boxes of each of `height` lines.
inline void average_across(const double* from, Index height, Index width, const std::vector<Box>& boxes,
                           double* to, bool eight_bit) {
  // What all boxes have is summed without asking for their sizes; the rest, in its order, follows.
  Index common = width;
  for (const Box& box : boxes) common = std::min(common, box.end - box.first);
  const auto columns = static_cast<Index>(boxes.size());
  std::vector<Index> first, of_box, rest;
  std::vector<int> levels;
  Eigen::ArrayXd pixels(columns);
  for (Index b = 0; b < columns; ++b) {
    const Box& box = boxes[static_cast<std::size_t>(b)];
    first.push_back(box.first);
    pixels[b] = static_cast<double>(box.end - box.first);
    for (Index k = box.first + common; k < box.end; ++k) {
      of_box.push_back(b);
      rest.push_back(k);
    }
  }
  for (Index y = 0; y < height; ++y, from += width, to += columns) {
    for (std::size_t b = 0; b < first.size(); ++b) to[b] = from[first[b]];
    for (Index k = 1; k < common; ++k)
      for (std::size_t b = 0; b < first.size(); ++b) to[b] += from[first[b] + k];
    for (std::size_t r = 0; r < rest.size(); ++r) to[of_box[r]] += from[rest[r]];
    Line means(to, columns);
    means /= pixels;
    if (eight_bit) round_to_levels(means, levels);
  }
}

/// The means of each of `width` columns over the boxes.
inline void average_down(const double* from, Index width, const std::vector<Box>& boxes, double* to,
                         bool eight_bit) {
  std::vector<int> levels;
  for (const auto& [first, end] : boxes) {
    Line means(to, width);
    means = ConstLine(from + first * width, width);
    for (Index k = first + 1; k < end; ++k) means += ConstLine(from + k * width, width);
    means /= static_cast<double>(end - first);
    if (eight_bit) round_to_levels(means, levels);
    to += width;
  }
}

}  // namespace detail

/// Fewer and larger pixels: an image is averaged to floor(factor size) boxes, at least one, along rows and
/// then columns, and each box fills its place.
/// \param eight_bit  round to 256 levels after each of both
/// \param original   pixels between two boxes go as in the data sets of Hendrycks & Dietterich, which have
///                   none at their own sizes
inline void pixelate(Planes& image, double factor, bool eight_bit = true, bool original = false) {
  require(factor > 0 && factor <= 1, "pixelate: expected a factor in (0, 1], got ", factor);
  const auto fewer = [&](Index length) {
    return std::max<Index>(1, static_cast<Index>(static_cast<double>(length) * factor));
  };
  const Index height = image.height, width = image.width, rows = fewer(height), columns = fewer(width);
  Eigen::VectorXd narrow(height * columns), small(rows * columns);
  // The box that each pixel lies in.
  const auto origins = [original](Index from, Index to) {
    const double step = static_cast<double>(from) / static_cast<double>(to);
    std::vector<Index> places;
    if (original)
      for (const detail::Box& box : detail::boxes(from, to)) places.push_back(box.first);
    for (double at = step / 2; static_cast<Index>(places.size()) < to; at += step)
      places.push_back(std::min(static_cast<Index>(at), from - 1));
    return places;
  };
  const std::vector<Index> down = origins(rows, height), across = origins(columns, width);
  const std::vector<detail::Box> in_row = detail::boxes(width, columns),
                                 in_column = detail::boxes(height, rows);
  for (Index c = 0; c < image.channels; ++c) {
    detail::average_across(image.plane(c), height, width, in_row, narrow.data(), eight_bit);
    detail::average_down(narrow.data(), columns, in_column, small.data(), eight_bit);
    for (Index y = 0; y < height; ++y) {
      const Index origin = down[static_cast<std::size_t>(y)];
      double* const row = image.row(c, y);
      if (y > 0 && origin == down[static_cast<std::size_t>(y - 1)]) {
        std::copy(row - width, row, row);
        continue;
      }
      for (Index x = 0; x < width; ++x)
        row[x] = small[origin * columns + across[static_cast<std::size_t>(x)]];
    }
  }
}

/// The value of a channel between pixels, bilinearly, no place being as far as detail::farthest.
inline double between(const Planes& image, Index channel, double y, double x, Edges edges) {
  const double above = std::floor(y), left = std::floor(x);
  const auto v = static_cast<Index>(above), u = static_cast<Index>(left);
  const double *upper = image.row(channel, inside(v, image.height, edges)),
               *lower = image.row(channel, inside(v + 1, image.height, edges));
  const Index here = inside(u, image.width, edges), next = inside(u + 1, image.width, edges);
  const double down = y - above, across = x - left;
  const double first = upper[here] + across * (upper[next] - upper[here]),
               second = lower[here] + across * (lower[next] - lower[here]);
  return first + down * (second - first);
}

/// Moves three points around the middle, and the image with them: (1, 1), (1, -1) and (-1, -1) thirds of the
/// shorter side away. Beyond the edges the image is mirrored.
/// \param moves  of the three in pixels: across and down for each
inline void move_affinely(Planes& image, const Eigen::Matrix<double, 3, 2>& moves) {
  require(moves.allFinite(), "move_affinely: expected moves that are finite");
  const auto across = static_cast<double>(image.width / 2), down = static_cast<double>(image.height / 2),
             third = static_cast<double>(std::min(image.height, image.width) / 3);
  if (third < 1) return;
  Eigen::Matrix<double, 3, 2> before;
  before << across + third, down + third, across + third, down - third, across - third, down - third;
  Eigen::Matrix3d after;
  after << before + moves, Eigen::Vector3d::Ones();
  // Where the pixels of the result come from: (x, y, 1) times this.
  const Eigen::Matrix<double, 3, 2> origin = after.inverse() * before;
  if (!(origin.array().abs() < detail::farthest).all()) return;  // the three have come to lie on a line
  const Planes from = image;
  for (Index c = 0; c < image.channels; ++c)
    for (Index y = 0; y < image.height; ++y)
      for (Index x = 0; x < image.width; ++x) {
        const auto v = static_cast<double>(y), u = static_cast<double>(x);
        image.row(c, y)[x] = between(from, c, u * origin(0, 1) + v * origin(1, 1) + origin(2, 1),
                                     u * origin(0, 0) + v * origin(1, 0) + origin(2, 0), Edges::mirror);
      }
}

/// Bends an image: every pixel comes from another place, bilinearly. The displacements are `strength` times
/// numbers in (-range, range) that a Gaussian has smoothed, cut off at three of its standard deviations;
/// strength times range is below 1e9.
/// Beyond the edges the image goes on mirrored.
/// \param sigma    of the Gaussian in pixels, down and across
/// \param uniform  two numbers in (0, 1) for each pixel: first those of all displacements across
inline void elastic_transform(Planes& image, double strength, const Eigen::Vector2d& sigma, double range,
                              const Eigen::VectorXd& uniform) {
  const Index area = image.area();
  check_uniform("elastic_transform", uniform, 2 * area);
  check_constants("elastic_transform", {strength, range});
  require(std::abs(strength * range) < detail::farthest, "elastic_transform: expected moves of less than ",
          detail::farthest, " pixels, got ", strength, " times ", range);
  Planes moves(2, image.height, image.width);
  moves.values = (2 * uniform.array() - 1) * range;
  convolve(moves, gaussian_weights(sigma[0], 3), gaussian_weights(sigma[1], 3), Edges::reflect);
  moves.values *= strength;
  const Planes from = image;
  for (Index y = 0; y < image.height; ++y)
    for (Index x = 0; x < image.width; ++x) {
      const double v = static_cast<double>(y) + moves.row(1, y)[x],
                   u = static_cast<double>(x) + moves.row(0, y)[x];
      for (Index c = 0; c < image.channels; ++c) image.row(c, y)[x] = between(from, c, v, u, Edges::reflect);
    }
}

}  // namespace corruptions
}  // namespace foil
