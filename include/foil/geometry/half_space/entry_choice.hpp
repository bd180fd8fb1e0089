// SPDX-License-Identifier: MIT
/// \file
/// Which entries to change in the step to a half-space for L0: the choices that a multiplier of the
/// half-space gives, and the search for the multiplier.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/half_space/memory.hpp"
#include "foil/geometry/half_space/path.hpp"
#include "foil/geometry/half_space/problem.hpp"
#include "foil/geometry/largest.hpp"

namespace foil::geometry::detail {

/// A multiplier, and the entries that gain most by changing with it: as few as any step within radius and
/// half-space must leave changed (a lower bound).
struct EntriesAt {
  HalfSpaceMemory::Marks* taken;  ///< one byte per entry
  double nu = 0;
  double product = 0;  ///< b . delta of the step that they give with this multiplier
  double cut = 0;      ///< the least gain among them

  void list(std::vector<Index>& indices) const {
    indices.resize(taken->size() + 1);
    std::size_t count = 0;
    for (std::size_t i = 0; i < taken->size(); ++i) {  // without a branch
      indices[count] = static_cast<Index>(i);
      count += (*taken)[i];
    }
    indices.resize(count);
  }
};

/// Choices of entries for L0. All others return to the original.
template <class Problem>
class EntryChoice {
 public:
  explicit EntryChoice(Problem& problem)
      : p_(problem),
        gains_(problem.memory.array(5, problem.padded())),
        products_(problem.memory.array(6, problem.padded())),
        all_square_(foil::dot(problem.clean, problem.clean)),
        all_product_(foil::dot(problem.b, problem.clean)) {}

  /// The fewest entries that reach the half-space if the others return and the radius does not count: those
  /// with the largest |b| times room. False if what the others return by is longer than the radius.
  bool fewest(std::vector<Index>& chosen) {
    chosen.clear();
    const double missing = missing_after_return(p_);
    if (missing == 0) return true;
    gains_.tail(p_.padded() - p_.features).setZero();
    for (Index i = 0; i < p_.features; ++i) {
      gains_[i] = std::abs(p_.b[i]) * room_to_undo(p_, i, missing);
    }
    const double largest = foil::maximum(p_.features, [&](Index i) { return gains_[i]; });
    for (const double share : {1.0 / 4, 1.0 / 16, 1.0 / 64}) {
      const Wide least = simd::broadcast(share * largest), zero{};
      const auto [enough, returned] = simd::sums<2>(p_.padded(), [&](Index first, Wide(&out)[2]) {
        const Wide reach = load(gains_, first), clean = load(p_.clean, first);
        out[0] += reach >= least ? reach : zero;
        out[1] += reach >= least ? zero : clean * clean;
      });
      if (enough < (1 + 1e-9) * std::abs(missing)) continue;
      if (returned > (1 + 1e-9) * p_.radius * p_.radius + 2e-10 * all_square_) return false;
      break;
    }
    std::vector<KeyedWeight>& entries = p_.memory.entries;
    entries.clear();
    for_each_that(
        p_.features, [&](Index i) { return gains_[i] > 0; },
        [&](Index i) { entries.push_back({gains_[i], gains_[i], i}); });
    const std::size_t count = take_largest(entries, std::abs(missing));
    for (std::size_t k = 0; k < count; ++k) chosen.push_back(entries[k].index);
    return true;
  }

  /// The shortest step in which only these entries do not return, as delta; false if it does not reach the
  /// half-space or is longer than the radius.
  bool solve(const std::vector<Index>& chosen, Array& delta) {
    Problem part(p_.memory, 7, static_cast<Index>(chosen.size()));
    double square = all_square_;
    delta = p_.clean;
    for (Index k = 0; k < part.features; ++k) {
      const Index i = chosen[static_cast<std::size_t>(k)];
      part.clean[k] = 0;
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
        Array step = p_.memory.array(11, part.padded());
        write_path<PathL2>(part, 0, shortest_step(part), step);
        for (Index k = 0; k < part.features; ++k) delta[chosen[static_cast<std::size_t>(k)]] = step[k];
      }
    } else if (part.equality ? part.c != 0 : part.c < 0) {
      return false;
    }
    return within_radius(p_, delta);
  }

  /// The entries that gain most with a multiplier. `guess`: what the least gain among them may be, or 0.
  void choose(double nu, EntriesAt& at, double guess) {
    ++p_.passes;
    at.nu = nu;
    at.product = all_product_;
    at.cut = 0;
    at.taken->resize(static_cast<std::size_t>(p_.padded()));
    const double needed = all_square_ / 2 + nu * (all_product_ - p_.c) - p_.radius * p_.radius / 2;
    if (needed <= 0) {
      gains_.setZero();
      std::fill(at.taken->begin(), at.taken->end(), 0);
      return;
    }
    const Wide push = simd::broadcast(0 - nu), half = simd::broadcast(0.5);
    Wide most{};
    for (Index first = 0; first < p_.padded(); first += simd::lanes<double>) {
      const Wide clean = load(p_.clean, first), b = load(p_.b, first), v = push * b;
      const Wide moved = clip_entries(v, load(p_.low, first), load(p_.high, first));
      const Wide gain = half * (clean - moved) * (clean + moved - v - v);
      simd::store(gains_.data() + first, gain);
      simd::store(products_.data() + first, b * (moved - clean));
      most = larger(most, gain);
    }
    double high = 0;
    for (Index lane = 0; lane < simd::lanes<double>; ++lane) high = std::max(high, most[lane]);
    const auto [low, above] = narrow(needed, guess, high);
    // Those above are needed; the last ones are among those in doubt.
    std::span<KeyedWeight> doubtful = sort_out(low, high, at);
    const std::size_t count = doubtful.empty() ? 0 : take_largest(doubtful, needed - above);
    if (count == 0) at.cut = high;
    for (const KeyedWeight& entry : doubtful.first(count)) {
      (*at.taken)[static_cast<std::size_t>(entry.index)] = 1;
      at.product += products_[entry.index];
      at.cut = entry.key;
    }
  }

  /// The entries that gain most by the last choose(), so many of them.
  void most_gaining(std::size_t count, std::vector<Index>& chosen) {
    auto& entries = p_.memory.entries;
    entries.clear();
    for (Index i = 0; i < p_.features; ++i) entries.push_back({gains_[i], 1.0, i});
    count = take_largest(entries, static_cast<double>(count));
    chosen.clear();
    for (std::size_t k = 0; k < count; ++k) chosen.push_back(entries[k].index);
  }

 private:
  /// Narrows the gains between which the last one that is needed lies, from 0 to beyond `high`: the sum of
  /// those from the upper end on is less than needed.
  /// \return the lower end, and that sum
  std::pair<double, double> narrow(double needed, double guess, double& high) const {
    double low = 0, above = 0;
    const double largest = high;
    high = std::nextafter(high, std::numeric_limits<double>::infinity());
    for (int round = 0; round < 4 && high - low > 2e-3 * largest; ++round) {
      double ends[4];
      const double fifth = (high - low) / 5;
      for (int k = 0; k < 4; ++k) ends[k] = low + (k + 1) * fifth;
      if (round == 0 && guess > low && 1.05 * guess < high) {
        const double close[] = {0.95 * guess, 0.998 * guess, 1.002 * guess, 1.05 * guess};
        std::copy(close, close + 4, ends);
      }
      const auto sums = simd::sums<4>(p_.padded(), [&](Index first, Wide(&out)[4]) {
        const Wide gain = load(gains_, first), zero{};
        for (std::size_t k = 0; k < 4; ++k) out[k] += gain >= simd::broadcast(ends[k]) ? gain : zero;
      });
      for (std::size_t k = 0; k < 4; ++k) {
        if (sums[k] < needed) {
          high = ends[k];
          above = sums[k];
          break;
        }
        low = ends[k];
      }
    }
    return {low, above};
  }

  /// Marks the entries with gains from `high` on, adds up their products, and collects those between.
  std::span<KeyedWeight> sort_out(double low, double high, EntriesAt& at) {
    using Bytes = simd::Vector<signed char, static_cast<std::size_t>(simd::lanes<double>)>;
    low = std::max(low, std::numeric_limits<double>::denorm_min());
    const Wide from = simd::broadcast(high), least = simd::broadcast(low), zero{};
    auto& entries = p_.memory.entries;
    entries.clear();
    at.product += simd::sums<1>(p_.padded(), [&](Index first, Wide(&out)[1]) {
      const Wide gain = load(gains_, first);
      const auto above = gain >= from;
      out[0] += above ? load(products_, first) : zero;
      const Bytes marks = -__builtin_convertvector(above, Bytes);
      std::memcpy(at.taken->data() + first, &marks, sizeof marks);
      const Bytes between = __builtin_convertvector((gain >= least) & ~above, Bytes), none{};
      if (std::memcmp(&between, &none, sizeof none) == 0) return;  // mostly: few are in doubt
      for (Index lane = 0; lane < simd::lanes<double>; ++lane)
        if (between[lane] != 0) entries.push_back({gain[lane], gain[lane], first + lane});
    })[0];
    return entries;
  }

  Problem& p_;
  Array gains_, products_;
  double all_square_, all_product_;
};

/// Brackets the multiplier at which the entries' product is c, and narrows that until both ends choose the
/// same entries or it is as good as a point. b . delta - c is positive at `above` (the multiplier is too
/// small) and negative at `below`.
template <class Problem>
void bracket_entries(Problem& p, EntryChoice<Problem>& choice, EntriesAt& above, EntriesAt& below) {
  const double scale = std::max(std::abs(p.c), 1e-3 * p.radius);
  choice.choose(0, above, 0);
  if (!p.equality && !(above.product > p.c)) {
    below = above;
    return;
  }
  double stride = p.equality && above.product <= p.c ? -scale : scale;
  bool bracketed = false;
  for (int doubling = 0; doubling < 100 && !bracketed; ++doubling, stride *= 2) {
    if (doubling > 0) std::swap(above, below);
    choice.choose(above.nu + stride, below, 0);
    bracketed = (below.product <= p.c) == (stride > 0);
  }
  EntriesAt next{&p.memory.marks[2]};
  for (int halving = 0; halving < 50; ++halving) {
    const double nu = above.nu + (below.nu - above.nu) / 2;
    if (std::abs(below.nu - above.nu) <= 1e-9 * std::abs(nu)) break;
    choice.choose(nu, next, above.cut + (below.cut - above.cut) / 2);
    std::swap((next.product > p.c) == (above.product > p.c) ? above : below, next);
    if (*above.taken == *below.taken) break;
  }
}

}  // namespace foil::geometry::detail
