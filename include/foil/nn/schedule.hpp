// SPDX-License-Identifier: MIT
/// \file
/// How many samples go through the steps of a network together.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/nn/layout.hpp"

namespace foil::nn {

/// What a step moves, in bytes.
struct Traffic {
  Index activations = 0;  ///< read and written, per sample
  Index weights = 0;      ///< read by every call, whatever the batch
  Index alive = 0;        ///< per sample, between the step before and this one
};

/// Cuts the steps of a network into segments, each with a number of samples that go through it together: few
/// where activations are large, so that they stay in the second-level cache, many where weights are, which
/// are then read less often. The choice is the one that moves the fewest bytes per sample between that cache
/// and the memory behind it; no segment has more than `most` samples. Cost: linear in the number of steps.
inline std::vector<Segment> segments_of(const std::vector<Traffic>& steps, Index most) {
  constexpr double cache = 768 * 1024, call = 4096;  // a call costs as much as moving so many bytes
  constexpr double typical_batch = 16;
  std::vector<Index> sizes;
  for (Index samples = 1; samples <= most; samples *= 2) sizes.push_back(samples);
  double weights = 0;
  for (const Traffic& step : steps) weights += static_cast<double>(step.weights);
  const bool cached = weights <= cache / 2;

  std::vector<std::vector<std::size_t>> from(steps.size(), std::vector<std::size_t>(sizes.size()));
  std::vector<double> best(sizes.size(), 0), before;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    before = best;
    const double alive = static_cast<double>(steps[i].alive);
    const double change = i == 0 ? 0 : call / typical_batch + (alive * typical_batch > cache ? 2 * alive : 0);
    const auto cheapest =
        static_cast<std::size_t>(std::min_element(before.begin(), before.end()) - before.begin());
    for (std::size_t k = 0; k < sizes.size(); ++k) {
      const double samples = static_cast<double>(sizes[k]);
      const double moved = static_cast<double>(steps[i].activations);
      const bool stays = before[k] <= before[cheapest] + change;
      from[i][k] = stays ? k : cheapest;
      best[k] = (stays ? before[k] : before[cheapest] + change) + call / samples +
                (samples * moved > cache ? moved : 0) +
                (cached ? 0 : static_cast<double>(steps[i].weights) / samples);
    }
  }
  std::vector<Segment> segments;
  auto k = static_cast<std::size_t>(std::min_element(best.begin(), best.end()) - best.begin());
  for (std::size_t i = steps.size(); i-- > 0; k = from[i][k]) {
    if (segments.empty() || segments.back().samples != sizes[k]) segments.push_back({i, i + 1, sizes[k]});
    segments.back().begin = i;
  }
  std::reverse(segments.begin(), segments.end());
  return segments;
}

}  // namespace foil::nn
