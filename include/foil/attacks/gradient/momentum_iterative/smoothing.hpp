// SPDX-License-Identifier: MIT
/// \file
/// The kernels that gradients with respect to images are smoothed with.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace foil {

/// What a gradient with respect to an image is smoothed with.
enum class Smoothing { none, gaussian, uniform, linear };

/// The texts that stand for the values of an option.
constexpr auto option_names(Smoothing) {
  return std::array{std::pair{std::string_view("none"), Smoothing::none},
                    std::pair{std::string_view("gaussian"), Smoothing::gaussian},
                    std::pair{std::string_view("uniform"), Smoothing::uniform},
                    std::pair{std::string_view("linear"), Smoothing::linear}};
}

/// The weights of a kernel along one axis, from its middle on, for geometry::smooth(); their sum over the
/// whole kernel is 1. None for no kernel. The Gaussian's standard deviation is a third of the radius.
inline std::vector<double> smoothing_kernel(Smoothing smoothing, int radius) {
  if (smoothing == Smoothing::none) return {};
  std::vector<double> weights(static_cast<std::size_t>(radius) + 1);
  double total = 0;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const double at = static_cast<double>(k), share = at / radius;
    weights[k] = smoothing == Smoothing::gaussian ? std::exp(-4.5 * share * share)
                 : smoothing == Smoothing::linear ? 1 - at / (radius + 1)
                                                  : 1;
    total += k == 0 ? weights[k] : 2 * weights[k];
  }
  for (double& weight : weights) weight /= total;
  return weights;
}

}  // namespace foil
