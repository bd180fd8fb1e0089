// SPDX-License-Identifier: MIT
/// \file
/// Numbers as people read them: the same figure is the same text wherever foil tells it.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <string>

#include "foil/core/summary.hpp"
#include "foil/core/tensor.hpp"

namespace foil::report {

/// A number by a format of printf, without a sign where it is rounded to zero; "-" for NaN.
inline std::string formatted(const char* format, double value) {
  if (std::isnan(value)) return "-";
  const int length = std::snprintf(nullptr, 0, format, value);
  std::string text(static_cast<std::size_t>(length), ' ');
  std::snprintf(text.data(), text.size() + 1, format, value);
  const bool zero = std::isfinite(value) && text.find_first_of("123456789") == std::string::npos;
  if (zero && text.starts_with('-')) text.erase(0, 1);
  return text;
}

/// "37.5 %", or "-" if there is nothing to share.
inline std::string percent(double share) {
  return std::isnan(share) ? "-" : formatted("%.1f %%", 100 * share);
}

/// A share of samples, as a range where some are undecided: from none of them to all, "0.0 to 21.3 %".
inline std::string percent_between(Index part, Index of, Index undecided) {
  const double most = foil::share(part + undecided, of + undecided);
  return undecided == 0 ? percent(most)
                        : formatted("%.1f to ", 100 * foil::share(part, of + undecided)) + percent(most);
}

}  // namespace foil::report
