// SPDX-License-Identifier: MIT
/// \file
/// Robust accuracy against epsilon: what attacks on the same samples come to within every radius.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/summary.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/binomial.hpp"
#include "foil/evaluation/record.hpp"
#include "foil/evaluation/worst_of.hpp"

namespace foil {

/// The exact interval of Summary::robust_accuracy(), the samples being drawn from all that there might be.
inline Interval robust_accuracy_interval(const Summary& s, double confidence = 0.95) {
  return clopper_pearson(s.robust, s.finished(), confidence);
}

/// The exact interval of Summary::success_rate().
inline Interval success_rate_interval(const Summary& s, double confidence = 0.95) {
  return clopper_pearson(s.fooled, s.attacked, confidence);
}

/// Robust accuracy as a function of epsilon, a step function. At every epsilon it is that of a foil::Summary,
/// which tells what is robust and what is counted at all; samples that are wrong before any attack are lost
/// from the beginning, at epsilon 0. The number of robust samples never rises, nor does their share unless a
/// run was cut short: who is left without a verdict there is in no denominator.
///
/// A sample is fooled within epsilon if any of the attacks has found an adversarial at most that far away,
/// whatever radius it was asked about: so one that is fooled within a radius is so within all larger ones.
/// Where none has found any, the attacks decide together, as in worst_of(), that look for the smallest
/// distance or were asked about a radius of at most epsilon; an attack that a sample has withstood within a
/// larger radius says so too. For one minimal attack the curve is hence that of Outcome::summary(epsilon).
///
/// The curve is the truth from above: another attack may find more. Fixed budgets tell of `radii` alone;
/// between two of them they hold what they have found within the smaller one, or happen to have found closer
/// than they were asked to.
struct Curve {
  struct Point {
    double epsilon;
    Summary summary;  ///< from this epsilon on; without a median
  };
  std::vector<Point> points{{0, {}}};  ///< ascending, where bins change and at all `radii`; the first at 0
  std::vector<double> radii{};         ///< of the attacks with a fixed budget, ascending
  bool minimal = false;                ///< whether an attack takes part that looks for the smallest distance

  /// The bins within epsilon >= 0.
  const Summary& at(double epsilon) const {
    require(epsilon >= 0, "curve: expected an epsilon >= 0, got ", epsilon);
    const auto after = std::upper_bound(points.begin(), points.end(), epsilon,
                                        [](double e, const Point& point) { return e < point.epsilon; });
    return std::prev(after)->summary;
  }
  /// Share of samples that are robust within epsilon; NaN if none is finished.
  double robust_accuracy(double epsilon) const { return at(epsilon).robust_accuracy(); }
  /// The integral of robust accuracy from 0 to an epsilon, in units of epsilon; divided by that epsilon it is
  /// the mean robust accuracy. NaN where the curve is; an upper bound only, and often a poor one, unless a
  /// minimal attack takes part.
  double area(double up_to) const {
    require(up_to >= 0 && std::isfinite(up_to), "curve: expected an area up to a finite epsilon >= 0, got ",
            up_to);
    double total = 0;
    for (std::size_t i = 0; i < points.size() && points[i].epsilon < up_to; ++i) {
      const double end = i + 1 < points.size() ? std::min(points[i + 1].epsilon, up_to) : up_to;
      total += (end - points[i].epsilon) * points[i].summary.robust_accuracy();
    }
    return total;
  }
  /// The largest epsilon that it says anything about beyond what it says of smaller ones.
  double last() const { return points.back().epsilon; }

  /// As Summary::median_distance: over the attacked, those not fooled being infinitely far.
  double median_distance() const {
    const Index count = points.back().summary.attacked;
    if (count == 0) return std::numeric_limits<double>::quiet_NaN();
    const double low = distance((count - 1) / 2), high = distance(count / 2);
    return low == high ? high : low + (high - low) / 2;
  }
  /// The exact interval of the median, from one of the distances to another: from 0 or to infinity where the
  /// samples are too few to tell.
  Interval median_interval(double confidence = 0.95) const {
    const Index count = points.back().summary.attacked, rank = median_rank(count, confidence);
    if (rank == 0) return {0, std::numeric_limits<double>::infinity()};
    return {distance(rank - 1), distance(count - rank)};
  }

 private:
  /// The distance of which so many of the fooled are smaller, if all are put in order; else infinity.
  double distance(Index smaller) const {
    const auto found = std::partition_point(
        points.begin(), points.end(), [&](const Point& point) { return point.summary.fooled <= smaller; });
    return found == points.end() ? std::numeric_limits<double>::infinity() : found->epsilon;
  }
};

namespace detail {

constexpr Index Summary::* summary_bins[] = {
    &Summary::unfinished, &Summary::invalid, &Summary::non_finite, &Summary::no_start, &Summary::unstable,
    &Summary::wrong,      &Summary::fooled,  &Summary::robust,     &Summary::attacked, &Summary::cut_short};

/// Moves a sample from some bins to others. Whether they differ.
inline bool move_sample(Summary& total, const Summary& from, const Summary& to) {
  bool moved = false;
  for (const auto bin : summary_bins) {
    moved = moved || from.*bin != to.*bin;
    total.*bin += to.*bin - from.*bin;
  }
  return moved;
}

/// The bins that one sample is in within every epsilon.
class SampleBins {
 public:
  /// \param all  the outcomes, whose records at one place are those of the sample
  explicit SampleBins(const std::vector<const Outcome*>& all) : all_(all) {
    for (const Outcome* outcome : all) {
      minimal_ = minimal_ || !outcome->epsilon;
      smallest_ = std::min(smallest_, outcome->epsilon.value_or(smallest_));
    }
  }

  Summary at(std::size_t place, double epsilon) {
    const double asked = minimal_ ? epsilon : std::max(epsilon, smallest_);
    endings_.clear();
    bool correct = true, finite = true;
    for (const Outcome* outcome : all_) {
      const Record& record = outcome->records[place];
      correct = correct && record.correct;
      const Ending ending = ending_of(record, epsilon);
      const bool has_a_say = !outcome->epsilon || *outcome->epsilon <= asked;
      if (!has_a_say && !ending.success && !withstood(record)) continue;
      finite = finite && record.bad_rows == 0;
      endings_.push_back(ending);
    }
    const Verdict together = verdict(endings_);
    Tally tally;
    tally.add(together.status, together.success, endings_[together.decides].distance, correct, finite);
    return tally.summary();
  }

 private:
  static bool withstood(const Record& r) {
    Tally tally;
    tally.add(r.status, r.success, r.distance, r.correct, r.bad_rows == 0);
    return tally.summary().robust > 0;
  }

  const std::vector<const Outcome*>& all_;
  bool minimal_ = false;
  double smallest_ = std::numeric_limits<double>::infinity();
  std::vector<Ending> endings_{};
};

inline Curve curve_of(const std::vector<const Outcome*>& all) {
  require(!all.empty(), "curve: expected at least one outcome, got none");
  const Outcome& first = *all.front();
  Curve curve;
  for (const Outcome* outcome : all) {
    require(outcome->norm == first.norm, "curve: expected outcomes in one norm, got ", first.norm.name(),
            " and ", outcome->norm.name());
    bool same = outcome->records.size() == first.records.size();
    for (std::size_t i = 0; same && i < first.records.size(); ++i)
      same = outcome->records[i].id == first.records[i].id;
    require(same, "curve: expected records of the same samples, got others of ", outcome->attack);
    if (outcome->epsilon)
      curve.radii.push_back(*outcome->epsilon);
    else
      curve.minimal = true;
  }
  std::sort(curve.radii.begin(), curve.radii.end());
  curve.radii.erase(std::unique(curve.radii.begin(), curve.radii.end()), curve.radii.end());

  SampleBins bins(all);
  std::vector<Summary> now;                            // of each sample
  std::vector<std::pair<double, std::size_t>> events;  // where a sample's bins may change
  Summary total;
  for (std::size_t i = 0; i < first.records.size(); ++i) {
    now.push_back(bins.at(i, 0));
    move_sample(total, {}, now.back());
    for (const Outcome* outcome : all) {
      const Record& record = outcome->records[i];
      if (record.success && record.distance > 0 && std::isfinite(record.distance))
        events.emplace_back(record.distance, i);
    }
    for (const double radius : curve.radii)
      if (radius > 0) events.emplace_back(radius, i);
  }
  std::sort(events.begin(), events.end());
  curve.points.front().summary = total;
  for (std::size_t e = 0; e < events.size();) {
    const double epsilon = events[e].first;
    bool moved = std::binary_search(curve.radii.begin(), curve.radii.end(), epsilon);
    for (; e < events.size() && events[e].first == epsilon; ++e) {
      const std::size_t place = events[e].second;
      const Summary next = bins.at(place, epsilon);
      moved = move_sample(total, now[place], next) || moved;
      now[place] = next;
    }
    if (moved) curve.points.push_back({epsilon, total});
  }
  return curve;
}

}  // namespace detail

/// The curve of outcomes on the same samples in one norm, of minimal attacks and of such with fixed budgets
/// at any radii.
/// \param outcomes  any range of foil::Outcome or of what derives from it
/// \throws Error if there are none, or if they differ in samples or norm
template <class Outcomes>
  requires requires(const Outcomes& all) {
    { *all.begin() } -> std::convertible_to<const Outcome&>;
  }
Curve curve_of(const Outcomes& outcomes) {
  std::vector<const Outcome*> all;
  for (const Outcome& outcome : outcomes) all.push_back(&outcome);
  return detail::curve_of(all);
}

/// The curve of one outcome.
inline Curve curve_of(const Outcome& outcome) {
  return detail::curve_of({&outcome});
}

/// A curve, and what it is made of.
struct NamedCurve {
  std::string name;  ///< of the attack; "worst case" for all of a norm
  Lp norm;
  std::vector<std::size_t> members;  ///< numbers of the outcomes
  Curve curve{};
};

namespace detail {

inline std::vector<NamedCurve> curves(const std::vector<const Outcome*>& all) {
  std::vector<NamedCurve> out, norms;
  for (std::size_t leader = 0; leader < all.size(); ++leader) {
    const Outcome& a = *all[leader];
    std::vector<std::size_t> attack, norm;
    for (std::size_t k = 0; k < all.size(); ++k) {
      const Outcome& b = *all[k];
      if (a.norm != b.norm || a.records.size() != b.records.size()) continue;
      norm.push_back(k);
      const bool same = a.epsilon && b.epsilon && a.attack == b.attack && a.options == b.options;
      if (same || k == leader) attack.push_back(k);
    }
    if (norm.front() == leader && norm.size() > attack.size()) norms.push_back({"worst case", a.norm, norm});
    if (attack.front() == leader) out.push_back({a.attack, a.norm, attack});
  }
  out.insert(out.end(), norms.begin(), norms.end());
  for (NamedCurve& named : out) {
    std::vector<const Outcome*> group;
    for (const std::size_t k : named.members) group.push_back(all[k]);
    named.curve = curve_of(group);
  }
  return out;
}

}  // namespace detail

/// The curves of an evaluation: one for each attack, its radii together if it has a fixed budget; then one
/// for each norm in which there are several attacks, the worst case of all of them. Outcomes on fewer samples
/// than others, which an interrupt leaves, have curves of their own.
template <class Outcomes>
  requires requires(const Outcomes& all) {
    { *all.begin() } -> std::convertible_to<const Outcome&>;
  }
std::vector<NamedCurve> curves(const Outcomes& outcomes) {
  std::vector<const Outcome*> all;
  for (const Outcome& outcome : outcomes) all.push_back(&outcome);
  return detail::curves(all);
}

}  // namespace foil
