// SPDX-License-Identifier: MIT
/// \file
/// Rotations and shifts of images as flat vectors.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/image.hpp"

namespace foil::geometry {

/// First a rotation about the image's middle, counter-clockwise in degrees, then a shift in pixels.
struct RigidMotion {
  double rotation = 0;
  double down = 0;
  double right = 0;

  bool operator==(const RigidMotion&) const = default;
};

/// Moves what an image shows. Pixels are squares, all of them as long as wide, whose centres are interpolated
/// bilinearly; channels move alike. Shifts by whole pixels and quarter turns of square images keep the bits
/// of what they move.
/// \param motion  finite
/// \param beyond  what lies beyond the edges, one value for each entry of the result; null: the edges go on
inline Eigen::VectorXd moved(const ImageLayout& layout, const RigidMotion& motion,
                             const Eigen::VectorXd& image, const Eigen::VectorXd* beyond) {
  require(std::isfinite(motion.rotation) && std::isfinite(motion.down) && std::isfinite(motion.right),
          "rigid motion: expected finite numbers, got ", motion.rotation, " degrees, ", motion.down,
          " down, ", motion.right, " to the right");
  double cosine = std::cos(motion.rotation * std::numbers::pi / 180);
  double sine = std::sin(motion.rotation * std::numbers::pi / 180);
  if (std::fmod(motion.rotation, 90) == 0) cosine = std::round(cosine), sine = std::round(sine);

  const auto height = static_cast<double>(layout.height), width = static_cast<double>(layout.width);
  const double middle_row = (height - 1) / 2, middle_column = (width - 1) / 2;
  Eigen::VectorXd out(image.size());
  for (Index i = 0; i < layout.height; ++i)
    for (Index j = 0; j < layout.width; ++j) {
      const double y = static_cast<double>(i) - middle_row - motion.down;
      const double x = static_cast<double>(j) - middle_column - motion.right;
      // Where the pixel comes from; what is farther out than a pixel beyond the edge is beyond it all the
      // same.
      double row = std::clamp(x * sine + y * cosine + middle_row, -1.0, height);
      double column = std::clamp(x * cosine - y * sine + middle_column, -1.0, width);
      if (!beyond) row = std::clamp(row, 0.0, height - 1), column = std::clamp(column, 0.0, width - 1);
      const double top = std::floor(row), left = std::floor(column);
      const double low = row - top, after = column - left;
      const double weight[4] = {(1 - low) * (1 - after), (1 - low) * after, low * (1 - after), low * after};
      for (Index c = 0; c < layout.channels; ++c) {
        const Index to = layout.at(c, i, j);
        double sum = 0;
        bool first = true;
        for (int k = 0; k < 4; ++k) {
          if (weight[k] == 0) continue;
          const Index from_row = static_cast<Index>(top) + k / 2,
                      from_column = static_cast<Index>(left) + k % 2;
          const bool inside =
              from_row >= 0 && from_row < layout.height && from_column >= 0 && from_column < layout.width;
          const double value = inside ? image[layout.at(c, from_row, from_column)] : (*beyond)[to];
          sum = first ? weight[k] * value : sum + weight[k] * value;  // a negative zero stays one
          first = false;
        }
        out[to] = sum;
      }
    }
  return out;
}

}  // namespace foil::geometry
