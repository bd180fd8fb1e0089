// SPDX-License-Identifier: MIT
/// \file
/// The fast gradient method: one step to the edge of the ball.
#pragma once

#include <cmath>
#include <string>
#include <type_traits>

#include "foil/geometry/maximise.hpp"
#include "foil/geometry/project.hpp"
#include "foil/geometry/sampling.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::FastGradientAttack.
struct FastGradientOptions {
  bool random_start = false;
  Loss loss = Loss::lsem;
  bool literal = false;

  void list(OptionList& option) {
    option("random_start", random_start, "gradient at a point uniform in the ball instead of at the input");
    option("loss", loss, "loss to ascend");
    option(
        "literal", literal,
        "textbook step (gradient scaled to length epsilon, then clipped), which wastes what clipping takes, "
        "instead of the exact maximiser within ball and box");
  }
};

/// Fast gradient (sign) method for L1, L2 and Linf, targeted or not. Goodfellow, Shlens, Szegedy 2015,
/// arXiv:1412.6572.
///
/// Differs from the usual implementations: the step is the exact maximiser of the linearised loss over
/// ball ∩ box. For L2 that spends the whole radius in spite of clipping, for L1 it changes the few features
/// of largest gradient. A zero gradient does not move. Cost: 2 forward and 1 backward pass (one forward more
/// with a random start).
template <Norm N>
class FastGradientAttack : public FixedBudgetAttack<FastGradientAttack<N>> {
 public:
  using Options = FastGradientOptions;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::gradients;
  static std::string name() { return std::is_same_v<N, Linf> ? "fgsm" : text(N::name, "-fgm"); }

  explicit FastGradientAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle, double epsilon) const {
    if (epsilon == 0) co_return;
    const geometry::Region<N> region = oracle.region<N>(epsilon);
    Eigen::VectorXd x = oracle.original();
    if (options_.random_start) {
      x += epsilon * geometry::uniform_in_ball<N>(oracle.box(), oracle.random(Purpose::start));
      oracle.settle(x, epsilon);
    }
    const auto& at = co_await oracle.gradient(x, options_.loss);
    const Eigen::VectorXd step =
        options_.literal ? literal_step(at.gradient, epsilon) : geometry::maximise(at.gradient, region);
    if ((step.array() == 0).all()) co_return;
    x = (options_.literal ? x : oracle.original()) + step;
    geometry::project(x, region);
    oracle.settle(x, epsilon);
    co_await oracle.query(x);
  }

 private:
  static Eigen::VectorXd literal_step(const Eigen::VectorXd& gradient, double epsilon) {
    if constexpr (std::is_same_v<N, Linf>) {
      return gradient.unaryExpr([&](double g) { return g == 0 ? 0.0 : std::copysign(epsilon, g); });
    } else {
      const double largest = Linf::size(gradient);
      if (largest == 0) return gradient;
      const Eigen::VectorXd direction = gradient / largest;
      return epsilon / N::size(direction) * direction;
    }
  }

  Options options_;
};

using L1FastGradientAttack = FastGradientAttack<L1>;
using L2FastGradientAttack = FastGradientAttack<L2>;
using LinfFastGradientAttack = FastGradientAttack<Linf>;
using FGM = L2FastGradientAttack;
using FGSM = LinfFastGradientAttack;

/// Its entries in the catalogue.
struct FastGradientFamily {
  static void list(auto& catalogue) {
    catalogue.family("Fast gradient method", "Goodfellow, Shlens, Szegedy 2015, arXiv:1412.6572",
                     "2 forward, 1 backward; 1 forward more with a random start");
    catalogue.add(FGSM(), {"linf-fgm", "linf-fast-gradient"});
    catalogue.add(FGM(), {"fgm", "l2-fast-gradient"});
    catalogue.add(L1FastGradientAttack(), {"l1-fast-gradient"});
  }
};

}  // namespace foil
