// SPDX-License-Identifier: MIT
/// \file
/// The offset in ball ∩ box that increases a linear function most: the exact step of the fast gradient
/// method.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "foil/core/norms.hpp"
#include "foil/core/simd.hpp"
#include "foil/geometry/box.hpp"
#include "foil/geometry/largest.hpp"
#include "foil/geometry/region.hpp"
#include "foil/geometry/rescale.hpp"

namespace foil::geometry {

/// The offset that increases g.w most among those of L1 size `length` that move no entry by more than `most`
/// or out of the box: entries of largest |g| first (ties: lower index first), each as far as it may, until
/// the length is spent or nothing is left that moves. O(n), expected.
inline Eigen::VectorXd sparse_ascent(const Eigen::VectorXd& gradient, const Eigen::VectorXd& x,
                                     const Box& box, double length, double most) {
  const Index n = gradient.size();
  Eigen::VectorXd w(n);
  Eigen::VectorXd& keys = w;  // until the entries are chosen
  for (Index i = 0; i < n; ++i) {
    const double size = std::abs(gradient[i]), up = x[i] < box.upper[i] ? size : 0.0,
                 down = x[i] > box.lower[i] ? size : 0.0;
    keys[i] = gradient[i] > 0 ? up : down;
  }
  const double largest = Linf::size(keys);
  if (largest == 0 || !(length > 0)) {
    w.setZero();
    return w;
  }
  // Mostly a few entries are enough: the others are not even collected.
  std::vector<detail::KeyedWeight> entries;
  double available = 0, above = std::numeric_limits<double>::infinity();
  for (const double share : {1.0 / 4, 1.0 / 16, 1.0 / 64, 0.0}) {
    const double from = std::max(share * largest, std::numeric_limits<double>::denorm_min());
    detail::for_each_that(
        n, [&](Index i) { return static_cast<int>(keys[i] >= from) & static_cast<int>(keys[i] < above); },
        [&](Index i) {
          entries.push_back({keys[i], std::min(most, box.room(x, i, gradient[i])), i});
          available += entries.back().weight;
        });
    if (available >= length) break;
    above = from;
  }
  const std::size_t count = detail::take_largest(entries, length);
  w.setZero();
  double left = length;
  for (std::size_t k = 0; k < count; ++k) {
    const double move = std::min(left, entries[k].weight);
    w[entries[k].index] = std::copysign(move, gradient[entries[k].index]);
    left -= move;
  }
  return w;
}

/// argmax of g.w over the offsets w from the region's centre to its points. Entries without gradient do not
/// move.
/// Several maximisers: the one that changes the fewest entries by lowest index (L1) or spends no radius
/// in vain. O(n), for L1 expected.
template <Norm N, class = simd::Isa>
Eigen::VectorXd maximise(const Eigen::VectorXd& gradient, const Region<N>& region) {
  const auto& [x, box, epsilon] = region;
  const Index n = gradient.size();
  Eigen::VectorXd w(n);
  if constexpr (std::is_same_v<N, Linf>) {
    for (Index i = 0; i < n; ++i)
      w[i] = std::copysign(std::min(epsilon, box.room(x, i, gradient[i])), gradient[i]);
  } else if constexpr (std::is_same_v<N, L2>) {
    const double largest = Linf::size(gradient);
    if (largest == 0) {
      w.setZero();
      return w;
    }
    w = gradient / largest;  // tiny gradients would need an infinite eta
    const double eta = rescale(x, w, box, epsilon, L2{}).eta;
    for (Index i = 0; i < n; ++i)
      w[i] = std::copysign(std::min(eta * std::abs(w[i]), box.room(x, i, w[i])), w[i]);
  } else {
    static_assert(std::is_same_v<N, L1>, "foil: no linear maximiser for this norm");
    w = sparse_ascent(gradient, x, box, epsilon, std::numeric_limits<double>::infinity());
  }
  return w;
}

}  // namespace foil::geometry
