// SPDX-License-Identifier: MIT
/// \file
/// Random problems on ball ∩ box for the tests of projections and of linear maximisation.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "foil/core/norms.hpp"
#include "foil/geometry/region.hpp"

namespace foil_test {

using Vector = Eigen::VectorXd;
using foil::Index;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// A ball within a box, and a vector to project or to follow. Offsets are measured from the centre.
struct Problem {
  Vector centre;
  foil::geometry::Box box;
  Vector v;
  double epsilon = 0, scale = 1;

  template <foil::Norm N>
  foil::geometry::Region<N> region() const {
    return {centre, box, epsilon};
  }

  Index size() const { return centre.size(); }
  double low(Index i) const { return box.lower[i] - centre[i]; }
  double high(Index i) const { return box.upper[i] - centre[i]; }
  double clip(Index i, double w) const { return std::min(std::max(w, low(i)), high(i)); }
  /// How far entry i may move in the direction of v.
  double room(Index i) const { return v[i] > 0 ? high(i) : v[i] < 0 ? -low(i) : 0.0; }
};

/// Zero entries, centres on the bounds, infinite bounds and frozen features (in half of the problems by a
/// mask), at any scale from 1e-6 to 1e6.
template <class Norm>
Problem random_problem(std::mt19937& random, Index n) {
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> unit;
  Problem p{Vector(n), {Vector(n), Vector(n)}, Vector(n)};
  Vector &lower = p.box.lower, &upper = p.box.upper;
  p.scale = std::pow(10, 12 * unit(random) - 6);
  const double strength = std::pow(10, 2 * unit(random) - 1);
  for (Index i = 0; i < n; ++i) {
    const double low = -unit(random), high = unit(random), kind = unit(random), at = unit(random);
    lower[i] = p.scale * low;
    upper[i] = p.scale * high;
    p.centre[i] = kind < 0.1   ? lower[i]
                  : kind < 0.2 ? upper[i]
                               : std::clamp(lower[i] + at * (upper[i] - lower[i]), lower[i], upper[i]);
    if (kind > 0.9) lower[i] = upper[i] = p.centre[i];
    if (kind > 0.2 && kind < 0.3) lower[i] = -infinity;
    if (kind > 0.25 && kind < 0.35) upper[i] = infinity;
    p.v[i] = unit(random) < 0.1 ? 0 : strength * p.scale * normal(random);
    if (unit(random) < 0.1) p.v[i] = 0.5 * strength * p.scale;  // ties
  }
  if (unit(random) < 0.5) p.box.frozen = lower.array() == upper.array();
  p.epsilon = 1.2 * unit(random) * Norm::size(p.v);
  return p;
}

/// A random offset in ball ∩ box, mostly on its surface.
template <class Norm>
Vector random_offset(std::mt19937& random, const Problem& p) {
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> unit;
  const double size = std::pow(10, 4 * unit(random) - 2) * (p.epsilon + 1e-300);
  Vector w(p.size());
  for (Index i = 0; i < w.size(); ++i) w[i] = p.clip(i, unit(random) < 0.5 ? 0 : size * normal(random));
  const double length = Norm::size(w);
  if (length > p.epsilon) w *= p.epsilon / length;  // the box holds the centre, hence this too
  return w;
}

}  // namespace foil_test
