// SPDX-License-Identifier: MIT
/// \file
/// foil's own attack in Linf for models that return decisions only.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "foil/attacks/decision/query/contest.hpp"
#include "foil/attacks/decision/query/flips.hpp"
#include "foil/attacks/decision/query/learner.hpp"
#include "foil/attacks/decision/query/linf_options.hpp"
#include "foil/attacks/decision/query/ray.hpp"
#include "foil/attacks/decision/sign_rays/ray.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// The closest adversarial in Linf with few questions, knowing nothing but decisions: what to run whatever
/// the budget. foil's own; for any criterion, targeted ones from a start of the target class. In Linf only
/// the signs of the boundary's normal matter, and every answer, not only that about a flip, tells on which
/// side of the boundary a point lies. The attack keeps a normal distribution over all planes that the
/// boundary may be near the input, with gradients that are smooth over an image (see Belief, Groups), and
/// learns from each answer.
///
/// It asks about corners of cubes around the input: in four of five questions those of signs that are drawn
/// from what it believes, at the radius where either answer is as likely, which tell most; else those of the
/// likeliest signs, closer than the best so far, for as long as they are adversarial. Large inputs are
/// learned about in patches. When little is gained any more, other classes challenge the best, see
/// query::Contest. When nothing is gained any more, ever smaller blocks and at last single features are
/// flipped, as RayS does, until no flip comes closer by the tolerance: on a linear model that is the optimum
/// to the tolerances of all features. It then has converged.
///
/// Where no direction has an adversarial, the status is start_failed.
///
/// Cost: 1 forward pass per question; some 10 for the first direction, see RaySAttack. Time and memory grow
/// with the square of `unknowns`.
class LinfQueryAttack : public MinimalAttack<LinfQueryAttack> {
 public:
  using Options = LinfQueryOptions;
  using norm = Linf;
  static constexpr Knowledge knowledge = Knowledge::decisions;
  static std::string name() { return "linf-query"; }

  explicit LinfQueryAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    const query::Learner learner(oracle, options_.unknowns, options_.channels_last);
    if (learner.groups().count() == 0) co_return;
    sign_rays::Ray best;
    co_await sign_rays::first_ray(oracle, best);
    int steps = options_.steps;
    if (!best.found) {
      sign_rays::Blocks blocks(oracle, 1);
      while (!best.found && !blocks.idle() && steps-- > 0)
        co_await query::flip(oracle, best, blocks, options_.tolerance);
      if (!best.found) co_return oracle.finish(Status::start_failed);
    }
    co_await sign_rays::tighten(oracle, best, coarse);
    co_await try_opposite(oracle, best, steps);
    Eigen::VectorXd x = sign_rays::point_at(oracle, best.signs, best.radius);
    if (steps > 0 && oracle.distance(x) > 0) {
      query::Sightings seen(static_cast<std::size_t>(options_.challengers) + 1);
      co_await look_at_start(oracle, seen, steps);
      const query::Contest contest(oracle, learner, options_.challengers, options_.tolerance);
      co_await contest.run(x, seen, steps);
      sign_rays::Ray ray{query::signs_towards(oracle, x), 0, oracle.distance(x), false};
      Eigen::VectorXd corner = sign_rays::point_at(oracle, ray.signs, ray.radius);
      ray.found = corner == x;
      if (!ray.found && steps-- > 0) ray.found = co_await oracle.query(corner);
      if (ray.found) best = std::move(ray);
    }
    sign_rays::Blocks blocks(oracle, 1, static_cast<std::size_t>(learner.groups().largest()));
    while (!blocks.idle() && steps-- > 0) co_await query::flip(oracle, best, blocks, options_.tolerance);
    co_await sign_rays::tighten(oracle, best, options_.tolerance);
    if (blocks.idle()) oracle.finish(Status::converged);
  }

 private:
  static constexpr double coarse = 1.0 / 16;  // how well the first radius is known

  /// The ray in the other direction, if that comes closer.
  Task<> try_opposite(Oracle& oracle, sign_rays::Ray& best, int& steps) const {
    if (steps-- <= 0) co_return;
    sign_rays::Ray other{-best.signs, 0, best.radius * (1 - coarse), false};
    Eigen::VectorXd x = sign_rays::point_at(oracle, other.signs, other.radius);
    other.found = co_await oracle.query(x);
    if (!other.found) co_return;
    co_await sign_rays::tighten(oracle, other, coarse);
    best = other;
  }

  /// The user's starting point may lead to another class than the first ray does.
  Task<> look_at_start(Oracle& oracle, query::Sightings& seen, int& steps) const {
    Eigen::VectorXd x = oracle.starting_point();
    if (options_.challengers == 0 || x.size() == 0 || !x.allFinite()) co_return;
    --steps;
    const bool adversarial = co_await oracle.query(x);
    if (adversarial) seen.add(oracle.label(), oracle.distance(x), x);
  }

  Options options_;
};

}  // namespace foil
