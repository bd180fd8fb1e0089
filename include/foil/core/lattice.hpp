// SPDX-License-Identifier: MIT
/// \file
/// Evenly spaced values, where features cannot take any value: the 256 levels of an image, whole numbers.
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <utility>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// Values that features may take: origin + k * span / levels for whole k, which may be negative or beyond
/// `levels`; only bounds end a lattice. Images of 8 bits in [0, 1]: {0, 1, 255}; whole numbers: {0, 1, 1}.
/// The same for all features, or one triple each. A feature with 0 levels takes any value.
class Lattice {
 public:
  /// A value this close to a lattice point, as a fraction of the distance between two, is that point: data
  /// have been divided by 255 in one way or another.
  static constexpr double tolerance = 1e-3;

  /// No lattice: any value.
  Lattice() = default;

  /// The same lattice for every feature.
  Lattice(double origin, double span, double levels)
      : Lattice(Eigen::VectorXd::Constant(1, origin), Eigen::VectorXd::Constant(1, span),
                Eigen::VectorXd::Constant(1, levels)) {
    uniform_ = true;
  }

  /// One lattice per feature.
  Lattice(Eigen::VectorXd origins, Eigen::VectorXd spans, Eigen::VectorXd levels)
      : origins_(std::move(origins)), spans_(std::move(spans)), levels_(std::move(levels)) {
    const Index n = origins_.size();
    require(n > 0 && spans_.size() == n && levels_.size() == n,
            "lattice: expected as many origins as spans and levels and at least one, got ", n, ", ",
            spans_.size(), " and ", levels_.size());
    for (Index i = 0; i < n; ++i) {
      require(std::isfinite(origins_[i]), "lattice: expected a finite origin, got ", origins_[i],
              " at index ", i);
      require(std::isfinite(spans_[i]) && spans_[i] > 0, "lattice: expected a finite span > 0, got ",
              spans_[i], " at index ", i);
      require(std::isfinite(levels_[i]) && levels_[i] >= 0 && levels_[i] == std::floor(levels_[i]),
              "lattice: expected a whole number of levels >= 0, got ", levels_[i], " at index ", i);
    }
  }

  /// Whether there is none.
  bool empty() const { return origins_.size() == 0; }
  bool uniform() const { return uniform_; }

  /// Throws unless the lattice fits inputs with this many features.
  void check(Index features) const {
    require(empty() || uniform_ || origins_.size() == features, "lattice: given for ", origins_.size(),
            " features, but the input has ", features);
  }

  /// Whether feature i is restricted; else value() and index() mean nothing.
  bool restricts(Index i) const { return !empty() && levels_[at(i)] > 0; }
  /// The distance between neighbouring values of feature i.
  double step(Index i) const { return spans_[at(i)] / levels_[at(i)]; }
  /// Lattice point k of feature i, to be rounded to the model's numbers.
  double value(Index i, double k) const { return origins_[at(i)] + k * spans_[at(i)] / levels_[at(i)]; }
  /// The whole k whose point is nearest to a value of feature i; of two the one farther from the origin.
  double index(Index i, double value) const {
    return std::round((value - origins_[at(i)]) * levels_[at(i)] / spans_[at(i)]);
  }
  /// Whether a value of feature i is a lattice point, within the tolerance.
  bool near(Index i, double value) const {
    return std::abs(value - this->value(i, index(i, value))) <= tolerance * step(i);
  }

 private:
  Index at(Index i) const { return uniform_ ? 0 : i; }

  Eigen::VectorXd origins_{}, spans_{}, levels_{};
  bool uniform_ = false;
};

}  // namespace foil
