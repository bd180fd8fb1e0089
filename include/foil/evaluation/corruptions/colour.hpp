// SPDX-License-Identifier: MIT
/// \file
/// Brightness, contrast and saturation: every pixel for itself, nothing drawn.
#pragma once

#include <Eigen/Core>
#include <algorithm>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/corruptions/planes.hpp"

namespace foil::corruptions {

/// Adds to the value, V of HSV, and clips it to [0, 1]; hue and saturation stay. Of a gray image the value is
/// the gray.
inline void brightness(Planes& image, double added) {
  check_constants("brightness", {added});
  const Index area = image.area();
  if (image.channels != 3) {
    image.values.array() += added;
    return;
  }
  double *red = image.plane(0), *green = image.plane(1), *blue = image.plane(2);
  for (Index i = 0; i < area; ++i) {
    const double value = std::max({red[i], green[i], blue[i]}), wanted = std::clamp(value + added, 0.0, 1.0);
    if (value > 0) {
      red[i] *= wanted / value, green[i] *= wanted / value, blue[i] *= wanted / value;
    } else {
      red[i] = green[i] = blue[i] = wanted;
    }
  }
}

/// Multiplies what each channel differs from its mean over the image.
inline void contrast(Planes& image, double factor) {
  check_constants("contrast", {factor});
  for (Index c = 0; c < image.channels; ++c) {
    Eigen::Map<Eigen::ArrayXd> plane(image.plane(c), image.area());
    const double mean = plane.mean();
    plane = (plane - mean) * factor + mean;
  }
}

/// Makes factor S + added of the saturation, S of HSV, clipped to [0, 1]; hue and value stay. The hue of gray
/// pixels is red. An image of one channel stays as it is.
inline void saturate(Planes& image, double factor, double added) {
  check_constants("saturate", {factor, added});
  if (image.channels != 3) return;
  double* const planes[] = {image.plane(0), image.plane(1), image.plane(2)};
  for (Index i = 0; i < image.area(); ++i) {
    const double high = std::max({planes[0][i], planes[1][i], planes[2][i]}),
                 low = std::min({planes[0][i], planes[1][i], planes[2][i]});
    if (high <= 0) continue;
    const double saturation = std::clamp((high - low) / high * factor + added, 0.0, 1.0);
    for (int c = 0; c < 3; ++c) {
      const double away = high > low ? (high - planes[c][i]) / (high - low) : c == 0 ? 0 : 1;
      planes[c][i] = high * (1 - saturation * away);
    }
  }
}

}  // namespace foil::corruptions
