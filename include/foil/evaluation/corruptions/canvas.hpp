// SPDX-License-Identifier: MIT
/// \file
/// From samples to the form that corruptions work on, and back.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/corruptions/planes.hpp"
#include "foil/geometry/image.hpp"

namespace foil::corruptions {

/// From samples to planes and back.
class Canvas {
 public:
  Canvas(const geometry::ImageLayout& layout, Bounds<double> bounds, bool eight_bit)
      : layout_(layout), bounds_(std::move(bounds)), eight_bit_(eight_bit) {
    require(layout.size() > 0, "corruptions: expected images of at least one pixel, got ", layout.channels,
            " x ", layout.height, " x ", layout.width);
    bounds_.check(layout.size());
    for (Index i = 0; i < bounds_.intervals(); ++i)
      require(std::isfinite(bounds_.lower(i)) && std::isfinite(bounds_.upper(i)) &&
                  bounds_.lower(i) < bounds_.upper(i),
              "corruptions: expected finite bounds with lower < upper, got [", bounds_.lower(i), ", ",
              bounds_.upper(i), "]");
  }

  /// Throws foil::Error for values that are not within the bounds.
  template <class Scalar>
  Planes read(ConstSampleView<Scalar> sample) const {
    Planes image;
    image.channels = layout_.channels, image.height = layout_.height, image.width = layout_.width;
    image.values.resize(layout_.size());
    if (by_levels() && read_levels<Scalar>(sample, image)) return image;
    const bool uniform = bounds_.uniform();
    double lower = bounds_.lower(0), range = bounds_.upper(0) - lower, scale = 255 / range;
    for_each([&](Index from, Index to) {
      if (!uniform) {
        lower = bounds_.lower(from), range = bounds_.upper(from) - lower;
        scale = 255 / range;
      }
      const double value = static_cast<double>(sample[from]), level = (value - lower) * scale;
      if (!(level >= -255e-6 && level <= 255 + 255e-6))
        throw Error(text("corruptions: expected values in [", lower, ", ", lower + range, "], got ", value));
      const int nearest = static_cast<int>(std::max(level, 0.0) + 0.5);
      image.values[to] = eight_bit_ && std::abs(level - nearest) < 1e-3
                             ? level_shares[static_cast<std::size_t>(nearest)]
                             : std::clamp((value - lower) / range, 0.0, 1.0);
    });
    return image;
  }

  template <class Scalar>
  void write(const Planes& image, SampleView<Scalar> sample) const {
    if (by_levels()) return write_levels<Scalar>(image, sample);
    for_each([&](Index to, Index from) {
      const double lower = bounds_.lower(to), upper = bounds_.upper(to), share = image.values[from];
      sample[to] = within<Scalar>(
          eight_bit_ ? value_of(floor_level(share), to) : lower + share_of(share) * (upper - lower), to);
    });
  }

 private:
  /// Whether levels mean the same everywhere.
  bool by_levels() const { return eight_bit_ && bounds_.uniform(); }

  /// Reads an image of nothing but levels, which nearly all are, in loops that compilers make vectors of.
  /// False, and a part of the image, where there is anything else.
  template <class Scalar>
  bool read_levels(ConstSampleView<Scalar> sample, Planes& image) const {
    const double lower = bounds_.lower(0), scale = 255 / (bounds_.upper(0) - lower);
    std::array<double, at_once> level;
    std::array<int, at_once> nearest;
    return for_each_part([&](Index from, Index stride, Index to, std::size_t count) {
      const Scalar* const values = sample.data() + from;
      double* const shares = image.values.data() + to;
      for (std::size_t i = 0; i < count; ++i)
        level[i] = (static_cast<double>(values[static_cast<Index>(i) * stride]) - lower) * scale;
      for (std::size_t i = 0; i < count; ++i)
        nearest[i] = static_cast<int>(std::min(std::max(0.0, level[i]), 255.0) + 0.5);
      int others = 0;
      for (std::size_t i = 0; i < count; ++i) {
        others += std::abs(level[i] - nearest[i]) < 1e-3 ? 0 : 1;
        others += level[i] >= -255e-6 ? 0 : 1;
        others += level[i] <= 255 + 255e-6 ? 0 : 1;
      }
      for (std::size_t i = 0; i < count; ++i) shares[i] = level_shares[static_cast<std::size_t>(nearest[i])];
      return others == 0;
    });
  }

  template <class Scalar>
  void write_levels(const Planes& image, SampleView<Scalar> sample) const {
    std::array<Scalar, 256> values;
    for (std::size_t level = 0; level < values.size(); ++level)
      values[level] = within<Scalar>(value_of(static_cast<double>(level), 0), 0);
    std::array<int, at_once> level;
    for_each_part([&](Index to, Index stride, Index from, std::size_t count) {
      const double* const shares = image.values.data() + from;
      Scalar* const out = sample.data() + to;
      for (std::size_t i = 0; i < count; ++i) level[i] = static_cast<int>(floor_level(shares[i]));
      for (std::size_t i = 0; i < count; ++i)
        out[static_cast<Index>(i) * stride] = values[static_cast<std::size_t>(level[i])];
      return true;
    });
  }

  /// How many values a part has at most.
  static constexpr std::size_t at_once = 256;
  /// Calls use(place of the first value in the sample, how far apart the values are there, place in the
  /// planes, how many) for parts of a channel, while it returns true. Whether all have.
  template <class Use>
  bool for_each_part(Use&& use) const {
    const Index area = layout_.height * layout_.width, most = at_once;
    for (Index c = 0; c < layout_.channels; ++c)
      for (Index pixel = 0; pixel < area; pixel += most)
        if (!use(layout_.first(c) + pixel * layout_.stride(), layout_.stride(), c * area + pixel,
                 static_cast<std::size_t>(std::min(most, area - pixel))))
          return false;
    return true;
  }

  /// A value that rounding may have taken out of the bounds, within them.
  template <class Scalar>
  Scalar within(double value, Index feature) const {
    return std::clamp(static_cast<Scalar>(value), static_cast<Scalar>(bounds_.lower(feature)),
                      static_cast<Scalar>(bounds_.upper(feature)));
  }
  double value_of(double level, Index feature) const {
    return bounds_.lower(feature) + level * (bounds_.upper(feature) - bounds_.lower(feature)) / 255;
  }

  /// Calls use(place in the sample, place in the planes) for every value.
  template <class Use>
  void for_each(Use&& use) const {
    Index to = 0;
    for (Index c = 0; c < layout_.channels; ++c)
      for (Index pixel = 0, from = layout_.first(c); pixel < layout_.height * layout_.width;
           ++pixel, from += layout_.stride())
        use(from, to++);
  }

  geometry::ImageLayout layout_;
  Bounds<double> bounds_;
  bool eight_bit_;
};

}  // namespace foil::corruptions
