// SPDX-License-Identifier: MIT
/// \file
/// The points that one sample can be stored as, and the way there: rounding to the model's numbers, to the
/// box and to a lattice that does not leave the ball.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "foil/core/lattice.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/numbers.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/alternatives.hpp"
#include "foil/geometry/box.hpp"
#include "foil/geometry/floats_within.hpp"

namespace foil::geometry {

/// The points that one sample can be stored as: of floats or doubles, within the box, on the lattice if there
/// is one. Features that the mask freezes have the original's value, and an entry that has not been changed
/// at all keeps it too, be it on the lattice or not.
///
/// An entry of the original within Lattice::tolerance of a lattice point is that point: to return to it is to
/// get the original's own bits. Other lattice points are rounded to the model's numbers.
///
/// Refers to the original, the box and the lattice. Remembers the ball last asked for: not to be shared by
/// threads.
class Representable {
 public:
  /// The original is a point of the box in the model's numbers. Without a lattice: any value.
  Representable(const Eigen::VectorXd& original, const Box& box, Lp norm, bool single_precision,
                const Lattice* lattice = nullptr)
      : original_(original),
        box_(box),
        lattice_(lattice && !lattice->empty() ? lattice : nullptr),
        norm_(norm),
        single_precision_(single_precision) {
    if (lattice_) lattice_->check(original.size());
  }

  /// Moves x to a point that can be stored, and, for a finite epsilon, within that distance of the original
  /// as the norm computes it, to the last bit (not in L0). In place; what is settled stays. Entries that are
  /// not finite are put back to the original.
  ///
  /// Without a lattice: rounds, clips, and then moves x towards the original by as many units in the last
  /// place as rounding took it beyond epsilon. No memory from the heap but once for the last epsilon in Linf.
  ///
  /// On a lattice, every entry goes to the nearest point in the box. Where that leads beyond epsilon, entries
  /// go to the other side instead, towards the original; in Linf those concerned, else as few as need be,
  /// those first that move least for what it takes off the distance. O(n) and the distance about log n times.
  void settle(Eigen::VectorXd& x, double epsilon = std::numeric_limits<double>::infinity()) const;

  /// Whether x can be stored as it is: settle() would leave it alone.
  bool holds(const Eigen::VectorXd& x) const {
    if (!box_.contains(x)) return false;
    for (Index i = 0; i < x.size(); ++i) {
      if (x[i] == original_[i]) continue;
      if (rounded(x[i]) != x[i] || (restricted(i) && nearest(i, x[i]) != x[i])) return false;
    }
    return true;
  }

  /// Whether the original is the only such point within a distance as the norm computes it. O(n), mostly
  /// O(1): looks for a feature whose next value is no farther.
  bool alone(double epsilon) const;

  /// Whether all features of x that may move lie on the lattice, within its tolerance or as its points are
  /// rounded to the model's numbers. True without a lattice.
  bool on_lattice(const Eigen::VectorXd& x) const { return off_lattice(x) < 0; }

  /// The first feature of which that does not hold; -1 if it holds of all.
  Index off_lattice(const Eigen::VectorXd& x) const {
    for (Index i = 0; i < x.size(); ++i)
      if (restricted(i) && !box_.is_frozen(i) && !is_point(i, x[i])) return i;
    return -1;
  }

 private:
  double rounded(double value) const {
    return single_precision_ ? static_cast<double>(static_cast<float>(value)) : value;
  }
  double inward(double value, double target) const {
    return single_precision_
               ? static_cast<double>(std::nextafterf(static_cast<float>(value), static_cast<float>(target)))
               : std::nextafter(value, target);
  }
  double distance(const Eigen::VectorXd& x) const { return norm_.size(x - original_); }

  // Without regard to a lattice.
  void round(Eigen::VectorXd& x) const;
  void shrink(Eigen::VectorXd& x, double epsilon) const;
  /// The interval of values that can be stored and are within epsilon, for each feature.
  void fit_ball(double epsilon) const;

  // On the lattice.
  bool restricted(Index i) const { return lattice_ && lattice_->restricts(i); }
  bool is_point(Index i, double value) const {
    return lattice_->near(i, value) || value == rounded(lattice_->value(i, lattice_->index(i, value)));
  }
  double point(Index i, double k) const {
    return k == lattice_->index(i, original_[i]) && is_point(i, original_[i])
               ? original_[i]
               : rounded(lattice_->value(i, k));
  }
  bool in_box(Index i, double value) const {
    return std::isfinite(value) && value >= box_.lower[i] && value <= box_.upper[i];
  }
  double nearest(Index i, double value) const;
  double towards_original(Index i, double value) const;
  double outermost(Index i, double epsilon, double side) const;
  void settle_on_lattice(Eigen::VectorXd& x, double epsilon) const;

  const Eigen::VectorXd& original_;
  const Box& box_;
  const Lattice* lattice_;
  Lp norm_;
  bool single_precision_;
  mutable Eigen::VectorXd ball_lower_{}, ball_upper_{};  // for the last epsilon in Linf
  mutable double ball_epsilon_ = -1;
};

inline void Representable::round(Eigen::VectorXd& x) const {
  const double *const low = box_.lower.data(), *const high = box_.upper.data();
  const bool masked = box_.frozen.size() > 0;
  constexpr Index block = 512;  // which stays in the nearest cache from one loop to the next
  for (Index first = 0; first < x.size(); first += block) {
    const Index count = std::min(block, x.size() - first);
    double* const value = x.data() + first;
    if (single_precision_)
      for (Index i = 0; i < count; ++i) value[i] = static_cast<double>(static_cast<float>(value[i]));
    for (Index i = 0; i < count; ++i) value[i] = clip(value[i], low[first + i], high[first + i]);
    if (!masked && all_finite(count, [=](Index i) { return value[i]; })) continue;
    for (Index i = 0; i < count; ++i)
      if (!std::isfinite(value[i]) || box_.is_frozen(first + i)) value[i] = original_[first + i];
  }
}

inline void Representable::shrink(Eigen::VectorXd& x, double epsilon) const {
  double shrink = single_precision_ ? 0x1p-22 : 0x1p-50;
  for (double length = distance(x); length > epsilon; length = distance(x), shrink *= 2) {
    const double factor = epsilon / length * (1 - std::min(1.0, shrink));
    for (Index i = 0; i < x.size(); ++i) x[i] = original_[i] + factor * (x[i] - original_[i]);
    round(x);
  }
}

inline void Representable::fit_ball(double epsilon) const {
  const Index n = original_.size();
  ball_lower_.resize(n);
  ball_upper_.resize(n);
  ball_epsilon_ = epsilon;
  if (!lattice_ && single_precision_)
    return floats_within(original_, box_.lower, box_.upper, epsilon, ball_lower_, ball_upper_);
  for (Index i = 0; i < n; ++i) {
    if (restricted(i)) {
      ball_lower_[i] = outermost(i, epsilon, -1);
      ball_upper_[i] = outermost(i, epsilon, 1);
      continue;
    }
    const double centre = original_[i];
    double low = rounded(std::max(centre - epsilon, box_.lower[i]));
    double high = rounded(std::min(centre + epsilon, box_.upper[i]));
    while (centre - low > epsilon) low = inward(low, centre);
    while (high - centre > epsilon) high = inward(high, centre);
    ball_lower_[i] = low;
    ball_upper_[i] = high;
  }
}

inline bool Representable::alone(double epsilon) const {
  if (norm_.p == 0 && epsilon < 1) return true;
  constexpr double endless = std::numeric_limits<double>::infinity();
  const double reach = norm_.p == 0 ? endless : epsilon;
  const auto moves = [&](Index i, double side) {
    if (restricted(i)) return outermost(i, reach, side) != original_[i];
    const double next = inward(original_[i], side * endless);
    return in_box(i, next) && std::abs(next - original_[i]) <= reach;
  };
  for (Index i = 0; i < original_.size(); ++i)
    if (!box_.is_frozen(i) && (moves(i, -1) || moves(i, 1))) return false;
  return true;
}

/// The lattice point of the box that is nearest to a value of the box; the original's own where that is the
/// value, or where the box has none.
inline double Representable::nearest(Index i, double value) const {
  if (value == original_[i]) return value;
  const double k = lattice_->index(i, value), at = point(i, k);
  if (in_box(i, at)) return at;
  const double inside = point(i, at < box_.lower[i] ? k + 1 : k - 1);
  return in_box(i, inside) ? inside : original_[i];
}

/// The next value that can be stored on the way to the original, or the original's own.
inline double Representable::towards_original(Index i, double value) const {
  const double home = original_[i];
  if (!restricted(i)) return home;
  const double next = point(i, lattice_->index(i, value) + (home > value ? 1 : -1));
  const bool between = home > value ? next > value && next <= home : next < value && next >= home;
  return between ? next : home;
}

/// The lattice point of the box farthest from the original on one side (-1: below) but within epsilon; the
/// original's own if there is none.
inline double Representable::outermost(Index i, double epsilon, double side) const {
  const double home = original_[i];
  const double end =
      side < 0 ? std::max(home - epsilon, box_.lower[i]) : std::min(home + epsilon, box_.upper[i]);
  double k = lattice_->index(i, end);
  if (!std::isfinite(k)) return end;  // beyond all points that there are
  // One step inwards is enough unless the numbers are coarser there than the lattice.
  for (double stride = 1;; k -= side * stride, stride *= 2) {
    const double at = point(i, k);
    if (!(side * (at - home) > 0)) return home;
    if (in_box(i, at) && std::abs(at - home) <= epsilon) return at;
  }
}

/// From a point within epsilon that disregards the lattice. Not for Linf.
inline void Representable::settle_on_lattice(Eigen::VectorXd& x, double epsilon) const {
  constexpr double last = std::numeric_limits<double>::infinity();
  std::vector<Alternative> alternatives;
  const auto too_far = [&] { return distance(x) > epsilon; };
  const auto gain = [&](Index i, double from, double to) {  // in distance, to the power p
    const auto power = [&](double value) {
      const double share = std::abs(value - original_[i]) / epsilon;
      return norm_.p == 1 ? share : norm_.p == 2 ? share * share : std::pow(share, norm_.p);
    };
    const double less = power(from) - power(to);
    return less > 0 ? less : 0.0;
  };
  for (Index i = 0; i < x.size(); ++i) {
    if (!restricted(i)) continue;
    const double before = x[i], home = original_[i], at = nearest(i, before);
    x[i] = at;
    if (!(std::abs(at - home) > std::abs(before - home))) continue;
    const double back = towards_original(i, at), detour = std::abs(before - back) - std::abs(before - at);
    const double order = detour / gain(i, at, back);
    alternatives.push_back({i, back, std::isnan(order) ? last : order});
  }
  take_fewest(alternatives, x, too_far);
  // Only where powers were rounded up, or an original is not on the lattice: on towards the original.
  while (too_far()) {
    alternatives.clear();
    for (Index i = 0; i < x.size(); ++i) {
      if (x[i] == original_[i]) continue;
      const double next = towards_original(i, x[i]);
      alternatives.push_back({i, next, -gain(i, x[i], next)});
    }
    if (alternatives.empty()) return;
    take_fewest(alternatives, x, too_far);
  }
}

inline void Representable::settle(Eigen::VectorXd& x, double epsilon) const {
  round(x);
  const auto to_lattice = [&] {
    for (Index i = 0; i < x.size() && lattice_; ++i)
      if (restricted(i)) x[i] = nearest(i, x[i]);
  };
  if (std::isinf(epsilon) || norm_.p == 0) {
    to_lattice();
  } else if (std::isinf(norm_.p)) {
    if (epsilon != ball_epsilon_) fit_ball(epsilon);
    to_lattice();
    for (Index i = 0; i < x.size(); ++i) x[i] = std::min(std::max(x[i], ball_lower_[i]), ball_upper_[i]);
  } else {
    shrink(x, epsilon);
    if (lattice_) settle_on_lattice(x, epsilon);
  }
}

}  // namespace foil::geometry
