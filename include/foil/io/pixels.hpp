// SPDX-License-Identifier: MIT
/// \file
/// From the numbers in a file to those that a model takes: scaled, put in its order, and checked.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <utility>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/shape.hpp"
#include "foil/core/tensor.hpp"
#include "foil/io/file.hpp"

namespace foil::io {

/// How the numbers of images become a model's.
struct PixelOptions {
  int levels = 0;  ///< the whole number that becomes the upper end of the bounds, 0 the lower; 0: as they are
  Index channels = 0;  ///< so many lie last in the file and first in the model; 0: in the same order
  bool clip = false;   ///< of those taken as they are, what is beyond the bounds by 1e-6 of their distance at
                       ///< most is moved to them
  bool strict = true;  ///< throw for those that are not finite or out of bounds; else they stay as they are
};

/// Makes images of numbers, one after the other.
template <class Scalar>
class Pixels {
 public:
  /// \param path  for messages
  Pixels(std::filesystem::path path, Bounds<Scalar> bounds, Index features, PixelOptions options)
      : path_(std::move(path)), bounds_(std::move(bounds)), features_(features), options_(options) {
    for (Index i = 0; options_.levels > 0 && i < (bounds_.uniform() ? 1 : features); ++i)
      require(std::isfinite(bounds_.lower(i)) && std::isfinite(bounds_.upper(i)), path_,
              "expected finite bounds, which 0 and ", options_.levels, " are scaled to");
    if (options_.levels == 255 && bounds_.uniform())
      for (int level = 0; level <= 255; ++level) of_byte_.push_back(scaled(level, 0));
  }

  const PixelOptions& options() const { return options_; }

  /// Whether numbers of the model's type become an image as they are, but for being checked.
  bool as_they_are() const { return options_.levels == 0 && options_.channels == 0; }

  /// Makes one image. `row` is its place in the file, for messages. Returns how many values were moved to the
  /// bounds.
  template <class Value>
  Index place(const Value* numbers, Scalar* image, Index row) const {
    if (options_.levels == 0) {
      arrange(numbers, image, [](Value value, Index) { return static_cast<Scalar>(value); });
      return check(image, row);
    }
    if constexpr (std::same_as<Value, std::uint8_t>) {
      if (!of_byte_.empty()) {
        arrange(numbers, image, [this](Value value, Index) { return of_byte_[value]; });
        return 0;
      }
    }
    arrange(numbers, image, [this](Value value, Index k) { return scaled(static_cast<double>(value), k); });
    return 0;
  }

  /// Checks an image of numbers that are taken as they are; otherwise as place().
  Index check(Scalar* image, Index row) const {
    if ((!options_.strict && !options_.clip) ||
        bounds_.contain(Eigen::Map<const typename Bounds<Scalar>::Vector>(image, features_)))
      return 0;
    Index moved = 0;
    for (Index i = 0; i < features_; ++i) {
      Scalar& value = image[options_.channels == 0 ? i : channels_first(i, options_.channels, features_)];
      moved += repaired(value, row, &value - image);
    }
    return moved;
  }

 private:
  template <class Value, class Convert>
  void arrange(const Value* numbers, Scalar* image, const Convert& convert) const {
    const Index channels = std::max<Index>(options_.channels, 1), places = features_ / channels;
    for (Index c = 0; c < channels; ++c)
      for (Index p = 0; p < places; ++p)
        image[c * places + p] = convert(numbers[p * channels + c], c * places + p);
  }

  Scalar scaled(double value, Index feature) const {
    const Scalar lower = bounds_.lower(feature), upper = bounds_.upper(feature);
    const double range = double{upper} - double{lower};
    return std::min(std::max(static_cast<Scalar>(double{lower} + value * range / options_.levels), lower),
                    upper);
  }

  /// Whether a value has been moved to the bounds. Throws for one that is not what it should be.
  bool repaired(Scalar& value, Index row, Index feature) const {
    const Scalar lower = bounds_.lower(feature), upper = bounds_.upper(feature);
    if (std::isfinite(value) && value >= lower && value <= upper) return false;
    if (options_.clip && std::isfinite(value)) {
      const Scalar nearest = std::min(std::max(value, lower), upper);
      const double range = double{upper} - double{lower};
      const double size = std::isfinite(range) ? range : std::max(1.0, std::abs(double{nearest}));
      if (std::abs(double{value} - double{nearest}) <= 1e-6 * size) {
        value = nearest;
        return true;
      }
    }
    require(!options_.strict, path_, "image ", row, " has the value ", value, ", expected values in [", lower,
            ", ", upper, "]");
    return false;
  }

  std::filesystem::path path_;
  Bounds<Scalar> bounds_;
  Index features_;
  PixelOptions options_;
  std::vector<Scalar> of_byte_{};  // what each becomes, if that is the same for all features
};

}  // namespace foil::io
