// SPDX-License-Identifier: MIT
/// \file
/// Rays of signs: what RayS and ADBA search among. In Linf the closest point that a linear model calls
/// adversarial lies on one.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "foil/attacks/parts/radius.hpp"
#include "foil/attacks/parts/start.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/oracle.hpp"

namespace foil::sign_rays {

/// A direction in which every feature moves by the same radius, as far as its bound.
struct Ray {
  Eigen::VectorXd signs{};  ///< +1 or -1 per feature
  double outside = 0;       ///< a radius at which it is known not to be adversarial
  double radius = 0;        ///< how far the point is that was asked about
  bool found = false;       ///< that point is adversarial

  /// The same with the signs of a block changed, of which nothing is known below its radius.
  Ray flipped(std::span<const Index> block) const {
    Ray other{signs, 0, radius, false};
    for (const Index i : block) other.signs[i] = -signs[i];
    return other;
  }
};

/// The point of a ray at a radius, as the model can be given it.
inline Eigen::VectorXd point_at(const Oracle& oracle, const Eigen::VectorXd& signs, double radius) {
  Eigen::VectorXd x = oracle.original() + radius * signs;
  oracle.box().clip(x);
  oracle.settle(x, radius);
  return x;
}

/// How far rays are followed: the largest distance in the box. Where that has no end, 400 times the input's
/// size.
inline double reach(const Oracle& oracle) {
  return oracle.box().bounded() ? largest_radius(oracle) : 1e4 * guessed_radius(oracle);
}

/// Halves the part of the ray that its boundary lies in until that is a share `tolerance` of the radius.
inline Task<> tighten(Oracle& oracle, Ray& ray, double tolerance) {
  Eigen::VectorXd far = point_at(oracle, ray.signs, ray.radius);
  Eigen::VectorXd near = point_at(oracle, ray.signs, ray.outside);
  while (ray.radius - ray.outside > tolerance * ray.radius) {
    const double middle = ray.outside + (ray.radius - ray.outside) / 2;
    if (!(middle > ray.outside && middle < ray.radius)) co_return;
    Eigen::VectorXd x = point_at(oracle, ray.signs, middle);
    bool adversarial = x == far;  // on a lattice
    if (!adversarial && x != near) adversarial = co_await oracle.query(x);
    (adversarial ? ray.radius : ray.outside) = middle;
    (adversarial ? far : near).swap(x);
  }
}

/// A ray whose end is adversarial, to begin with: the signs of the run's prior, else all signs +1, else the
/// signs of the way to a start that the user or the pool gives (see next_start(); up to ten). Else all signs
/// are +1, and `found` is false.
inline Task<> first_ray(Oracle& oracle, Ray& ray) {
  constexpr int tries = 10;
  StartState state;
  const StartOptions given{.fallback = true, .noise_draws = 0, .bisections = 0};
  const Eigen::VectorXd ones = Eigen::VectorXd::Ones(oracle.features());
  ray.radius = reach(oracle);
  if (oracle.prior().size() > 0) {
    ray.signs = (oracle.prior().array() < 0).select(-ones, ones);
    Eigen::VectorXd x = point_at(oracle, ray.signs, ray.radius);
    ray.found = co_await oracle.query(x);
  }
  if (!ray.found) ray.signs = ones;
  for (int i = 0; i <= tries && !ray.found; ++i) {
    Eigen::VectorXd x = point_at(oracle, ray.signs, ray.radius);
    ray.found = co_await oracle.query(x);
    if (ray.found) break;
    Eigen::VectorXd start;
    const bool more = co_await next_start(oracle, given, state, start);
    if (!more) break;
    ray.signs = (start.array() < oracle.original().array()).select(-ones, ones);
  }
  oracle.finish(Status::not_run);  // flips may find what starts have not
  if (!ray.found) ray.signs = ones;
}

/// The blocks of features to flip, one after the other: all, then halves, quarters, ..., each cut out of one
/// before, and those of at most `smallest` features again and again. Features without room belong to none.
class Blocks {
 public:
  /// Begins with blocks of at most `largest`.
  Blocks(const Oracle& oracle, std::size_t smallest,
         std::size_t largest = std::numeric_limits<std::size_t>::max())
      : smallest_(smallest) {
    for (Index i = 0; i < oracle.features(); ++i)
      if (oracle.upper()[i] > oracle.lower()[i]) features_.push_back(i);
    ends_.push_back(features_.size());
    while (size() > std::max(largest, smallest_)) halve();
  }
  bool empty() const { return features_.empty(); }

  std::span<const Index> next() {
    if (at_ == ends_.size()) {
      at_ = 0;
      if (size() > smallest_) {
        idle_ = 0;
        halve();
      }
    }
    const std::size_t first = at_ > 0 ? ends_[at_ - 1] : 0, size = ends_[at_] - first;
    ++at_;
    idle_ += size;
    return {features_.data() + first, size};
  }
  /// The last block's flip was kept.
  void kept() { idle_ = 0; }
  /// Whether all blocks of the smallest size have just been gone through.
  bool swept() const { return size() <= smallest_ && at_ == ends_.size(); }
  /// Whether no flip was kept since all of them were gone through before.
  bool idle() const { return size() <= smallest_ && idle_ >= features_.size(); }

 private:
  /// Of the first block, which is the largest.
  std::size_t size() const { return ends_.front(); }
  void halve() {
    std::vector<std::size_t> ends;
    std::size_t first = 0;
    for (const std::size_t end : ends_) {
      if (end - first > smallest_) ends.push_back(first + (end - first + 1) / 2);
      ends.push_back(end);
      first = end;
    }
    ends_.swap(ends);
  }

  std::vector<Index> features_{};
  std::size_t smallest_, at_ = 0;
  std::vector<std::size_t> ends_{};  // of the blocks
  std::size_t idle_ = 0;             // features since a flip was kept
};

}  // namespace foil::sign_rays
