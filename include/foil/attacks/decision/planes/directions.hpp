// SPDX-License-Identifier: MIT
/// \file
/// Directions that are orthogonal to each other.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "foil/attacks/parts/noise_space.hpp"
#include "foil/core/random.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"

namespace foil::planes {

/// The last of the directions that a sample's attack has drawn, each orthogonal to those before and of
/// length 1.
class Directions {
 public:
  /// Remembers so many at most.
  Directions(NoiseSpace& space, Index most) : space_(space), most_(most) {}

  void clear() {
    kept_.clear();
    next_ = 0;
  }

  /// Draws another direction, orthogonal to `along` too, which is of length 1, and remembers it. Zero if
  /// there is none left.
  void draw(RandomDraw random, const Eigen::VectorXd& along, Eigen::VectorXd& direction) {
    space_.fill(random, direction);
    const double drawn = norm2(direction);
    double length = drawn;
    for (int pass = 0; pass < 2; ++pass) {
      const double before = length;
      for (const Eigen::VectorXd& other : kept_) direction -= dot(other, direction) * other;
      direction -= dot(along, direction) * along;
      length = norm2(direction);
      if (length > 0.1 * before) break;  // else what is left is of rounding in part: twice is enough
    }
    if (!(length > 1e-8 * drawn)) {
      direction.setZero();
      return;
    }
    direction /= length;
    if (most_ == 0) return;
    if (static_cast<Index>(kept_.size()) < most_)
      kept_.push_back(direction);
    else
      kept_[std::exchange(next_, (next_ + 1) % kept_.size())] = direction;
  }

 private:
  NoiseSpace& space_;
  Index most_;
  std::vector<Eigen::VectorXd> kept_{};
  std::size_t next_ = 0;  // to be overwritten
};

}  // namespace foil::planes
