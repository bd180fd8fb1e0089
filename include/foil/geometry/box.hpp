// SPDX-License-Identifier: MIT
/// \file
/// The box that one sample lives in.
#pragma once

#include <Eigen/Core>
#include <cmath>

#include "foil/core/numbers.hpp"
#include "foil/core/tensor.hpp"

namespace foil::geometry {

/// The box that one sample lives in, and which of its features may move.
struct Box {
  Eigen::VectorXd lower{}, upper{};  ///< one end per feature; may be infinite. Where a mask freezes a feature
                                     ///< both are its original value
  Eigen::Array<bool, Eigen::Dynamic, 1> frozen{};  ///< by a mask; empty: none

  /// Number of features.
  Index size() const { return lower.size(); }
  /// Number of features that the mask lets move, whatever their bounds.
  Index free_features() const { return size() - frozen.count(); }
  bool is_frozen(Index i) const { return frozen.size() > 0 && frozen[i]; }

  /// Whether all ends are finite.
  bool bounded() const { return all_finite(lower) && all_finite(upper); }

  /// Whether all entries of x, one per feature, are finite and within the ends.
  template <class V>
  bool contains(const V& x) const {
    bool inside = true;
    for (Index i = 0; i < size(); ++i) {
      const auto value = static_cast<double>(x[i]);
      inside = inside && std::isfinite(value) && value >= lower[i] && value <= upper[i];
    }
    return inside;
  }

  /// Moves every entry of x to the nearest value in the box, in place. NaN stays NaN.
  void clip(Eigen::VectorXd& x) const {
    const double *const low = lower.data(), *const high = upper.data();
    double* const value = x.data();
    for (Index i = 0; i < x.size(); ++i) value[i] = foil::clip(value[i], low[i], high[i]);
  }

  /// Sets the entries of a direction that the mask freezes to 0, in place.
  void hold_frozen(Eigen::VectorXd& direction) const {
    if (frozen.size() > 0) direction = frozen.select(0.0, direction);
  }

  /// How far entry i of x, a point of the box, can move in a direction; 0 if that is 0.
  double room(const Eigen::VectorXd& x, Index i, double direction) const {
    const double up = upper[i] - x[i], down = x[i] - lower[i];  // both, so that the choice needs no branch
    const double below = direction < 0 ? down : 0.0;
    return direction > 0 ? up : below;
  }
};

}  // namespace foil::geometry
