// SPDX-License-Identifier: MIT
/// \file
/// How step lengths change during an attack.
#pragma once

#include <cmath>
#include <numbers>

namespace foil {

/// From `first` to `last` along half a cosine; `share` of the way, from 0 to 1.
inline double cosine_decay(double first, double last, double share) {
  return last + (first - last) * (1 + std::cos(std::numbers::pi * share)) / 2;
}

/// The same along a straight line.
inline double linear_decay(double first, double last, double share) {
  return first + (last - first) * share;
}

/// The same by equal factors; both positive.
inline double exponential_decay(double first, double last, double share) {
  return first * std::pow(last / first, share);
}

}  // namespace foil
