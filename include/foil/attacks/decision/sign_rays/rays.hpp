// SPDX-License-Identifier: MIT
/// \file
/// RayS: flips the signs of ever smaller blocks.
#pragma once

#include <span>
#include <string>

#include "foil/attacks/decision/sign_rays/ray.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::RaySAttack.
struct RaySOptions {
  int steps = 10'000;
  double tolerance = 1e-3;

  void list(OptionList& option) {
    option("steps", steps, "blocks whose flip is tried", at_least(0));
    option("tolerance", tolerance, "share of the radius to which it is bisected", strictly_between(0, 1));
  }
};

/// RayS, Chen, Gu 2020, arXiv:2006.12792: the closest adversarial in Linf among the corners of cubes around
/// the input, knowing nothing but decisions. All features move by the same radius, up at first; then the
/// signs of a block are flipped, and where the point at the present radius is still adversarial the radius is
/// bisected. Blocks are all features, then their halves, the halves of these, and so on; single features are
/// gone through until none changes anything. On a linear model that is the optimum. For any criterion.
///
/// Differs from the paper: where the first direction has no adversarial, those towards the starts that user
/// or pool give are tried, which is what makes targeted criteria possible; the tolerance is relative; single
/// features are gone through more than once; blocks never reach across the ends of larger ones, and leave out
/// what a mask freezes. Where no direction has an
/// adversarial, the status is start_failed.
///
/// Cost: 1 forward pass per flip, and about 10 more where it is still adversarial.
class RaySAttack : public MinimalAttack<RaySAttack> {
 public:
  using Options = RaySOptions;
  using norm = Linf;
  static constexpr Knowledge knowledge = Knowledge::decisions;
  static std::string name() { return "rays"; }

  explicit RaySAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    sign_rays::Blocks blocks(oracle, 1);
    if (blocks.empty()) co_return;
    sign_rays::Ray best;
    co_await sign_rays::first_ray(oracle, best);
    if (best.found) co_await sign_rays::tighten(oracle, best, options_.tolerance);
    for (int step = 0; step < options_.steps && !blocks.idle(); ++step) {
      sign_rays::Ray ray = best.flipped(blocks.next());
      Eigen::VectorXd x = sign_rays::point_at(oracle, ray.signs, ray.radius);
      ray.found = co_await oracle.query(x);
      if (!ray.found) continue;
      co_await sign_rays::tighten(oracle, ray, options_.tolerance);
      if (best.found && !(ray.radius < best.radius)) continue;
      best = ray;
      blocks.kept();
    }
    if (!best.found)
      oracle.finish(Status::start_failed);
    else if (blocks.idle())
      oracle.finish(Status::converged);
  }

 private:
  Options options_;
};

}  // namespace foil
