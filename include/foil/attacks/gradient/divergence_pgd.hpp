// SPDX-License-Identifier: MIT
/// \file
/// PGD away from what the model says of the input, whatever that is.
#pragma once

#include <string>

#include "foil/attacks/parts/divergence.hpp"
#include "foil/attacks/parts/schedule.hpp"
#include "foil/attacks/parts/steepest_ascent.hpp"
#include "foil/geometry/project.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::DivergencePGD.
struct DivergencePgdOptions {
  int steps = 20;
  double relative_step = 0.25;
  double final_step = 1;
  double start = 1;

  void list(OptionList& option) {
    option("steps", steps, "gradient steps", at_least(1));
    option("relative_step", relative_step, "first step length as a fraction of epsilon", between(0, 1e6));
    option("final_step", final_step, "last step as a fraction of the first (cosine decay); 1: constant",
           between(0, 1));
    option("start", start, "length of the random step that comes first, as a fraction of epsilon",
           above(0, 1));
  }
};

/// PGD on the divergence of the model's probabilities from those of the input, for L2 and Linf: the attack
/// that TRADES trains with. Zhang et al. 2019, arXiv:1901.08573.
///
/// Differs from the usual implementations: the random start, needed since the divergence is flat at the
/// input, is at the edge of the ball, not next to the input; where the input's class gains, which a
/// divergence does not see, the attack goes on from the opposite side of the input; projections are exact,
/// every iterate counts, and gradients are scaled so that confident models keep theirs. Refuses target
/// classes.
///
/// Cost: 1 forward + steps x (1 forward + 1 backward) + 1 forward.
template <Norm N>
class DivergencePGD : public FixedBudgetAttack<DivergencePGD<N>> {
 public:
  using Options = DivergencePgdOptions;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::gradients;
  static std::string name() { return text(N::name, "-tpgd"); }

  explicit DivergencePGD(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle, double epsilon) const {
    refuse_target(oracle);
    if (epsilon == 0) co_return;
    Eigen::VectorXd x = oracle.original(), asked = x, step = x;
    const auto& clean = co_await oracle.score(asked);
    const DivergenceFrom divergence(clean.logits);
    Eigen::VectorXd gradient(x.size());
    oracle.random(Purpose::start).fill_normal(gradient);
    oracle.box().hold_frozen(gradient);
    steepest_ascent<N>(oracle.box(), x, gradient, options_.start * epsilon, 0, step);
    for (int k = 0; k < options_.steps; ++k) {
      move(oracle, epsilon, step, x, asked);
      const auto& at = co_await oracle.gradient(asked, divergence);
      const double share = options_.steps == 1 ? 0 : static_cast<double>(k) / (options_.steps - 1);
      const double length = options_.relative_step * epsilon * cosine_decay(1, options_.final_step, share);
      gradient = at.gradient;
      if (divergence.lost(at.logits) < 0) {
        x = 2 * oracle.original() - x;
        gradient = -gradient;
      }
      steepest_ascent<N>(oracle.box(), x, gradient, length, 0, step);
    }
    move(oracle, epsilon, step, x, asked);
    co_await oracle.query(asked);
  }

 private:
  /// Adds a step within ball and box, and writes the point as it may be asked about. On a lattice steps add
  /// up unrounded.
  static void move(const Oracle& oracle, double epsilon, const Eigen::VectorXd& step, Eigen::VectorXd& x,
                   Eigen::VectorXd& asked) {
    x += step;
    geometry::project(x, oracle.region<N>(epsilon));
    asked = x;
    oracle.settle(asked, epsilon);
    if (!oracle.on_lattice()) x = asked;
  }

  Options options_;
};

using L2DivergencePGD = DivergencePGD<L2>;
using LinfDivergencePGD = DivergencePGD<Linf>;
using TPGD = LinfDivergencePGD;

/// Its entries in the catalogue.
struct DivergencePgdFamily {
  static void list(auto& catalogue) {
    catalogue.family("PGD on the divergence (TRADES)", "Zhang et al. 2019, arXiv:1901.08573",
                     "1 forward + `steps` x (1 forward + 1 backward) + 1 forward");
    catalogue.add(LinfDivergencePGD(), {"tpgd"});
    catalogue.add(L2DivergencePGD());
  }
};

}  // namespace foil
