// SPDX-License-Identifier: MIT
/// \file
/// The box that inputs live in.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <utility>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// Closed interval [lower, upper] that every feature of an input must stay in: the same for all features, or
/// one interval per feature (flattened in memory order). Ends may be infinite; lower < upper is required
/// except that single features may be frozen by lower == upper.
template <class Scalar_>
class Bounds {
 public:
  using Scalar = Scalar_;
  using Vector = Eigen::Matrix<Scalar, Eigen::Dynamic, 1>;

  /// The unit interval.
  Bounds() : Bounds(Scalar(0), Scalar(1)) {}

  /// The same interval for every feature.
  Bounds(Scalar lower, Scalar upper)
      : lower_(Vector::Constant(1, lower)), upper_(Vector::Constant(1, upper)) {
    require(lower < upper, "bounds: expected lower < upper, got [", lower, ", ", upper, "]");
  }

  /// One interval per feature.
  Bounds(Vector lower, Vector upper) : lower_(std::move(lower)), upper_(std::move(upper)), uniform_(false) {
    require(lower_.size() == upper_.size() && lower_.size() > 0,
            "bounds: expected as many lower as upper ends and at least one, got ", lower_.size(), " and ",
            upper_.size());
    for (Index i = 0; i < lower_.size(); ++i)
      require(lower_[i] <= upper_[i], "bounds: expected lower <= upper, got [", lower_[i], ", ", upper_[i],
              "] for feature ", i);
  }

  bool uniform() const { return uniform_; }
  /// How many are given: one for all features, or one for each.
  Index intervals() const { return lower_.size(); }
  Scalar lower(Index feature) const { return lower_[uniform_ ? 0 : feature]; }
  Scalar upper(Index feature) const { return upper_[uniform_ ? 0 : feature]; }

  /// Whether every feature of a sample is finite and within.
  template <class Sample>
  bool contain(const Sample& x) const {
    constexpr Index block = 256;  // decided on at once, by vectors
    for (Index first = 0; first < x.size(); first += block) {
      const Index end = std::min(first + block, static_cast<Index>(x.size()));
      int outside = 0;
      const auto wrong = [](Scalar value, Scalar low, Scalar high) {  // without branches
        return int{!(value >= low)} + int{!(value <= high)} + int{!(value - value == 0)};
      };
      if (uniform_)
        for (Index i = first; i < end; ++i) outside += wrong(x[i], lower_[0], upper_[0]);
      else
        for (Index i = first; i < end; ++i) outside += wrong(x[i], lower_[i], upper_[i]);
      if (outside > 0) return false;
    }
    return true;
  }

  /// Throws unless the bounds fit inputs with this many features.
  void check(Index features) const {
    require(uniform_ || lower_.size() == features, "bounds: given for ", lower_.size(),
            " features, but the input has ", features);
  }

  /// The same ends, said in the same way.
  friend bool operator==(const Bounds& a, const Bounds& b) {
    return a.uniform_ == b.uniform_ && a.lower_.size() == b.lower_.size() && a.lower_ == b.lower_ &&
           a.upper_ == b.upper_;
  }

  template <class Other>
  Bounds<Other> cast() const {
    if (uniform_) return {static_cast<Other>(lower_[0]), static_cast<Other>(upper_[0])};
    return {lower_.template cast<Other>(), upper_.template cast<Other>()};
  }

 private:
  Vector lower_, upper_;
  bool uniform_ = true;
};

}  // namespace foil
