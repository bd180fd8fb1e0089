// SPDX-License-Identifier: MIT
/// \file
/// The memory that steps to half-spaces work in, to be kept from one to the next.
#pragma once

#include <Eigen/Core>
#include <array>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/geometry/largest.hpp"

namespace foil::geometry {

/// Where a step to a half-space leads.
struct HalfSpaceStep {
  Eigen::VectorXd point{};  ///< the new point; entries that return to the original or end at a bound are
                            ///< exactly these
  Eigen::VectorXd delta{};  ///< the step, before rounding
  bool reached = false;     ///< the half-space was reached; else the step comes as close to it as it may
  int passes = 0;           ///< over the entries, roughly: the cost
};

/// What half_space_step() works in. Large vectors made anew for every step cost several times as much as the
/// step itself: the system gives their memory page by page, and takes it back.
class HalfSpaceMemory {
 public:
  HalfSpaceStep step{};                        ///< the last one
  std::vector<detail::KeyedWeight> entries{};  ///< to select from
  std::array<std::vector<Index>, 3> lists{};   ///< of entries
  using Marks = std::vector<unsigned char>;
  std::array<Marks, 3> marks{};

  /// Makes room for arrays of as many features, 8-fold padded. What the arrays held is lost.
  void reserve(Index features) {
    // One block, in which equal places of two arrays do not compete for the same lines of a cache.
    stride_ = (features + 7) / 8 * 8 + 72;
    if (memory_.size() < arrays * stride_) memory_.resize(arrays * stride_);
  }

  /// Array `number`, of any content.
  Eigen::Map<Eigen::VectorXd> array(Index number, Index size) {
    return {memory_.data() + number * stride_, size};
  }

 private:
  static constexpr Index arrays = 12;

  Eigen::VectorXd memory_{};
  Index stride_ = 0;
};

}  // namespace foil::geometry
