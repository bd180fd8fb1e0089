// SPDX-License-Identifier: MIT
/// \file
/// The radii of attacks with a fixed budget.
#pragma once

#include <cmath>
#include <type_traits>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// The radii of a fixed-budget attack: one for all samples, or one per sample. Implicit from numbers, Eigen
/// vectors and std::vector.
class Epsilons {
 public:
  /// None: only for attacks that look for the smallest by themselves.
  Epsilons() = default;
  template <class Number>
    requires std::is_arithmetic_v<Number>
  Epsilons(Number epsilon)
      : values_(Eigen::VectorXd::Constant(1, static_cast<double>(epsilon))), scalar_(true) {}
  template <class Derived>
  Epsilons(const Eigen::MatrixBase<Derived>& values) : values_(values.template cast<double>()) {}
  Epsilons(const std::vector<double>& values)
      : values_(Eigen::Map<const Eigen::VectorXd>(values.data(), static_cast<Index>(values.size()))) {}

  bool empty() const { return values_.size() == 0; }
  /// One radius for each of `count` samples; throws for another number of them, NaN, infinity or a negative
  /// one.
  Eigen::VectorXd expand(Index count) const {
    for (Index i = 0; i < values_.size(); ++i)
      require(std::isfinite(values_[i]) && values_[i] >= 0, "epsilon: expected finite and >= 0, got ",
              values_[i]);
    if (scalar_) return Eigen::VectorXd::Constant(count, values_[0]);
    require(values_.size() == count, "epsilon: expected one for all or one for each of the ", count,
            " samples, got ", values_.size());
    return values_;
  }

 private:
  Eigen::VectorXd values_{};
  bool scalar_ = false;
};

}  // namespace foil
