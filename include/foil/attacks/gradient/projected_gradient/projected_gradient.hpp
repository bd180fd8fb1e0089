// SPDX-License-Identifier: MIT
/// \file
/// Iterated gradient steps, projected back onto ball and box: PGD, and its presets BIM and those with Adam.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>
#include <utility>

#include "foil/attacks/gradient/projected_gradient/options.hpp"
#include "foil/attacks/parts/schedule.hpp"
#include "foil/attacks/parts/steepest_ascent.hpp"
#include "foil/core/adam.hpp"
#include "foil/geometry/project.hpp"
#include "foil/geometry/sampling.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// PGD for L1, L2 and Linf, targeted or not: x <- P(x + step * direction(gradient)), P the exact Euclidean
/// projection onto ball ∩ box. Madry et al. 2018, arXiv:1706.06083. BIM (Kurakin, Goodfellow, Bengio 2017,
/// arXiv:1607.02533) begins at the input and takes constant steps.
///
/// Differs from the usual implementations: every iterate counts, not only the last; a sample is finished at
/// its first success; the loss is LSEM (see foil::Loss); L1 steps are sparse and L1 projections exact. By
/// default the first step is as long as the radius and the last one short, which suits few steps and many;
/// relative_step = 0.1 gives the shorter steps of earlier versions. With Adam, L2 steps
/// are divided by one size for all features. On a lattice, steps add up unrounded, and what is asked about is
/// the rounded sum. Cost: steps x (1 forward + 1 backward) + 1 forward per restart, and 1 forward for the
/// input if it is not the start.
template <Norm N>
class ProjectedGradientDescent : public FixedBudgetAttack<ProjectedGradientDescent<N>> {
 public:
  using Options = ProjectedGradientOptions;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::gradients;

  /// A preset has a name of its own, which its random numbers belong to.
  explicit ProjectedGradientDescent(Options options = {}, std::string name = text(N::name, "-pgd"))
      : options_(checked(name, options)), name_(std::move(name)) {}
  const Options& options() const { return options_; }
  const std::string& name() const { return name_; }

  Task<> attack(Oracle& oracle, double epsilon) const {
    if (epsilon == 0) co_return;
    if (options_.maximize_loss) oracle.prefer_highest_loss();
    const Eigen::VectorXd& original = oracle.original();
    const bool adam = options_.rule == StepRule::adam;
    const double relative_step = options_.relative_step > 0 ? options_.relative_step : adam ? 2 : 1;
    const double first_step = options_.absolute_step > 0 ? options_.absolute_step : relative_step * epsilon;
    Eigen::VectorXd direction(original.size()), rounded;
    for (int restart = 0; restart < options_.restarts; ++restart) {
      Eigen::VectorXd x = original;
      if (options_.random_start)
        x += epsilon * geometry::uniform_in_ball<N>(
                           oracle.box(), oracle.random(Purpose::start, static_cast<std::uint32_t>(restart)));
      Adam moments = adam_of_norm(adam ? x.size() : 0);
      for (int step = 0; step < options_.steps; ++step) {
        const auto& at = co_await oracle.gradient(asked(oracle, x, rounded, epsilon), options_.loss);
        const double length = first_step * decay(step);
        steepest_ascent<N>(oracle.box(), x, at.gradient, length, options_.quantile, direction);
        if (adam && length > 0) {
          direction /= length;  // Adam's own epsilon is meant for directions of size 1
          moments.refine(direction);
          direction *= length;
        }
        x += direction;
        geometry::project(x, oracle.region<N>(epsilon));
      }
      co_await oracle.score(asked(oracle, x, rounded, epsilon), options_.loss);
    }
  }

 private:
  /// x as it may be asked about: x itself, rounded, but on a lattice a copy.
  static Eigen::VectorXd& asked(const Oracle& oracle, Eigen::VectorXd& x, Eigen::VectorXd& rounded,
                                double epsilon) {
    Eigen::VectorXd& point = oracle.to_ask(x, rounded);
    oracle.settle(point, epsilon);
    return point;
  }

  /// Few steps have no time for a long memory, but sparse L1 steps touch a feature only now and then. Signs
  /// would waste an L2 radius.
  static Adam adam_of_norm(Index n) {
    return {n, N::p == 1 ? 0.9 : 0.3, N::p == 2 ? Adam::Sizes::one : Adam::Sizes::each};
  }

  double decay(int step) const {
    if (options_.steps == 1) return 1;
    const double share = static_cast<double>(step) / (options_.steps - 1);
    const bool follows = options_.relative_step == 0 && options_.absolute_step == 0;
    const double last = options_.final_step * (follows ? std::min(1.0, 10.0 / options_.steps) : 1.0);
    return cosine_decay(1, last, share);
  }

  Options options_;
  std::string name_;
};

/// PGD under another name and with other defaults.
template <Norm N, class Defaults>
class IteratedGradientPreset : public ProjectedGradientDescent<N> {
 public:
  using Options = IteratedGradientOptions<Defaults>;
  explicit IteratedGradientPreset(Options options = {})
      : ProjectedGradientDescent<N>(std::bit_cast<ProjectedGradientOptions>(options),
                                    text(N::name, "-", Defaults::name)) {}
};

template <Norm N>
using AdamProjectedGradientDescent = IteratedGradientPreset<N, AdamPgdDefaults>;
template <Norm N>
using BasicIterativeMethod = IteratedGradientPreset<N, BimDefaults>;
template <Norm N>
using AdamBasicIterativeMethod = IteratedGradientPreset<N, AdamBimDefaults>;

using L1PGD = ProjectedGradientDescent<L1>;
using L2PGD = ProjectedGradientDescent<L2>;
using LinfPGD = ProjectedGradientDescent<Linf>;
using PGD = LinfPGD;
using L1AdamPGD = AdamProjectedGradientDescent<L1>;
using L2AdamPGD = AdamProjectedGradientDescent<L2>;
using LinfAdamPGD = AdamProjectedGradientDescent<Linf>;
using AdamPGD = LinfAdamPGD;
using L1BasicIterativeAttack = BasicIterativeMethod<L1>;
using SparseL1DescentAttack = L1BasicIterativeAttack;  ///< Tramèr & Boneh 2019, arXiv:1904.13000 (SLIDE)
using L2BasicIterativeAttack = BasicIterativeMethod<L2>;
using LinfBasicIterativeAttack = BasicIterativeMethod<Linf>;
using L1AdamBasicIterativeAttack = AdamBasicIterativeMethod<L1>;
using L2AdamBasicIterativeAttack = AdamBasicIterativeMethod<L2>;
using LinfAdamBasicIterativeAttack = AdamBasicIterativeMethod<Linf>;

/// Its entries in the catalogue.
struct ProjectedGradientFamily {
  static void list(auto& catalogue) {
    constexpr const char* cost = "per restart `steps` x (1 forward + 1 backward) + 1 forward";
    catalogue.family("Basic iterative method", "Kurakin, Goodfellow, Bengio 2017, arXiv:1607.02533", cost);
    catalogue.add(LinfPGD(LinfBasicIterativeAttack()), {"linf-basic-iterative"});
    catalogue.add(L2PGD(L2BasicIterativeAttack()), {"l2-basic-iterative"});
    catalogue.add(L1PGD(L1BasicIterativeAttack()), {"l1-basic-iterative", "sparse-l1-descent", "slide"});
    catalogue.add(LinfPGD(LinfAdamBasicIterativeAttack()), {"linf-adam-basic-iterative"});
    catalogue.add(L2PGD(L2AdamBasicIterativeAttack()), {"l2-adam-basic-iterative"});
    catalogue.add(L1PGD(L1AdamBasicIterativeAttack()), {"l1-adam-basic-iterative"});
    catalogue.family("Projected gradient descent", "Madry et al. 2018, arXiv:1706.06083", cost);
    catalogue.add(LinfPGD(), {"pgd", "linf-projected-gradient-descent"});
    catalogue.add(L2PGD(), {"l2-projected-gradient-descent"});
    catalogue.add(L1PGD(), {"l1-projected-gradient-descent"});
    catalogue.add(LinfPGD(LinfAdamPGD()), {"adam-pgd", "linf-adam-projected-gradient-descent"});
    catalogue.add(L2PGD(L2AdamPGD()), {"l2-adam-projected-gradient-descent"});
    catalogue.add(L1PGD(L1AdamPGD()), {"l1-adam-projected-gradient-descent"});
  }
};

}  // namespace foil
