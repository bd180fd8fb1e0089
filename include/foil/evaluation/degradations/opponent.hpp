// SPDX-License-Identifier: MIT
/// \file
/// Opponent colours: what is red turns green, what is yellow turns blue, and how light it is stays.
#pragma once

#include <Eigen/Core>
#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/corruptions/planes.hpp"

namespace foil::degradations {

using corruptions::Planes;

/// How much light a monitor gives for each of the 256 levels, as shares of the most.
using MonitorCurve = std::vector<double>;

/// sRGB's curve (IEC 61966-2-1).
inline MonitorCurve srgb_curve() {
  MonitorCurve out(256);
  for (std::size_t level = 0; level < out.size(); ++level) {
    const double value = static_cast<double>(level) / 255;
    out[level] = value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
  }
  return out;
}

/// Throws foil::Error unless a curve has 256 ascending numbers from 0 to 1, not all the same.
inline void check_curve(const MonitorCurve& curve) {
  constexpr auto in_range = [](double light) { return light >= 0 && light <= 1; };  // NaN is not
  require(
      curve.size() == 256 && std::all_of(curve.begin(), curve.end(), in_range) &&
          std::is_sorted(curve.begin(), curve.end()) && curve.front() < curve.back(),
      "opponent_colour: expected a monitor's curve of 256 ascending numbers from 0 to 1, not all the same");
}

/// Mirrors the two chromatic axes of the space of Derrington, Krauskopf and Lennie at gray, and keeps
/// luminance (Geirhos et al. 2018): linear light to cones of the authors' monitor, less their white point, to
/// opponent channels, of which the second and third change their sign, and all the way back. Values are taken
/// at the nearest of 256 levels, light beyond the monitor's is cut off, and the result is the level whose
/// light is nearest, the lower of two. Twice is the image again where nothing is cut off, up to that
/// rounding.
/// \param curve  see check_curve()
inline void opponent_colour(Planes& image, const MonitorCurve& curve) {
  require(image.channels == 3, "opponent_colour: expected an image of three channels, got ", image.channels,
          " (all,-opponent_colour leaves it out of a list)");
  check_curve(curve);
  const Eigen::Matrix3d cones_of_rgb{{0.1619982647, 0.208049264, 0.0389347448},
                                     {0.0330275785, 0.2496504557, 0.0618343518},
                                     {0.0015524055, 0.0198861001, 0.1890224274}};
  const Eigen::Matrix3d channels_of_cones{
      {9.27590805, 9.27590805, 0}, {7.86421647, -9.33587662, 0}, {-3.39709047, -3.39709047, 12.16230246}};
  const Eigen::Vector3d white_point(0.20449114, 0.17225619, 0.10523047), mirror(1, -1, -1);
  const Eigen::Matrix3d mirrored_cones =
      channels_of_cones.inverse() * mirror.asDiagonal() * channels_of_cones;
  const Eigen::Matrix3d rgb_of_cones = cones_of_rgb.inverse(),
                        turned = rgb_of_cones * mirrored_cones * cones_of_rgb;
  const Eigen::Vector3d moved = rgb_of_cones * (white_point - mirrored_cones * white_point);
  const auto level_of = [&](double light) {
    const auto above = std::lower_bound(curve.begin(), curve.end(), light);
    if (above == curve.begin()) return 0.0;
    const bool down = above == curve.end() || light - *(above - 1) <= *above - light;
    const auto nearest = down ? std::lower_bound(curve.begin(), above, *(above - 1)) : above;
    return static_cast<double>(nearest - curve.begin());
  };
  const Index area = image.area();
  for (Index i = 0; i < area; ++i) {
    Eigen::Vector3d light;
    for (Index c = 0; c < 3; ++c)
      light[c] = curve[static_cast<std::size_t>(std::lround(std::clamp(image.plane(c)[i], 0.0, 1.0) * 255))];
    const Eigen::Vector3d out = turned * light + moved;
    for (Index c = 0; c < 3; ++c) image.plane(c)[i] = level_of(std::clamp(out[c], 0.0, 1.0)) / 255;
  }
}

}  // namespace foil::degradations
