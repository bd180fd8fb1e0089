// SPDX-License-Identifier: MIT
/// \file
/// ALMA: an augmented Lagrangian that weighs the distance against the margin.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <type_traits>

#include "foil/attacks/gradient/alma/options.hpp"
#include "foil/attacks/parts/radius.hpp"
#include "foil/attacks/parts/schedule.hpp"
#include "foil/attacks/parts/soft_margin.hpp"
#include "foil/core/numbers.hpp"
#include "foil/geometry/rescale.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// The augmented Lagrangian method for adversarial attacks, for L1 and L2. Rony, Granger, Pedersoli, Ben Ayed
/// 2021, arXiv:2011.11857: RMSProp with momentum on the distance plus a penalty P2 of the margin, whose
/// multiplier follows from its own derivative.
///
/// Differs from the paper: distance and margin are measured in what they are by the linear model at the
/// input, so that neither the units of the inputs nor the scale of the logits matter (the paper takes the
/// difference of logits ratio, and absolute lengths), and so is the first step, exactly, by clipping-aware
/// rescaling; the margin is softened, see foil::SoftMargin, which beats the ratio by some hundredths; in L1,
/// an entry that would change its sign stops at zero, and leaves it only if the penalty outweighs the
/// distance; where the model does not answer with numbers, it is half the way back (the authors' search for
/// the first step never ends then); success is what the criterion says. Without a gradient at the input, the
/// first step is random. On a lattice, steps add up unrounded. For every criterion with a margin. Cost:
/// `steps` x (1 forward + 1 backward) + 1 forward.
template <Norm N>
class ALMAAttack : public MinimalAttack<ALMAAttack<N>> {
 public:
  using Options = ALMAOptions<N>;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::gradients;
  static std::string name() { return text(N::name, "-alma"); }

  explicit ALMAAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    const Eigen::VectorXd& original = oracle.original();
    SoftMargin margin(oracle, options_.margin);
    Lagrangian walk;
    Eigen::VectorXd x = original, rounded;
    for (int step = 0; step < options_.steps; ++step) {
      Eigen::VectorXd& asked = oracle.to_ask(x, rounded);
      const Objective objective = margin.at(static_cast<double>(step) / options_.steps);
      const Answer& at = co_await oracle.gradient(asked, objective);
      if (at.label < 0) {  // back to where the model still answered
        if (asked == original) co_return;
        x = original + (x - original) / 2;
        walk.change = x - original;
        walk.momentum.setZero();
        continue;
      }
      if (at.adversarial && walk.found < 0) walk.found = step;
      if (walk.change.size() == 0)
        begin(oracle, walk, at, margin.margin(at));
      else
        weigh(walk, at, margin.margin(at), step);
      go(oracle, walk, x, step);
      if (walk.rate == 0) co_return;  // nothing can move
    }
    co_await oracle.query(x);
  }

 private:
  /// Where the attack is. Lengths are the input's own, the margin is negative where adversarial.
  struct Lagrangian {
    Eigen::VectorXd change{};    ///< from the original
    Eigen::VectorXd gradient{};  ///< of what is minimised
    Eigen::VectorXd square{};    ///< running mean of its squares
    Eigen::VectorXd momentum{};
    double unit_distance = 1, unit_margin = 1;
    double multiplier = 1, penalty = 1;
    double last_margin = 1;  ///< at the last check
    double rate = 0;         ///< of the steps
    int found = -1;          ///< at that step, the first adversarial

    /// The derivative of the penalty P2 with respect to the margin.
    double slope(double y) const {
      const double t = penalty * y;
      return y >= 0 ? multiplier * (1 + 2 * t) + t * t / 2 : multiplier / ((1 - t) * (1 - t));
    }
  };

  double memory() const {
    return options_.memory > 0 ? options_.memory
                               : clip(0.5 + 0.4 * std::log10(options_.steps / 100.0), 0.3, 0.95);
  }

  /// After the answer about the original: the units, and a first step that minds the penalty alone.
  void begin(const Oracle& oracle, Lagrangian& walk, const Answer& at, double margin) const {
    const Index n = oracle.features();
    walk.change.setZero(n);
    walk.momentum.setZero(n);
    walk.square.setOnes(n);
    walk.gradient = -at.gradient;
    const double beyond_rounding = 16 * oracle.precision() * Linf::size(at.logits);
    walk.unit_margin = std::abs(margin) + beyond_rounding;
    walk.unit_distance = linear_distance(oracle, at, -walk.unit_margin);
    if (Linf::size(walk.gradient) == 0) {
      oracle.random(Purpose::direction).fill_normal(walk.gradient);
      oracle.box().hold_frozen(walk.gradient);
    }
    if (!(walk.unit_margin > 0)) walk.unit_margin = 1;
    if (!(walk.unit_distance > 0 && std::isfinite(walk.unit_distance)))
      walk.unit_distance = guessed_radius(oracle);
    // In these units, the steepest gradient has length 1 in the dual norm.
    const double largest = Linf::size(walk.gradient);
    if (largest > 0) walk.gradient /= std::is_same_v<N, L2> ? norm2(walk.gradient) : largest;
    walk.gradient *= walk.slope(1);
  }

  /// The multiplier, the penalty and the gradient after another answer.
  void weigh(Lagrangian& walk, const Answer& at, double margin, int step) const {
    const double y = -margin / walk.unit_margin + 1e-4;
    if ((step + 1) % options_.check_steps == 0) {
      if (walk.found < 0 && y >= options_.improvement * walk.last_margin) walk.penalty *= options_.growth;
      walk.last_margin = y;
    }
    walk.multiplier = clip(memory() * walk.multiplier + (1 - memory()) * walk.slope(y), 1e-6, 1e12);
    const double weight = walk.slope(y) / walk.unit_margin * walk.unit_distance;
    const double length = std::is_same_v<N, L2> ? norm2(walk.change) : 1;
    for (Index i = 0; i < walk.change.size(); ++i) {
      const double d = walk.change[i], slope = -weight * at.gradient[i];
      const double away = std::is_same_v<N, L2> ? (length > 0 ? d / length : 0.0)
                          : d > 0               ? 1.0
                          : d < 0               ? -1.0
                                                : 0.0;
      const bool held = std::is_same_v<N, L1> && d == 0;
      walk.gradient[i] = held ? slope - clip(slope, -1, 1) : slope + away;
    }
  }

  /// The next point.
  void go(const Oracle& oracle, Lagrangian& walk, Eigen::VectorXd& x, int step) const {
    const Eigen::VectorXd& original = oracle.original();
    if (step == 0)
      walk.rate = geometry::rescale(original, Eigen::VectorXd(-walk.gradient), oracle.box(),
                                    options_.first_step * walk.unit_distance, N{})
                      .eta;
    const double share =
        walk.found < 0 ? 0 : static_cast<double>(step - walk.found) / (options_.steps - walk.found);
    const double rate = exponential_decay(walk.rate, options_.final_step * walk.rate, share),
                 weight = memory();
    for (Index i = 0; i < x.size(); ++i) {
      const double g = walk.gradient[i], from = walk.change[i];
      walk.square[i] = weight * walk.square[i] + (1 - weight) * g * g;
      walk.momentum[i] = weight * walk.momentum[i] + g / (std::sqrt(walk.square[i]) + 1e-8);
      double to = from - rate * walk.momentum[i];
      if (std::is_same_v<N, L1> && from * to < 0) to = walk.momentum[i] = 0;
      x[i] = clip(original[i] + to, oracle.lower()[i], oracle.upper()[i]);
      walk.change[i] = x[i] - original[i];
    }
  }

  Options options_;
};

using L1ALMAAttack = ALMAAttack<L1>;
using L2ALMAAttack = ALMAAttack<L2>;

/// Its entries in the catalogue.
struct ALMAFamily {
  static void list(auto& catalogue) {
    catalogue.family("ALMA", "Rony, Granger, Pedersoli, Ben Ayed 2021, arXiv:2011.11857",
                     "`steps` x (1 forward + 1 backward) + 1 forward");
    catalogue.add(L1ALMAAttack());
    catalogue.add(L2ALMAAttack(), {"alma"});
  }
};

}  // namespace foil
