// SPDX-License-Identifier: MIT
/// \file
/// One step of the Boundary Attack: where to look next.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "foil/attacks/boundary_options.hpp"
#include "foil/core/sum.hpp"
#include "foil/geometry/low_frequency.hpp"

namespace foil {

/// Draws proposals around the current adversarial x of one sample with original o, at distance r: a step of
/// length delta * r along the sphere around o, in a random direction, then towards o until the distance is
/// (1 - epsilon) * r. Both are clipped to the box; what clipping takes off the distance counts towards
/// epsilon.
class BoundaryProposal {
 public:
  BoundaryProposal(const Oracle& oracle, const BoundaryOptions& options)
      : oracle_(oracle),
        options_(options),
        direction_(oracle.features()),
        spherical_(oracle.features()),
        freezes_(options.mode == BoundaryMode::tied && options.release < 1) {
    if (options.subspace == 1) return;
    const auto& shape = oracle.shape();
    detail::require(shape.size() == 3,
                    "boundary: a subspace of low frequencies needs images with three "
                    "dimensions, the samples have ",
                    shape.size());
    if (options.channels_last)
      low_.emplace(shape[2], shape[0], shape[1], options.subspace, true);
    else
      low_.emplace(shape[0], shape[1], shape[2], options.subspace);
    coefficients_.resize(low_->dimension());
  }

  /// From now on, proposals are drawn around x, an adversarial point other than the original.
  void move_to(const Eigen::VectorXd& x) {
    away_ = x - oracle_.original();
    distance_ = detail::norm2(away_);
    at_bound_.clear();
    if (freezes_)
      for (Index i = 0; i < x.size(); ++i)
        if (x[i] <= oracle_.lower()[i] || x[i] >= oracle_.upper()[i]) at_bound_.push_back(i);
    if (!options_.prior) return;
    prior_ = options_.prior(oracle_, x);
    detail::require(prior_.size() == x.size(), "boundary: expected a prior of ", x.size(), " features, got ",
                    prior_.size());
    make_orthogonal(prior_);
    const double length = detail::norm2(prior_);
    prior_ = length > 0 && std::isfinite(length) ? Eigen::VectorXd(prior_ / length) : Eigen::VectorXd();
  }

  /// Distance of x from the original.
  double distance() const { return distance_; }
  /// Number of dimensions that proposals are drawn from.
  Index dimension() const { return low_ ? low_->dimension() : direction_.size(); }

  /// Draws proposal `number`. False if it would not come closer in the model's numbers: then it is not worth
  /// a query.
  bool draw(std::uint32_t number, double delta, double epsilon, Eigen::VectorXd& candidate) {
    if (!draw_direction(number)) return false;
    const Eigen::VectorXd &o = oracle_.original(), &low = oracle_.lower(), &high = oracle_.upper();
    const double along = 1 / std::sqrt(1 + delta * delta), across = distance_ * delta * along;
    const double reached = std::sqrt(detail::sum(o.size(), [&](Index i) {
      const double s = o[i] + (along * away_[i] + across * direction_[i]);
      const double change = std::min(std::max(s, low[i]), high[i]) - o[i];
      spherical_[i] = change;
      return change * change;
    }));
    const double left = std::max(0.0, epsilon * distance_ - (distance_ - reached));
    if (!(reached > left)) return false;
    candidate = o + (1 - left / reached) * spherical_;
    oracle_.settle(candidate);
    return oracle_.distance(candidate) < distance_;
  }

  /// The last proposal before its move towards the original.
  Eigen::VectorXd spherical() const { return oracle_.original() + spherical_; }

 private:
  /// A random unit vector orthogonal to x - o; false if there is none in this draw.
  bool draw_direction(std::uint32_t number) {
    RandomDraw random = oracle_.random(Purpose::proposal, number);
    if (low_) {
      random.fill_normal(coefficients_);
      low_->synthesise(coefficients_, direction_);
    } else {
      random.fill_normal(direction_);
    }
    freeze(number);
    make_orthogonal(direction_);
    const double length = detail::norm2(direction_);
    if (!(length > 1e-10)) return false;
    direction_ /= length;
    if (prior_.size() == 0) return true;
    const double weight = options_.prior_weight;
    direction_ = std::sqrt(1 - weight * weight) * direction_ + weight * prior_;
    direction_ /= detail::norm2(direction_);
    return true;
  }

  /// Features at a bound can only move inwards. Clipping would rectify their noise, and its mean leads out of
  /// the adversarial region: they stay where they are but for a few.
  void freeze(std::uint32_t number) {
    if (at_bound_.empty()) return;
    chances_.resize(direction_.size());
    oracle_.random(Purpose::freeze, number).fill_uniform(chances_, 0, 1);
    for (const Index i : at_bound_)
      if (!(chances_[i] < options_.release)) direction_[i] = 0;
  }

  void make_orthogonal(Eigen::VectorXd& direction) const {
    direction -= detail::dot(direction, away_) / (distance_ * distance_) * away_;
  }

  const Oracle& oracle_;
  BoundaryOptions options_;
  Eigen::VectorXd direction_, spherical_, away_{}, prior_{}, coefficients_{}, chances_{};
  std::optional<geometry::LowFrequency> low_{};
  std::vector<Index> at_bound_{};
  double distance_ = 0;
  bool freezes_;
};

}  // namespace foil
