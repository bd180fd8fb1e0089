// SPDX-License-Identifier: MIT
/// \file
/// The rotations and shifts that a spatial attack tries, the mildest first.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <tuple>
#include <vector>

#include "foil/geometry/rigid_motion.hpp"

namespace foil::spatial {

/// So many numbers from -most to most at equal distances; 0 if it is one.
inline std::vector<double> evenly(double most, int count) {
  std::vector<double> out(static_cast<std::size_t>(count), 0.0);
  for (int k = 0; k < count && count > 1; ++k)
    out[static_cast<std::size_t>(k)] = most * (2.0 * k - (count - 1)) / (count - 1);
  return out;
}

/// All combinations of the rotations and shifts, by the angle and then by the length of the shift; on a tie
/// those of smaller numbers first.
class Grid {
 public:
  Grid(double most_rotation, int rotations, double most_shift, int shifts)
      : rotations_(evenly(most_rotation, rotations)) {
    const std::vector<double> along = evenly(most_shift, shifts);
    for (const double down : along)
      for (const double right : along) shifts_.push_back({0, down, right});
    std::sort(rotations_.begin(), rotations_.end(), [](double a, double b) {
      return std::abs(a) != std::abs(b) ? std::abs(a) < std::abs(b) : a < b;
    });
    std::sort(shifts_.begin(), shifts_.end(), [](const auto& a, const auto& b) {
      const double la = a.down * a.down + a.right * a.right, lb = b.down * b.down + b.right * b.right;
      return std::tie(la, a.down, a.right) < std::tie(lb, b.down, b.right);
    });
  }

  std::size_t size() const { return rotations_.size() * shifts_.size(); }
  geometry::RigidMotion operator[](std::size_t number) const {
    geometry::RigidMotion motion = shifts_[number % shifts_.size()];
    motion.rotation = rotations_[number / shifts_.size()];
    return motion;
  }

 private:
  std::vector<double> rotations_;
  std::vector<geometry::RigidMotion> shifts_{};
};

}  // namespace foil::spatial
