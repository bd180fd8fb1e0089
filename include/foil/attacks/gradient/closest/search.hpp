// SPDX-License-Identifier: MIT
/// \file
/// Where the search for the closest adversarial is, and its walks.
#pragma once

#include <algorithm>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/attacks/parts/tangent_walk.hpp"
#include "foil/attacks/parts/towards_class.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// A walk, and the class it leads to: -1 for the boundary of the criterion's margin.
struct ClosestWalk {
  Index to;
  TangentWalk walk;

  /// Of equals, the class that was to come first.
  static bool closer(const ClosestWalk& a, const ClosestWalk& b) {
    const double one = a.walk.estimate(), other = b.walk.estimate();
    return one != other ? one < other : a.to < b.to;
  }
};

/// Where the search is.
struct ClosestSearch {
  int left;  ///< gradients
  std::vector<ClosestWalk> racing{};
  std::vector<std::pair<double, Index>> classes{};  ///< by how far away an adversarial is expected
  Index best = -1;                                  ///< the class of the closest; until then the likeliest
  int fruitless = 0;
  double exchanged = std::numeric_limits<double>::infinity();  ///< L0: distance when that was last tried
};

/// How its walks move.
template <Norm N>
WalkPace closest_pace() {
  constexpr bool sparse = std::is_same_v<N, L0>;
  return {.reach = sparse ? 2 : 0.5, .aims = sparse ? 2 : 0, .smallest_radius = sparse ? 1e-2 : 1e-4};
}

/// Takes a walk on by so many steps, as far as the budget goes.
template <Norm N>
Task<> walk_closer(Oracle& oracle, ClosestSearch& search, ClosestWalk& runner, const WalkPace& pace,
                   int steps) {
  const int before = runner.walk.steps;
  const double closest = oracle.best_distance();
  const TowardsClass towards{Loss::margin, oracle.goal().leave, runner.to, oracle.goal().lead};
  const Objective objective = runner.to >= 0 ? Objective(towards) : Objective(Loss::margin);
  co_await walk_on<N>(oracle, runner.walk, pace, objective, before + std::min(steps, search.left));
  search.left -= runner.walk.steps - before;
  if (oracle.best_distance() < closest && runner.to >= 0) search.best = runner.to;
}

}  // namespace foil
