// SPDX-License-Identifier: MIT
/// \file
/// How far an input can move before another class explains it better than its own.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "foil/core/tensor.hpp"

namespace foil::synthesis {

/// What a class makes of an input.
struct Explained {
  double distance = 0;  ///< of the input from what the class makes of it
  double latent = 0;    ///< what the latent vector adds to the squared distance
  double factor = 1;    ///< of the energy
};

/// The length e of a change up to which `own` explains an input at least as well as `other`: what the class
/// made of the input explains the changed one by at most (distance + e)^2 + latent, and no image of the other
/// class comes closer than its own distance - e. 0 if the other one explains the input better as it is. The
/// other's latent vector does not count.
inline double change_between(const Explained& own, const Explained& other) {
  // a e^2 + 2 b e + c = 0, where c < 0 < b; the root that is a length.
  const double a = own.factor - other.factor;
  const double b = own.factor * own.distance + other.factor * other.distance;
  const double c = own.factor * (own.distance * own.distance + own.latent) -
                   other.factor * other.distance * other.distance;
  if (!(c < 0)) return 0;
  return -c / (b + std::sqrt(std::max(0.0, b * b - a * c)));
}

/// The Euclidean length that a change of x needs for its binary image, 1 from the threshold on, to change by
/// a Euclidean length of `change`: each entry that changes sides has to come to the threshold, and the
/// nearest ones are the cheapest. Infinite if x has too few entries.
template <class Sample>
double change_before_threshold(const Sample& x, double threshold, double change) {
  if (!(change > 0)) return 0;
  std::vector<double> squares;
  for (Index i = 0; i < x.size(); ++i) {
    const double way = static_cast<double>(x[i]) - threshold;
    squares.push_back(way * way);
  }
  std::sort(squares.begin(), squares.end());
  const double needed = std::ceil(change * change * (1 - 1e-12));
  if (needed > static_cast<double>(squares.size())) return std::numeric_limits<double>::infinity();
  double sum = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(needed); ++i) sum += squares[i];
  return std::sqrt(sum);
}

}  // namespace foil::synthesis
