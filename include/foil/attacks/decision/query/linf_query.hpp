// SPDX-License-Identifier: MIT
/// \file
/// foil's own attack in Linf for models that return decisions only.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "foil/attacks/decision/query/belief.hpp"
#include "foil/attacks/decision/query/groups.hpp"
#include "foil/attacks/decision/query/plane.hpp"
#include "foil/attacks/decision/sign_rays/ray.hpp"
#include "foil/core/sum.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::LinfQueryAttack.
struct LinfQueryOptions {
  int steps = 25'000;
  int unknowns = 800;
  double tolerance = 1e-3;
  bool channels_last = false;

  void list(OptionList& option) {
    option("steps", steps, "questions after the first direction", at_least(0));
    option("unknowns", unknowns,
           "groups of features that are told apart at first; each sample being attacked takes 4 bytes times "
           "their square",
           between(1, 10'000));
    option("tolerance", tolerance, "relative distance that is not worth going on for",
           strictly_between(0, 1));
    option("channels_last", channels_last, "images are (H, W, C)");
  }
};

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
/// learned about in patches. When nothing is gained any more, ever smaller blocks and at last single features
/// are flipped, as RayS does, until no flip comes closer by the tolerance: on a linear model that is the
/// optimum to the tolerances of all features. It then has converged.
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
      while (!best.found && !blocks.idle() && steps-- > 0) co_await flip(oracle, best, blocks);
      if (!best.found) co_return;
    }
    co_await sign_rays::tighten(oracle, best, coarse);
    co_await try_opposite(oracle, best, steps);
    co_await learn(oracle, groups, best, steps);
    sign_rays::Blocks blocks(oracle, 1, static_cast<std::size_t>(groups.largest()));
    while (!blocks.idle() && steps-- > 0) co_await flip(oracle, best, blocks);
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
  static constexpr double beyond = 1.5;  // radius up to which questions are asked, times the best

  /// Flips the next block, and follows the new ray inwards if it comes closer by the tolerance.
  Task<> flip(Oracle& oracle, sign_rays::Ray& best, sign_rays::Blocks& blocks) const {
    sign_rays::Ray ray = best.flipped(blocks.next());
    double shrunk = best.found ? options_.tolerance : 0;
    while (shrunk < 1) {
      const double radius = best.radius * (1 - shrunk);
      Eigen::VectorXd x = sign_rays::point_at(oracle, ray.signs, radius);
      const bool adversarial = co_await oracle.query(x);
      if (!adversarial) {
        if (ray.found) ray.outside = radius;
        break;
      }
      ray.found = true;
      ray.radius = radius;
      shrunk = shrunk > 0 ? 2 * shrunk : options_.tolerance;
    }
    if (!ray.found) co_return;
    best = ray;
    blocks.kept();
  }

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

  /// Asks, and learns from the answers, until a round of questions gains less than the tolerance.
  Task<> learn(Oracle& oracle, const query::Groups& groups, sign_rays::Ray& best, int& steps) const {
    const double unit = best.radius;
    const Eigen::VectorXd deviations =
        prior / static_cast<double>(groups.count()) * groups.liveliness(oracle.original());
    query::Belief belief(groups.count(), noise, [&](Index i, Index j) {
      return deviations[i] * deviations[j] * groups.likeness(i, j);
    });
    Eigen::VectorXd x = sign_rays::point_at(oracle, best.signs, best.radius);
    belief.learn_crossing(groups.means(x - oracle.original()) / unit, coarse / 2);
    const int round = static_cast<int>(groups.count()) + 100;
    double before = best.radius;
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
        oracle.random(Purpose::proposal, static_cast<std::uint32_t>(step)).fill_normal(drawn);
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
      if (step % round != 0) continue;
      if (best.radius > (1 - options_.tolerance) * before) co_return;
      before = best.radius;
    }
  }

  Options options_;
};

}  // namespace foil
