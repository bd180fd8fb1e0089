// SPDX-License-Identifier: MIT
/// \file
/// The rules and scores of the NeurIPS 2018 Adversarial Vision Challenge, arXiv:1808.01976: models show no
/// more than labels of 8-bit images, a thousand for each of them, and what counts is the L2 distance, the
/// range of every feature being 1. `foil-evaluate --challenge` keeps and computes them.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/status.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/record.hpp"

namespace foil {

/// What the rules fix.
struct ChallengeRules {
  static constexpr std::int64_t queries = 1000;  ///< of an attack for each image: RunOptions::query_budget
  static constexpr Index levels = 256;           ///< of each feature: foil::Quantised, RunOptions::lattice
  static constexpr std::size_t best = 5;         ///< attacks that a model is judged by
};

/// The range that the challenge's distances are in units of. Throws foil::Error unless it is finite and the
/// same for all features.
template <class Scalar>
double challenge_range(const Bounds<Scalar>& bounds) {
  const double range = static_cast<double>(bounds.upper(0)) - static_cast<double>(bounds.lower(0));
  for (Index i = 0; i < bounds.intervals(); ++i) {
    const double other = static_cast<double>(bounds.upper(i)) - static_cast<double>(bounds.lower(i));
    require(std::isfinite(other) && other > 0 && std::abs(other - range) <= 1e-6 * range,
            "challenge: expected bounds of one finite width, got [", bounds.lower(0), ", ", bounds.upper(0),
            "] for feature 0 and [", bounds.lower(i), ", ", bounds.upper(i), "] for feature ", i);
  }
  return range;
}

/// What an attack is held to have found where it finds nothing: of each feature the end of its range that is
/// farther away, from halfway on the lower one (of 8 bits: 255 below 128, else 0). Throws foil::Error unless
/// the images are within the bounds and these as challenge_range() takes them.
template <Batch Input>
Input worst_cases(const Input& images, const Bounds<typename Input::Scalar>& bounds) {
  challenge_range(bounds);
  bounds.check(features(images));
  Input farthest = images;
  for (Index i = 0; i < samples(images); ++i) {
    auto row = sample(farthest, i);
    require(bounds.contain(row), "challenge: expected images within the bounds, image ", i, " is not");
    for (Index j = 0; j < row.size(); ++j)
      row[j] = row[j] - bounds.lower(j) < bounds.upper(j) - row[j] ? bounds.upper(j) : bounds.lower(j);
  }
  return farthest;
}

/// How far these are from the images, as the challenge measures it. Throws as worst_cases() does.
template <Batch Input>
Eigen::VectorXd worst_case_distances(const Input& images, const Bounds<typename Input::Scalar>& bounds) {
  return distances(Lp(L2{}), images, worst_cases(images, bounds)) / challenge_range(bounds);
}

/// The distances that count for one attack on one model: 0 where the image is misclassified as it is, that
/// of the adversarial, and that of the worst case where there is none.
///
/// Throws foil::Error unless the attack was one in L2, was not cut short and judged every sample: what the
/// model answered NaN to, or took back, has no distance.
/// \param range        as challenge_range() says
/// \param worst_cases  as worst_case_distances() says, one for each record
inline Eigen::VectorXd challenge_distances(const Outcome& outcome, double range,
                                           const Eigen::VectorXd& worst_cases) {
  require(outcome.norm == Lp(L2{}), "challenge: expected distances in l2, ", outcome.attack, " has them in ",
          outcome.norm.name());
  const auto count = static_cast<Index>(outcome.records.size());
  require(count == worst_cases.size() && count > 0, "challenge: expected a record for each of ",
          worst_cases.size(), " images and at least one, ", outcome.attack, " has ", count);
  Eigen::VectorXd out(count);
  for (Index i = 0; i < count; ++i) {
    const Record& record = outcome.records[static_cast<std::size_t>(i)];
    const bool withstood = record.status == Status::not_found || record.status == Status::start_failed ||
                           record.status == Status::budget_exhausted;
    const bool fooled = record.success && record.status != Status::interrupted;
    require(fooled || (withstood && record.bad_rows == 0), "challenge: image ", record.id, " under ",
            outcome.attack, " has no verdict (", to_string(record.status), ", ", record.bad_rows,
            " answers with NaN or infinity), hence no distance");
    out[i] = record.success ? record.distance / range : worst_cases[i];
  }
  return out;
}

/// The median of numbers; of an even number of them the mean of the two in the middle. Throws without any.
inline double challenge_median(Eigen::VectorXd numbers) {
  require(numbers.size() > 0, "challenge: no images, hence no median");
  std::sort(numbers.begin(), numbers.end());
  return (numbers[(numbers.size() - 1) / 2] + numbers[numbers.size() / 2]) / 2;
}

/// An attack's score, the lower the better: its median distance over the images, the mean over models.
/// \param by_model  as challenge_distances() says; in the challenge, on the five best models
inline double attack_score(std::span<const Eigen::VectorXd> by_model) {
  require(!by_model.empty(), "challenge: no models, hence no score of an attack");
  double sum = 0;
  for (const Eigen::VectorXd& distances : by_model) sum += challenge_median(distances);
  return sum / static_cast<double>(by_model.size());
}

/// The attacks that a model is judged by: those of the lowest medians, the best first; of equals the first.
inline std::vector<std::size_t> best_attacks(std::span<const Eigen::VectorXd> by_attack,
                                             std::size_t best = ChallengeRules::best) {
  std::vector<double> medians;
  for (const Eigen::VectorXd& distances : by_attack) medians.push_back(challenge_median(distances));
  std::vector<std::size_t> order(by_attack.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return medians[a] < medians[b]; });
  order.resize(std::min(best, order.size()));
  return order;
}

/// A model's score, the higher the better: for each image the smallest distance that the best attacks have
/// come to, the median over the images.
/// \param by_attack  as challenge_distances() says, of the same images
inline double model_score(std::span<const Eigen::VectorXd> by_attack,
                          std::size_t best = ChallengeRules::best) {
  require(!by_attack.empty() && best > 0, "challenge: no attacks, hence no score of a model");
  const std::vector<std::size_t> judges = best_attacks(by_attack, best);
  Eigen::VectorXd closest = by_attack[judges.front()];
  for (const std::size_t attack : judges) {
    require(by_attack[attack].size() == closest.size(),
            "challenge: expected the same images under all "
            "attacks, got ",
            closest.size(), " and ", by_attack[attack].size());
    closest = closest.cwiseMin(by_attack[attack]);
  }
  return challenge_median(std::move(closest));
}

}  // namespace foil
