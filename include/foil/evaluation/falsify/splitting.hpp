// SPDX-License-Identifier: MIT
/// \file
/// The unit cube of few dimensions, cut into boxes where it seems worth it.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/evaluation/falsify/smallest.hpp"

namespace foil::detail {

/// Boxes that fill the unit cube, each with the smallest excess that a search from within it came to.
class Splitting {
 public:
  struct Part {
    Eigen::VectorXd lower, upper;
    double value;  ///< until a search says more: that of the box it was cut from
    int cuts;      ///< that led to it
  };

  explicit Splitting(Index dimensions, double value)
      : parts_{{Eigen::VectorXd::Zero(dimensions), Eigen::VectorXd::Ones(dimensions), value, 0}} {}

  std::size_t size() const { return parts_.size(); }
  const Part& operator[](std::size_t i) const { return parts_[i]; }

  /// Up to `count` boxes to go on with: of every two one has the smallest value of those left, the other the
  /// fewest cuts.
  std::vector<std::size_t> choose(std::size_t count) const {
    const auto by_value = smallest(count, parts_.size(), [&](std::size_t i) { return parts_[i].value; });
    const auto by_cuts = smallest(count, parts_.size(), [&](std::size_t i) { return parts_[i].cuts; });
    std::vector<std::size_t> chosen;
    std::vector<bool> taken(parts_.size(), false);
    for (std::size_t i = 0; i < by_value.size(); ++i)
      for (const std::size_t part : {by_value[i], by_cuts[i]}) {
        if (taken[part] || chosen.size() == count) continue;
        taken[part] = true;
        chosen.push_back(part);
      }
    return chosen;
  }

  /// Cuts a box in the middle of the side that is longest when multiplied by `influence`; both halves get the
  /// value.
  void cut(std::size_t i, const Eigen::VectorXd& influence, double value) {
    Index side = 0;
    (parts_[i].upper - parts_[i].lower).cwiseProduct(influence).maxCoeff(&side);
    parts_[i].value = value;
    ++parts_[i].cuts;
    Part other = parts_[i];
    const double middle = (other.lower[side] + other.upper[side]) / 2;
    parts_[i].upper[side] = other.lower[side] = middle;
    parts_.push_back(std::move(other));
  }

 private:
  std::vector<Part> parts_;
};

}  // namespace foil::detail
