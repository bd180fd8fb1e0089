// SPDX-License-Identifier: MIT
/// \file
/// Changed features or pixels of an adversarial, given back to the original one group or one by one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/image.hpp"
#include "foil/run/oracle.hpp"

namespace foil::pointwise {

/// What is given back as a whole: single features, or all channels of a pixel.
class Units {
 public:
  Units(const Oracle& oracle, bool across_channels, geometry::ChannelsLast channels_last)
      : layout_(across_channels && oracle.shape().size() == 3
                    ? geometry::image_layout(oracle.shape(), channels_last)
                    : geometry::ImageLayout{1, 1, oracle.features()}) {}

  /// Those in which x and y differ, in ascending order.
  std::vector<Index> differing(const Eigen::VectorXd& x, const Eigen::VectorXd& y) const {
    std::vector<Index> out;
    for (Index unit = 0; unit < layout_.height * layout_.width; ++unit) {
      bool differs = false;
      for (Index c = 0; c < layout_.channels; ++c) differs = differs || x[at(c, unit)] != y[at(c, unit)];
      if (differs) out.push_back(unit);
    }
    return out;
  }

  /// Moves a unit of x by a share of the way to its values in `to`; by 1, exactly there.
  void move(Eigen::VectorXd& x, Index unit, const Eigen::VectorXd& to, double share) const {
    for (Index c = 0; c < layout_.channels; ++c) {
      const Index i = at(c, unit);
      x[i] = share == 1 ? to[i] : x[i] + share * (to[i] - x[i]);
    }
  }

 private:
  Index at(Index channel, Index unit) const { return layout_.first(channel) + unit * layout_.stride(); }

  geometry::ImageLayout layout_;
};

/// The changed units of x in random order.
inline std::vector<Index> shuffled(const Oracle& oracle, const Units& units, const Eigen::VectorXd& x,
                                   std::uint32_t draw) {
  std::vector<Index> order = units.differing(x, oracle.original());
  RandomDraw random = oracle.random(Purpose::permutation, draw);
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[static_cast<std::size_t>(random.integer(i))]);
  return order;
}

/// Gives back groups of units of x, an adversarial, that it can do without: first halves of all in random
/// order, and of a group that it cannot do without, halves again. Draw 0 of the permutations. For K units of
/// M that are needed about 2 K log2(M / K) forward passes.
inline Task<> reset_groups(Oracle& oracle, const Units& units, Eigen::VectorXd& x) {
  const std::vector<Index> order = shuffled(oracle, units, x, 0);
  std::vector<std::pair<std::size_t, std::size_t>> groups;  // the last one is next
  groups.emplace_back(0, order.size());
  Eigen::VectorXd fewer;
  while (!groups.empty()) {
    const auto [first, last] = groups.back();
    groups.pop_back();
    fewer = x;
    for (std::size_t k = first; k < last; ++k) units.move(fewer, order[k], oracle.original(), 1);
    bool adversarial = false;
    if (fewer != oracle.original()) adversarial = co_await oracle.query(fewer);
    if (adversarial) {
      x.swap(fewer);
    } else if (last - first > 1) {
      const std::size_t middle = first + (last - first) / 2;
      groups.emplace_back(middle, last);
      groups.emplace_back(first, middle);
    }
  }
}

/// Gives back single units of x, an adversarial, in random order and over and over again, until none of those
/// that are left can be. Draw 1 of the permutations. At least 1 forward pass per unit that stays.
inline Task<> reset_singles(Oracle& oracle, const Units& units, Eigen::VectorXd& x) {
  const std::vector<Index> order = shuffled(oracle, units, x, 1);
  std::deque<Index> left(order.begin(), order.end());
  Eigen::VectorXd fewer;
  for (std::size_t needed = 0; needed < left.size();) {  // so many of the last ones, one after the other
    const Index unit = left.front();
    left.pop_front();
    fewer = x;
    units.move(fewer, unit, oracle.original(), 1);
    bool adversarial = false;
    if (fewer != oracle.original()) adversarial = co_await oracle.query(fewer);
    if (adversarial) {
      x.swap(fewer);
      needed = 0;
    } else {
      left.push_back(unit);
      ++needed;
    }
  }
}

}  // namespace foil::pointwise
