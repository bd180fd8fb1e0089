// SPDX-License-Identifier: MIT
/// \file
/// What random changes find: checks C17 and C18.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/audit/calls.hpp"
#include "foil/evaluation/audit/check.hpp"
#include "foil/evaluation/audit/facts.hpp"
#include "foil/evaluation/audit/figures.hpp"
#include "foil/evaluation/audit/policy.hpp"

namespace foil {

namespace audit_checks {

/// C17: random changes of the same size find nothing that attacks do not.
inline Finding noise_finds_nothing(const AuditFacts& facts, const AuditPolicy& policy) {
  if (!facts.restricted.empty()) return skip("attacks without " + facts.restricted);
  std::string told, few;
  for (const RandomChanges& noise : facts.noise) {
    const Group tried(facts.outcomes, noise.norm, [](const Outcome&) { return true; });
    const bool none = !tried.empty() && tried.samples() == 0;  // right to begin with
    if (none || noise.samples == 0 || noise.draws == 0) continue;
    const std::string evidence =
        text("of ", noise.samples, " samples ", noise.only_noise, " are fooled by ", noise.draws,
             " random changes in ", noise.norm.name(), " ", brief(noise.epsilon), " and by no attack");
    if (noise.only_noise > 0)
      return fail(
          evidence,
          "chance does better than the attacks: they are misled, more steps and restarts will not help");
    if (noise.draws < policy.noise_draws || noise.samples < policy.noise_samples) few = evidence;
    told += (told.empty() ? "" : "; ") + evidence;
  }
  if (told.empty())
    return skip("random changes of the attacks' size, of samples that are right to begin with");
  if (few.empty()) return pass(told);
  return warn(few, text("draw ", policy.noise_draws, " for each of ", policy.noise_samples, " samples"));
}

/// C18: random directions find nothing closer than attacks do.
inline Finding brute_force_behind(const AuditFacts& facts, const AuditPolicy& policy) {
  if (!facts.restricted.empty()) return skip("attacks without " + facts.restricted);
  std::string told, closer;
  for (const BruteForce& tried : facts.brute_force) {
    const Group minimal(facts.outcomes, tried.norm, [](const Outcome& o) { return !o.epsilon; });
    Index samples = 0, wins = 0;
    for (std::size_t i = 0; i < std::min(minimal.size(), tried.distances.size()); ++i) {
      if (!minimal.correct(i)) continue;
      ++samples;
      wins += tried.distances[i] * (1 + policy.distance_error) < minimal.closest(i);
    }
    if (samples == 0) continue;
    const std::string evidence = text(tried.draws, " random changes in ", tried.norm.name(),
                                      " come closer on ", of(wins, samples), " samples");
    if (wins > 0) closer = evidence;
    told += (told.empty() ? "" : "; ") + evidence;
  }
  if (told.empty()) return skip("minimal attacks, and random changes that shrink");
  if (closer.empty()) return pass(told);
  return warn(closer, "the attacks are far from the closest adversarial: give them more steps, or others");
}

}  // namespace audit_checks

namespace detail {

/// The random changes of a sample: of exactly one size in a norm, clipped to the bounds.
template <Batch Input>
class Chance {
 public:
  using Scalar = typename Input::Scalar;
  Chance(AuditCalls<Input>& calls, const AuditData<Input>& data, Lp norm, int seed)
      : calls_(calls),
        data_(data),
        norm_(norm),
        key_(random_key(static_cast<std::uint64_t>(seed), "audit-chance")) {}

  /// The distance of the closest adversarial among `count` changes of sample i, the `first`-th and so on, of
  /// that size; infinite if there is none. One forward pass for each.
  double try_some(Index i, std::int64_t first, Index count, double size) {
    const std::vector<Index> rows(static_cast<std::size_t>(count), i);
    Input points = gather(data_.inputs, rows);
    const auto bounds = calls_.model().bounds();
    Eigen::VectorXd change(features(points));
    for (Index k = 0; k < count; ++k) {
      draw(i, first + k, change);
      auto point = sample(points, k);
      for (Index j = 0; j < change.size(); ++j) {
        const double moved = static_cast<double>(point[j]) + size * change[j];
        point[j] = std::clamp(static_cast<Scalar>(moved), bounds.lower(j), bounds.upper(j));
      }
    }
    const auto answers = calls_.ask(points);
    double nearest = std::numeric_limits<double>::infinity();
    for (Index k = 0; k < count; ++k) {
      const int label = calls_.label(answers, k);
      if (label >= 0 && data_.adversarial(i, label))
        nearest = std::min(nearest, distance(norm_, sample(data_.inputs, i), sample(points, k)));
    }
    return nearest;
  }

 private:
  /// Of size 1: signs in linf, else normal numbers scaled. In l0, where sizes are counts, a single feature.
  void draw(Index i, std::int64_t k, Eigen::VectorXd& change) {
    RandomDraw random(key_, static_cast<std::uint64_t>(i), Purpose::noise, static_cast<std::uint32_t>(k));
    random.fill_normal(change);
    if (norm_ == Lp(Linf{}))
      for (Index j = 0; j < change.size(); ++j) change[j] = change[j] < 0 ? -1 : 1;
    else
      change /= norm_.size(change);
  }

  AuditCalls<Input>& calls_;
  const AuditData<Input>& data_;
  Lp norm_;
  std::uint64_t key_;
};

}  // namespace detail

/// C17: `noise_draws` random changes of size epsilon at every sample that none of the outcomes in the norm
/// fooled within it, or fewer where one is adversarial. L0 is left out. At most `noise_draws` forward passes
/// for each of these samples.
template <Batch Input>
RandomChanges change_at_random(AuditCalls<Input>& calls, const AuditData<Input>& data,
                               const AuditFacts& facts, Lp norm, double epsilon, const AuditPolicy& policy) {
  const audit_checks::Group group(facts.outcomes, norm, [](const Outcome&) { return true; });
  detail::Chance<Input> chance(calls, data, norm, policy.seed);
  RandomChanges out{norm, epsilon, 0, policy.noise_draws, 0};
  const Index most = 8 * AuditCalls<Input>::most;
  for (Index i = 0; i < std::min(data.size(), static_cast<Index>(group.size())); ++i) {
    ++out.samples;
    if (!group.correct(static_cast<std::size_t>(i)) || group.fools(static_cast<std::size_t>(i), epsilon))
      continue;
    for (Index k = 0; k < policy.noise_draws; k += most)
      if (std::isfinite(chance.try_some(i, k, std::min<Index>(most, policy.noise_draws - k), epsilon))) {
        ++out.only_noise;
        break;
      }
  }
  return out;
}

/// C18: random changes of the first `shrink_samples` samples, a little smaller than the closest adversarial
/// known, and a tenth smaller again with each that is adversarial. `shrink_draws` forward passes for each.
template <Batch Input>
BruteForce shrink_at_random(AuditCalls<Input>& calls, const AuditData<Input>& data, const AuditFacts& facts,
                            Lp norm, const AuditPolicy& policy) {
  const audit_checks::Group group(facts.outcomes, norm, [](const Outcome& o) { return !o.epsilon; });
  detail::Chance<Input> chance(calls, data, norm, policy.seed);
  BruteForce out{norm, policy.shrink_draws, {}};
  for (Index i = 0;
       i < std::min({data.size(), static_cast<Index>(group.size()), Index{policy.shrink_samples}}); ++i) {
    const double known = group.closest(static_cast<std::size_t>(i));
    double size = std::isfinite(known) ? 0.999 * known : norm.size(facts.setting.widths);
    out.distances.push_back(std::numeric_limits<double>::infinity());
    if (!group.correct(static_cast<std::size_t>(i)) || !(size > 0) || !std::isfinite(size)) continue;
    constexpr Index together = AuditCalls<Input>::most;
    for (Index k = 0; k < policy.shrink_draws; k += together) {
      const double found = chance.try_some(i, k, std::min<Index>(together, policy.shrink_draws - k), size);
      if (found < out.distances.back()) {
        out.distances.back() = found;
        size = 0.9 * found;
      }
    }
  }
  return out;
}

}  // namespace foil
