// SPDX-License-Identifier: MIT
/// \file
/// The step to a half-space for L0: which entries to change, and how.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

#include "foil/core/norms.hpp"
#include "foil/core/simd.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/half_space/path.hpp"
#include "foil/geometry/half_space/problem.hpp"
#include "foil/geometry/largest.hpp"

namespace foil::geometry::detail {

/// Choices of entries for L0. All others return to the original.
template <class Problem>
class EntryChoice {
 public:
  explicit EntryChoice(Problem& problem) : p_(problem), padded_(Eigen::VectorXd::Zero(problem.padded())) {
    for (Index i = 0; i < p_.features; ++i) {
      all_square_ += p_.clean[i] * p_.clean[i];
      all_product_ += p_.b[i] * p_.clean[i];
    }
  }

  /// The shortest step in which only these entries do not return, as delta; false if it does not reach the
  /// half-space or is longer than the radius.
  bool solve(const std::vector<Index>& chosen, Eigen::VectorXd& delta) {
    Problem part;
    part.features = static_cast<Index>(chosen.size());
    for (auto* values : {&part.clean, &part.b, &part.low, &part.high})
      values->setZero(padded_size(part.features));
    double square = all_square_;
    delta = p_.clean;
    for (Index k = 0; k < part.features; ++k) {
      const Index i = chosen[static_cast<std::size_t>(k)];
      part.b[k] = p_.b[i];
      part.low[k] = p_.low[i];
      part.high[k] = p_.high[i];
      square -= p_.clean[i] * p_.clean[i];
      delta[i] = 0;
    }
    // The sums by subtraction serve to reject early; what is accepted is summed anew.
    const double slack = 1e-10 * (all_square_ + p_.radius * p_.radius);
    if (square > p_.radius * p_.radius + slack) return false;
    part.c = p_.c - foil::dot(p_.b, delta);
    part.equality = p_.equality;
    part.radius = p_.radius;
    const double length = std::sqrt(foil::dot(part.b, part.b));
    if (part.features > 0 && length > 0) {
      part.b /= length;
      part.c /= length;
      if (part.equality || part.c < 0) {
        if (out_of_reach(part)) return false;
        Eigen::VectorXd step = Eigen::VectorXd::Zero(part.padded());
        write_path<PathL2>(part, 0, shortest_step(part), step);
        for (Index k = 0; k < part.features; ++k) delta[chosen[static_cast<std::size_t>(k)]] = step[k];
      }
    } else if (part.equality ? part.c != 0 : part.c < 0) {
      return false;
    }
    return within_radius(p_, delta);
  }

  /// For a multiplier nu: as few entries as any step within radius and half-space must leave changed (a lower
  /// bound), those that gain most from it.
  /// \return b . delta of the step that they give with this multiplier
  double choose(double nu, std::vector<Index>& chosen) {
    ++p_.passes;
    const double needed = all_square_ / 2 + nu * (all_product_ - p_.c) - p_.radius * p_.radius / 2;
    chosen.clear();
    if (needed <= 0) return all_product_;
    const Wide push = simd::broadcast(0 - nu), half = simd::broadcast(0.5);
    Wide most{};
    for (Index first = 0; first < p_.padded(); first += simd::lanes<double>) {
      const Wide clean = load(p_.clean, first), v = push * load(p_.b, first);
      const Wide moved = clip_entries(v, load(p_.low, first), load(p_.high, first));
      const Wide gain = half * (clean - moved) * (clean + moved - v - v);
      simd::store(padded_.data() + first, gain);
      most = larger(most, gain);
    }
    double largest = 0;
    for (Index lane = 0; lane < simd::lanes<double>; ++lane) largest = std::max(largest, most[lane]);
    std::size_t count = 0;
    for (const double share : {1.0 / 32, 0.0}) {
      gains_.clear();
      double sum = 0;
      for (Index i = 0; i < p_.features; ++i)
        if (padded_[i] > 0 && padded_[i] >= share * largest) {
          gains_.push_back({padded_[i], padded_[i], i});
          sum += padded_[i];
        }
      if (sum < needed && share > 0) continue;
      count = take_largest(gains_, needed);
      break;
    }
    double product = all_product_;
    for (std::size_t k = 0; k < count; ++k) {
      const Index i = gains_[k].index;
      chosen.push_back(i);
      product += p_.b[i] * (std::min(std::max(-nu * p_.b[i], p_.low[i]), p_.high[i]) - p_.clean[i]);
    }
    return product;
  }

  /// The entries that gain most by the last choose(), so many of them.
  void most_gaining(std::size_t count, std::vector<Index>& chosen) {
    gains_.clear();
    for (Index i = 0; i < p_.features; ++i) gains_.push_back({padded_[i], 1.0, i});
    count = take_largest(gains_, static_cast<double>(count));
    chosen.clear();
    for (std::size_t k = 0; k < count; ++k) chosen.push_back(gains_[k].index);
  }

 private:
  Problem& p_;
  Eigen::VectorXd padded_;
  std::vector<KeyedWeight> gains_{};
  double all_square_ = 0, all_product_ = 0;
};

/// Fewest entries other than the original's. Without the radius: those with the largest |b| times room, and
/// among these the shortest step. Where that is too long, the multiplier of the half-space is searched for at
/// which the dual bound on the number of entries is largest; the choices on both sides of it and their union
/// are solved exactly. One entry more than the fewest possible is the exception.
inline bool solve_step(StepProblem& p, L0, Eigen::VectorXd& delta) {
  EntryChoice choice(p);
  std::vector<Index> chosen;
  const double missing = missing_after_return(p);
  if (missing != 0) {
    std::vector<KeyedWeight> entries;
    for (Index i = 0; i < p.features; ++i) {
      const double reach = std::abs(p.b[i]) * room_to_undo(p, i, missing);
      if (reach > 0) entries.push_back({reach, reach, i});
    }
    const std::size_t count = take_largest(entries, std::abs(missing));
    for (std::size_t k = 0; k < count; ++k) chosen.push_back(entries[k].index);
  }
  if (choice.solve(chosen, delta)) return true;
  const double shortest = shortest_step(p);
  write_path<PathL2>(p, 0, shortest, delta);
  if (!within_radius(p, delta)) return false;

  struct Side {
    double nu = 0, product = 0;
    std::vector<Index> chosen{};
  };
  Side above, below;  // b . delta - c is positive above (the multiplier is too small) and negative below
  const double scale = std::max(std::abs(p.c), 1e-3 * p.radius);
  above.product = choice.choose(above.nu, above.chosen);
  if (p.equality || above.product > p.c) {
    double stride = scale;
    if (p.equality && above.product <= p.c) stride = -scale;
    bool bracketed = false;
    below = above;
    for (int doubling = 0; doubling < 100 && !bracketed; ++doubling, stride *= 2) {
      above = below;
      below.nu = above.nu + stride;
      below.product = choice.choose(below.nu, below.chosen);
      bracketed = (below.product <= p.c) == (stride > 0);
    }
    for (int halving = 0; halving < 50; ++halving) {
      const double nu = above.nu + (below.nu - above.nu) / 2;
      if (std::abs(below.nu - above.nu) <= 1e-9 * std::abs(nu)) break;
      Side middle{nu};
      middle.product = choice.choose(nu, middle.chosen);
      ((middle.product > p.c) == (above.product > p.c) ? above : below) = std::move(middle);
      std::vector<Index> a = above.chosen, b = below.chosen;
      std::sort(a.begin(), a.end());
      std::sort(b.begin(), b.end());
      if (a == b) break;
    }
  } else {
    below = above;
  }
  for (auto* side : {&above, &below}) std::sort(side->chosen.begin(), side->chosen.end());
  std::vector<Index> both;
  std::set_union(above.chosen.begin(), above.chosen.end(), below.chosen.begin(), below.chosen.end(),
                 std::back_inserter(both));
  std::vector<const std::vector<Index>*> candidates{&above.chosen, &below.chosen, &both};
  if (below.chosen.size() < above.chosen.size()) std::swap(candidates[0], candidates[1]);  // smallest first
  for (const auto* candidate : candidates)
    if (choice.solve(*candidate, delta)) return true;
  choice.choose(above.nu + (below.nu - above.nu) / 2, chosen);
  std::size_t count = std::max(candidates.front()->size(), std::size_t{1});
  for (std::size_t extra = 1; count < static_cast<std::size_t>(p.features); extra *= 2) {
    count = std::min(count + extra, static_cast<std::size_t>(p.features));
    choice.most_gaining(count, chosen);
    if (choice.solve(chosen, delta)) return true;
  }
  write_path<PathL2>(p, 0, shortest, delta);
  return true;
}

}  // namespace foil::geometry::detail
