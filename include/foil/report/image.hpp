// SPDX-License-Identifier: MIT
/// \file
/// Inputs of a model as pictures: as they are, and what an attack has changed, magnified.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/io/picture.hpp"

namespace foil::report {

/// What the numbers of an input mean: its shape, and the interval that spans black to white.
struct ImageForm {
  Index channels = 1, height = 28, width = 28;
  float lower = 0, upper = 1;

  Index pixels() const { return height * width; }
  std::size_t size() const { return static_cast<std::size_t>(channels * pixels()); }
  double range() const { return double{upper} - double{lower}; }
};

namespace detail {

inline std::uint8_t byte(double fraction) {
  return static_cast<std::uint8_t>(std::lround(255 * std::clamp(fraction, 0., 1.)));
}

/// From blue (-1) over white (0) to red (1).
inline io::Colour blue_white_red(double value) {
  const io::Colour& end = value > 0 ? io::Colour{178, 24, 43} : io::Colour{33, 102, 172};
  const double t = std::min(std::abs(value), 1.);
  io::Colour out{};
  for (std::size_t i = 0; i < 3; ++i) out[i] = byte(1 - t + t * end[i] / 255.);
  return out;
}

/// A channel of a pixel: of neither one nor three channels their mean.
inline double channel_of(const ImageForm& form, const std::vector<float>& values, Index pixel,
                         Index channel) {
  if (form.channels == 1 || form.channels == 3)
    return double{values[static_cast<std::size_t>(channel * form.pixels() + pixel)]};
  double sum = 0;
  for (Index c = 0; c < form.channels; ++c)
    sum += double{values[static_cast<std::size_t>(c * form.pixels() + pixel)]};
  return sum / static_cast<double>(form.channels);
}

template <class ColourAt>
io::Picture painted(const ImageForm& form, ColourAt colour_at) {
  io::Picture picture(form.width, form.height, 3);
  for (Index pixel = 0; pixel < form.pixels(); ++pixel)
    picture.fill(pixel % form.width, pixel / form.width, 1, 1, colour_at(pixel));
  return picture;
}

}  // namespace detail

/// The largest of 1, 2, 3, 5, 10, 20, 30, 50, ... that keeps `change` times it within `range` (give or take
/// a hundredth).
inline int magnification(double change, double range) {
  int best = 1;
  for (int decade = 1; decade <= 100000; decade *= 10)
    for (const int step : {1, 2, 3, 5})
      if (change * decade * step <= range * 1.01) best = decade * step;
  return change > 0 ? best : 1;
}

/// The largest change of any number.
inline double largest_change(const std::vector<float>& clean, const std::vector<float>& adversarial) {
  double largest = 0;
  for (std::size_t i = 0; i < adversarial.size(); ++i)
    largest = std::max(largest, std::abs(double{adversarial[i]} - double{clean[i]}));
  return largest;
}

/// An input of C x H x W as a picture: three channels in colour, one in gray, any other number by their mean.
inline io::Picture picture_of(const ImageForm& form, const std::vector<float>& values) {
  return detail::painted(form, [&](Index pixel) {
    io::Colour colour{};
    for (Index c = 0; c < 3; ++c)
      colour[static_cast<std::size_t>(c)] = detail::byte(
          (detail::channel_of(form, values, pixel, form.channels == 3 ? c : 0) - double{form.lower}) /
          form.range());
    return colour;
  });
}

/// What has changed, `times` as large: of three channels around mid-gray, else in colour (white: nothing,
/// red: brighter, blue: darker).
inline io::Picture change_of(const ImageForm& form, const std::vector<float>& clean,
                             const std::vector<float>& adversarial, int times) {
  return detail::painted(form, [&](Index pixel) {
    const auto change = [&](Index c) {
      return times *
             (detail::channel_of(form, adversarial, pixel, c) - detail::channel_of(form, clean, pixel, c)) /
             form.range();
    };
    if (form.channels != 3) return detail::blue_white_red(change(0));
    io::Colour colour{};
    for (Index c = 0; c < 3; ++c) colour[static_cast<std::size_t>(c)] = detail::byte(.5 + change(c) / 2);
    return colour;
  });
}

/// Makes an image of more than `most` pixels in a direction smaller: each pixel the mean of a square of
/// pixels, what is left of squares at the edges included.
inline std::vector<float> reduced(ImageForm& form, const std::vector<float>& values, Index most) {
  require(values.size() == form.size() && most > 0, "image: expected ", form.size(), " values, got ",
          values.size());
  const Index side = (std::max(form.height, form.width) + most - 1) / most;
  if (side == 1) return values;
  const ImageForm from = form;
  form.height = (from.height + side - 1) / side;
  form.width = (from.width + side - 1) / side;
  std::vector<float> out(form.size());
  for (Index c = 0; c < form.channels; ++c)
    for (Index y = 0; y < form.height; ++y)
      for (Index x = 0; x < form.width; ++x) {
        double sum = 0;
        Index count = 0;
        for (Index v = y * side; v < std::min((y + 1) * side, from.height); ++v)
          for (Index u = x * side; u < std::min((x + 1) * side, from.width); ++u, ++count)
            sum += double{values[static_cast<std::size_t>((c * from.height + v) * from.width + u)]};
        out[static_cast<std::size_t>((c * form.height + y) * form.width + x)] =
            static_cast<float>(sum / static_cast<double>(count));
      }
  return out;
}

}  // namespace foil::report
