// SPDX-License-Identifier: MIT
/// \file
/// What several checks count: what a group of attacks fools within a radius, and whether chance explains an
/// excess.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/summary.hpp"
#include "foil/evaluation/binomial.hpp"
#include "foil/evaluation/record.hpp"

namespace foil {

namespace audit_checks {

/// "3 of 100"
inline std::string of(Index part, Index whole) {
  return text(part, " of ", whole);
}

/// "1 sample", "2 samples"
inline std::string counted(std::size_t count, std::string_view what) {
  return text(count, ' ', what, count == 1 ? "" : "s");
}

/// A number with four digits, for evidence.
inline std::string brief(double value) {
  if (!std::isfinite(value)) return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
  if (value == 0) return "0";
  const double unit = std::pow(10.0, std::floor(std::log10(std::abs(value))) - 3);
  const double rounded = unit < 1 ? std::round(value / unit) / std::round(1 / unit) : value;
  return text(std::isfinite(rounded) ? rounded : value);
}

/// "37.5 %"
inline std::string percent(double part) {
  return text(std::round(1000 * part) / 10, " %");
}
inline std::string percent(Index part, Index whole) {
  return percent(share(part, whole));
}

/// Probability of a normal number so many standard deviations above its mean, or more.
inline double normal_tail(double deviations) {
  return std::erfc(deviations / std::sqrt(2.0)) / 2;
}

/// Whether a share of samples is larger than it may be, by more than chance explains.
inline bool exceeds(Index count, Index samples, double share, double significance) {
  return samples > 0 && static_cast<double>(count) > share * static_cast<double>(samples) &&
         binomial_at_least(count, samples, share) < significance;
}

/// A share of samples as a number of them, one at least: what a single sample may do on few.
inline double at_least_one(double share, Index samples) {
  return std::max(1.0, share * static_cast<double>(samples));
}

/// Whether an attack is a single step along a gradient.
inline bool is_single_step(const Outcome& outcome) {
  return outcome.attack.ends_with("fgsm") || outcome.attack.ends_with("fgm");
}
inline bool uses_gradients(const Outcome& outcome) {
  return outcome.knowledge == Knowledge::gradients;
}
/// Whether gradients found it: what fools a sample in a suite need not be a stage that uses them.
inline bool found_by_gradients(const Outcome& outcome, const Record& record) {
  const auto stage = static_cast<std::size_t>(record.stage);
  const bool known =
      record.stage >= 0 && stage < outcome.stages.size() && !outcome.stages[stage].attack.empty();
  return known ? outcome.stages[stage].knowledge == Knowledge::gradients : uses_gradients(outcome);
}

/// What of outcomes counts as found.
enum class Found { by_any, by_gradients };

/// Attacks in one norm on the same samples, taken together.
class Group {
 public:
  /// Of the outcomes in that norm those that `belongs` holds for. Throws unless all are of the same samples.
  template <class Outcomes, class Belongs>
  Group(const Outcomes& outcomes, Lp norm, const Belongs& belongs, Found counts = Found::by_any)
      : counts_(counts) {
    for (const Outcome& outcome : outcomes)
      if (outcome.norm == norm && belongs(outcome)) add(outcome);
  }

  bool empty() const { return members_.empty(); }
  /// Samples that were right to begin with, whatever became of them.
  Index samples() const { return std::count(correct_.begin(), correct_.end(), true); }
  std::size_t size() const { return correct_.size(); }
  bool correct(std::size_t i) const { return correct_[i]; }
  const std::vector<const Outcome*>& members() const { return members_; }

  /// Whether any of them was asked about that radius: at it, or for the closest.
  bool speaks_at(double radius) const {
    return std::any_of(members_.begin(), members_.end(),
                       [&](const Outcome* o) { return !o->epsilon || *o->epsilon == radius; });
  }
  /// Whether any of them found an adversarial of sample i within the radius.
  bool fools(std::size_t i, double radius) const {
    return correct_[i] && std::isfinite(closest_[i]) && closest_[i] <= radius;
  }
  /// Samples fooled within the radius.
  Index fooled(double radius) const {
    Index count = 0;
    for (std::size_t i = 0; i < size(); ++i) count += fools(i, radius);
    return count;
  }
  double closest(std::size_t i) const { return closest_[i]; }

  /// The radii that they were run at.
  std::vector<double> epsilons() const {
    std::vector<double> all;
    for (const Outcome* o : members_)
      if (o->epsilon) all.push_back(*o->epsilon);
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
  }
  /// The distances of the closest adversarials, sorted; those of infinity left out.
  std::vector<double> distances() const {
    std::vector<double> all;
    for (std::size_t i = 0; i < size(); ++i)
      if (correct_[i] && std::isfinite(closest_[i])) all.push_back(closest_[i]);
    std::sort(all.begin(), all.end());
    return all;
  }

 private:
  void add(const Outcome& outcome) {
    const auto& records = outcome.records;
    if (members_.empty()) {
      correct_.assign(records.size(), true);
      closest_.assign(records.size(), std::numeric_limits<double>::infinity());
    }
    require(records.size() == size(), "audit: expected outcomes of the same samples, got ", size(), " and ",
            records.size());
    for (std::size_t i = 0; i < size(); ++i) {
      require(members_.empty() || members_.front()->records[i].id == records[i].id,
              "audit: expected outcomes of the same samples");
      correct_[i] = correct_[i] && records[i].correct;
      const bool counts = counts_ == Found::by_any || found_by_gradients(outcome, records[i]);
      if (records[i].success && counts) closest_[i] = std::min(closest_[i], records[i].distance);
    }
    members_.push_back(&outcome);
  }

  Found counts_;
  std::vector<const Outcome*> members_{};
  std::vector<bool> correct_{};
  std::vector<double> closest_{};
};

/// The radii at which two groups can be compared: those that both speak at, of the ones they were run at and,
/// where both look for the closest, `count` of the distances found.
inline std::vector<double> common_radii(const Group& a, const Group& b, int count) {
  std::vector<double> radii = a.epsilons();
  for (const Group* group : {&a, &b}) {
    const auto own = group->epsilons();
    radii.insert(radii.end(), own.begin(), own.end());
    const auto found = group->distances();
    for (int k = 1; k <= count && !found.empty(); ++k)
      radii.push_back(
          found[(found.size() - 1) * static_cast<std::size_t>(k) / static_cast<std::size_t>(count)]);
  }
  std::sort(radii.begin(), radii.end());
  radii.erase(std::unique(radii.begin(), radii.end()), radii.end());
  std::erase_if(radii, [&](double radius) { return !a.speaks_at(radius) || !b.speaks_at(radius); });
  return radii;
}

/// Two groups at one radius, by the samples that both were right about to begin with.
struct Duel {
  Index samples = 0, first = 0, second = 0, only_first = 0;

  Duel(const Group& a, const Group& b, double radius) {
    require(a.size() == b.size(), "audit: expected outcomes of the same samples, got ", a.size(), " and ",
            b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!a.correct(i) || !b.correct(i)) continue;
      const bool by_a = a.fools(i, radius), by_b = b.fools(i, radius);
      ++samples;
      first += by_a;
      second += by_b;
      only_first += by_a && !by_b;
    }
  }
};

/// The norms of the outcomes, each once.
template <class Outcomes>
std::vector<Lp> norms_of(const Outcomes& outcomes) {
  std::vector<Lp> norms;
  for (const Outcome& outcome : outcomes)
    if (std::find(norms.begin(), norms.end(), outcome.norm) == norms.end()) norms.push_back(outcome.norm);
  return norms;
}

}  // namespace audit_checks

}  // namespace foil
