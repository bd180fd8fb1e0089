// SPDX-License-Identifier: MIT
/// \file
/// One step of the Boundary Attack: where to look next.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "foil/attacks/decision/boundary/options.hpp"
#include "foil/attacks/parts/noise_space.hpp"
#include "foil/core/error.hpp"
#include "foil/core/sum.hpp"

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
        space_(oracle, "boundary", options.subspace, options.channels_last),
        freezes_(options.mode == BoundaryMode::tied && options.release < 1) {}

  /// From now on, proposals are drawn around x, an adversarial point other than the original.
  void move_to(const Eigen::VectorXd& x) {
    away_ = x - oracle_.original();
    distance_ = norm2(away_);
    split_features(x);
    if (options_.prior_weight == 0 || oracle_.prior().size() == 0) return;
    prior_ = oracle_.prior() / Linf::size(oracle_.prior());
    make_orthogonal(prior_);
    const double length = norm2(prior_);
    prior_ = length > 1e-10 ? Eigen::VectorXd(prior_ / length) : Eigen::VectorXd();
  }

  /// Distance of x from the original.
  double distance() const { return distance_; }
  /// Number of dimensions that proposals are drawn from.
  Index dimension() const { return space_.dimension(); }

  /// Draws proposal `number`. False if it would not come closer in the model's numbers: then it is not worth
  /// a query.
  bool draw(std::uint32_t number, double delta, double epsilon, Eigen::VectorXd& candidate) {
    const double length = draw_direction(number);
    if (!(length > 1e-10)) return false;
    const Eigen::VectorXd &o = oracle_.original(), &low = oracle_.lower(), &high = oracle_.upper();
    const Eigen::VectorXd& direction = this->direction();
    Eigen::VectorXd& change = spherical_change();
    const double along = 1 / std::sqrt(1 + delta * delta), across = distance_ * delta * along / length;
    change = (o + (along * away_ + across * direction)).cwiseMax(low).cwiseMin(high) - o;
    const double reached = norm2(change);
    const double left = std::max(0.0, epsilon * distance_ - (distance_ - reached));
    if (!(reached > left)) return false;
    candidate = o + (1 - left / reached) * change;
    oracle_.settle(candidate);
    return oracle_.distance(candidate) < distance_;
  }

  /// The last proposal before its move towards the original, to be asked for before the next co_await.
  Eigen::VectorXd spherical() const { return oracle_.original() + spherical_change(); }

 private:
  /// Writes every index to both lists and moves on in the one that it belongs to: no branch to guess wrong.
  void split_features(const Eigen::VectorXd& x) {
    const auto n = static_cast<std::size_t>(x.size());
    free_.resize(n + 1);
    at_bound_.resize(n + 1);
    std::size_t free = 0, at_bound = 0;
    for (Index i = 0; i < x.size(); ++i) {
      free_[free] = at_bound_[at_bound] = i;
      const double inside = std::min(x[i] - oracle_.lower()[i], oracle_.upper()[i] - x[i]);
      const std::size_t frozen = freezes_ && inside <= 0 ? 1 : 0;
      at_bound += frozen;
      free += 1 - frozen;
    }
    free_.resize(free);
    at_bound_.resize(at_bound);
    if (oracle_.box().frozen.size() == 0) return;
    for (auto* features : {&free_, &at_bound_})
      std::erase_if(*features, [&](Index i) { return oracle_.box().is_frozen(i); });
  }

  Eigen::VectorXd& direction() const { return oracle_.scratch(0); }
  Eigen::VectorXd& spherical_change() const { return oracle_.scratch(1); }

  /// A random direction orthogonal to x - o, and its length: 0 or tiny if there is none in this draw.
  ///
  /// Features at a bound can only move inwards. Clipping would rectify their noise, and its mean leads out of
  /// the adversarial region: they stay where they are but for a few.
  double draw_direction(std::uint32_t number) {
    release(number);
    RandomDraw random = oracle_.random(Purpose::proposal, number);
    Eigen::VectorXd& direction = this->direction();
    if (options_.subspace > 1) {
      space_.fill(random, direction);
      auto released = released_.begin();
      for (const Index i : at_bound_)
        if (released != released_.end() && *released == i)
          ++released;
        else
          direction[i] = 0;
    } else {
      Eigen::VectorXd& noise = oracle_.scratch(2);
      random.fill_normal(noise.head(static_cast<Index>(free_.size() + released_.size())));
      direction.setZero();
      const double* next = noise.data();
      for (const Index i : free_) direction[i] = *next++;
      for (const Index i : released_) direction[i] = *next++;
    }
    make_orthogonal(direction);
    double length = norm2(direction);
    if (prior_.size() == 0 || !(length > 1e-10)) return length;
    const double weight = options_.prior_weight;
    direction = std::sqrt(1 - weight * weight) / length * direction + weight * prior_;
    return norm2(direction);
  }

  /// Draws which of the features at a bound take part, each with the same chance: those in between are left
  /// out at a time.
  void release(std::uint32_t number) {
    released_.clear();
    if (at_bound_.empty() || options_.release == 0) return;
    RandomDraw random = oracle_.random(Purpose::freeze, number);
    const double scale = -1 / std::log1p(-options_.release);
    const auto count = static_cast<double>(at_bound_.size());
    for (double place = -1;;) {
      place += 1 + std::floor(scale * random.exponential());
      if (!(place < count)) return;
      released_.push_back(at_bound_[static_cast<std::size_t>(place)]);
    }
  }

  void make_orthogonal(Eigen::VectorXd& direction) const {
    direction -= dot(direction, away_) / (distance_ * distance_) * away_;
  }

  const Oracle& oracle_;
  BoundaryOptions options_;
  NoiseSpace space_;
  Eigen::VectorXd away_{}, prior_{};
  std::vector<Index> free_{}, at_bound_{}, released_{};  // features, ascending
  double distance_ = 0;
  bool freezes_;
};

}  // namespace foil
