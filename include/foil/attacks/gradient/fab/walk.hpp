// SPDX-License-Identifier: MIT
/// \file
/// A walk of FAB: the boundaries that it sees and its steps to them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/attacks/gradient/fab/options.hpp"
#include "foil/attacks/parts/linear_boundary.hpp"
#include "foil/geometry/half_space/step.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// A linear model of a boundary, normal . (x - at) = offset, made at a point.
struct FabBoundary {
  Eigen::VectorXd at{}, normal{};
  double offset = 0;
  /// From the input, within the box; the largest number if it lies outside of that, infinite if there is no
  /// gradient.
  double distance = std::numeric_limits<double>::infinity();
};

/// How far a walk has come.
struct FabWalk {
  Eigen::VectorXd x{};           ///< its point, unrounded
  std::vector<Index> classes{};  ///< that it may lead to, and the one to leave; empty: the margin's boundary
  std::vector<Index> asked{};    ///< those of them whose gradients are asked for
  FabBoundary boundary{};        ///< the last that was seen; none if its normal is empty
  Eigen::VectorXd slopes{};      ///< by class, dual size of the boundary's normal when it was last seen
  bool adversarial = false;      ///< x is
  double closest = std::numeric_limits<double>::infinity();    ///< adversarial of this walk
  double reference = std::numeric_limits<double>::infinity();  ///< distance at the last progress
  double overshoot = 0;                                        ///< of the last step
  int steps = 0, stalled = 0;
  bool ended = false;
};

/// The point of a boundary that is nearest to another; where it lies outside of the box, the corner that is
/// nearest to it.
template <Norm N>
const geometry::HalfSpaceStep& fab_projection(const Oracle& oracle, const Eigen::VectorXd& from,
                                              const FabBoundary& to) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  return geometry::half_space_step<N>(
      {from, to.at, oracle.box(), to.normal, to.offset, infinity, geometry::Contact::meet},
      oracle.step_memory());
}

/// All boundaries that an answer about x shows, in the order of for_each_boundary(). They lie beyond the
/// model's by what rounding may take from a lead, so that a tie is left.
template <Norm N>
std::vector<FabBoundary> fab_boundaries(const Oracle& oracle, const Eigen::VectorXd& x, const Answer& at,
                                        const std::vector<Index>& asked) {
  std::vector<FabBoundary> all;
  const double rounding = 16 * oracle.precision() * Linf::size(at.logits);
  for_each_boundary(oracle, at, asked, [&](double lead, const Eigen::VectorXd& gradient) {
    FabBoundary boundary{x, -gradient, lead - rounding};
    const double slope = norm2(gradient);
    if (slope > 0 && std::isfinite(slope * boundary.offset)) {
      const auto& step = fab_projection<N>(oracle, oracle.original(), boundary);
      boundary.distance =
          step.reached ? N::size(step.point - oracle.original()) : std::numeric_limits<double>::max();
    }
    all.push_back(std::move(boundary));
  });
  return all;
}

/// A walk from x towards each of the nearest `most` classes whose boundary shows.
template <Norm N>
std::vector<FabWalk> fab_walks(const Oracle& oracle, const Eigen::VectorXd& x, const Answer& at,
                               const std::vector<Index>& classes, int most) {
  std::vector<FabWalk> walks;
  auto all = fab_boundaries<N>(oracle, x, at, classes);
  for (std::size_t k = 0; k < all.size(); ++k) {
    if (std::isinf(all[k].distance)) continue;
    walks.push_back({x, {classes[k], classes.back()}, {}, std::move(all[k])});
    walks.back().adversarial = at.adversarial;
  }
  std::sort(walks.begin(), walks.end(), [](const FabWalk& a, const FabWalk& b) {
    const double left = a.boundary.distance, right = b.boundary.distance;
    return left < right || (left == right && a.classes.front() < b.classes.front());
  });
  walks.resize(std::min(walks.size(), static_cast<std::size_t>(most)));
  return walks;
}

/// The classes that a walk with many is to ask about next: those whose boundaries are nearest to its point by
/// the logits there and by each one's latest gradient, and the class to leave.
inline void fab_ask_next(FabWalk& walk, const Eigen::VectorXd& logits, int most) {
  const Index leave = walk.classes.back();
  const auto distance = [&](Index k) {
    const double slope = walk.slopes[k];
    return slope > 0 ? std::abs(logits[k] - logits[leave]) / slope : std::numeric_limits<double>::infinity();
  };
  walk.asked.assign(walk.classes.begin(), walk.classes.end() - 1);
  std::sort(walk.asked.begin(), walk.asked.end(), [&](Index a, Index b) {
    const double left = distance(a), right = distance(b);
    return left < right || (left == right && a < b);
  });
  walk.asked.resize(std::min(walk.asked.size(), static_cast<std::size_t>(most)));
  walk.asked.push_back(leave);
}

/// Takes an answer about x, the walk's point as it was asked about: its nearest boundary is the one to step
/// to. False if there is none.
template <Norm N>
bool fab_choose(const Oracle& oracle, const FabOptions& options, FabWalk& walk, const Eigen::VectorXd& x,
                const Answer& at) {
  auto all = fab_boundaries<N>(oracle, x, at, walk.asked);
  auto nearest = std::min_element(all.begin(), all.end(), [](const FabBoundary& a, const FabBoundary& b) {
    return a.distance < b.distance;
  });
  if (std::isinf(nearest->distance)) return false;
  if (walk.classes.size() > 2) {
    walk.slopes.conservativeResize(at.logits.size());
    for (std::size_t k = 0; k < all.size(); ++k) {
      double& slope = walk.slopes[walk.asked[k]];
      if constexpr (std::is_same_v<N, L1>) slope = Linf::size(all[k].normal);
      if constexpr (std::is_same_v<N, L2>) slope = L2::size(all[k].normal);
      if constexpr (std::is_same_v<N, Linf>) slope = L1::size(all[k].normal);
    }
    fab_ask_next(walk, at.logits, options.nearest);
  }
  walk.boundary = std::move(*nearest);
  return true;
}

/// Moves a walk a little beyond its boundary, drawn to the input; on a lattice, whose rounding may undo that,
/// ever farther from where it was rounded to, until it has crossed. False if it cannot.
template <Norm N>
bool fab_advance(const Oracle& oracle, const FabOptions& options, FabWalk& walk) {
  const Eigen::VectorXd& original = oracle.original();
  if (walk.adversarial) walk.x = original + options.contraction * (walk.x - original);
  if (!walk.adversarial && oracle.on_lattice()) walk.x = walk.boundary.at;
  const bool anew = walk.overshoot == 0 || walk.adversarial || !oracle.on_lattice();
  walk.overshoot = anew ? options.overshoot : 2 * walk.overshoot;
  const Eigen::VectorXd from = walk.x, step = fab_projection<N>(oracle, from, walk.boundary).point - from,
                        home = fab_projection<N>(oracle, original, walk.boundary).point - original;
  const double length = N::size(step), far = N::size(home);
  const double share = length > 0 ? std::min(length / (length + far), options.bias) : 0;
  for (; walk.overshoot < 1e4; walk.overshoot *= 2) {
    const double reach = 1 + walk.overshoot;
    walk.x = (1 - share) * (from + reach * step) + share * (original + reach * home);
    oracle.box().clip(walk.x);
    Eigen::VectorXd& asked = oracle.scratch(0);
    asked = walk.x;
    oracle.settle(asked);
    if (asked != walk.boundary.at) return true;
    if (!oracle.on_lattice()) return false;
  }
  return false;
}

}  // namespace foil
