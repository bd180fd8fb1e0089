// SPDX-License-Identifier: MIT
#include "units.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>

#include "foil/core/error.hpp"
#include "foil/core/shape.hpp"

namespace evaluate {

using foil::extents_text;
using foil::Index;
using foil::require;
using foil::squeezed;

namespace {

using Shape = std::vector<Index>;

Index product(const Shape& shape) {
  Index out = 1;
  for (const Index extent : shape) out *= extent;
  return out;
}

/// A sample's shape in the data where all extents but the channels' are 1. Channels lie last where the data
/// are said to have them there, and where only the last axis can be gray or RGB; else first. Two axes may be
/// those of a gray picture, of channels or of time: nobody knows.
std::optional<Shape> channels_alone(const Form& form) {
  const Shape data = in_data(form);
  if (data.size() == 2) return std::nullopt;
  const auto colours = [](Index extent) { return extent == 1 || extent == 3; };
  const bool last = turned(form) || (data.size() == 3 && colours(data[2]) && !colours(data[0]));
  Shape out(data.size(), 1);
  (last ? out.back() : out.front()) = last ? data.back() : data.front();
  return out;
}

/// The numbers' own extents along the axes that a sample has in the data; none if they do not fit.
std::optional<Shape> extents(const Numbers& numbers, const Form& form) {
  const Shape data = in_data(form), ones(data.size(), 1);
  const auto count = static_cast<Index>(numbers.size());
  if (count == 1) return ones;
  Shape shape = numbers.shape;
  if (shape.size() == data.size() + 1 && shape.front() == 1) shape.erase(shape.begin());
  if (shape.size() < 2 && data.size() > 1) {
    const auto channels = channels_alone(form);
    if (channels && count == product(*channels)) return channels;
    const bool one_order = !turned(form) || squeezed(data) == squeezed(form.shape);
    return count == product(data) && one_order ? std::optional(data) : std::nullopt;
  }
  if (shape.size() < 2) return count == product(data) ? std::optional(data) : std::nullopt;
  bool fits = shape.size() == data.size();
  for (std::size_t i = 0; fits && i < data.size(); ++i) fits = shape[i] == 1 || shape[i] == data[i];
  if (fits) return shape;
  return squeezed(shape) == squeezed(data) ? std::optional(data) : std::nullopt;
}

}  // namespace

bool turned(const Form& form) {
  return form.nhwc && form.shape.size() == 3;
}

std::vector<Index> in_data(const Form& form) {
  std::vector<Index> shape = form.shape;
  if (turned(form)) std::rotate(shape.begin(), shape.begin() + 1, shape.end());
  return shape;
}

Eigen::VectorXf spread(const std::string& option, const Numbers& numbers, const Form& form) {
  if (numbers.empty()) return {};
  const Shape data = in_data(form);
  const auto own = extents(numbers, form);
  if (!own) {
    const auto channels = channels_alone(form);
    require(false, option, ": expected 1 number, ",
            channels ? foil::text("one for each of the ", product(*channels), " channels, ") : std::string(),
            "or one for each of the ", product(data), " features as an array of shape ", extents_text(data),
            " (or with extents of 1), got ", numbers.size(),
            numbers.shape.empty() ? std::string() : " in shape " + extents_text(numbers.shape));
  }
  const Index features = product(data), channels = turned(form) ? form.shape[0] : 1;
  Eigen::VectorXf out(features);
  for (Index i = 0; i < features; ++i) {
    Index place = 0, step = 1, rest = i;
    for (std::size_t axis = data.size(); axis-- > 0; rest /= data[axis]) {
      if ((*own)[axis] > 1) place += rest % data[axis] * step;
      step *= (*own)[axis];
    }
    out[foil::channels_first(i, channels, features)] = numbers[static_cast<std::size_t>(place)];
  }
  return out;
}

foil::Bounds<float> spread_bounds(const Numbers& lower, const Numbers& upper, const Form& form) {
  if (lower.size() == 1 && upper.size() == 1) return {lower[0], upper[0]};
  return {spread("--bounds", lower, form), spread("--bounds", upper, form)};
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
