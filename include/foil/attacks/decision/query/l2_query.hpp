// SPDX-License-Identifier: MIT
/// \file
/// foil's own attack in L2 for models that return decisions only.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "foil/attacks/decision/boundary/walk.hpp"
#include "foil/attacks/decision/planes/semicircle.hpp"
#include "foil/attacks/decision/query/contest.hpp"
#include "foil/attacks/decision/query/learner.hpp"
#include "foil/attacks/parts/start.hpp"
#include "foil/geometry/image.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::L2QueryAttack.
struct L2QueryOptions {
  int steps = 25'000;
  int unknowns = 800;
  int challengers = 5;
  double tolerance = 1e-3;
  geometry::ChannelsLast channels_last{};
  StartOptions start{};  ///< how a start is found

  void list(OptionList& option) {
    option("steps", steps, "questions after the start", at_least(0));
    option("unknowns", unknowns,
           "groups of features that are told apart at first; each sample being attacked takes 8 bytes times "
           "their square",
           between(1, 10'000));
    option("challengers", challengers,
           "other classes tried when little is gained, each dropped once it falls behind", between(0, 1000));
    option("tolerance", tolerance, "relative distance that is not worth going on for",
           strictly_between(0, 1));
    option("channels_last", channels_last, geometry::ChannelsLast::meaning);
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
/// learned about in patches. When little is gained any more, other classes challenge the best (see
/// query::Contest). When nothing is gained any more, the Boundary Attack walks on from the best point, in all
/// features, until it has converged.
///
/// Patches of more than 16 features tell too little of the normal: inputs that are larger than 16 times
/// `unknowns` are walked on in half circles first (see SemicircleAttack), those of images in as low
/// frequencies as leave some 10,000 dimensions; `steps` then may end a search late, of some 15
/// questions and 85 at most.
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
    Eigen::VectorXd best;
    const bool found = co_await find_only_start(oracle, options_.start, best);
    if (!found) co_return;
    int steps = options_.steps;
    const query::Learner learner(oracle, options_.unknowns, options_.channels_last);
    if (learner.groups().largest() > coarse) {
      const std::int64_t before = oracle.queries();
      const SemicircleAttack walker = half_circles(oracle);
      co_await walker.walk(oracle, before + steps, best);
      steps = static_cast<int>(std::max<std::int64_t>(0, before + steps - oracle.queries()));
    } else {
      query::Sightings seen(static_cast<std::size_t>(options_.challengers) + 1);
      const query::Contest contest(oracle, learner, options_.challengers, options_.tolerance);
      co_await contest.run(best, seen, steps);
    }
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
  static constexpr Index coarse = 16;         // features of a group that tells little of each
  static constexpr double dimensions = 10e3;  // in which large images are walked in

  SemicircleAttack half_circles(const Oracle& oracle) const {
    SemicircleOptions walking;
    if (oracle.shape().size() == 3) {
      const double size = static_cast<double>(oracle.features()), factor = std::sqrt(size / dimensions);
      const auto subspace = std::max(1, static_cast<int>(std::lround(factor)));
      const auto side = static_cast<double>(*std::max_element(oracle.shape().begin(), oracle.shape().end()));
      // A long strip in waves would take a matrix of its length squared.
      if (side * side / subspace <= 16 * size)
        walking.space = {.subspace = subspace, .channels_last = options_.channels_last};
    }
    return SemicircleAttack(walking);
  }

  Options options_;
};

}  // namespace foil
