// SPDX-License-Identifier: MIT
/// \file
/// Where APGD starts, and along what it goes.
#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include "foil/core/norms.hpp"
#include "foil/core/random.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/box.hpp"
#include "foil/geometry/maximise.hpp"
#include "foil/geometry/project.hpp"
#include "foil/geometry/region.hpp"

namespace foil::auto_pgd {

/// A random point on the edge of the ball, if the box reaches as far. Linf: uniform numbers, the largest of
/// which is the radius. L2: a normal direction. L1: normal numbers in units of the features' ranges,
/// projected, which leaves a few features changed.
template <Norm N>
Eigen::VectorXd random_start(const geometry::Region<N>& region, RandomDraw random) {
  const geometry::Box& box = region.box;
  Eigen::VectorXd w(box.size());
  if constexpr (std::is_same_v<N, Linf>)
    random.fill_uniform(w, -1, 1);
  else
    random.fill_normal(w);
  for (Index i = 0; i < w.size(); ++i) {
    const double range = box.upper[i] - box.lower[i];
    if (box.is_frozen(i)) w[i] = 0;
    if (std::is_same_v<N, L1>) w[i] *= std::isfinite(range) ? range : region.radius;
  }
  if constexpr (std::is_same_v<N, L2>) w = geometry::maximise(w, region);
  const double largest = std::is_same_v<N, Linf> ? Linf::size(w) / region.radius : 1;
  Eigen::VectorXd x = region.centre;
  if (largest > 0) x += w / largest;
  geometry::project(x, region);
  return x;
}

/// In how many features two points differ.
inline double count_changed(const Eigen::VectorXd& a, const Eigen::VectorXd& b) {
  Index changed = 0;
  for (Index i = 0; i < a.size(); ++i) changed += a[i] != b[i];
  return static_cast<double>(changed);
}

/// A step of the given length for L1: as many features as told, those of largest gradient, each by an equal
/// share. Features at their bounds take theirs in vain: it is the projection that makes room for others.
inline void sparse_step(const Eigen::VectorXd& gradient, double length, double features,
                        Eigen::VectorXd& step) {
  const Index n = gradient.size(), most = std::clamp(static_cast<Index>(std::ceil(features)), Index{1}, n);
  step = gradient.cwiseAbs();
  std::nth_element(step.data(), step.data() + (n - most), step.data() + n);
  const double least = step[n - most];
  Index moved = 0;
  for (Index i = 0; i < n; ++i) moved += gradient[i] != 0 && std::abs(gradient[i]) >= least;
  const double share = moved > 0 ? length / static_cast<double>(moved) : 0;
  for (Index i = 0; i < n; ++i) {
    const double g = gradient[i];
    step[i] = std::abs(g) < least ? 0 : g > 0 ? share : g < 0 ? -share : 0;
  }
}

/// Conjugate directions of ascent: the gradient, plus so much of the last direction (Hestenes & Stiefel 1952)
/// that a step along the one does not undo a step along the other.
class ConjugateDirection {
 public:
  const Eigen::VectorXd& turn(const Eigen::VectorXd& gradient) {
    if (direction_.size() == 0)
      direction_ = gradient;
    else
      direction_ = gradient + weight(gradient) * direction_;
    gradient_ = gradient;
    return direction_;
  }

 private:
  double weight(const Eigen::VectorXd& gradient) const {
    double along = 0, change = 0;
    for (Index i = 0; i < gradient.size(); ++i) {
      const double fall = gradient_[i] - gradient[i];
      along -= gradient[i] * fall;
      change += direction_[i] * fall;
    }
    const double weight = along / change;
    return std::isfinite(weight) ? weight : 0;
  }

  Eigen::VectorXd direction_{}, gradient_{};
};

}  // namespace foil::auto_pgd
