// SPDX-License-Identifier: MIT
/// \file
/// What a function that is increasing does to the scores of classes: whether their order can still be seen.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/onnx/functions.hpp"

namespace foil::onnx::detail {

/// Where the scores of the classes may lie: from the least possible score to the largest one, and between
/// them the range in which the order of the best two has to be seen. A function that is increasing there, and
/// is the same for every class, keeps the answer as long as scores that lie close together do not become the
/// same number in single precision. That is looked at in pairs: at several places of the range, two scores
/// that are `finest` apart.
class Places {
 public:
  /// Many times what single precision can tell apart, and still a hundred-thousandth.
  static constexpr double finest = 1e-5;

  /// Beyond a millionth from either end, sigmoids are taken to be saturated.
  static Places of_sigmoid() {
    constexpr double saturated = 1.1e-6;
    Places places({0, saturated, 1 - saturated, 1});
    for (const double p : {0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99}) places.pairs_.push_back({p - finest, p});
    return places;
  }

  /// The best class has at least an equal share, the second at most half. The pairs differ by a share of
  /// themselves, or by what is left of such a difference if that is less; see closest().
  static Places of_softmax(Index classes, double apart = finest) {
    const double least = 1 / static_cast<double>(classes);
    Places places({0, least, 0.5, 1});
    for (const double part : {1., 0.75, 0.5, 0.25, 0.}) {
      const double p = 0.5 * std::pow(2 * least, part);
      places.pairs_.push_back({p * (1 - std::min(apart, finest)), p});
    }
    return places;
  }

  double lowest() const { return at_[0]; }

  /// The least distance within a pair.
  double closest() const {
    double least = std::numeric_limits<double>::infinity();
    for (const auto& [low, high] : pairs_) least = std::min(least, high - low);
    return least;
  }

  /// Moves all by an increasing function. False if that leaves numbers that cannot be told apart.
  template <class F>
  bool move(F&& f) {
    for (double& place : at_) place = f(place);
    bool apart = below(at_[0], at_[1]) && at_[1] <= at_[2] && below(at_[2], at_[3]) && std::isfinite(at_[1]);
    for (auto& [low, high] : pairs_) {
      low = f(low);
      high = f(high);
      apart = apart && below(low, high);
    }
    return apart;
  }

  /// False if that would cut into the range where the order has to be seen.
  bool clip(Range range) {
    const double low = static_cast<double>(range.low), high = static_cast<double>(range.high);
    if (low > at_[1] || high < at_[2]) return false;
    at_[0] = std::max(at_[0], low);
    at_[3] = std::min(at_[3], high);
    return true;
  }

 private:
  explicit Places(std::array<double, 4> at) : at_(at) {}

  /// Whether single precision, its subnormal numbers aside, tells these apart.
  static bool below(double low, double high) {
    const float a = static_cast<float>(low), b = static_cast<float>(high);
    return std::isfinite(b) && b - a >= std::numeric_limits<float>::min();
  }

  std::array<double, 4> at_;
  std::vector<std::pair<double, double>> pairs_{};
};

}  // namespace foil::onnx::detail
