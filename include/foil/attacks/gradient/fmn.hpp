// SPDX-License-Identifier: MIT
/// \file
/// FMN: gradient steps, projected onto a ball whose radius follows whether the points are adversarial.
#pragma once

#include <string>
#include <type_traits>

#include "foil/attacks/parts/norm_descent.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::FMNAttack.
template <Norm N>
struct FMNOptions {
  int steps = 100;
  double step = std::is_same_v<N, L0> ? 10 : 1;
  double final_step = 0.01;
  double gamma = 0.05;
  double final_gamma = 0.001;
  double momentum = std::is_same_v<N, L0> ? 0.5 : 0;
  SoftMarginOptions margin{};  ///< what is ascended

  void list(OptionList& option) {
    option("steps", steps, "gradient steps", at_least(1));
    option("step", step, "first step length, as a multiple of the radius; L0: of a feature's range",
           above(0, 1e6));
    option("final_step", final_step, "last step as a fraction of the first (cosine decay)", between(0, 1));
    option("gamma", gamma, "share by which the radius shrinks or grows at first", strictly_between(0, 1));
    option("final_gamma", final_gamma, "the same at the last step (cosine decay)", half_open(0, 1));
    option("momentum", momentum, "weight of the past gradients", half_open(0, 1));
    option.nested("", margin);
  }
};

/// The fast minimum-norm attack for L0, L1, L2 and Linf. Pintor, Roli, Brendel, Biggio 2021,
/// arXiv:2102.12827: a gradient step, then the projection onto a ball that shrinks by a share if the last
/// point was adversarial and grows by it if not; as long as none was, it reaches as far as the linear model
/// says.
///
/// Differs from the paper and the usual implementations: projections onto ball and box are exact, L0's and
/// L2's too; steps are relative to the radius (to the features' ranges in L0) and those of Linf are signs, so
/// that neither units nor the number of features matter, and the first points reach beyond the boundary;
/// where a point is adversarial by a wide margin, the ball shrinks to what the linear model needs; the
/// first number of entries of L0 is that of the linear model; what is ascended is the margin, softened: see
/// foil::SoftMargin; where the gradient is zero the direction is random; the last point is asked about, too.
/// For every criterion with a margin. Cost: `steps` x (1 forward + 1 backward) + 1 forward; L0 ends early
/// where one entry is enough.
template <Norm N>
class FMNAttack : public MinimalAttack<FMNAttack<N>> {
 public:
  using Options = FMNOptions<N>;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::gradients;
  static std::string name() { return text(N::name, "-fmn"); }

  explicit FMNAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    return descend_norm<N>(oracle, {.steps = options_.steps,
                                    .step = options_.step,
                                    .final_step = options_.final_step,
                                    .gamma = options_.gamma,
                                    .final_gamma = options_.final_gamma,
                                    .momentum = options_.momentum,
                                    .margin = options_.margin});
  }

 private:
  Options options_;
};

using L0FMNAttack = FMNAttack<L0>;
using L1FMNAttack = FMNAttack<L1>;
using L2FMNAttack = FMNAttack<L2>;
using LinfFMNAttack = FMNAttack<Linf>;

/// Its entries in the catalogue.
struct FMNFamily {
  static void list(auto& catalogue) {
    catalogue.family("FMN", "Pintor, Roli, Brendel, Biggio 2021, arXiv:2102.12827",
                     "`steps` x (1 forward + 1 backward) + 1 forward");
    catalogue.add(L0FMNAttack());
    catalogue.add(L1FMNAttack());
    catalogue.add(L2FMNAttack());
    catalogue.add(LinfFMNAttack());
  }
};

}  // namespace foil
