// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's Resize and Upsample: one sparse matrix along each axis, or a table of the nearest
/// elements.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/operators/along_axis.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/parts.hpp"
#include "foil/onnx/shapes.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

/// How one axis is resized.
struct ResizedAxis {
  Index input = 1, output = 1;
  double scale = 1;           ///< as given, or output / input
  double begin = 0, end = 1;  ///< the part of the input for tf_crop_and_resize

  bool changes() const { return input != output || scale != 1 || begin != 0 || end != 1; }
};

/// A Resize node's ways.
struct ResizeRules {
  std::string mode, coordinates, nearest;
  double cubic = -0.75;
  bool exclude_outside = false, antialias = false;

  bool crops() const { return coordinates == "tf_crop_and_resize"; }

  /// Where in the input element i of the output lies. In single precision, as ONNX Runtime computes it, what
  /// lies between two elements falls to the same side.
  template <class Real>
  Real position(const ResizedAxis& axis, Index i) const {
    const Real x = static_cast<Real>(i), scale = static_cast<Real>(axis.scale), half = Real(0.5);
    const Real input = static_cast<Real>(axis.input), output = static_cast<Real>(axis.output);
    if (coordinates == "asymmetric") return x / scale;
    if (coordinates == "align_corners") return axis.output == 1 ? 0 : x * (input - 1) / (output - 1);
    if (coordinates == "pytorch_half_pixel" && axis.output == 1) return 0;
    if (coordinates == "tf_half_pixel_for_nn") return (x + half) / scale;
    if (crops()) {
      const Real begin = static_cast<Real>(axis.begin), end = static_cast<Real>(axis.end);
      return axis.output == 1 ? half * (begin + end) * (input - 1)
                              : begin * (input - 1) + x * (end - begin) * (input - 1) / (output - 1);
    }
    if (coordinates != "half_pixel_symmetric") return (x + half) / scale - half;
    return input / 2 * (1 - output / (scale * input)) + (x + half) / scale - half;
  }

  /// The nearest element, by the node's rounding.
  Index nearest_to(float at, double scale) const {
    const float low = std::floor(at);
    if (nearest == "simple") return static_cast<Index>(scale < 1 ? std::ceil(at) : std::trunc(at));
    if (nearest == "floor") return static_cast<Index>(low);
    if (nearest == "ceil") return static_cast<Index>(std::ceil(at));
    if (at == low + 0.5f && nearest == "round_prefer_floor") return static_cast<Index>(low);
    return static_cast<Index>(std::round(at));
  }

  /// The weight of an element at that distance, of linear or cubic interpolation.
  double weight(double distance) const {
    const double d = std::abs(distance), a = cubic;
    if (mode == "linear") return std::max(0., 1 - d);
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
  }
};

/// Which elements an element of the output is made of, with their weights.
template <class T>
void add_row(const ResizeRules& rules, const ResizedAxis& axis, Index i, nn::SparseRows<T>& rows) {
  const double at = rules.position<double>(axis, i), last = static_cast<double>(axis.input - 1);
  if (rules.crops() && !(at >= 0 && at <= last)) return rows.end_row();  // the extrapolation value, zero
  const double shrink = rules.antialias ? std::min(1., axis.scale) : 1;
  const double reach = (rules.mode == "linear" ? 1 : 2) / shrink;
  std::vector<std::pair<Index, double>> taps;
  double sum = 0;
  for (double k = std::ceil(at - reach); k <= std::floor(at + reach); ++k) {
    const bool inside = k >= 0 && k <= last;
    const double weight = rules.weight((k - at) * shrink);
    if (weight == 0 || (!inside && rules.exclude_outside)) continue;
    const Index place = static_cast<Index>(std::clamp(k, 0., last));
    if (!taps.empty() && taps.back().first == place)
      taps.back().second += weight;
    else
      taps.emplace_back(place, weight);
    sum += weight;
  }
  const bool normal = rules.antialias || rules.exclude_outside;
  for (const auto& [place, weight] : taps) rows.add(place, static_cast<T>(normal ? weight / sum : weight));
  rows.end_row();
}

/// x with a matrix applied along an axis.
template <class T>
Value along_axis(Builder<T>& build, const Value& x, std::size_t axis, nn::SparseRows<T> matrix) {
  build.spend(matrix.columns.size() + matrix.ends.size());
  Index outer = 1, inner = 1;
  bool behind = false;
  for (const std::size_t a : memory_order(x.layout, x.rank())) {
    if (a == axis)
      behind = true;
    else
      (behind ? inner : outer) *= x.dims[a];
  }
  Dims dims = x.dims;
  dims[axis] = matrix.rows();
  return build.emit(std::make_unique<nn::AlongAxis<T>>(outer, x.dims[axis], inner, std::move(matrix)),
                    {x.slot}, std::move(dims), x.layout, x.batch);
}

/// The scales of a Resize or Upsample: an attribute before opset 9, an input since; empty if not given.
template <class T>
std::vector<float> resize_scales(Builder<T>& build, const NodeView& at) {
  if (at.opset() < 9) {
    const Attribute* const a = at.node().find("scales");
    return a == nullptr ? std::vector<float>{} : a->numbers;
  }
  const std::size_t i = at.node().type == "Upsample" || at.opset() < 11 ? 1 : 2;
  return at.has_input(i) ? build.floats(at, i).template numbers<float>().list() : std::vector<float>{};
}

/// What a Resize node asks for along each axis.
template <class T>
std::vector<ResizedAxis> resized_axes(Builder<T>& build, const NodeView& at, const Value& x, bool crops) {
  const std::vector<float> scales = resize_scales(build, at);
  const Constant* const sizes = at.has_input(3) && scales.empty() ? &build.integer_list(at, 3) : nullptr;
  at.require(!scales.empty() || sizes != nullptr, "expected scales or sizes");
  std::vector<std::size_t> axes;
  const Attribute* const listed = at.node().find("axes");
  for (std::size_t i = 0; i < (listed == nullptr ? x.rank() : listed->integers.size()); ++i)
    axes.push_back(listed == nullptr ? i : at.axis(listed->integers[i], x.rank()));
  at.require((sizes == nullptr ? scales.size() : sizes->size()) == axes.size(), "expected ", axes.size(),
             " scales or sizes");
  const std::vector<float> roi =
      crops ? build.floats(at, 1).template numbers<float>().list() : std::vector<float>{};
  at.require(!crops || roi.size() == 2 * axes.size(), "expected a region of ", 2 * axes.size(), " numbers");
  for (const float edge : roi) at.require(std::isfinite(edge), "expected a region of finite numbers");
  std::vector<ResizedAxis> out;
  for (const Index d : x.dims) out.push_back({d, d});
  for (std::size_t k = 0; k < axes.size(); ++k) {
    ResizedAxis& axis = out[axes[k]];
    if (crops) axis.begin = static_cast<double>(roi[k]), axis.end = static_cast<double>(roi[axes.size() + k]);
    if (sizes != nullptr && x.holds_samples(axes[k]) && is_extent(build, x, axes[k], *sizes, k)) continue;
    const double size = sizes != nullptr
                            ? static_cast<double>(sizes->integers()[k])
                            : static_cast<double>(std::floor(static_cast<float>(axis.input) * scales[k]));
    at.require((sizes == nullptr || !sizes->holds_samples(k)) && size >= 1 &&
                   size <= static_cast<double>(largest_value),
               "cannot resize axis ", axes[k], " of ", x.shape(), " to ", size);
    axis.output = static_cast<Index>(size);
    axis.scale = sizes == nullptr ? static_cast<double>(scales[k]) : size / static_cast<double>(axis.input);
  }
  const std::string policy = at.string("keep_aspect_ratio_policy", "stretch");
  if (policy == "stretch" || sizes == nullptr) return out;
  at.require(policy == "not_larger" || policy == "not_smaller", "unknown keep_aspect_ratio_policy '", policy,
             "'");
  double common = out[axes[0]].scale;
  for (const std::size_t a : axes)
    common = policy == "not_larger" ? std::min(common, out[a].scale) : std::max(common, out[a].scale);
  for (const std::size_t a : axes) {
    out[a].scale = common;
    out[a].output = static_cast<Index>(std::round(common * static_cast<double>(out[a].input)));
    at.require(out[a].output >= 1, "nothing is left of axis ", a);
  }
  return out;
}

template <class T>
Value convert_resize(Builder<T>& build, const NodeView& at) {
  Value x = build.value(at, 0);
  const bool simple = at.node().type == "Upsample" || at.opset() < 11;
  ResizeRules rules;
  rules.mode = at.string("mode", "nearest");
  rules.coordinates = simple ? "asymmetric" : at.string("coordinate_transformation_mode", "half_pixel");
  rules.nearest = simple ? "simple" : at.string("nearest_mode", "round_prefer_floor");
  rules.cubic = static_cast<double>(at.number("cubic_coeff_a", -0.75f));
  rules.antialias = at.integer("antialias", 0) != 0 && rules.mode != "nearest";
  rules.exclude_outside = (rules.mode == "cubic" || rules.antialias) && at.integer("exclude_outside", 0) != 0;
  const auto one_of = [](const std::string& word, std::initializer_list<const char*> words) {
    return std::any_of(words.begin(), words.end(), [&](const char* w) { return word == w; });
  };
  if (rules.mode == "bilinear") rules.mode = "linear";
  at.require(one_of(rules.mode, {"nearest", "linear", "cubic"}), "unknown mode '", rules.mode, "'");
  at.require(
      one_of(rules.coordinates, {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
                                 "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"}),
      "unknown coordinate_transformation_mode '", rules.coordinates, "'");
  at.require(one_of(rules.nearest, {"simple", "round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}),
             "unknown nearest_mode '", rules.nearest, "'");
  at.require(!rules.crops() || at.number("extrapolation_value", 0) == 0,
             "an extrapolation_value other than 0 is not supported");
  const std::vector<ResizedAxis> axes = resized_axes(build, at, x, rules.crops());
  if (rules.mode == "nearest") {
    std::vector<Picks> picks;
    for (const ResizedAxis& axis : axes) {
      picks.push_back(all_of(axis.changes() ? 0 : axis.input));
      if (!axis.changes()) continue;
      build.spend(static_cast<std::uint64_t>(axis.output));
      for (Index i = 0; i < axis.output; ++i) {
        const float place = rules.position<float>(axis, i);
        const float last = static_cast<float>(axis.input - 1);
        if (rules.crops() && !(place >= 0 && place <= last))
          picks.back().push_back(-1);
        else
          picks.back().push_back(static_cast<std::int32_t>(
              std::clamp<Index>(rules.nearest_to(place, axis.scale), 0, axis.input - 1)));
      }
    }
    return picked(build, at, x, picks);
  }
  for (std::size_t i = 0; i < x.rank(); ++i) {
    if (!axes[i].changes()) continue;
    at.keep_apart(x, i);
    nn::SparseRows<T> matrix;
    const double taps =
        (rules.mode == "linear" ? 2 : 4) / (rules.antialias ? std::min(1., axes[i].scale) : 1);
    build.spend(static_cast<std::uint64_t>(axes[i].output) *
                static_cast<std::uint64_t>(std::min(taps, static_cast<double>(axes[i].input)) + 2));
    for (Index k = 0; k < axes[i].output; ++k) add_row(rules, axes[i], k, matrix);
    x = along_axis(build, x, i, std::move(matrix));
  }
  return x;
}

}  // namespace foil::onnx::detail
