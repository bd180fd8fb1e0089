// SPDX-License-Identifier: MIT
/// \file
/// The sixteen everyday categories of ImageNet that people are asked about.
#pragma once

#include <utility>
#include <vector>

#include "foil/models/grouped.hpp"

namespace foil {

namespace detail {

/// The numbers of the ranges [first, last].
inline std::vector<int> numbers_in(const std::vector<std::pair<int, int>>& ranges) {
  std::vector<int> out;
  for (const auto& [first, last] : ranges)
    for (int number = first; number <= last; ++number) out.push_back(number);
  return out;
}

}  // namespace detail

/// 207 of ImageNet's 1,000 classes (ILSVRC 2012, in the order of their WordNet ids, as networks have them) in
/// the 16 categories of Geirhos et al. 2018 (arXiv:1808.08750) and 2019 (arXiv:1811.12231), which follow from
/// WordNet but for what the authors left out. In alphabetical order, as responses of people name them.
inline Categories imagenet_16() {
  using detail::numbers_in;
  return {1000,
          {"airplane", "bear", "bicycle", "bird", "boat", "bottle", "car", "cat", "chair", "clock", "dog",
           "elephant", "keyboard", "knife", "oven", "truck"},
          {{404},
           {294, 295, 296, 297},
           {444, 671},
           numbers_in(
               {{8, 8}, {10, 16}, {18, 20}, {22, 24}, {80, 83}, {87, 96}, {98, 100}, {127, 133}, {135, 145}}),
           {472, 554, 625, 814, 914},
           {440, 720, 737, 898, 899, 901, 907},
           {436, 511, 817},
           {281, 282, 283, 284, 285, 286},
           {423, 559, 765, 857},
           {409, 530, 892},
           numbers_in({{152, 191},
                       {193, 203},
                       {205, 226},
                       {228, 241},
                       {243, 250},
                       {252, 257},
                       {259, 259},
                       {261, 263},
                       {265, 268}}),
           {385, 386},
           {508, 878},
           {499},
           {766},
           {555, 569, 656, 675, 717, 734, 864, 867}}};
}

}  // namespace foil
