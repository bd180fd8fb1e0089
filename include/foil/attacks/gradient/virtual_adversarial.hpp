// SPDX-License-Identifier: MIT
/// \file
/// Away from what the model says of the input, whatever that is, in the direction in which it changes most.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "foil/attacks/parts/divergence.hpp"
#include "foil/core/norms.hpp"
#include "foil/geometry/maximise.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::VirtualAdversarialAttack.
struct VirtualAdversarialOptions {
  int steps = 50;
  double probe = 1;

  void list(OptionList& option) {
    option("steps", steps, "power iterations", at_least(1));
    option("probe", probe,
           "how far from the input gradients are taken, as a fraction of epsilon; as published: very little, "
           "1e-3 for models in single and 1e-6 in double precision",
           above(0, 1));
  }
};

/// The direction in which the model's probabilities change most, found by power iteration on their divergence
/// from those of the input, d <- gradient of KL(p(x) || p(x + probe d)), and followed to the edge of
/// ball ∩ box. Miyato et al. 2015, arXiv:1507.00677.
///
/// Differs from the usual implementations: gradients are taken at the radius, where the direction is wanted,
/// and those points count, instead of next to the input, where single precision says little; the radius is
/// spent in spite of clipping; of two opposite directions, as good to second order, the first step takes the
/// one in which the input's class loses, and in the end both are tried; gradients are scaled on their way
/// back so that confident models keep theirs. Refuses target classes.
///
/// Cost: 1 forward + steps x (1 forward + 1 backward) + 1 or 2 forward.
class VirtualAdversarialAttack : public FixedBudgetAttack<VirtualAdversarialAttack> {
 public:
  using Options = VirtualAdversarialOptions;
  using norm = L2;
  static constexpr Knowledge knowledge = Knowledge::gradients;
  static std::string name() { return "l2-vat"; }

  explicit VirtualAdversarialAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle, double epsilon) const {
    refuse_target(oracle);
    if (epsilon == 0) co_return;
    const Eigen::VectorXd& original = oracle.original();
    Eigen::VectorXd x = original, direction = noise(oracle, 0);
    const auto& clean = co_await oracle.score(x);
    const DivergenceFrom divergence(clean.logits);
    double reach = options_.probe * epsilon;
    bool renewed = false;
    for (int step = 0; step < options_.steps; ++step) {
      go(oracle, direction, reach, x);
      if (x == original) go(oracle, direction, reach = epsilon, x);  // so short a way is rounded away
      if (x != original) {
        const auto& at = co_await oracle.gradient(x, divergence);
        direction = at.gradient;
        if (step == 0 && divergence.lost(at.logits) < 0) direction = -direction;
      }
      if (Linf::size(direction) > 0 && x != original) continue;
      if (std::exchange(renewed, true)) co_return;
      direction = noise(oracle, 1);
    }
    go(oracle, direction, epsilon, x);
    co_await oracle.query(x);
    go(oracle, -direction, epsilon, x);
    co_await oracle.query(x);
  }

 private:
  static Eigen::VectorXd noise(const Oracle& oracle, std::uint32_t draw) {
    Eigen::VectorXd out(oracle.features());
    oracle.random(Purpose::direction, draw).fill_normal(out);
    return out;
  }

  /// x <- the input plus a step of that size in a direction, within the box.
  static void go(const Oracle& oracle, const Eigen::VectorXd& direction, double size, Eigen::VectorXd& x) {
    x = oracle.original() + geometry::maximise(direction, oracle.region<L2>(size));
    oracle.settle(x, size);
  }

  Options options_;
};

/// Its entry in the catalogue.
struct VirtualAdversarialFamily {
  static void list(auto& catalogue) {
    catalogue.family("Virtual adversarial", "Miyato et al. 2015, arXiv:1507.00677",
                     "1 forward + `steps` x (1 forward + 1 backward) + 1 or 2 forward");
    catalogue.add(VirtualAdversarialAttack(), {"vat", "l2-virtual-adversarial"});
  }
};

}  // namespace foil
