// SPDX-License-Identifier: MIT
/// \file
/// Primal-dual (proximal) gradient descent: the weight of the misclassification is a variable of its own.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "foil/attacks/gradient/primal_dual/proximal.hpp"
#include "foil/attacks/parts/expectation.hpp"
#include "foil/attacks/parts/schedule.hpp"
#include "foil/core/losses.hpp"
#include "foil/core/numbers.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::PrimalDualAttack.
struct PrimalDualOptions {
  int steps = 100;
  double learning_rate = 1;
  double last_learning_rate = 0.01;
  double dual_rate = 0.1;
  double last_dual_rate = 0.1;
  double ratio = 3;
  double memory = 0.9;
  double sharpness = 10;
  bool proximal = true;

  void list(OptionList& option) {
    option("steps", steps, "gradient steps", at_least(1));
    option(
        "learning_rate", learning_rate,
        "Adam's first step as a multiple of the largest change of a feature that the first gradient expects",
        above(0, 1e6));
    option("last_learning_rate", last_learning_rate, "as a share of the first; it decays by equal factors",
           above(0, 1));
    option(
        "dual_rate", dual_rate,
        "first step of the logarithm of the weights' ratio; with less than 100 steps 100 / steps times that",
        between(0, 1e3));
    option("last_dual_rate", last_dual_rate, "as a share of the first; it decays linearly", between(0, 1));
    option("ratio", ratio, "first weight of the distance over that of the misclassification",
           between(1e-6, 1e6));
    option("memory", memory, "weight of the past weights", half_open(0, 1));
    option("sharpness", sharpness, "the margin as softplus sees it at the input", above(0, 1e3));
    option("proximal", proximal, "descend on the distance by a proximal step (PDPGD); else with Adam (PDGD)");
  }
};

/// PDPGD in L0, L1, L2 and Linf, and PDGD in L2, for every criterion with a margin: primal-dual (proximal)
/// gradient descent, Matyasko & Chau 2021, arXiv:2106.01538. Adam descends on softplus of what the margin
/// lacks, and a proximal step on the distance, in Adam's metric (PDGD: Adam descends on both); their weights
/// go up and down as the point is adversarial or not. For L0 the distance is the sum of |x_i|^(2/3).
///
/// Differs from the paper and its implementation: margin, distance and steps are measured by what the first
/// gradient expects, so that neither the input's units nor the scale of the logits matters; the weight of the
/// distance is large at first, so that 100 steps are enough; the proximal steps are exact
/// (apply_proximal()), where five iterations are usual; the last point is asked about, too. On a lattice,
/// steps add up unrounded. Where the model stops answering the attack goes back, with shorter steps.
/// Cost: `steps` x (1 forward + 1 backward) + 1 forward.
template <Norm N>
class PrimalDualAttack : public MinimalAttack<PrimalDualAttack<N>> {
 public:
  using Options = PrimalDualOptions;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::gradients;

  explicit PrimalDualAttack(Options options = {}, std::string name = text(N::name, "-pdpgd"))
      : options_(checked(name, options)), name_(std::move(name)) {}
  const Options& options() const { return options_; }
  const std::string& name() const { return name_; }

  Task<> attack(Oracle& oracle) const {
    const Eigen::VectorXd& original = oracle.original();
    const Index n = original.size();
    Eigen::VectorXd x = original, rounded;
    State s{.dual = -std::log(options_.ratio)};
    s.restart(n);
    s.weight = losses::sigmoid(s.dual);
    const double hurry = std::max(1.0, 100.0 / options_.steps);
    for (int k = 0; k < options_.steps; ++k) {
      const auto& at = co_await oracle.gradient(oracle.to_ask(x, rounded), Loss::margin);
      if (k == 0) {
        if (at.vanished || at.label < 0) co_return;
        measure(oracle, s, x, at);
      }
      const double share = static_cast<double>(k) / options_.steps;
      if (at.vanished || at.label < 0) {
        x = oracle.found() ? oracle.best() : original;
        s.reach /= 4;
        s.restart(n);
        continue;
      }
      step(oracle, s, x, at, exponential_decay(1, options_.last_learning_rate, share));
      const double dual_step = options_.dual_rate * hurry * linear_decay(1, options_.last_dual_rate, share);
      s.dual = clip(s.dual + (at.adversarial ? -dual_step : dual_step), -14, 14);
      s.weight = options_.memory * s.weight + (1 - options_.memory) * losses::sigmoid(s.dual);
    }
    co_await oracle.query(oracle.to_ask(x, rounded));
  }

 private:
  struct State {
    double dual = 0, weight = 0;             ///< log of the ratio of the weights; of the misclassification
    double margin = 0, unit = 0, reach = 0;  ///< what the input lacks; its distance, its largest change
    Eigen::VectorXd mean{}, square{};        ///< Adam's moments
    double decay1 = 1, decay2 = 1;

    void restart(Index n) {
      mean.setZero(n);
      square.setZero(n);
      decay1 = decay2 = 1;
    }
  };

  /// The units, by what the linear model at the input expects.
  static void measure(const Oracle& oracle, State& s, const Eigen::VectorXd& x, const Answer& at) {
    const Expectation expected = expectation<N>(oracle, x, at);
    s.margin = expected.margin;
    s.unit = expected.template size<N>();
    s.reach = expected.template size<Linf>();
  }

  /// One step of Adam, and the proximal one.
  void step(const Oracle& oracle, State& s, Eigen::VectorXd& x, const Answer& at, double decay) const {
    constexpr double beta1 = 0.9, beta2 = 0.999;
    const double epsilon = 1e-8 / (N::p == 0 ? std::max(1.0, s.reach) : 1.0);  // L0's slopes are per length
    const Eigen::VectorXd &original = oracle.original(), &lower = oracle.lower(), &upper = oracle.upper();
    Eigen::VectorXd &w = oracle.scratch(0), &metric = oracle.scratch(1);
    w = x - original;
    const double distance = options_.proximal ? 0 : L2::size(w),
                 rate = options_.learning_rate * decay * s.reach;
    const double slope =
        options_.sharpness / s.margin * s.unit * losses::sigmoid(-options_.sharpness * at.loss / s.margin);
    s.decay1 *= beta1;
    s.decay2 *= beta2;
    for (Index i = 0; i < x.size(); ++i) {
      double g = slope * at.gradient[i];
      if (!options_.proximal) g = s.weight * g - (distance > 0 ? (1 - s.weight) * w[i] / distance : 0);
      s.mean[i] = beta1 * s.mean[i] + (1 - beta1) * g;
      s.square[i] = beta2 * s.square[i] + (1 - beta2) * g * g;
      metric[i] = std::sqrt(s.square[i] / (1 - s.decay2)) + epsilon;
      w[i] = clip(w[i] + rate * s.mean[i] / (1 - s.decay1) / metric[i], lower[i] - original[i],
                  upper[i] - original[i]);
    }
    if (options_.proximal) {
      const double unit = N::p == 0 ? std::cbrt(s.reach * s.reach) : 1;
      apply_proximal<N>(w, metric, (1 - s.weight) / s.weight * rate / unit);
    }
    x = original + w;
    oracle.box().clip(x);
  }

  Options options_;
  std::string name_;
};

/// PDGD: without the proximal step, whatever the options say.
class PrimalDualGradientDescent : public PrimalDualAttack<L2> {
 public:
  explicit PrimalDualGradientDescent(Options options = {})
      : PrimalDualAttack(without_proximal(options), "l2-pdgd") {}

 private:
  static Options without_proximal(Options options) {
    options.proximal = false;
    return options;
  }
};

using L0PDPGD = PrimalDualAttack<L0>;
using L1PDPGD = PrimalDualAttack<L1>;
using L2PDPGD = PrimalDualAttack<L2>;
using LinfPDPGD = PrimalDualAttack<Linf>;
using L2PDGD = PrimalDualGradientDescent;

/// Its entries in the catalogue.
struct PrimalDualFamily {
  static void list(auto& catalogue) {
    catalogue.family("Primal-dual (proximal) gradient descent", "Matyasko & Chau 2021, arXiv:2106.01538",
                     "`steps` x (1 forward + 1 backward) + 1 forward");
    catalogue.add(PrimalDualAttack<L2>(L2PDGD()), {"pdgd"});
    catalogue.add(L0PDPGD());
    catalogue.add(L1PDPGD());
    catalogue.add(L2PDPGD(), {"pdpgd"});
    catalogue.add(LinfPDPGD());
  }
};

}  // namespace foil
