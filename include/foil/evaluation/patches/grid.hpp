// SPDX-License-Identifier: MIT
/// \file
/// The patches of an image, and what stands where one is taken away.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/image.hpp"

namespace foil {

/// Which patches of the images are looked at, and what replaces them.
struct PatchOptions {
  Index patch = 32;  ///< side of a patch in pixels, smaller than the longer side of the images
  Index stride = 0;  ///< pixels from a patch to the next, at most `patch`; 0: `patch`, so that none overlap
  /// What stands where there is no patch: one value for all channels, or one for each, within the bounds. Of
  /// a network that standardises its inputs, the mean colour is what it sees as 0. Empty: the middle of the
  /// bounds, which then have to be finite.
  std::vector<double> baseline{};
  geometry::ChannelsLast channels_last{};  ///< the samples are (H, W, C); by default as their shape says
  Index batch_size = 128;                  ///< images per model call
};

/// Squares of pixels that cover an image. They begin at every `stride` pixels from the top left corner, up to
/// the first that reaches the end of a row or column, which is cut off there. A sample of two dimensions is
/// one channel, and what is no image a single row of pixels.
class PatchGrid {
 public:
  /// A patch, all its channels.
  struct Square {
    Index top, left, height, width;
  };

  /// Throws foil::Error unless there are at least two patches, and no gaps between them.
  PatchGrid(const geometry::ImageLayout& image, const PatchOptions& options)
      : image_(image),
        patch_(options.patch),
        stride_(options.stride == 0 ? options.patch : options.stride),
        rows_(along(image.height)),
        columns_(along(image.width)) {
    require(patch_ >= 1 && patch_ < std::max(image.height, image.width),
            "patches: expected them to be smaller than the images of ", image.height, " x ", image.width,
            " pixels, got ", patch_);
    require(stride_ >= 1 && stride_ <= patch_, "patches: expected a stride from 1 to the patch's ", patch_,
            " pixels, or 0, got ", options.stride);
    require(options.batch_size >= 1, "patches: expected a batch size >= 1, got ", options.batch_size);
  }

  const geometry::ImageLayout& image() const { return image_; }
  Index rows() const { return rows_; }
  Index columns() const { return columns_; }
  Index size() const { return rows_ * columns_; }
  /// Whether no two patches overlap, so that they are a partition of the image.
  bool apart() const { return stride_ == patch_; }

  /// The i-th patch, row by row.
  Square square(Index i) const {
    const Index top = i / columns_ * stride_, left = i % columns_ * stride_;
    return {top, left, std::min(patch_, image_.height - top), std::min(patch_, image_.width - left)};
  }

  /// How many pixels lie between two patches, in the direction in which there are more; 0 if they touch.
  Index between(Index i, Index j) const {
    const Square a = square(i), b = square(j);
    const auto gap = [](Index begin, Index length, Index other, Index other_length) {
      return std::max(other - (begin + length), begin - (other + other_length));
    };
    return std::max<Index>({gap(a.top, a.height, b.top, b.height), gap(a.left, a.width, b.left, b.width), 0});
  }

  /// Copies a patch from one image to the same place, or that of another patch as large, of another.
  template <class Scalar>
  void copy(ConstSampleView<Scalar> from, Index i, SampleView<Scalar> to, Index j) const {
    const Square source = square(i), target = square(j);
    for (Index c = 0; c < image_.channels; ++c)
      for (Index v = 0; v < source.height; ++v)
        for (Index u = 0; u < source.width; ++u)
          to[image_.at(c, target.top + v, target.left + u)] =
              from[image_.at(c, source.top + v, source.left + u)];
  }
  template <class Scalar>
  void copy(ConstSampleView<Scalar> from, SampleView<Scalar> to, Index i) const {
    copy<Scalar>(from, i, to, i);
  }

  /// A number for each pixel, row by row: the mean of those of the patches that cover it.
  std::vector<float> spread(const Eigen::VectorXd& values) const {
    require(values.size() == size(), "patches: expected a value for each of ", size(), ", got ",
            values.size());
    const auto pixels = static_cast<std::size_t>(image_.height * image_.width);
    std::vector<double> sums(pixels);
    std::vector<float> counts(pixels), out(pixels);
    for (Index i = 0; i < size(); ++i) {
      const Square at = square(i);
      for (Index v = at.top; v < at.top + at.height; ++v)
        for (Index u = at.left; u < at.left + at.width; ++u) {
          const auto pixel = static_cast<std::size_t>(v * image_.width + u);
          sums[pixel] += values[i];
          ++counts[pixel];
        }
    }
    for (std::size_t i = 0; i < pixels; ++i)
      out[i] = static_cast<float>(sums[i] / static_cast<double>(counts[i]));
    return out;
  }

 private:
  Index along(Index extent) const {
    return patch_ < extent && stride_ > 0 ? (extent - patch_ + stride_ - 1) / stride_ + 1 : 1;
  }

  geometry::ImageLayout image_;
  Index patch_, stride_, rows_, columns_;
};

namespace detail {

/// One image of nothing but the baseline.
template <Batch Input>
Input baseline_of(const Input& like, const geometry::ImageLayout& image, const PatchOptions& options,
                  const Bounds<typename Input::Scalar>& bounds) {
  using Scalar = typename Input::Scalar;
  const auto& given = options.baseline;
  const Index channels = image.channels, pixels = image.height * image.width;
  bounds.check(features(like));
  require(given.size() <= 1 || static_cast<Index>(given.size()) == channels,
          "patches: expected a baseline for all channels or for each of ", channels, ", got ", given.size());
  Input out(resized(like, 1));
  auto row = sample(out, 0);
  for (Index c = 0; c < channels; ++c)
    for (Index p = 0; p < pixels; ++p) {
      const Index i = image.first(c) + p * image.stride();
      const double low = static_cast<double>(bounds.lower(i)), high = static_cast<double>(bounds.upper(i));
      require(!given.empty() || std::isfinite(high - low),
              "patches: expected a baseline, since the bounds have no middle: they are [", low, ", ", high,
              "]");
      row[i] = static_cast<Scalar>(given.empty()       ? low + (high - low) / 2
                                   : given.size() == 1 ? given[0]
                                                       : given[static_cast<std::size_t>(c)]);
      require(row[i] >= bounds.lower(i) && row[i] <= bounds.upper(i), "patches: expected a baseline within [",
              low, ", ", high, "], got ", row[i]);
    }
  return out;
}

}  // namespace detail

}  // namespace foil
