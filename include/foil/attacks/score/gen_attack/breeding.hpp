// SPDX-License-Identifier: MIT
/// \file
/// What GenAttack's members are made of, and how children are bred.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "foil/core/losses.hpp"
#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/image.hpp"

namespace foil::gen_attack {

/// Which gene of a member, and of the next one in each direction, a feature goes by: one of its own, or on a
/// grid of so many cells along each axis of every channel the four around it, interpolated bilinearly.
class Genes {
 public:
  Genes(const geometry::ImageLayout& image, int cells)
      : image_(image),
        rows_(cells == 0 ? image.height : std::min<Index>(cells, image.height)),
        columns_(cells == 0 ? image.width : std::min<Index>(cells, image.width)) {}

  Index count() const { return image_.channels * rows_ * columns_; }

  /// The change of each feature. On a grid as fine as the image that of its gene, to the bit.
  Eigen::VectorXd express(const Eigen::VectorXd& genes) const {
    Eigen::VectorXd change(image_.size());
    for (Index i = 0; i < image_.height; ++i) {
      const Between row(i, image_.height, rows_);
      for (Index j = 0; j < image_.width; ++j) {
        const Between column(j, image_.width, columns_);
        for (Index c = 0; c < image_.channels; ++c) {
          const auto along = [&](Index k) {
            const Index first = (c * rows_ + k) * columns_;
            return column.mix(genes[first + column.low], genes[first + column.high]);
          };
          change[image_.at(c, i, j)] = row.mix(along(row.low), along(row.high));
        }
      }
    }
    return change;
  }

 private:
  /// Where the middle of a pixel lies between the middles of two cells; the outermost go on to the edge.
  struct Between {
    Index low, high;
    double share;
    Between(Index pixel, Index pixels, Index cells) {
      const double at =
          (static_cast<double>(pixel) + 0.5) * static_cast<double>(cells) / static_cast<double>(pixels) - 0.5;
      const double inside = std::clamp(at, 0.0, static_cast<double>(cells - 1));
      low = pixels == cells ? pixel : static_cast<Index>(inside);
      high = std::min(low + 1, cells - 1);
      share = pixels == cells ? 0 : inside - static_cast<double>(low);
    }
    double mix(double a, double b) const { return share == 0 ? a : a + share * (b - a); }
  };

  geometry::ImageLayout image_;
  Index rows_, columns_;
};

/// How likely each member is to be drawn as a parent, in sum 1: the softmax of the losses / temperature.
/// Equally likely where no loss is finite.
inline Eigen::VectorXd parent_odds(const Eigen::VectorXd& losses, double temperature) {
  const double top = losses.maxCoeff();
  if (!std::isfinite(top))
    return Eigen::VectorXd::Constant(losses.size(), 1.0 / static_cast<double>(losses.size()));
  Eigen::VectorXd odds(losses.size());
  double sum = 0;
  for (Index i = 0; i < odds.size(); ++i) sum += odds[i] = std::exp((losses[i] - top) / temperature);
  return odds / sum;
}

/// A member drawn by such odds.
inline std::size_t draw_parent(const Eigen::VectorXd& odds, RandomDraw& random) {
  double left = random.uniform();
  Index i = 0;
  while (i + 1 < odds.size() && (left -= odds[i]) > 0) ++i;
  return static_cast<std::size_t>(i);
}

/// How strongly children are mutated: the share of their genes, and how far to either side at most.
struct Mutation {
  double rate, range;
};

/// A child of two members: each gene of one of them, of the first by that chance, some mutated; within -1
/// and 1.
inline Eigen::VectorXd child_of(const Eigen::VectorXd& a, const Eigen::VectorXd& b, double chance_of_a,
                                const Mutation& mutation, RandomDraw crossover, RandomDraw mutating) {
  Eigen::VectorXd child(a.size()), mutated(a.size());
  crossover.fill_uniform(child, 0, 1);
  mutating.fill_uniform(mutated, 0, 1);
  for (Index i = 0; i < child.size(); ++i) {
    child[i] = child[i] < chance_of_a ? a[i] : b[i];
    // What is left of the number that said whether to mutate says how.
    if (mutated[i] < mutation.rate)
      child[i] = std::clamp(child[i] + mutation.range * (2 * mutated[i] / mutation.rate - 1), -1.0, 1.0);
  }
  return child;
}

}  // namespace foil::gen_attack
