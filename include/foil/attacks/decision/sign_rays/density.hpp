// SPDX-License-Identifier: MIT
/// \file
/// Where the boundary is on a ray that resembles one whose boundary is known: ADBA's guess.
#pragma once

#include <cmath>

namespace foil::sign_rays {

/// The density of the radius at which a ray meets the boundary, if most of its signs are those of a ray that
/// meets it at a known one: as ADBA's authors fitted it to what their attack met on ImageNet, not normalised.
/// Most rays end a little nearer.
struct BoundaryDensity {
  /// At a radius that lies so much nearer than the known one, as a share of it in [0, 1].
  static double at(double nearer) { return height / std::pow(nearer + offset, power) + floor; }
  /// Its integral from 0 on.
  static double below(double nearer) {
    return height / (power - 1) * (std::pow(offset, 1 - power) - std::pow(nearer + offset, 1 - power)) +
           floor * nearer;
  }

 private:
  static constexpr double height = 0.03133292769944518, power = 3.0659694403842903;
  static constexpr double floor = 0.16755646970211466, offset = 0.13403850261898806;
};

/// The radius between two others on either side of which the boundary is as likely, by the density around
/// a known one. All positive or 0, outside < inside <= known; to 30 bits of the known one.
inline double median_radius(double outside, double inside, double known) {
  double low = 1 - inside / known, high = 1 - outside / known;
  const double half = (BoundaryDensity::below(low) + BoundaryDensity::below(high)) / 2;
  for (int halving = 0; halving < 30; ++halving) {
    const double middle = low + (high - low) / 2;
    (BoundaryDensity::below(middle) < half ? low : high) = middle;
  }
  return known * (1 - (low + high) / 2);
}

}  // namespace foil::sign_rays
