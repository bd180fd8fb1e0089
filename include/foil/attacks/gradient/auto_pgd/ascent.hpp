// SPDX-License-Identifier: MIT
/// \file
/// The ascent that APGD, targeted APGD and ACG have in common.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "foil/attacks/gradient/auto_pgd/directions.hpp"
#include "foil/attacks/gradient/auto_pgd/options.hpp"
#include "foil/attacks/gradient/auto_pgd/step_control.hpp"
#include "foil/attacks/parts/class_order.hpp"
#include "foil/attacks/parts/mean_gradient.hpp"
#include "foil/attacks/parts/steepest_ascent.hpp"
#include "foil/attacks/parts/towards_class.hpp"
#include "foil/geometry/project.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Auto-PGD for L1, L2 and Linf, targeted or not: gradient steps with momentum from the edge of the ball,
/// halved at checks (see auto_pgd::StepControl), after which it goes on from the best point. Croce & Hein
/// 2020, arXiv:2003.01690; for L1 2021, arXiv:2103.01208, with sparse steps and radii of 3, 2 and 1 epsilon.
/// With `targets`, AutoAttack's APGD-T: from the true class to each of the others that the clean logits put
/// next. A criterion that names no class to leave has but one boundary, and is ascended once. With
/// `conjugate`, ACG: Yamamura et al. 2022, arXiv:2206.09628, whose directions are conjugate gradients.
///
/// Differs from the usual implementations: it ends at its first success; the loss is LSEM (see foil::Loss);
/// the checks' first window counts from the start's loss, and no momentum is left from before a return to the
/// best point; projections are exact; of the second half of a radius' L1 steps every other leaves out the
/// features at their bounds; points without a usable gradient lead back to the best one with half the step,
/// or, where there is none yet, to another random start; a point that was just asked about is not asked about
/// again; ACG's weights have the sign that makes directions conjugate. Step lengths and windows are those of
/// AutoAttack, which makes one run of 100 steps, for L1 five. For L1 this is the default here, too, but for
/// targets; elsewhere two runs of 50 find as much or more.
///
/// Cost per restart (and target): `steps` x `draws` x (1 forward + 1 backward), and 1 forward for each of the
/// radii; besides, 1 forward for the input if it is not the start.
template <Norm N>
class AutoProjectedGradientDescent : public FixedBudgetAttack<AutoProjectedGradientDescent<N>> {
 public:
  using Options = AutoProjectedGradientOptions<N>;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::gradients;

  /// A preset has a name of its own, which its random numbers belong to.
  explicit AutoProjectedGradientDescent(Options options = {}, std::string name = text(N::name, "-apgd"))
      : options_(checked(name, options)), name_(std::move(name)) {}
  const Options& options() const { return options_; }
  const std::string& name() const { return name_; }

  Task<> attack(Oracle& oracle, double epsilon) const {
    if (epsilon == 0) co_return;
    if (options_.maximize_loss) oracle.prefer_highest_loss();
    const Goal goal = oracle.goal();
    std::vector<Index> classes{goal.reach};
    if (options_.targets > 0 && goal.leave >= 0) {
      Eigen::VectorXd x = oracle.original();
      const auto& clean = co_await oracle.score(x, Loss::margin);
      classes = class_order(clean.logits, goal.leave, options_.targets);
    }
    // Without a class to reach, what DLR divides by is in general not defined.
    const bool general = options_.targets > 0 && options_.loss == Loss::dlr;
    std::uint32_t run = 0;
    for (const Index reach : classes) {
      const TowardsClass towards{options_.loss, goal.leave, reach};
      const Objective objective = options_.targets > 0 && reach >= 0 ? Objective(towards)
                                  : general                          ? Objective(Loss::margin)
                                                                     : Objective(options_.loss);
      for (int restart = 0; restart < options_.restarts; ++restart, ++run)
        co_await ascend(oracle, epsilon, objective, restart, run);
    }
  }

 private:
  static constexpr double longest = 1e300, no_loss = -std::numeric_limits<double>::infinity();
  static constexpr bool sparse = N::p == 1;

  /// The best point so far, and what leads on from it.
  struct Best {
    Eigen::VectorXd x, gradient;
    auto_pgd::ConjugateDirection conjugate;
    double loss;
  };

  /// One run, within one radius after the other.
  Task<> ascend(Oracle& oracle, double epsilon, const Objective& objective, int restart,
                std::uint32_t run) const {
    const int radii = this->radii();
    Best best;
    if (options_.random_start || restart > 0)
      best.x = auto_pgd::random_start(oracle.region<N>(std::min(radii * epsilon, longest)),
                                      oracle.random(Purpose::start, run));
    else
      best.x = oracle.original();
    int left = options_.steps;
    for (int k = radii; k > 0; --k) {
      const double share = std::ceil(0.6 * options_.steps / (radii - 1));
      const int steps = k == 1 ? left : std::min(left - 1, static_cast<int>(share));
      left -= steps;
      if (steps > 0)
        co_await ascend_within(oracle, std::min(k * epsilon, longest), steps, objective, run, best);
    }
  }

  Task<> ascend_within(Oracle& oracle, double radius, int steps, const Objective& objective,
                       std::uint32_t run, Best& best) const {
    constexpr int most_repeats = 32;
    const geometry::Region<N> region = oracle.region<N>(radius);
    const double relative = options_.relative_step > 0 ? options_.relative_step : sparse ? 1 : 2;
    auto_pgd::StepControl control(steps, std::min(relative * radius, longest), options_.rho, sparse);
    auto_pgd::ConjugateDirection conjugate;
    const auto features = static_cast<double>(std::max<Index>(1, oracle.box().free_features()));
    Eigen::VectorXd x = best.x, last, asked, point, step(x.size());
    geometry::project(x, region);
    best.loss = no_loss;
    Answer mean;
    const Answer* at = nullptr;
    for (int done = 0, repeats = 0;; ++done) {
      point = x;
      oracle.settle(point, radius);
      if (!oracle.on_lattice()) x = point;
      const bool repeated = at && point == asked;
      asked.swap(point);
      if (repeated) {
        if (++repeats == most_repeats || done == steps) co_return;
      } else if (done < steps) {
        if (options_.draws > 1)
          at = co_await mean_gradient(oracle, asked, objective, options_.draws, mean);
        else
          at = &co_await oracle.gradient(asked, objective);
        repeats = 0;
      } else {
        at = &co_await oracle.score(asked, objective);
      }
      const bool usable = at->label >= 0 && !at->vanished, first = best.loss == no_loss;
      if (usable && at->loss > best.loss) best = {x, at->gradient, conjugate, at->loss};
      if (done == steps) co_return;
      if (best.loss == no_loss) {
        const auto draw = run * 0x9E3779B9u + static_cast<std::uint32_t>(done);
        x = auto_pgd::random_start(region, oracle.random(Purpose::direction, draw));
        continue;
      }
      const double changed = sparse ? auto_pgd::count_changed(oracle.original(), best.x) : 0;
      bool returns = !usable;
      if (first)
        begin(control, at->loss, changed, features);
      else
        returns = control.returns(at->loss, best.loss, changed) || returns;
      if (!usable) control.halve();
      if (returns) {
        x = best.x;
        conjugate = best.conjugate;
      }
      const Eigen::VectorXd& gradient = returns ? best.gradient : at->gradient;
      const Eigen::VectorXd& direction = options_.conjugate ? conjugate.turn(gradient) : gradient;
      if (sparse && !repeated && (done < steps / 2 || done % 2 == 0))
        auto_pgd::sparse_step(direction, control.length(), control.moved(), step);
      else
        steepest_ascent<N>(oracle.box(), x, direction, control.length(),
                           std::max(0.0, 1 - control.moved() / features), step);
      Eigen::VectorXd next = x + step;
      geometry::project(next, region);
      if (!sparse && !first) {
        const bool moving = !returns;
        next -= options_.momentum * (next - x);
        if (moving) next += options_.momentum * (x - last);
        geometry::project(next, region);
      }
      last.swap(x);
      x.swap(next);
    }
  }

  int radii() const { return options_.radii > 0 ? options_.radii : sparse ? 3 : 1; }

  /// Within the first of several radii, and where there is but one, nothing is known of the features yet.
  void begin(auto_pgd::StepControl& control, double loss, double changed, double features) const {
    const bool unknown = radii() == 1;
    control.begin(loss, unknown ? 0.2 * features : changed / 1.5, unknown ? features : changed);
  }

  Options options_;
  std::string name_;
};

using L1APGD = AutoProjectedGradientDescent<L1>;
using L2APGD = AutoProjectedGradientDescent<L2>;
using LinfAPGD = AutoProjectedGradientDescent<Linf>;
using APGD = LinfAPGD;

}  // namespace foil
