// SPDX-License-Identifier: MIT
/// \file
/// foil's own attack in L2 for models that return decisions only.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "foil/attacks/decision/boundary/walk.hpp"
#include "foil/attacks/decision/query/belief.hpp"
#include "foil/attacks/decision/query/groups.hpp"
#include "foil/attacks/parts/start.hpp"
#include "foil/core/sum.hpp"
#include "foil/geometry/rescale.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::L2QueryAttack.
struct L2QueryOptions {
  int steps = 25'000;
  int unknowns = 800;
  double tolerance = 1e-3;
  bool channels_last = false;
  StartOptions start{};  ///< how a start is found

  void list(OptionList& option) {
    option("steps", steps, "questions after the start", at_least(0));
    option("unknowns", unknowns,
           "groups of features that are told apart at first; each sample being attacked takes 4 bytes times "
           "their square",
           between(1, 10'000));
    option("tolerance", tolerance, "relative distance that is not worth going on for",
           strictly_between(0, 1));
    option("channels_last", channels_last, "images are (H, W, C)");
    option.nested("start_", start);
  }
};

/// The closest adversarial in L2 with few questions, knowing nothing but decisions: what to run whatever the
/// budget. foil's own; for any criterion, targeted ones from a start of the target class. Where the boundary
/// is a plane, its closest point lies in the direction of its normal: the attack keeps a normal distribution
/// over all planes that the boundary may be near the input, with gradients that are smooth over an image and
/// larger where it varies (see query::Belief, query::Groups), and learns from each answer.
///
/// It asks about points on rays from the input, clipped to the box: in four of five questions on a ray that
/// is drawn from what it believes, where either answer is as likely, which tells most; else along the
/// likeliest normal, closer than the best so far, for as long as that is adversarial. Large inputs are
/// learned about in patches. When nothing is gained any more, the Boundary Attack walks on from the best
/// point, in all features, until it has converged.
///
/// Cost: 1 forward pass per question; those of the start, see BoundaryAttack. Time and memory grow with the
/// square of `unknowns`.
class L2QueryAttack : public MinimalAttack<L2QueryAttack> {
 public:
  using Options = L2QueryOptions;
  using norm = L2;
  static constexpr Knowledge knowledge = Knowledge::decisions;
  static std::string name() { return "l2-query"; }

  explicit L2QueryAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    StartState start;
    const bool found = co_await find_start(oracle, options_.start, start);
    if (!found) co_return;
    if (oracle.box().free_features() == 1) {
      oracle.finish(Status::converged);  // the bisection left nothing to do
      co_return;
    }
    Eigen::VectorXd best = std::move(start.bisection.inside);
    if (!(oracle.distance(best) > 0)) co_return;  // the input itself: a row of the pool
    int steps = options_.steps;
    co_await learn(oracle, best, steps);
    BoundaryWalk walk;
    walk.heats.push_back(oracle.distance(best));
    walk.x = std::move(best);
    BoundaryState state;
    const BoundaryOptions walking{.steps = steps, .tolerance = options_.tolerance};
    BoundaryWalker walker(oracle, walking);
    while (!walk.converged && !walker.out_of_steps(state)) co_await walker.run_heat(state, walk);
    if (walk.converged) oracle.finish(Status::converged);
  }

 private:
  static constexpr double width = 1.0 / 32;  // of the boundary at the start, relative to its distance
  static constexpr double prior = 4;         // length of the normal, in units of one over that distance
  static constexpr double noise = 0.005;     // of the boundary as a plane
  static constexpr double breadth = 0.3;     // of drawn rays: 1 is as uncertain as the belief
  static constexpr int period = 5;           // questions of which one is about the likeliest normal
  static constexpr double gain = 0.0025, leap = 0.2;  // least and largest share of the distance at a time
  static constexpr double beyond = 1.5;  // distance up to which questions are asked, times the best

  /// Along a ray from the input, within the box.
  struct Ray {
    const Oracle& oracle;
    Eigen::VectorXd direction;

    Eigen::VectorXd at(double stretch) const {
      return (oracle.original() + stretch * direction).cwiseMax(oracle.lower()).cwiseMin(oracle.upper());
    }
    /// How far to stretch it for a distance; as far as it goes if it does not reach that.
    double stretch(double distance) const {
      return geometry::rescale(oracle.original(), direction, oracle.box(), distance, Lp(L2{})).eta;
    }
    /// The stretch at which slopes have risen to 1, to 12 bits; at most `most`.
    double crossing(const Eigen::VectorXd& slopes, double most) const {
      const auto crossed = [&](double stretch) { return dot(slopes, at(stretch) - oracle.original()) >= 1; };
      if (!crossed(most)) return most;
      double low = 0, high = most;
      for (int halving = 0; halving < 12; ++halving) {
        const double middle = low + (high - low) / 2;
        (crossed(middle) ? high : low) = middle;
      }
      return high;
    }
  };

  /// Asks, and learns from the answers, until a round of questions gains less than the tolerance.
  Task<> learn(Oracle& oracle, Eigen::VectorXd& best, int& steps) const {
    const query::Groups groups(oracle, options_.unknowns, options_.channels_last);
    const Eigen::VectorXd& o = oracle.original();
    double distance = oracle.distance(best);
    const double unit = distance;
    const Eigen::VectorXd deviations =
        prior / std::sqrt(static_cast<double>(groups.count())) * groups.liveliness(o);
    query::Belief belief(groups.count(), noise, [&](Index i, Index j) {
      return deviations[i] * deviations[j] * groups.likeness(i, j);
    });
    belief.learn_crossing(groups.means(best - o) / unit, width);
    const int round = static_cast<int>(groups.count()) + 100;
    double before = distance;
    bool again = false;
    for (int step = 1; steps-- > 0; ++step) {
      const Eigen::VectorXd slopes = groups.shares(belief.mean()) / unit;
      Eigen::VectorXd x;
      bool closer = again || step % period == 0;
      if (closer) {
        const Ray ray{oracle, slopes};
        const double most = ray.stretch((1 - gain) * distance), at = ray.crossing(slopes, most);
        closer = at < most;
        if (closer) x = ray.at(std::max(at, ray.stretch((1 - leap) * distance)));
      }
      if (!closer) {
        Eigen::VectorXd drawn(groups.count());
        oracle.random(Purpose::direction, static_cast<std::uint32_t>(step)).fill_normal(drawn);
        drawn = belief.spread(drawn);
        const double length = norm2(drawn) / std::sqrt(static_cast<double>(drawn.size()));
        if (!(length > 0)) co_return;
        const Ray ray{oracle, groups.shares(belief.mean() + breadth * belief.deviation() / length * drawn)};
        x = ray.at(ray.crossing(slopes, ray.stretch(beyond * distance)));
      }
      const bool adversarial = co_await oracle.query(x);
      belief.learn(groups.means(x - o) / unit, adversarial);
      again = adversarial && closer;
      if (const double reached = oracle.distance(x); adversarial && reached < distance) {
        belief.widen(distance / reached);
        distance = reached;
        best.swap(x);
      }
      if (step % round != 0) continue;
      if (distance > (1 - options_.tolerance) * before) co_return;
      before = distance;
    }
    steps = 0;
  }

  Options options_;
};

}  // namespace foil
