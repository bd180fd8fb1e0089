// SPDX-License-Identifier: MIT
/// \file
/// foil's own attack in Linf for models that return decisions only.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "foil/attacks/decision/query/belief.hpp"
#include "foil/attacks/decision/query/flips.hpp"
#include "foil/attacks/decision/query/groups.hpp"
#include "foil/attacks/decision/query/linf_options.hpp"
#include "foil/attacks/decision/query/plane.hpp"
#include "foil/attacks/decision/sign_rays/ray.hpp"
#include "foil/core/sum.hpp"
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
/// learned about in patches. When little is gained any more, other directions, which may lead to other
/// classes, challenge the best, each from a belief of its own, until it is not closer than the best was after
/// as many questions. Then ever smaller blocks and at last single features are flipped, as RayS does, until
/// no flip comes closer by the tolerance: on a linear model that is the optimum to the tolerances of all
/// features. It then has converged.
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
    const query::Groups groups(oracle, options_.unknowns, options_.channels_last);
    if (groups.count() == 0) co_return;
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
    std::vector<double> pace;
    co_await learn(oracle, groups, best, steps, 0, pace);
    for (int challenge = 1; challenge <= options_.challengers && steps > 0; ++challenge)
      co_await be_challenged(oracle, groups, best, steps, challenge, pace);
    sign_rays::Blocks blocks(oracle, 1, static_cast<std::size_t>(groups.largest()));
    while (!blocks.idle() && steps-- > 0) co_await query::flip(oracle, best, blocks, options_.tolerance);
    co_await sign_rays::tighten(oracle, best, options_.tolerance);
    if (blocks.idle()) oracle.finish(Status::converged);
  }

 private:
  static constexpr double coarse = 1.0 / 16;  // how well the first radius is known
  static constexpr double prior = 4;          // root mean square of the normal's entries, times their number
  static constexpr double noise = 0.005;      // of the boundary as a plane
  static constexpr double breadth = 0.3;      // of drawn signs: 1 is as uncertain as the belief
  static constexpr int period = 5;            // questions of which one is about the likeliest signs
  static constexpr double gain = 0.00125, leap = 0.2;  // least and largest share of the radius at a time
  static constexpr int heat = 100;  // questions after which a challenger is compared with the best
  static constexpr std::size_t grace = 2, stall = 4;  // heats that it is given, and that may gain little
  static constexpr double least = 0.01;               // gain in so many heats
  static constexpr double beyond = 1.5;  // radius up to which questions are asked, times the best

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

  /// Learns about the boundary around another ray, of signs that are as alike as slopes, as long as it keeps
  /// the best one's pace; if it comes closer, it is the best.
  Task<> be_challenged(Oracle& oracle, const query::Groups& groups, sign_rays::Ray& best, int& steps,
                       int challenge, std::vector<double>& pace) const {
    Eigen::VectorXd drawn(groups.count());
    oracle.random(Purpose::start, static_cast<std::uint32_t>(challenge)).fill_normal(drawn);
    sign_rays::Ray other{query::signs_of(groups.shares(groups.alike(drawn))), 0, 2 * best.radius, false};
    other.radius = std::min(other.radius, sign_rays::reach(oracle));
    Eigen::VectorXd x = sign_rays::point_at(oracle, other.signs, other.radius);
    --steps;
    other.found = co_await oracle.query(x);
    if (!other.found) co_return;
    co_await sign_rays::tighten(oracle, other, coarse);
    co_await learn(oracle, groups, other, steps, challenge, pace);
    if (other.radius < best.radius) best = std::move(other);
  }

  /// Asks, and learns from the answers, until a round of questions gains too little, or a challenger is not
  /// closer than the `pace`, the radii of the best one after every heat.
  Task<> learn(Oracle& oracle, const query::Groups& groups, sign_rays::Ray& best, int& steps, int challenge,
               std::vector<double>& pace) const {
    const double unit = best.radius;
    const Eigen::VectorXd deviations =
        prior / static_cast<double>(groups.count()) * groups.liveliness(oracle.original());
    query::Belief belief(groups.count(), noise, [&](Index i, Index j) {
      return deviations[i] * deviations[j] * groups.likeness(i, j);
    });
    Eigen::VectorXd x = sign_rays::point_at(oracle, best.signs, best.radius);
    belief.learn_crossing(groups.means(x - oracle.original()) / unit, coarse / 2);
    std::vector<double> heats;
    bool again = false;
    for (int step = 1; steps-- > 0; ++step) {
      const Eigen::VectorXd slopes = groups.shares(belief.mean()) / unit;
      Eigen::VectorXd signs = query::signs_of(slopes);
      double radius = best.radius;
      bool closer = again || step % period == 0;
      if (closer) {
        const double most = (1 - gain) * best.radius;
        radius = query::crossing(oracle, slopes, signs, best.radius);
        closer = radius <= most;
        radius = std::clamp(radius, (1 - leap) * best.radius, most);
      }
      if (!closer) {
        Eigen::VectorXd drawn(groups.count());
        oracle.random(Purpose::proposal, draw_number(challenge, step)).fill_normal(drawn);
        drawn = belief.spread(drawn);
        const double length = norm2(drawn) / std::sqrt(static_cast<double>(drawn.size()));
        if (!(length > 0)) co_return;
        drawn = belief.mean() + breadth * belief.deviation() / length * drawn;
        signs = query::signs_of(groups.shares(drawn));
        radius = query::crossing(oracle, slopes, signs, beyond * best.radius);
      }
      x = sign_rays::point_at(oracle, signs, radius);
      const bool adversarial = co_await oracle.query(x);
      belief.learn(groups.means(x - oracle.original()) / unit, adversarial);
      again = adversarial && closer;
      if (adversarial && radius < best.radius) {
        belief.widen(best.radius / radius);
        best.signs = signs;
        best.outside = 0;
        best.radius = radius;
      }
      if (step % heat != 0) continue;
      heats.push_back(best.radius);
      const std::size_t last = heats.size() - 1;
      const bool slow = last >= stall && best.radius > (1 - least) * heats[last - stall];
      const bool behind = challenge > 0 && last >= grace && !pace.empty() &&
                          best.radius >= pace[std::min(last, pace.size() - 1)];
      if (slow || behind) break;
    }
    if (challenge == 0 || (!pace.empty() && best.radius < pace.back())) pace = std::move(heats);
  }

  static std::uint32_t draw_number(int challenge, int step) {
    return (static_cast<std::uint32_t>(challenge) << 20) + static_cast<std::uint32_t>(step);
  }

  Options options_;
};

}  // namespace foil
