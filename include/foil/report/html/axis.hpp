// SPDX-License-Identifier: MIT
/// \file
/// Axes of charts: where a value lies on the page, and which values are written beside.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "foil/core/error.hpp"

namespace foil::report::html {

/// From `low` at `start` to `high` at `end`, in the units of the picture.
struct Axis {
  double low = 0, high = 1, start = 0, end = 1;
  bool logarithmic = false;  ///< then low > 0

  /// Values beyond the ends lie at them.
  double at(double value) const {
    const double v = std::clamp(value, low, high);
    const double part = logarithmic ? std::log(v / low) / std::log(high / low) : (v - low) / (high - low);
    return start + part * (end - start);
  }
};

/// Round values from `low` to `high` in ascending order, at most `most` of them, 1, 2 or 5 times a power of
/// ten apart: the finest such that fit.
inline std::vector<double> round_values(double low, double high, int most) {
  require(low < high && std::isfinite(high - low) && most >= 2,
          "axis: expected low < high and two values or more, got ", low, ", ", high, " and ", most);
  double step = std::pow(10, std::floor(std::log10((high - low) / most)));
  const auto count = [&](double by) {
    return std::floor(high / by * (1 + 1e-9)) - std::ceil(low / by * (1 - 1e-9)) + 1;
  };
  for (const double next : {2., 2.5, 2.})
    if (count(step) > most) step *= next;
  std::vector<double> out;
  for (double k = std::ceil(low / step * (1 - 1e-9)); k * step <= high * (1 + 1e-9); ++k)
    out.push_back(k * step + 0.0);  // -0 is 0
  return out;
}

/// Powers of ten, or where these are fewer than three also 2 and 5 times them.
inline std::vector<double> round_powers(double low, double high) {
  require(low > 0 && low < high && std::isfinite(high), "axis: expected 0 < low < high, got ", low, " and ",
          high);
  std::vector<double> powers, all;
  for (double k = std::floor(std::log10(low)); k <= std::log10(high); ++k)
    for (const double times : {1., 2., 5.}) {
      const double value = times * std::pow(10, k);
      if (value < low * (1 - 1e-9) || value > high * (1 + 1e-9)) continue;
      all.push_back(value);
      if (times == 1) powers.push_back(value);
    }
  return powers.size() < 3 ? all : powers;
}

/// The values to be written beside an axis.
inline std::vector<double> ticks(const Axis& axis, int most = 6) {
  return axis.logarithmic ? round_powers(axis.low, axis.high) : round_values(axis.low, axis.high, most);
}

}  // namespace foil::report::html
