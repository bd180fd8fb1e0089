// SPDX-License-Identifier: MIT
/// \file
/// Images as flat vectors: where their pixels are, and linear maps on them with their adjoints.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"

namespace foil::geometry {

/// Where the pixels of an image are in a flat vector: channels x height x width, or height x width x
/// channels.
struct ImageLayout {
  Index channels = 1, height = 1, width = 1;
  bool channels_last = false;

  Index size() const { return channels * height * width; }
  /// Of a channel's first pixel.
  Index first(Index channel) const { return channels_last ? channel : channel * height * width; }
  /// From a pixel to the next one of its channel and row.
  Index stride() const { return channels_last ? channels : 1; }
  Index at(Index channel, Index row, Index column) const {
    return first(channel) + (row * width + column) * stride();
  }
};

/// Whether images are (H, W, C) rather than (C, H, W): true, false, or, by default, what their shape says.
/// They are where the last axis has 1 or 3 entries, as channels are, and the first has not.
class ChannelsLast {
 public:
  /// Of the option, in words.
  static constexpr std::string_view meaning =
      "images are (H, W, C); auto: where the last axis has 1 or 3 entries and the first has not";

  constexpr ChannelsLast() = default;
  constexpr ChannelsLast(bool last) : said_(last ? Said::last : Said::first) {}

  /// Of samples of that shape, which has three dimensions.
  bool of(const std::vector<Index>& shape) const {
    const auto channels = [](Index extent) { return extent == 1 || extent == 3; };
    return said_ == Said::nothing ? !channels(shape.front()) && channels(shape.back()) : said_ == Said::last;
  }

  friend constexpr bool operator==(ChannelsLast, ChannelsLast) = default;
  friend constexpr auto option_names(ChannelsLast) {
    return std::array{std::pair{std::string_view("true"), ChannelsLast(true)},
                      std::pair{std::string_view("false"), ChannelsLast(false)},
                      std::pair{std::string_view("auto"), ChannelsLast()}};
  }

 private:
  enum class Said { nothing, first, last };
  Said said_ = Said::nothing;
};

/// The layout of a sample of that shape. Throws foil::Error unless it has three dimensions.
inline ImageLayout image_layout(const std::vector<Index>& shape, ChannelsLast channels_last) {
  require(shape.size() == 3, "expected images of three dimensions, the samples have ", shape.size());
  if (channels_last.of(shape)) return {shape[2], shape[0], shape[1], true};
  return {shape[0], shape[1], shape[2], false};
}

/// The image that a sample of any shape is: two dimensions are a single channel, and what is no image is a
/// single row of pixels.
inline ImageLayout image_or_row(const std::vector<Index>& shape, ChannelsLast channels_last) {
  if (shape.size() == 3) return image_layout(shape, channels_last);
  if (shape.size() == 2) return {1, shape[0], shape[1]};
  Index features = 1;
  for (const Index extent : shape) features *= extent;
  return {1, 1, features};
}

/// The same of the samples of a batch.
template <Batch T>
ImageLayout image_or_row(const T& batch, ChannelsLast channels_last) {
  std::vector<Index> shape;
  for (std::size_t axis = 1; axis < T::NumIndices; ++axis) shape.push_back(batch.dimensions()[axis]);
  return image_or_row(shape, channels_last);
}

/// Resizes an image bilinearly to `height` x `width`, at most its own size, and puts it at `top`, `left` of a
/// ground of that size. Pixels are squares whose centres are interpolated; the outermost go on to the edge.
/// At its own size an image keeps its bits.
class ShrinkAndPlace {
 public:
  ShrinkAndPlace(const ImageLayout& image, Index height, Index width, Index top, Index left)
      : image_(image), rows_(image.height, height), columns_(image.width, width), top_(top), left_(left) {
    require(height >= 1 && width >= 1 && top >= 0 && left >= 0 && top + height <= image.height &&
                left + width <= image.width,
            "shrink and place: expected ", height, " x ", width, " pixels at ", top, ", ", left,
            " to lie within ", image.height, " x ", image.width);
  }

  /// Writes the result; `out` holds the ground.
  void apply(const Eigen::VectorXd& image, Eigen::VectorXd& out) const {
    for_each([&](Index to, const Index(&from)[4], const double(&weight)[4]) {
      out[to] = weight[0] * image[from[0]] + weight[1] * image[from[1]] + weight[2] * image[from[2]] +
                weight[3] * image[from[3]];
    });
  }

  /// Writes the transpose of apply()'s linear part.
  void adjoint(const Eigen::VectorXd& cotangent, Eigen::VectorXd& out) const {
    out.setZero(image_.size());
    for_each([&](Index to, const Index(&from)[4], const double(&weight)[4]) {
      for (int k = 0; k < 4; ++k) out[from[k]] += weight[k] * cotangent[to];
    });
  }

 private:
  /// For each entry of the smaller axis the two of the larger one that it lies between, and its share of the
  /// second.
  struct Axis {
    Axis(Index from, Index to)
        : low(static_cast<std::size_t>(to)), high(low.size()), share(low.size()), size(to) {
      const double ratio = static_cast<double>(from) / static_cast<double>(to);
      for (std::size_t i = 0; i < low.size(); ++i) {
        const double middle = std::max(0.0, (static_cast<double>(i) + 0.5) * ratio - 0.5);
        low[i] = std::min(static_cast<Index>(middle), from - 1);
        high[i] = std::min(low[i] + 1, from - 1);
        share[i] = middle - static_cast<double>(low[i]);
      }
    }
    std::vector<Index> low, high;
    std::vector<double> share;
    Index size;
  };

  /// Calls use(index in the result, four indices in the image, their weights) for every entry that is placed.
  template <class Use>
  void for_each(Use&& use) const {
    for (Index c = 0; c < image_.channels; ++c)
      for (Index i = 0; i < rows_.size; ++i)
        for (Index j = 0; j < columns_.size; ++j) {
          const auto row = static_cast<std::size_t>(i), column = static_cast<std::size_t>(j);
          const double down = rows_.share[row], right = columns_.share[column];
          const Index from[4] = {image_.at(c, rows_.low[row], columns_.low[column]),
                                 image_.at(c, rows_.low[row], columns_.high[column]),
                                 image_.at(c, rows_.high[row], columns_.low[column]),
                                 image_.at(c, rows_.high[row], columns_.high[column])};
          const double weight[4] = {(1 - down) * (1 - right), (1 - down) * right, down * (1 - right),
                                    down * right};
          use(image_.at(c, top_ + i, left_ + j), from, weight);
        }
  }

  ImageLayout image_;
  Axis rows_, columns_;
  Index top_, left_;
};

/// Convolves every channel of an image with the same symmetric weights along rows and columns, in place;
/// beyond the edges is nothing. `weights` begin with the middle one: w_0, w_1, ... stand for offsets 0, ±1,
/// .... Its own adjoint. O(pixels x weights).
inline void smooth(const ImageLayout& layout, const std::vector<double>& weights, Eigen::VectorXd& image) {
  const auto radius = static_cast<Index>(weights.size()) - 1;
  Eigen::VectorXd line(std::max(layout.height, layout.width));
  const auto convolve = [&](Index first, Index stride, Index length) {
    for (Index i = 0; i < length; ++i) line[i] = image[first + i * stride];
    const Index reach = std::min(radius, length - 1);
    for (Index i = 0; i < length; ++i) {
      double sum = weights[0] * line[i];
      for (Index k = 1; k <= reach; ++k)
        sum += weights[static_cast<std::size_t>(k)] *
               ((i - k >= 0 ? line[i - k] : 0.0) + (i + k < length ? line[i + k] : 0.0));
      image[first + i * stride] = sum;
    }
  };
  for (Index c = 0; c < layout.channels; ++c) {
    for (Index i = 0; i < layout.height; ++i) convolve(layout.at(c, i, 0), layout.stride(), layout.width);
    for (Index j = 0; j < layout.width; ++j)
      convolve(layout.at(c, 0, j), layout.stride() * layout.width, layout.height);
  }
}

}  // namespace foil::geometry
