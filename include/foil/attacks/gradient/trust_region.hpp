// SPDX-License-Identifier: MIT
/// \file
/// The trust region attack: steps by linear models of the boundary, no longer than these have proved right.
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "foil/attacks/parts/class_order.hpp"
#include "foil/attacks/parts/linear_boundary.hpp"
#include "foil/attacks/parts/towards_class.hpp"
#include "foil/core/sum.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::TrustRegionAttack.
struct TrustRegionOptions {
  int steps = 70;
  int candidates = 9;
  double first_radius = 0.5;
  double factor = 1.2;
  double overshoot = 0.1;

  void list(OptionList& option) {
    option("steps", steps, "gradients after that at the input", at_least(1));
    option("candidates", candidates, "classes that may be stepped to, those of largest logit at the input",
           at_least(1));
    option("first_radius", first_radius, "as a share of the distance that the linear model expects",
           above(0, 1e3));
    option("factor", factor,
           "on the radius, after a step that gained more than 0.9 of what was expected; "
           "one over it after less than 0.5",
           between(1, 1e3));
    option("overshoot", overshoot, "share of a step to the boundary that is added to it", above(0, 1e6));
  }
};

/// The trust region attack in L2 and Linf, for every criterion with a margin: Yao, Gholami, Xu, Keutzer,
/// Mahoney 2019, arXiv:1812.06371. From the input to the nearest linearised boundary, in steps no longer than
/// a radius that grows where the linear model was right and shrinks where it was not, until one is
/// adversarial. Where a single class is to be left, the candidates' gradients at the input tell which of them
/// is nearest, and until something has been found that one is followed.
///
/// Differs from the paper: the nearest point is that within the box, exactly; the radius is measured by the
/// distance expected, not in absolute numbers; a step's success is judged by the next gradient's own forward
/// pass. From the first adversarial on, the attack goes on within a trust region around the closest: to the
/// point of its linearised boundary nearest to the input, and from there across the boundary again; the
/// radius is halved whenever that leads no closer. It ends when by the linear model nothing is left to gain.
/// Cost: with a single class to leave 1 forward for the candidates and 1 forward + `candidates` + 1 backward
/// at the input, else 1 + 1; then at most `steps` x (1 forward + 1 backward).
template <Norm N>
class TrustRegionAttack : public MinimalAttack<TrustRegionAttack<N>> {
 public:
  using Options = TrustRegionOptions;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::gradients;
  static std::string name() { return text(N::name, "-trust-region"); }

  explicit TrustRegionAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    const Eigen::VectorXd& original = oracle.original();
    State s{original};
    Index target = -1;
    std::vector<Index> classes;  // the candidates and then the class to leave; empty if there is none
    if (const Index leave = oracle.goal().leave; leave >= 0) {
      const auto& clean = co_await oracle.score(s.x, Loss::margin);
      if (clean.label < 0) co_return;
      classes = class_order(clean.logits, leave, options_.candidates);
      classes.push_back(leave);
    }
    {
      const Answer& at = classes.empty() ? co_await oracle.gradient(s.x, Loss::margin)
                                         : co_await oracle.class_gradients(s.x, classes);
      if (at.vanished || at.label < 0) co_return;
      const Eigen::VectorXd y = nearest_beyond<N>(oracle, s.x, s.x, at, classes, 1 + options_.overshoot);
      s.radius = options_.first_radius * N::size(y - s.x);
      target = ahead_at(oracle, at, classes, y - s.x);
      if (!cross(oracle, s, at, classes)) co_return;
    }
    const TowardsClass towards{Loss::margin, oracle.goal().leave, target, oracle.goal().lead};
    for (int k = 0; k < options_.steps; ++k) {
      const bool follows = target >= 0 && !oracle.found();
      const Objective objective = follows ? Objective(towards) : Objective(Loss::margin);
      const Answer& at = co_await oracle.gradient(s.x, objective);
      if (s.expected > 0) {
        const double gained = (at.loss - s.lead) / s.expected;
        if (gained > 0.9) s.radius *= options_.factor;
        if (!(gained >= 0.5)) s.radius /= options_.factor;
      }
      if (at.adversarial && oracle.distance(s.x) <= oracle.best_distance()) {
        const bool first = s.tangent.size() == 0;
        s.tangent = nearest_beyond<N>(oracle, original, s.x, at, {}, 1);
        if (first) s.radius = N::size(s.tangent - s.x);
      } else {
        const bool answered = !at.adversarial && !at.vanished && at.label >= 0;
        if (answered && cross(oracle, s, at, {})) continue;
        if (!oracle.found()) co_return;
        s.radius /= 2;
      }
      s.expected = 0;
      const double way = N::size(s.tangent - oracle.best()), share = way > s.radius ? s.radius / way : 1;
      if (!(share * (1 - oracle.distance(s.tangent) / oracle.best_distance()) > 1e-4)) co_return;
      s.x = oracle.best() + share * (s.tangent - oracle.best());
    }
  }

 private:
  struct State {
    Eigen::VectorXd x;          ///< where the next gradient is asked for
    Eigen::VectorXd tangent{};  ///< the nearest point of the closest adversarial's boundary; empty: none yet
    double radius = 0;
    double lead = 0, expected = 0;  ///< the margin before a step, and what it was to gain; 0: not known
  };

  /// The class that by the linear models is ahead after a step from the input; -1 if there is no class.
  static Index ahead_at(const Oracle& oracle, const Answer& at, std::span<const Index> among,
                        const Eigen::VectorXd& step) {
    Index target = -1, k = 0;
    double most = -std::numeric_limits<double>::infinity();
    for_each_boundary(oracle, at, among, [&](double lead, const Eigen::VectorXd& gradient) {
      const double ahead = lead + dot(gradient, step);
      if (!among.empty() && ahead > most) {
        most = ahead;
        target = among[static_cast<std::size_t>(k)];
      }
      ++k;
    });
    return target;
  }

  /// Moves s.x towards the nearest boundary and beyond it, until something has been found no farther than the
  /// radius; farther only where rounding would undo the step. False if it cannot, or if that is no closer.
  bool cross(const Oracle& oracle, State& s, const Answer& at, std::span<const Index> among) const {
    const Eigen::VectorXd from = s.x;
    double overshoot = options_.overshoot, radius = s.radius;
    for (; s.x == from && overshoot < 1e4; overshoot *= 2, radius *= 2) {
      s.x = nearest_beyond<N>(oracle, from, from, at, among, 1 + overshoot);
      const double way = N::size(s.x - from);
      if (!oracle.found() && way > radius) s.x = from + radius / way * (s.x - from);
      oracle.settle(s.x);
    }
    s.lead = at.loss;
    s.expected = oracle.found() || !among.empty() ? 0 : dot(at.gradient, s.x - from);
    return s.x != from && (!oracle.found() || oracle.distance(s.x) < oracle.best_distance());
  }

  Options options_;
};

using L2TrustRegionAttack = TrustRegionAttack<L2>;
using LinfTrustRegionAttack = TrustRegionAttack<Linf>;

/// Its entries in the catalogue.
struct TrustRegionFamily {
  static void list(auto& catalogue) {
    catalogue.family(
        "Trust region", "Yao, Gholami, Xu, Keutzer, Mahoney 2019, arXiv:1812.06371",
        "2 forward + `candidates` + 1 backward, then at most `steps` x (1 forward + 1 backward)");
    catalogue.add(L2TrustRegionAttack(), {"trust-region"});
    catalogue.add(LinfTrustRegionAttack());
  }
};

}  // namespace foil
