// SPDX-License-Identifier: MIT
#include "units.hpp"

#include <cmath>

#include "foil/core/error.hpp"

namespace evaluate {

using foil::Index;
using foil::require;

Eigen::VectorXf spread(const std::string& option, const Numbers& numbers, const std::vector<Index>& shape) {
  const auto count = static_cast<Index>(numbers.size());
  if (count == 0) return {};
  Index features = 1;
  for (const Index extent : shape) features *= extent;
  const bool last = count != features && count != shape.front() && count == shape.back();
  require(count == 1 || count == features || count == shape.front() || last, option,
          ": expected 1 number, one for "
          "each of the ",
          shape.front(), " channels or one for each of the ", features, " features, got ", count);
  Eigen::VectorXf out(features);
  for (Index i = 0; i < features; ++i)
    out[i] = numbers[static_cast<std::size_t>(last ? i % count : i / (features / count))];
  return out;
}

foil::Bounds<float> spread_bounds(const Numbers& lower, const Numbers& upper,
                                  const std::vector<Index>& shape) {
  if (lower.size() == 1 && upper.size() == 1) return {lower[0], upper[0]};
  return {spread("--bounds", lower, shape), spread("--bounds", upper, shape)};
}

foil::Lattice lattice(const foil::Bounds<float>& bounds, std::int64_t levels, Index features) {
  if (levels == 0) return {};
  const Index count = bounds.uniform() ? 1 : features;
  Eigen::VectorXd origin(count), span(count), steps(count);
  for (Index i = 0; i < count; ++i) {
    const double lower = bounds.lower(i), upper = bounds.upper(i);
    require(std::isfinite(lower) && std::isfinite(upper), "--lattice: expected finite bounds, got [", lower,
            ", ", upper, "]");
    const bool frozen = lower == upper;
    origin[i] = lower, span[i] = frozen ? 1 : upper - lower,
    steps[i] = frozen ? 0 : static_cast<double>(levels);
  }
  return bounds.uniform() ? foil::Lattice(origin[0], span[0], steps[0]) : foil::Lattice(origin, span, steps);
}

}  // namespace evaluate
