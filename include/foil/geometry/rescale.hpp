// SPDX-License-Identifier: MIT
/// \file
/// Clipping-aware rescaling: how far to go along a direction so that the step has a given size after
/// clipping.
#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/numbers.hpp"
#include "foil/core/simd.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/box.hpp"
#include "foil/geometry/lanes.hpp"
#include "foil/geometry/moves.hpp"
#include "foil/geometry/saturated_sum.hpp"

namespace foil::geometry {

/// The factor by which to stretch a direction, and whether the size asked for can be reached inside the box.
/// If it cannot, eta is the smallest factor that gives the largest possible size.
struct Rescaling {
  double eta = 0;
  bool reached = false;
};

/// The rescalings of a batch, one entry per sample.
struct Rescalings {
  Eigen::VectorXd eta{};
  Eigen::Array<bool, Eigen::Dynamic, 1> reached{};
};

namespace detail {

/// The smallest eta at which nothing moves any more; infinite rooms do not count.
template <class M>
double saturating_eta(const M& moves) {
  return foil::maximum(moves.size(), [&](Index i) {
    const double speed = moves.speed(i), room = moves.room(i);
    return speed > 0 && room > 0 && std::isfinite(room) ? room / speed : 0.0;
  });
}

/// p = 1 or 2 without memory from the heap: short samples are read once, long ones anew in every pass.
/// Reached only if that is beyond doubt.
template <int power, class Scalar, class X, class D, class L, class U, class = simd::Isa>
Rescaling rescale_directly(const X& x, const D& d, const L& lower, const U& upper, double epsilon) {
  constexpr bool single = std::is_same_v<Scalar, float>;
  if (epsilon < (single ? 1e-10 : 1e-100) || epsilon > (single ? 1e12 : 1e100)) return {};
  const double target = power == 1 ? epsilon : epsilon * epsilon;
  const MoveTerms<power, Scalar, X, D, L, U> terms(x, d, lower, upper, target);
  NewtonRoot root;
  if (terms.size() <= StackTerms<Scalar>::capacity) {
    const StackTerms<Scalar> stored(terms);
    root = newton_root(stored, target, stored.slope > 0 ? target / stored.slope : 0.0);
  } else {
    root = newton_root(terms, target);
  }
  return {power == 1 ? root.argument : std::sqrt(root.argument), root.end == NewtonRoot::End::found};
}

/// The largest size that can be reached, to the power p and as a multiple of epsilon, where 1 says enough
/// about more.
template <class M>
double reachable_share(const M& moves, double epsilon, double p) {
  return foil::sum(moves.size(), [&](Index i) {
    if (!(moves.speed(i) > 0)) return 0.0;
    const double share = std::min(moves.room(i) / epsilon, 1.0);
    return p == 1 ? share : p == 2 ? share * share : std::pow(share, p);
  });
}

template <class M>
void check_finite(const M& moves) {
  if (all_finite(moves.size(), [&](Index i) { return moves.speed(i); })) return;
  for (Index i = 0; i < moves.size(); ++i)
    foil::require(std::isfinite(moves.speed(i)), "rescale: expected a finite direction, got ", moves.speed(i),
                  " at index ", i);
}

/// Any finite p > 0, whatever the magnitudes.
template <class M, class = simd::Isa>
Rescaling rescale_gathered(const M& moves, double epsilon, double p) {
  check_finite(moves);
  std::vector<double> speeds, rooms;
  for (Index i = 0; i < moves.size(); ++i) {
    const double speed = moves.speed(i), room = moves.room(i);
    if (!(speed > 0 && room > 0)) continue;
    speeds.push_back(speed);
    rooms.push_back(std::min(room / epsilon, 1.0));
  }
  double target = 1;
  while (!speeds.empty()) {
    // Weights that vanish beside the fastest entry get their turn once that and its like are saturated.
    const double largest = *std::max_element(speeds.begin(), speeds.end());
    Eigen::VectorXd weights(static_cast<Index>(speeds.size())), levels(weights.size());
    for (Index i = 0; i < weights.size(); ++i) {
      weights[i] = std::pow(speeds[static_cast<std::size_t>(i)] / largest, p);
      levels[i] = std::pow(rooms[static_cast<std::size_t>(i)], p);
    }
    const auto [root, reached] = saturated_sum(weights, levels, target);
    if (reached) {
      const double length = std::pow(root, 1 / p), share = length / largest;  // of epsilon
      return {std::isfinite(share) ? share * epsilon : epsilon / largest * length, true};
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < speeds.size(); ++i) {
      const auto entry = static_cast<Index>(i);
      if (weights[entry] > 0) {
        target -= levels[entry];
        continue;
      }
      speeds[kept] = speeds[i];
      rooms[kept++] = rooms[i];
    }
    speeds.resize(kept);
    rooms.resize(kept);
  }
  return {saturating_eta(moves), false};
}

template <class M>
Rescaling rescale_linf(const M& moves, double epsilon) {
  check_finite(moves);
  // By blocks in one type, so that nothing needs a branch.
  constexpr Index block = 128;
  double fastest = 0;
  for (Index first = 0; first < moves.size(); first += block) {
    const Index count = std::min(block, moves.size() - first);
    double at[block], step[block], low[block], high[block];
    for (Index i = 0; i < count; ++i) at[i] = static_cast<double>(entry(moves.x, first + i));
    for (Index i = 0; i < count; ++i) step[i] = static_cast<double>(entry(moves.d, first + i));
    for (Index i = 0; i < count; ++i) low[i] = static_cast<double>(entry(moves.lower, first + i));
    for (Index i = 0; i < count; ++i) high[i] = static_cast<double>(entry(moves.upper, first + i));
    for (Index i = 0; i < count; ++i) {
      const double inside = clip(at[i], low[i], high[i]);
      const double up = std::abs(high[i] - inside), down = std::abs(low[i] - inside);
      const double room = step[i] > 0 ? up : down, speed = std::abs(step[i]);
      at[i] = room >= epsilon ? speed : 0.0;
    }
    fastest = std::max(fastest, foil::maximum(count, [&](Index i) { return at[i]; }));
  }
  if (fastest > 0) return {epsilon / fastest, true};
  const double most = foil::maximum(
      moves.size(), [&](Index i) { return moves.speed(i) > 0 ? static_cast<double>(moves.room(i)) : 0.0; });
  if (most == 0) return {};
  const double first = foil::maximum(moves.size(), [&](Index i) {
    return static_cast<double>(moves.room(i)) == most ? static_cast<double>(moves.speed(i)) : 0.0;
  });
  return {most / first, false};
}

template <class M>
Rescaling rescale_l0(const M& moves, double epsilon) {
  const double most =
      foil::sum(moves.size(), [&](Index i) { return moves.speed(i) > 0 && moves.room(i) > 0 ? 1.0 : 0.0; });
  if (most == 0 || epsilon < most) return {};
  const double eta = saturating_eta(moves);
  return {eta > 0 ? eta : 1, epsilon == most};
}

template <class M>
bool unlimited(const M& moves) {
  return foil::maximum(moves.size(), [&](Index i) {
           return moves.speed(i) > 0 && std::isinf(moves.room(i)) ? 1.0 : 0.0;
         }) > 0;
}

template <Batch T>
void check_batches(const T& inputs, const T& directions, const Eigen::VectorXd& epsilons) {
  foil::require(inputs.dimensions() == directions.dimensions(), "rescale: inputs of shape ",
                shape_text(inputs), " but directions of shape ", shape_text(directions));
  foil::require(epsilons.size() == samples(inputs), "rescale: expected one epsilon for each of ",
                samples(inputs), " samples, got ", epsilons.size());
}

}  // namespace detail

/// The smallest eta >= 0 with || clip(x + eta direction, lower, upper) - x ||_p = epsilon, or, if no eta is
/// large enough, the smallest that gives the largest norm, and `reached` is false.
///
/// x and direction are one sample each: anything with operator[] and size(). lower and upper are arrays like
/// these or single numbers; infinite ends are welcome. x must lie in the box (elsewhere, the
/// nearest point of the box counts). epsilon >= 0. The norm is Linf or of any order p > 0; for L0 only 0 and
/// the number of entries that can move are ever reached.
///
/// Entry i moves by sign(d_i) min(eta |d_i|, room_i), so that for finite p the equation is a saturated sum in
/// eta^p. O(n), without sorting and, for p = 1, 2 and infinity, without memory from the heap (save where
/// epsilon is out of reach or the magnitudes are extreme). For float arrays the norm is reached to 5e-7,
/// mostly to 1e-8, else to 1e-12. The result does not depend on where in memory the arrays lie.
///
/// Throws foil::Error for a negative or NaN epsilon, arrays of different sizes, a direction that is not
/// finite, or an infinite epsilon where an entry may move without limit.
///
/// Rauber & Bethge, "Fast Differentiable Clipping-Aware Normalization and Rescaling", 2020 (p = 2, by
/// sorting).
template <class X, class D, class L, class U, class = simd::Isa>
Rescaling rescale(const X& x, const D& direction, const L& lower, const U& upper, double epsilon, Lp norm) {
  foil::require(x.size() == direction.size(), "rescale: expected a direction of ", x.size(), " entries, got ",
                direction.size());
  foil::require(epsilon >= 0, "rescale: expected epsilon >= 0, got ", epsilon);
  if (epsilon == 0) return {0, true};
  using Scalar = std::common_type_t<detail::EntryOf<X>, detail::EntryOf<D>>;
  const detail::Moves<double, X, D, L, U> moves{x, direction, lower, upper};
  if (norm.p == 0) return detail::rescale_l0(moves, epsilon);
  if (std::isinf(epsilon)) {
    foil::require(!detail::unlimited(moves), "rescale: epsilon is infinite, and so is the box");
    return {detail::saturating_eta(moves), false};
  }
  if (std::isinf(norm.p)) return detail::rescale_linf(moves, epsilon);
  if (norm.p == 1 || norm.p == 2) {
    const auto directly = [&](auto zero) {
      using Precision = decltype(zero);
      return norm.p == 1 ? detail::rescale_directly<1, Precision>(x, direction, lower, upper, epsilon)
                         : detail::rescale_directly<2, Precision>(x, direction, lower, upper, epsilon);
    };
    if (const auto found = directly(Scalar(0)); found.reached) return found;
    if (std::is_same_v<Scalar, float> && detail::reachable_share(moves, epsilon, norm.p) > 1 + 1e-12)
      if (const auto found = directly(0.0); found.reached) return found;
  }
  return detail::rescale_gathered(moves, epsilon, norm.p);
}

/// The same within bounds.
template <class X, class D, class Scalar, class = simd::Isa>
Rescaling rescale(const X& x, const D& direction, const Bounds<Scalar>& bounds, double epsilon, Lp norm) {
  return detail::with_ends(bounds, detail::size_of(x), [&](const auto& lower, const auto& upper) {
    return rescale(x, direction, lower, upper, epsilon, norm);
  });
}

/// The same within the box of one sample. Frozen features have no room and do not move.
template <class X, class D, class = simd::Isa>
Rescaling rescale(const X& x, const D& direction, const Box& box, double epsilon, Lp norm) {
  return rescale(x, direction, box.lower, box.upper, epsilon, norm);
}

/// The rescaling of each sample of a batch, to its own epsilon.
template <Batch T, class = simd::Isa>
Rescalings rescale(const T& inputs, const T& directions, const Bounds<typename T::Scalar>& bounds,
                   const Eigen::VectorXd& epsilons, Lp norm) {
  detail::check_batches(inputs, directions, epsilons);
  Rescalings out{Eigen::VectorXd(epsilons.size()), Eigen::Array<bool, Eigen::Dynamic, 1>(epsilons.size())};
  for (Index i = 0; i < epsilons.size(); ++i) {
    const auto found = rescale(sample(inputs, i), sample(directions, i), bounds, epsilons[i], norm);
    out.eta[i] = found.eta;
    out.reached[i] = found.reached;
  }
  return out;
}

}  // namespace foil::geometry
