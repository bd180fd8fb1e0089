// SPDX-License-Identifier: MIT
/// \file
/// The attacks of Carlini & Wagner: descent on a distance plus a weight times what the margin lacks.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

#include "foil/attacks/gradient/carlini_wagner/options.hpp"
#include "foil/attacks/gradient/carlini_wagner/search.hpp"
#include "foil/attacks/parts/approach.hpp"
#include "foil/attacks/parts/expectation.hpp"
#include "foil/attacks/parts/schedule.hpp"
#include "foil/core/adam.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// The attacks of Carlini & Wagner in L0, L2 and Linf, for every criterion with a margin: Carlini & Wagner
/// 2017, arXiv:1608.04644. In rounds, Adam descends on a distance plus a constant times what the margin
/// lacks.
///   L2: the squared distance. A round that finds an adversarial lowers the constant, another raises it.
///   Linf: the sum of what the changes exceed a radius by. A round ends where both terms are zero; the radius
///     of the next is less, after one that brought nothing closer in between.
///   L0: as L2, but a round ends with its first adversarial, and the next may move only half of the features
///     that it moved, those of largest |gradient x change|; after a failure it may move more.
///
/// Differs from the paper: distances and margins are measured by what the first gradient expects, and as soon
/// as there is one by the closest adversarial, so that neither the input's units nor the scale of the logits
/// matters and the constant needs no long search. Steps are clipped to the box (the first of the paper's ways
/// to stay in it; its change of variables all but stops the features at a bound), and their length decays. A
/// round goes on from the closest adversarial. Differs from the usual implementations: a round ends where the
/// sample's own loss stands still, and every point counts. Confidence is a matter of the criterion:
/// foil::MarginAbove. On a lattice, steps add up unrounded. Cost: at most `rounds` x `steps` x (1 forward + 1
/// backward) + `bisections` forward.
template <Norm N>
class CarliniWagnerAttack : public MinimalAttack<CarliniWagnerAttack<N>> {
  static constexpr double infinity = std::numeric_limits<double>::infinity();
  static constexpr bool sparse = std::is_same_v<N, L0>, cube = std::is_same_v<N, Linf>;
  using Length = std::conditional_t<sparse, L2, N>;  // of what is descended on

 public:
  using Options = CarliniWagnerOptions;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::gradients;
  static std::string name() { return text(N::name, "-carlini-wagner"); }

  explicit CarliniWagnerAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    CarliniWagnerSearch s{oracle.original()};
    s.constant = options_.constant;
    s.movable.setConstant(oracle.features(), true);
    for (std::int64_t left = std::int64_t{options_.rounds} * options_.steps; left > 0 && !s.done;) {
      const double before = oracle.found() ? oracle.best_distance() : infinity;
      s.steps = static_cast<int>(std::min<std::int64_t>(left, options_.steps));
      co_await descend(oracle, s);
      if (s.margin == 0) co_return;  // the input says nothing
      left -= s.asked;
      if (oracle.found())
        narrow(oracle, s, oracle.best_distance() < before);
      else
        widen(oracle, s);
    }
    if (options_.bisections > 0 && oracle.found()) {
      Eigen::VectorXd x = oracle.best();
      co_await approach<N>(oracle, x, options_.bisections);
    }
  }

 private:
  /// One round.
  Task<> descend(Oracle& oracle, CarliniWagnerSearch& s) const {
    const Eigen::VectorXd& original = oracle.original();
    Eigen::VectorXd step(s.x.size()), rounded;
    Adam moments(s.x.size(), 0.9, Adam::Sizes::each);
    const double movable = static_cast<double>(std::min(s.movable.count(), oracle.box().free_features()));
    const double spread = cube ? 1.0 / 160 : (sparse ? 0.25 : 1.0) / std::sqrt(std::max(1.0, movable));
    double checked_loss = infinity;
    s.hit = s.lost = false;
    s.length = infinity;
    for (s.asked = 0; s.asked < s.steps;) {
      Eigen::VectorXd& x = oracle.to_ask(s.x, rounded);
      const auto& at = co_await oracle.gradient(x, Loss::margin);
      ++s.asked;
      s.lost = at.vanished || at.label < 0;
      if (s.lost) co_return;
      if (s.margin == 0) measure(oracle, s, x, at);
      if (at.adversarial) {
        s.hit = s.hit || sparse || 2 * s.asked > s.steps;
        if (const double length = Length::size(x - original); length < s.length) {
          s.length = length;
          s.closest = x;
          s.gradient = at.gradient;
        }
        if (sparse) co_return;
      }
      const double lacking = std::max(0.0, -at.loss / s.margin);
      const double loss = distance_term(s, original, x, step) + s.constant * lacking;
      if (cube && loss == 0) co_return;
      if (s.asked % std::max(1, s.steps / 10) == 0) {
        if (!(loss <= 0.9999 * checked_loss) && 2 * s.asked > s.steps) co_return;
        checked_loss = loss;
      }
      const double pull = lacking > 0 ? s.constant * s.scale / s.margin : 0;
      for (Index i = 0; i < x.size(); ++i) step[i] = s.movable[i] ? pull * at.gradient[i] - step[i] : 0;
      moments.refine(step);
      const double decay =
          exponential_decay(1, options_.last_learning_rate, (s.asked - 1.0) / static_cast<double>(s.steps));
      s.x += (options_.learning_rate * s.rate * decay * s.scale * spread) * step;
      oracle.box().clip(s.x);
    }
  }

  /// The units of the loss, by what the linear model at the input expects.
  static void measure(const Oracle& oracle, CarliniWagnerSearch& s, const Eigen::VectorXd& x,
                      const Answer& at) {
    const Expectation expected = expectation<Length>(oracle, x, at);
    s.margin = expected.margin;
    s.radius = Length::size(expected.change);
    s.scale = expected.template size<Length>();
  }

  /// The distance's part of the loss, and its gradient times the scale.
  static double distance_term(const CarliniWagnerSearch& s, const Eigen::VectorXd& from,
                              const Eigen::VectorXd& x, Eigen::VectorXd& gradient) {
    const double share = 1 / static_cast<double>(x.size());
    double term = 0;
    for (Index i = 0; i < x.size(); ++i) {
      const double w = (x[i] - from[i]) / s.scale, beyond = std::abs(w) - s.radius / s.scale;
      term += cube ? share * std::max(beyond, 0.0) : w * w;
      gradient[i] = !cube ? 2 * w : beyond > 0 ? std::copysign(share, w) : 0;
    }
    return term;
  }

  /// After a round, once something has been found.
  static void narrow(const Oracle& oracle, CarliniWagnerSearch& s, bool closer) {
    if (s.length < infinity) s.scale = cube ? oracle.best_distance() : s.length;
    s.x = oracle.best();
    if constexpr (cube) {
      if (!closer) s.missed = s.radius;
      s.radius = s.missed > 0 ? std::sqrt(s.missed * oracle.best_distance()) : 0.8 * oracle.best_distance();
      s.done = !(s.radius < 0.999 * oracle.best_distance());
    } else if constexpr (sparse) {
      choose_movable(oracle, s);
    } else {
      s.rate *= 0.9;
      (s.hit ? s.succeeded : s.failed) = s.constant;
      s.constant = s.failed == 0                ? s.constant / 2
                   : std::isfinite(s.succeeded) ? std::sqrt(s.failed * s.succeeded)
                                                : 10 * s.constant;
    }
  }

  Options options_;
};

using L0CarliniWagnerAttack = CarliniWagnerAttack<L0>;
using L2CarliniWagnerAttack = CarliniWagnerAttack<L2>;
using LinfCarliniWagnerAttack = CarliniWagnerAttack<Linf>;

/// Its entries in the catalogue.
struct CarliniWagnerFamily {
  static void list(auto& catalogue) {
    catalogue.family("Carlini & Wagner", "Carlini & Wagner 2017, arXiv:1608.04644",
                     "at most `rounds` x `steps` x (1 forward + 1 backward) + `bisections` forward");
    catalogue.add(L0CarliniWagnerAttack());
    catalogue.add(L2CarliniWagnerAttack(), {"carlini-wagner", "cw"});
    catalogue.add(LinfCarliniWagnerAttack());
  }
};

}  // namespace foil
