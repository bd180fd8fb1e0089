// SPDX-License-Identifier: MIT
/// \file
/// Spatter of water or mud on the lens, and what is known of pictures that water takes: edges, distances,
/// equalised histograms.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/corruptions/blur.hpp"
#include "foil/evaluation/corruptions/planes.hpp"
#include "foil/evaluation/corruptions/weather.hpp"

namespace foil::corruptions {

/// A map of whole numbers: levels from 0 to 255, or marks.
struct LevelMap {
  LevelMap(Index height_, Index width_)
      : height(height_), width(width_), values(static_cast<std::size_t>(height_ * width_)) {}

  int& at(Index y, Index x) { return values[static_cast<std::size_t>(y * width + x)]; }
  int at(Index y, Index x) const { return values[static_cast<std::size_t>(y * width + x)]; }
  /// The same, edges going on in one of the ways.
  int at(Index y, Index x, Edges edges) const {
    return at(inside(y, height, edges), inside(x, width, edges));
  }

  Index height, width;
  std::vector<int> values;
};

/// The edges of a map, 1 where there is one: Canny 1986, by Sobel's 3 x 3 gradients, whose size is the sum of
/// both absolute values. An edge begins above `high` and goes on above `low`. Directions are told apart at
/// 22.5 and 67.5 degrees; of two equal neighbours the first counts as larger.
inline LevelMap canny_edges(const LevelMap& map, int low, int high) {
  const Index height = map.height, width = map.width;
  LevelMap size(height, width), across(height, width), down(height, width), marks(height, width);
  for (Index y = 0; y < height; ++y)
    for (Index x = 0; x < width; ++x) {
      const auto at = [&](Index v, Index u) { return map.at(y + v, x + u, Edges::nearest); };
      across.at(y, x) = at(-1, 1) + 2 * at(0, 1) + at(1, 1) - at(-1, -1) - 2 * at(0, -1) - at(1, -1);
      down.at(y, x) = at(1, -1) + 2 * at(1, 0) + at(1, 1) - at(-1, -1) - 2 * at(-1, 0) - at(-1, 1);
      size.at(y, x) = std::abs(across.at(y, x)) + std::abs(down.at(y, x));
    }
  const auto size_at = [&](Index y, Index x) {
    return y < 0 || x < 0 || y >= height || x >= width ? 0 : size.at(y, x);
  };
  std::vector<std::array<Index, 2>> found;
  constexpr int weak = 2;
  for (Index y = 0; y < height; ++y)
    for (Index x = 0; x < width; ++x) {
      const int here = size.at(y, x), dx = across.at(y, x), dy = down.at(y, x);
      if (here <= low) continue;
      constexpr double tangent = 0.41421356237309503;  // of 22.5 degrees
      const double u = std::abs(dx), v = std::abs(dy);
      bool highest = false;
      if (v < u * tangent) {
        highest = here > size_at(y, x - 1) && here >= size_at(y, x + 1);
      } else if (v > u * (tangent + 2)) {
        highest = here > size_at(y - 1, x) && here >= size_at(y + 1, x);
      } else {
        const Index side = (dx ^ dy) < 0 ? -1 : 1;
        highest = here > size_at(y - 1, x - side) && here > size_at(y + 1, x + side);
      }
      if (!highest) continue;
      marks.at(y, x) = here > high ? 1 : weak;
      if (here > high) found.push_back({y, x});
    }
  while (!found.empty()) {
    const auto [y, x] = found.back();
    found.pop_back();
    for (Index v = std::max<Index>(y - 1, 0); v <= std::min(y + 1, height - 1); ++v)
      for (Index u = std::max<Index>(x - 1, 0); u <= std::min(x + 1, width - 1); ++u)
        if (marks.at(v, u) == weak) {
          marks.at(v, u) = 1;
          found.push_back({v, u});
        }
  }
  for (int& mark : marks.values) mark = mark == 1;
  return marks;
}

/// How far each pixel is from the next one that is marked, in pixels: steps along rows and columns count 1,
/// diagonal ones 1.4, and those of a knight 2.1969 (Borgefors 1986). Very far where nothing is marked.
inline Planes distance_to(const LevelMap& marks) {
  const Index height = marks.height, width = marks.width;
  Planes out(1, height, width);
  for (Index i = 0; i < out.area(); ++i)
    out.values[i] = marks.values[static_cast<std::size_t>(i)] != 0 ? 0 : 1e6;
  struct Step {
    Index y, x;
    double length;
  };
  constexpr std::array<Step, 8> steps{{{-2, -1, 2.1969},
                                       {-2, 1, 2.1969},
                                       {-1, -2, 2.1969},
                                       {-1, -1, 1.4},
                                       {-1, 0, 1},
                                       {-1, 1, 1.4},
                                       {-1, 2, 2.1969},
                                       {0, -1, 1}}};
  // From the top left along steps from above and the left, then from the lower right along their opposites.
  for (const Index way : {1, -1})
    for (Index i = 0; i < out.area(); ++i) {
      const Index place = way == 1 ? i : out.area() - 1 - i, y = place / width, x = place % width;
      double& nearest = out.values[place];
      for (const Step& step : steps) {
        const Index v = y + way * step.y, u = x + way * step.x;
        if (v >= 0 && u >= 0 && v < height && u < width)
          nearest = std::min(nearest, out.row(0, v)[u] + step.length);
      }
    }
  return out;
}

/// Spreads the levels of a map so that all are about equally frequent: the lowest becomes 0, the highest 255.
/// A map of one level stays as it is.
inline void equalise(LevelMap& map) {
  std::array<int, 256> count{}, becomes{};
  for (const int level : map.values) ++count[static_cast<std::size_t>(level)];
  const int all = static_cast<int>(map.values.size());
  std::size_t level = 0;
  while (count[level] == 0) ++level;
  if (count[level] == all) return;
  const float scale = 255.0f / static_cast<float>(all - count[level]);
  int sum = 0;
  for (++level; level < 256; ++level) {
    sum += count[level];
    becomes[level] = std::min(255, static_cast<int>(std::lrint(static_cast<float>(sum) * scale)));
  }
  for (int& value : map.values) value = becomes[static_cast<std::size_t>(value)];
}

namespace detail {

/// The weighted sum of 3 x 3 levels around each pixel, made a level; beyond the edges the map is mirrored.
template <class Level>
LevelMap filtered(const LevelMap& map, const std::array<int, 9>& weights, Level&& level) {
  LevelMap out(map.height, map.width);
  for (Index y = 0; y < map.height; ++y)
    for (Index x = 0; x < map.width; ++x) {
      int sum = 0;
      for (Index k = 0; k < 9; ++k)
        sum += weights[static_cast<std::size_t>(k)] * map.at(y + k / 3 - 1, x + k % 3 - 1, Edges::mirror);
      out.at(y, x) = level(sum);
    }
  return out;
}

/// How much of the light each pixel of a layer of water throws back: brightest where it is thick and some
/// pixels from its edge. 1 at its brightest.
inline Planes gleam(const Planes& layer) {
  LevelMap water(layer.height, layer.width), depth(layer.height, layer.width);
  for (Index i = 0; i < layer.area(); ++i)
    water.values[static_cast<std::size_t>(i)] = static_cast<int>(floor_level(layer.values[i]));
  Planes distance = distance_to(canny_edges(water, 50, 150));
  distance.values = distance.values.cwiseMin(20.0);
  convolve(distance, {1.0 / 3, 1.0 / 3}, {1.0 / 3, 1.0 / 3}, Edges::mirror);
  for (Index i = 0; i < layer.area(); ++i)
    depth.values[static_cast<std::size_t>(i)] = static_cast<int>(distance.values[i] + 1e-6);
  equalise(depth);
  depth = filtered(depth, {-2, -1, 0, -1, 1, 1, 0, 1, 2}, [](int sum) { return std::clamp(sum, 0, 255); });
  depth = filtered(depth, {1, 1, 1, 1, 1, 1, 1, 1, 1}, [](int sum) { return (2 * sum + 9) / 18; });
  Planes out(1, layer.height, layer.width);
  for (Index i = 0; i < out.area(); ++i)
    out.values[i] = static_cast<double>(water.values[static_cast<std::size_t>(i)]) *
                    depth.values[static_cast<std::size_t>(i)];
  if (const double highest = out.values.maxCoeff(); highest > 0) out.values /= highest;
  return out;
}

}  // namespace detail

/// What has been spattered.
struct SpatterOptions {
  double mean = 0.65, deviation = 0.3;  ///< of the layer before it is blurred,
  double blur = 4;                      ///< the standard deviation of that in pixels,
  double threshold = 0.69;              ///< and the thickness below which there is nothing
  double strength = 0.6;  ///< of water: the share of its colour where it is brightest; of mud: the standard
                          ///< deviation in pixels by which its edges are blurred
  bool mud = false;       ///< rather than water
};

/// Water, which adds pale turquoise, or mud, which covers. On a gray image their colours are gray.
/// \param normal  a standard normal number for each pixel
inline void spatter(Planes& image, const SpatterOptions& options, const Eigen::VectorXd& normal) {
  check_normal("spatter", normal, image.area());
  check_constants("spatter", {options.mean, options.deviation, options.threshold, options.strength});
  Planes layer(1, image.height, image.width);
  layer.values = options.mean + options.deviation * normal.array();
  gaussian_blur(layer, options.blur);
  constexpr std::array<double, 3> turquoise{175 / 255.0, 238 / 255.0, 238 / 255.0},
      brown{63 / 255.0, 42 / 255.0, 20 / 255.0};
  const std::array<double, 3>& colour = options.mud ? brown : turquoise;
  if (options.mud) {
    layer.values = (layer.values.array() > options.threshold).cast<double>();
    gaussian_blur(layer, options.strength);
    layer.values = (layer.values.array() < 0.8).select(0, layer.values);
  } else {
    layer.values = (layer.values.array() < options.threshold).select(0, layer.values);
    layer = detail::gleam(layer);
    layer.values *= options.strength;
  }
  for (Index c = 0; c < image.channels; ++c) {
    const double paint = image.channels == 3 ? colour[static_cast<std::size_t>(c)]
                                             : gray_of(short_luma, colour[0], colour[1], colour[2]);
    Line plane(image.plane(c), image.area());
    if (options.mud) plane *= 1 - layer.values.array();
    plane += paint * layer.values.array();
  }
}

}  // namespace foil::corruptions
