// SPDX-License-Identifier: MIT
/// \file
/// Random vectors on spheres and in balls.
#pragma once

#include <cmath>
#include <type_traits>

#include "foil/core/norms.hpp"
#include "foil/core/random.hpp"
#include "foil/core/simd.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/box.hpp"

namespace foil::geometry {

/// Uniform in the unit ball of the norm in n dimensions, surface and interior alike.
template <Norm N, class = simd::Isa>
Eigen::VectorXd uniform_in_ball(Index n, RandomDraw random) {
  Eigen::VectorXd w(n);
  if constexpr (std::is_same_v<N, Linf>) {
    random.fill_uniform(w, -1, 1);
  } else if constexpr (std::is_same_v<N, L2>) {
    // The first n coordinates of a uniform point on the sphere in n + 2 dimensions (Harman & Lacko 2010).
    random.fill_normal(w);
    const double a = random.normal(), b = random.normal();
    w /= std::sqrt(foil::dot(w, w) + a * a + b * b);
  } else {
    static_assert(std::is_same_v<N, L1>, "foil: no uniform sampling for this norm");
    // Spacings of uniform order statistics, with random signs.
    for (Index i = 0; i < n; ++i) w[i] = random.exponential();
    const double total = foil::sum(n, [&](Index i) { return w[i]; }) + random.exponential();
    for (Index i = 0; i < n; ++i) w[i] = (random.bits() >> 31 ? w[i] : -w[i]) / total;
  }
  return w;
}

/// Uniform in the unit ball of the features that may move; 0 where a mask freezes them.
template <Norm N, class = simd::Isa>
Eigen::VectorXd uniform_in_ball(const Box& box, RandomDraw random) {
  Eigen::VectorXd moving = uniform_in_ball<N>(box.free_features(), random);
  if (moving.size() == box.size()) return moving;
  Eigen::VectorXd w(box.size());
  for (Index i = 0, next = 0; i < w.size(); ++i) w[i] = box.is_frozen(i) ? 0.0 : moving[next++];
  return w;
}

}  // namespace foil::geometry
