// SPDX-License-Identifier: MIT
/// \file
/// What Square writes into a perturbation: signs for Linf, bumps for L2 and L1.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <vector>

#include "foil/attacks/score/square/window.hpp"
#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/image.hpp"

namespace foil::square {

inline double random_sign(RandomDraw& random) {
  return random.bits() % 2 == 0 ? -1 : 1;
}

/// A norm's p as a number: sums of powers, and what they are the powers of.
struct Power {
  double p;  ///< 1 or 2
  double operator()(double x) const { return p == 1 ? std::abs(x) : x * x; }
  double root(double sum) const { return p == 1 ? sum : std::sqrt(sum); }
};

/// Two halves of opposite signs side by side or one above the other, each falling off from its middle in
/// rectangles that lie within each other, the k-th of weight k^-2, for L1 k^-4. Of size 1; row by row.
inline std::vector<double> bump(Index height, Index width, Power power, RandomDraw& random) {
  std::vector<double> out(static_cast<std::size_t>(height * width));
  const bool across = random_sign(random) > 0;
  const auto fill = [&](Index top, Index left, Index rows, Index columns, double sign) {
    const Index middle = rows / 2, centre = columns / 2, most = std::max(middle, centre);
    std::vector<double> weight(static_cast<std::size_t>(most) + 2, 0.0);  // of all rectangles from one on
    for (Index k = most; k >= 0; --k) {
      const auto square = static_cast<double>((k + 1) * (k + 1));
      weight[static_cast<std::size_t>(k)] =
          weight[static_cast<std::size_t>(k) + 1] + 1 / (power.p == 1 ? square * square : square);
    }
    double sum = 0;
    const auto at = [&](Index i, Index j) {
      return weight[static_cast<std::size_t>(std::max(std::abs(i - middle), std::abs(j - centre)))];
    };
    for (Index i = 0; i < rows; ++i)
      for (Index j = 0; j < columns; ++j) sum += power(at(i, j));
    for (Index i = 0; i < rows; ++i)
      for (Index j = 0; j < columns; ++j)
        out[static_cast<std::size_t>((top + i) * width + left + j)] = sign * at(i, j) / power.root(sum);
  };
  const bool halves_are_rows = height > 1 && (width == 1 || !across);
  const Index h = halves_are_rows ? height / 2 : height, w = halves_are_rows ? width : width / 2;
  if (h > 0 && w > 0) fill(0, 0, h, w, 1);
  if (halves_are_rows)
    fill(h, 0, height - h, width, -1);
  else
    fill(0, w, height, width - w, -1);
  double sum = 0;
  for (const double x : out) sum += power(x);
  for (double& x : out) x /= power.root(sum);
  return out;
}

/// Calls use(feature, number of the pixel in the window) for each pixel that a window has of a channel.
template <class Use>
void for_each(const geometry::ImageLayout& image, const Window& window, Index channel, Use use) {
  std::size_t k = 0;
  for (Index i = window.top; i < window.top + window.height; ++i)
    for (Index j = window.left; j < window.left + window.width; ++j, ++k) use(image.at(channel, i, j), k);
}

/// +-radius in every column of every channel.
inline void stripe(const geometry::ImageLayout& image, double radius, RandomDraw& random,
                   Eigen::VectorXd& d) {
  for (Index c = 0; c < image.channels; ++c)
    for (Index j = 0; j < image.width; ++j) {
      const double value = random_sign(random) * radius;
      for (Index i = 0; i < image.height; ++i) d[image.at(c, i, j)] = value;
    }
}

/// +-radius in a window, one sign for each channel.
inline void paint(const geometry::ImageLayout& image, const Window& window, double radius, RandomDraw& random,
                  Eigen::VectorXd& d) {
  for (Index c = 0; c < image.channels; ++c) {
    const double value = random_sign(random) * radius;
    for_each(image, window, c, [&](Index at, std::size_t) { d[at] = value; });
  }
}

/// Five by five bumps over the image, as far as it has pixels for them, a sign for each channel of each.
inline void tile(const geometry::ImageLayout& image, Power power, RandomDraw& random, Eigen::VectorXd& d) {
  Window window{0, 0, std::max<Index>(image.height / 5, 1), std::max<Index>(image.width / 5, 1)};
  const Index top = image.height % window.height / 2, left = image.width % window.width / 2;
  for (window.top = top; window.top + window.height <= image.height; window.top += window.height)
    for (window.left = left; window.left + window.width <= image.width; window.left += window.width) {
      const std::vector<double> content = bump(window.height, window.width, power, random);
      for (Index c = 0; c < image.channels; ++c) {
        const double sign = random_sign(random);
        for_each(image, window, c, [&](Index at, std::size_t k) { d[at] = sign * content[k]; });
      }
    }
}

/// A bump on top of what a window holds, each of size 1, and their sum of the size that the channel may have:
/// its share of what d, in units of the radius, lacks of 1, and what this window and another one held. The
/// other one is emptied.
inline void pile(const geometry::ImageLayout& image, const Window& window, const Window& emptied, Power power,
                 RandomDraw& random, Eigen::VectorXd& d) {
  const std::vector<double> content = bump(window.height, window.width, power, random);
  double all = 0;
  for (Index i = 0; i < d.size(); ++i) all += power(d[i]);
  const double left = std::max(1 - all, 0.0) / static_cast<double>(image.channels);
  std::vector<double> written(content.size());
  for (Index c = 0; c < image.channels; ++c) {
    const double sign = random_sign(random);
    double held = 0, both = 0, size = 0;
    for_each(image, window, c, [&](Index at, std::size_t k) {
      held += power(d[at]);
      written[k] = d[at];
      d[at] = 0;
    });
    both = held;
    for_each(image, emptied, c, [&](Index at, std::size_t) {
      both += power(d[at]);
      d[at] = 0;
    });
    for (std::size_t k = 0; k < content.size(); ++k) {
      written[k] = sign * content[k] + (held > 0 ? written[k] / power.root(held) : 0.0);
      size += power(written[k]);
    }
    const double scale = size > 0 ? power.root(left + both) / power.root(size) : 0;
    for_each(image, window, c, [&](Index at, std::size_t k) { d[at] = scale * written[k]; });
  }
}

}  // namespace foil::square
