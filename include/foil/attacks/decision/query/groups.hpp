// SPDX-License-Identifier: MIT
/// \file
/// Features that move together, so that there are few enough to learn about each.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/image.hpp"
#include "foil/run/oracle.hpp"

namespace foil::query {

/// Groups of neighbouring features: square patches of images, one per channel, stretches of what is no image.
/// Features without room belong to none.
class Groups {
 public:
  /// At most about so many.
  Groups(const Oracle& oracle, int most, geometry::ChannelsLast channels_last)
      : of_(static_cast<std::size_t>(oracle.features()), -1) {
    const auto& shape = oracle.shape();
    image_ = shape.size() == 3;
    const geometry::ImageLayout layout = image_ ? geometry::image_layout(shape, channels_last)
                                                : geometry::ImageLayout{1, 1, oracle.features()};
    side_ = 1;
    const auto along = [&](Index size) { return (size + side_ - 1) / side_; };
    while (layout.channels * along(layout.height) * along(layout.width) > most &&
           side_ < std::max(layout.height, layout.width))
      ++side_;
    columns_ = along(layout.width);
    if (image_)
      for (Nearness* nearness : {&wide_, &narrow_, &around_})
        nearness->of(
            along(layout.height), columns_,
            static_cast<double>(side_) / std::sqrt(static_cast<double>(layout.height * layout.width)));
    std::vector<Index> number(
        static_cast<std::size_t>(layout.channels * along(layout.height) * along(layout.width)), -1);
    for (Index c = 0; c < layout.channels; ++c)
      for (Index i = 0; i < layout.height; ++i)
        for (Index j = 0; j < layout.width; ++j) {
          const Index at = layout.at(c, i, j), row = i / side_, column = j / side_;
          if (!(oracle.upper()[at] > oracle.lower()[at])) continue;
          Index& group = number[static_cast<std::size_t>(
              (c * along(layout.height) + row) * along(layout.width) + column)];
          if (group < 0) {
            group = count();
            places_.push_back({c, row, column});
            sizes_.push_back(0);
          }
          of_[static_cast<std::size_t>(at)] = group;
          ++sizes_[static_cast<std::size_t>(group)];
        }
  }

  Index count() const { return static_cast<Index>(places_.size()); }
  /// Features in the largest.
  Index largest() const { return sizes_.empty() ? 0 : *std::max_element(sizes_.begin(), sizes_.end()); }

  /// The mean of every group's entries.
  Eigen::VectorXd means(const Eigen::VectorXd& features) const {
    Eigen::VectorXd out = Eigen::VectorXd::Zero(count());
    for (std::size_t i = 0; i < of_.size(); ++i)
      if (of_[i] >= 0) out[of_[i]] += features[static_cast<Index>(i)];
    for (Index g = 0; g < count(); ++g) out[g] /= static_cast<double>(sizes_[static_cast<std::size_t>(g)]);
    return out;
  }
  /// Features from groups whose entries are shared out; 0 without a group.
  Eigen::VectorXd shares(const Eigen::VectorXd& groups) const {
    Eigen::VectorXd out = Eigen::VectorXd::Zero(static_cast<Index>(of_.size()));
    for (std::size_t i = 0; i < of_.size(); ++i)
      if (of_[i] >= 0)
        out[static_cast<Index>(i)] =
            groups[of_[i]] / static_cast<double>(sizes_[static_cast<std::size_t>(of_[i])]);
    return out;
  }

  /// How alike the gradients of two groups of an image are by experience, 1 for the same: they are smooth on
  /// the scales of a tenth of its side and of a single pixel of MNIST, and half as alike in another channel.
  double likeness(Index a, Index b) const {
    if (!image_) return a == b;
    const double across = channel(a) == channel(b) ? 1 : 0.5;
    return across * (0.5 * near(a, b, wide_) + 0.3 * near(a, b, narrow_)) + (a == b ? 0.2 : 0);
  }

  /// Numbers per group that are as alike as gradients, from independent ones.
  Eigen::VectorXd alike(const Eigen::VectorXd& independent) const {
    Eigen::VectorXd out = Eigen::VectorXd::Zero(count());
    for (Index a = 0; a < count(); ++a)
      for (Index b = 0; b < count(); ++b) out[a] += likeness(a, b) * independent[b];
    return out;
  }

  /// How large the gradient of each group of an image is by experience, 1 in the root mean square: the
  /// larger, the more the image varies around it. Without an image, 1.
  Eigen::VectorXd liveliness(const Eigen::VectorXd& features) const {
    const Eigen::VectorXd values = means(features);
    Eigen::VectorXd out = Eigen::VectorXd::Zero(count());
    if (image_)
      for (Index a = 0; a < count(); ++a) {
        double weights = 0, mean = 0, square = 0;
        for (Index b = 0; b < count(); ++b) {
          if (channel(a) != channel(b)) continue;
          const double weight = near(a, b, around_), value = values[b] - values[a];
          weights += weight;
          mean += weight * value;
          square += weight * value * value;
        }
        mean /= weights;
        out[a] = std::sqrt(std::max(0.0, square / weights - mean * mean));
      }
    const double most = maximum(count(), [&](Index a) { return out[a]; });
    for (double& value : out) value = most > 0 ? dullest + (1 - dullest) * value / most : 1;
    return std::sqrt(static_cast<double>(count())) / norm2(out) * out;
  }

 private:
  struct Place {
    Index channel, row, column;
  };
  /// 1 in the same place, and how much less at a distance, on such a scale.
  struct Nearness {
    double scale;  // a share of the image's side
    std::vector<double> at{};

    void of(Index rows, Index columns, double side) {
      const double unit = side / scale;
      for (Index down = 0; down < rows; ++down)
        for (Index right = 0; right < columns; ++right)
          at.push_back(std::exp(-static_cast<double>(down * down + right * right) * unit * unit / 2));
    }
  };
  static constexpr double dullest = 0.3;  // where an image does not vary, of where it does most

  Index channel(Index group) const { return places_[static_cast<std::size_t>(group)].channel; }
  double near(Index a, Index b, const Nearness& nearness) const {
    const Place &at = places_[static_cast<std::size_t>(a)], &other = places_[static_cast<std::size_t>(b)];
    return nearness.at[static_cast<std::size_t>(std::abs(at.row - other.row) * columns_ +
                                                std::abs(at.column - other.column))];
  }

  bool image_ = false;
  Index side_ = 1, columns_ = 1;
  Nearness wide_{3.0 / 28}, narrow_{1.0 / 28}, around_{2.0 / 28};
  std::vector<Index> of_, sizes_{};  // of a feature its group, of a group its features
  std::vector<Place> places_{};
};

}  // namespace foil::query
